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
    NONE,
    NUMBER,
    OPEN,
    TEXT,
    TIME,
    TRUTH,
    Rows,
    Value,
    kind_of,
)
from steadkit.types import parse_time


def truth(node: ast.expr, rows: Rows) -> Any:
    """Work out a part of a condition that must be true or false: bool, one a row or one for all."""
    value = _value(node, rows)
    if value.kind != TRUTH:
        raise InputError(f"{_shown(node)} is {value.kind}, no condition: compare it with something")
    return value.data


def _shown(node: ast.AST) -> str:
    return repr(ast.unparse(node)[:60])


def _value(node: ast.expr, rows: Rows) -> Value:
    if type(node) not in _MEANINGS:
        raise InputError(f"condition has {_shown(node)}, which is not understood: {GRAMMAR}")
    return _MEANINGS[type(node)](node, rows)


def _name(node: ast.Name, rows: Rows) -> Value:
    return rows.column(node.id, kind_of(node.id))


def _constant(node: ast.Constant, _: Rows) -> Value:
    if node.value is None:
        return Value(NONE)
    if isinstance(node.value, str):
        return Value(TEXT, node.value)
    # A truth value counts as a number in Python.
    if isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return Value(NUMBER, np.float64(node.value))
    raise InputError(f"condition has {_shown(node)}: use a number or 'text'")


_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def _calculation(node: ast.BinOp, rows: Rows) -> Value:
    if type(node.op) not in _ARITHMETIC:
        raise InputError(f"condition has {_shown(node)}, which is not understood: {GRAMMAR}")
    left, right = (_number(side, rows) for side in (node.left, node.right))
    with np.errstate(all="ignore"):
        data = _ARITHMETIC[type(node.op)](left, right)
    return _figure(data)


def _number(node: ast.expr, rows: Rows) -> Any:
    value = _value(node, rows)
    if value.kind == OPEN:
        value = rows.column(value.column, NUMBER)
    if value.kind != NUMBER:
        raise InputError(f"{_shown(node)} is {value.kind}: arithmetic needs numbers")
    return value.data


def _figure(data: Any) -> Value:
    """Take a quotient by zero, or another result without a value, as not known."""
    known = np.isfinite(data)
    return Value(NUMBER, np.where(known, data, np.nan)[()], known)


def _prefixed(node: ast.UnaryOp, rows: Rows) -> Value:
    if isinstance(node.op, ast.Not):
        return Value(TRUTH, np.logical_not(truth(node.operand, rows)))
    if isinstance(node.op, ast.USub):
        return _figure(-_number(node.operand, rows))
    raise InputError(f"condition has {_shown(node)}, which is not understood: {GRAMMAR}")


def _combination(node: ast.BoolOp, rows: Rows) -> Value:
    combine = operator.and_ if isinstance(node.op, ast.And) else operator.or_
    return Value(TRUTH, reduce(combine, [truth(value, rows) for value in node.values]))


_COMPARISONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def _comparison(node: ast.Compare, rows: Rows) -> Value:
    sides = [node.left, *node.comparators]
    pairs = [
        _pair(node, *pair, rows) for pair in zip(sides, node.ops, node.comparators, strict=False)
    ]
    return Value(TRUTH, reduce(operator.and_, pairs))


def _pair(node: ast.Compare, a: ast.expr, op: ast.cmpop, b: ast.expr, rows: Rows) -> Any:
    left = _value(a, rows)
    if isinstance(op, ast.In | ast.NotIn):
        return _membership(node, left, op, b, rows)
    right = _value(b, rows)
    if isinstance(op, ast.Is | ast.IsNot):
        return _unknown(node, left, op, right)
    left, right = _alike(node, (left, right), rows)
    return (
        np.asarray(_COMPARISONS[type(op)](left.data, right.data), bool) & left.known & right.known
    )


def _unknown(node: ast.Compare, left: Value, op: ast.cmpop, right: Value) -> Any:
    asked = [value for value in (left, right) if value.kind != NONE]
    if len(asked) != 1 or asked[0].kind == TRUTH:
        raise InputError(f"condition has {_shown(node)}: 'is' needs a column and None, else use ==")
    known = np.asarray(asked[0].known, bool)
    return known if isinstance(op, ast.IsNot) else ~known


def _membership(node: ast.Compare, left: Value, op: ast.cmpop, right: ast.expr, rows: Rows) -> Any:
    if not isinstance(right, ast.Tuple) or not right.elts:
        raise InputError(f"condition has {_shown(node)}: 'in' needs a list, in ('TA', 'CI')")
    elements = [_value(element, rows) for element in right.elts]
    if any(element.column or np.ndim(element.data) for element in elements):
        raise InputError(f"condition has {_shown(node)}: 'in' needs a list of values, no columns")
    left, *elements = _alike(node, (left, *elements), rows)
    found = pd.Series(np.atleast_1d(left.data)).isin([element.data for element in elements])
    among = found.to_numpy() if isinstance(op, ast.In) else ~found.to_numpy()
    return among & left.known


def _alike(node: ast.Compare, values: Sequence[Value], rows: Rows) -> Iterator[Value]:
    """Bring values to one kind, if they have one."""
    kinds = {value.kind for value in values} - {OPEN}
    if kinds == {TIME, TEXT}:
        kinds = {TIME}
    if len(kinds) > 1 or kinds & {TRUTH, NONE}:
        named = [value.kind for value in values if value.kind in kinds]
        mixed = " with ".join(sorted(dict.fromkeys(named)))
        raise InputError(f"condition {ast.unparse(node)[:60]!r} compares {mixed}: {_REMEDY}")
    kind = kinds.pop() if kinds else TEXT
    return (_as(node, value, kind, rows) for value in values)


_REMEDY = "compare like with like, text in quotes and numbers without, or use is None"


def _as(node: ast.Compare, value: Value, kind: str, rows: Rows) -> Value:
    if value.kind == kind:
        return value
    if value.kind == OPEN:
        return rows.column(value.column, kind)
    if value.column:
        raise InputError(f"column {value.column!r} is {value.kind}: compare it with {value.kind}")
    try:
        return Value(TIME, parse_time(value.data))
    except ValueError as error:
        raise InputError(f"condition {ast.unparse(node)[:60]!r}: {error}") from error


_MEANINGS: dict[type, Callable[[Any, Rows], Value]] = {
    ast.Name: _name,
    ast.Constant: _constant,
    ast.BinOp: _calculation,
    ast.UnaryOp: _prefixed,
    ast.BoolOp: _combination,
    ast.Compare: _comparison,
}
