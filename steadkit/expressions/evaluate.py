"""Evaluation of a condition's syntax tree; it knows only the node types in its tables."""

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


def truth_values(node: ast.expr, columns: ColumnCache) -> Any:
    """Evaluate a boolean part of a condition: bool, one per row or one for all."""
    value = _value(node, columns)
    if value.value_type != BOOLEAN:
        raise InputError(
            f"{_source_text(node)} is {value.value_type}, no condition: compare it with something"
        )
    return value.data


def _source_text(node: ast.AST) -> str:
    return repr(ast.unparse(node)[:60])


def _value(node: ast.expr, columns: ColumnCache) -> Value:
    if type(node) not in _EVALUATORS:
        raise InputError(f"condition has {_source_text(node)}, which is not understood: {GRAMMAR}")
    return _EVALUATORS[type(node)](node, columns)


def _name(node: ast.Name, columns: ColumnCache) -> Value:
    return columns.column(node.id, column_type(node.id))


def _constant(node: ast.Constant, _: ColumnCache) -> Value:
    if node.value is None:
        return Value(NONE)
    if isinstance(node.value, str):
        return Value(TEXT, node.value)
    # In Python bool is a subclass of int.
    if isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return Value(NUMBER, np.float64(node.value))
    raise InputError(f"condition has {_source_text(node)}: use a number or 'text'")


_OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def _arithmetic(node: ast.BinOp, columns: ColumnCache) -> Value:
    if type(node.op) not in _OPERATORS:
        raise InputError(f"condition has {_source_text(node)}, which is not understood: {GRAMMAR}")
    left, right = (_number(side, columns) for side in (node.left, node.right))
    with np.errstate(all="ignore"):
        data = _OPERATORS[type(node.op)](left, right)
    return _finite_or_missing(data)


def _number(node: ast.expr, columns: ColumnCache) -> Any:
    value = _value(node, columns)
    if value.value_type == UNTYPED:
        value = columns.column(value.column, NUMBER)
    if value.value_type != NUMBER:
        raise InputError(f"{_source_text(node)} is {value.value_type}: arithmetic needs numbers")
    return value.data


def _finite_or_missing(data: Any) -> Value:
    """Return a number; quotients by zero and other non-finite results are unknown."""
    is_finite = np.isfinite(data)
    return Value(NUMBER, np.where(is_finite, data, np.nan)[()], is_finite)


def _unary_operation(node: ast.UnaryOp, columns: ColumnCache) -> Value:
    if isinstance(node.op, ast.Not):
        return Value(BOOLEAN, np.logical_not(truth_values(node.operand, columns)))
    if isinstance(node.op, ast.USub):
        return _finite_or_missing(-_number(node.operand, columns))
    raise InputError(f"condition has {_source_text(node)}, which is not understood: {GRAMMAR}")


def _boolean_operation(node: ast.BoolOp, columns: ColumnCache) -> Value:
    combine = operator.and_ if isinstance(node.op, ast.And) else operator.or_
    return Value(BOOLEAN, reduce(combine, [truth_values(value, columns) for value in node.values]))


_COMPARISONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def _comparison(node: ast.Compare, columns: ColumnCache) -> Value:
    sides = [node.left, *node.comparators]
    pairs = [
        _compare_pair(node, *pair, columns)
        for pair in zip(sides, node.ops, node.comparators, strict=False)
    ]
    return Value(BOOLEAN, reduce(operator.and_, pairs))


def _compare_pair(
    node: ast.Compare, a: ast.expr, op: ast.cmpop, b: ast.expr, columns: ColumnCache
) -> Any:
    left = _value(a, columns)
    if isinstance(op, ast.In | ast.NotIn):
        return _membership(node, left, op, b, columns)
    right = _value(b, columns)
    if isinstance(op, ast.Is | ast.IsNot):
        return _none_test(node, left, op, right)
    left, right = _with_common_type(node, (left, right), columns)
    return (
        np.asarray(_COMPARISONS[type(op)](left.data, right.data), bool)
        & left.is_known
        & right.is_known
    )


def _none_test(node: ast.Compare, left: Value, op: ast.cmpop, right: Value) -> Any:
    operands = [value for value in (left, right) if value.value_type != NONE]
    if len(operands) != 1 or operands[0].value_type == BOOLEAN:
        raise InputError(
            f"condition has {_source_text(node)}: 'is' needs a column and None, else use =="
        )
    is_known = np.asarray(operands[0].is_known, bool)
    return is_known if isinstance(op, ast.IsNot) else ~is_known


def _membership(
    node: ast.Compare, left: Value, op: ast.cmpop, right: ast.expr, columns: ColumnCache
) -> Any:
    if not isinstance(right, ast.Tuple) or not right.elts:
        raise InputError(f"condition has {_source_text(node)}: 'in' needs a list, in ('TA', 'CI')")
    elements = [_value(element, columns) for element in right.elts]
    if any(element.column or np.ndim(element.data) for element in elements):
        raise InputError(
            f"condition has {_source_text(node)}: 'in' needs a list of values, no columns"
        )
    left, *elements = _with_common_type(node, (left, *elements), columns)
    is_member = pd.Series(np.atleast_1d(left.data)).isin([element.data for element in elements])
    is_selected = is_member.to_numpy() if isinstance(op, ast.In) else ~is_member.to_numpy()
    return is_selected & left.is_known


def _with_common_type(
    node: ast.Compare, values: Sequence[Value], columns: ColumnCache
) -> Iterator[Value]:
    """Convert values to their common type, if they have one."""
    types = {value.value_type for value in values} - {UNTYPED}
    if types == {TIME, TEXT}:
        types = {TIME}
    if len(types) > 1 or types & {BOOLEAN, NONE}:
        type_names = [value.value_type for value in values if value.value_type in types]
        mixed = " with ".join(sorted(dict.fromkeys(type_names)))
        raise InputError(f"condition {ast.unparse(node)[:60]!r} compares {mixed}: {_REMEDY}")
    value_type = types.pop() if types else TEXT
    return (_convert(node, value, value_type, columns) for value in values)


_REMEDY = "compare like with like, text in quotes and numbers without, or use is None"


def _convert(node: ast.Compare, value: Value, value_type: str, columns: ColumnCache) -> Value:
    if value.value_type == value_type:
        return value
    if value.value_type == UNTYPED:
        return columns.column(value.column, value_type)
    if value.column:
        raise InputError(
            f"column {value.column!r} is {value.value_type}: compare it with {value.value_type}"
        )
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
