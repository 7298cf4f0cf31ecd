"""The walk over a condition's tree: the only words it knows are those in its tables."""

import ast
import operator
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd

from steadkit.errors import InputError
from steadkit.expressions.parse import GRAMMAR
from steadkit.expressions.values import (
    BOOLEAN,
    NONE,
    NUMBER,
    TEXT,
    TIME,
    UNTYPED,
    ColumnCache,
    Value,
    column_type,
)
from steadkit.types import parse_time


def truth_values(node: ast.expr, rows: ColumnCache) -> Any:
    """Work out a part of a condition that must be true or false: bool, one a row or one for all."""
    value = _value(node, rows)
    if value.kind != BOOLEAN:
        raise InputError(
            f"{_source_text(node)} is {value.kind}, no condition: compare it with something"
        )
    return value.data


def _source_text(node: ast.AST) -> str:
    return repr(ast.unparse(node)[:60])


def _value(node: ast.expr, rows: ColumnCache) -> Value:
    if type(node) not in _EVALUATORS:
        raise InputError(f"condition has {_source_text(node)}, which is not understood: {GRAMMAR}")
    return _EVALUATORS[type(node)](node, rows)


def _name(node: ast.Name, rows: ColumnCache) -> Value:
    return rows.column(node.id, column_type(node.id))


def _constant(node: ast.Constant, _: ColumnCache) -> Value:
    if node.value is None:
        return Value(NONE)
    if isinstance(node.value, str):
        return Value(TEXT, node.value)
    # A truth value counts as a number in Python.
    if isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return Value(NUMBER, np.float64(node.value))
    raise InputError(f"condition has {_source_text(node)}: use a number or 'text'")


_OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def _arithmetic(node: ast.BinOp, rows: ColumnCache) -> Value:
    if type(node.op) not in _OPERATORS:
        raise InputError(f"condition has {_source_text(node)}, which is not understood: {GRAMMAR}")
    left, right = (_number(side, rows) for side in (node.left, node.right))
    with np.errstate(all="ignore"):
        data = _OPERATORS[type(node.op)](left, right)
    return _finite_or_missing(data)


def _number(node: ast.expr, rows: ColumnCache) -> Any:
    value = _value(node, rows)
    if value.kind == UNTYPED:
        value = rows.column(value.column, NUMBER)
    if value.kind != NUMBER:
        raise InputError(f"{_source_text(node)} is {value.kind}: arithmetic needs numbers")
    return value.data


def _finite_or_missing(data: Any) -> Value:
    """Take a quotient by zero, or another result without a value, as not known."""
    known = np.isfinite(data)
    return Value(NUMBER, np.where(known, data, np.nan)[()], known)


def _unary_operation(node: ast.UnaryOp, rows: ColumnCache) -> Value:
    if isinstance(node.op, ast.Not):
        return Value(BOOLEAN, np.logical_not(truth_values(node.operand, rows)))
    if isinstance(node.op, ast.USub):
        return _finite_or_missing(-_number(node.operand, rows))
    raise InputError(f"condition has {_source_text(node)}, which is not understood: {GRAMMAR}")


def _boolean_operation(node: ast.BoolOp, rows: ColumnCache) -> Value:
    combine = operator.and_ if isinstance(node.op, ast.And) else operator.or_
    return Value(BOOLEAN, reduce(combine, [truth_values(value, rows) for value in node.values]))


_COMPARISONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def _comparison(node: ast.Compare, rows: ColumnCache) -> Value:
    sides = [node.left, *node.comparators]
    pairs = [
        _compare_pair(node, *pair, rows)
        for pair in zip(sides, node.ops, node.comparators, strict=False)
    ]
    return Value(BOOLEAN, reduce(operator.and_, pairs))


def _compare_pair(
    node: ast.Compare, a: ast.expr, op: ast.cmpop, b: ast.expr, rows: ColumnCache
) -> Any:
    left = _value(a, rows)
    if isinstance(op, ast.In | ast.NotIn):
        return _membership(node, left, op, b, rows)
    right = _value(b, rows)
    if isinstance(op, ast.Is | ast.IsNot):
        return _none_test(node, left, op, right)
    left, right = _with_common_type(node, (left, right), rows)
    return (
        np.asarray(_COMPARISONS[type(op)](left.data, right.data), bool) & left.known & right.known
    )


def _none_test(node: ast.Compare, left: Value, op: ast.cmpop, right: Value) -> Any:
    asked = [value for value in (left, right) if value.kind != NONE]
    if len(asked) != 1 or asked[0].kind == BOOLEAN:
        raise InputError(
            f"condition has {_source_text(node)}: 'is' needs a column and None, else use =="
        )
    known = np.asarray(asked[0].known, bool)
    return known if isinstance(op, ast.IsNot) else ~known


def _membership(
    node: ast.Compare, left: Value, op: ast.cmpop, right: ast.expr, rows: ColumnCache
) -> Any:
    if not isinstance(right, ast.Tuple) or not right.elts:
        raise InputError(f"condition has {_source_text(node)}: 'in' needs a list, in ('TA', 'CI')")
    elements = [_value(element, rows) for element in right.elts]
    if any(element.column or np.ndim(element.data) for element in elements):
        raise InputError(
            f"condition has {_source_text(node)}: 'in' needs a list of values, no columns"
        )
    left, *elements = _with_common_type(node, (left, *elements), rows)
    found = pd.Series(np.atleast_1d(left.data)).isin([element.data for element in elements])
    among = found.to_numpy() if isinstance(op, ast.In) else ~found.to_numpy()
    return among & left.known


def _with_common_type(
    node: ast.Compare, values: Sequence[Value], rows: ColumnCache
) -> Iterator[Value]:
    """Bring values to one kind, if they have one."""
    kinds = {value.kind for value in values} - {UNTYPED}
    if kinds == {TIME, TEXT}:
        kinds = {TIME}
    if len(kinds) > 1 or kinds & {BOOLEAN, NONE}:
        named = [value.kind for value in values if value.kind in kinds]
        mixed = " with ".join(sorted(dict.fromkeys(named)))
        raise InputError(f"condition {ast.unparse(node)[:60]!r} compares {mixed}: {_REMEDY}")
    kind = kinds.pop() if kinds else TEXT
    return (_convert(node, value, kind, rows) for value in values)


_REMEDY = "compare like with like, text in quotes and numbers without, or use is None"


def _convert(node: ast.Compare, value: Value, kind: str, rows: ColumnCache) -> Value:
    if value.kind == kind:
        return value
    if value.kind == UNTYPED:
        return rows.column(value.column, kind)
    if value.column:
        raise InputError(f"column {value.column!r} is {value.kind}: compare it with {value.kind}")
    try:
        return Value(TIME, parse_time(value.data))
    except ValueError as error:
        raise InputError(f"condition {ast.unparse(node)[:60]!r}: {error}") from error


_EVALUATORS: dict[type, Callable[[Any, ColumnCache], Value]] = {
    ast.Name: _name,
    ast.Constant: _constant,
    ast.BinOp: _arithmetic,
    ast.UnaryOp: _unary_operation,
    ast.BoolOp: _boolean_operation,
    ast.Compare: _comparison,
}
