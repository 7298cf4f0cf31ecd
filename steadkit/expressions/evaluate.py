"""Typed values of a condition, and evaluation of its syntax tree by the node types in a table."""

import ast
import difflib
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd

from steadkit.errors import InputError
from steadkit.expressions.parse import GRAMMAR
from steadkit.schema import COLUMNS, MISSING, TEXT_COLUMNS
from steadkit.types import (
    SNR_COLUMNS,
    TIME_COLUMNS,
    component_columns,
    number_column,
    parse_time,
    time_column,
)

NUMBER, TEXT, TIME, BOOLEAN, NONE = "a number", "text", "a time", "a condition", "None"
UNTYPED = "a further column"
"""Types of values; a column that STEAD does not have takes the type of the other side."""


def check_columns(names: Iterable[str], table_columns: Sequence[str]) -> None:
    """Refuse a column that a table does not have, and suggest similar names."""
    candidates = [*table_columns, *(SNR_COLUMNS if "snr_db" in table_columns else ())]
    for name in names:
        if name not in candidates:
            close = difflib.get_close_matches(name, candidates)
            advice = f"did you mean {' or '.join(close)}?" if close else _list_columns(candidates)
            raise InputError(f"no column {name[:60]!r}: {advice}")


def _list_columns(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > 6 else ""
    return f"the table has {', '.join(map(str, names[:6]))}{more}"


def csv_column(name: str) -> str:
    """Return the CSV column of a name.

    >>> csv_column("snr_db_Z"), csv_column("p_weight")
    ('snr_db', 'p_weight')
    """
    return "snr_db" if name in SNR_COLUMNS else name


def numeric(table: pd.DataFrame, name: str) -> np.ndarray:
    """Return a column, ``snr_db`` (the mean) or ``snr_db_Z``, as float64; NaN if not known."""
    if name == "snr_db":
        with np.errstate(all="ignore"):  # huge values may have no mean
            return component_columns(table).mean(axis=1)
    if name in SNR_COLUMNS:
        return component_columns(table)[:, SNR_COLUMNS.index(name)]
    return number_column(table, name)


def column_type(name: str) -> str:
    """Return the type of a column; `UNTYPED` for those that STEAD does not have."""
    if name in TIME_COLUMNS:
        return TIME
    if name in TEXT_COLUMNS:
        return TEXT
    return NUMBER if name in COLUMNS or name in SNR_COLUMNS else UNTYPED


@dataclass(frozen=True)
class Value:
    """Value of a part of a condition: one per row, or one for all."""

    value_type: str
    data: Any = None
    is_known: Any = True
    column: str = ""


@dataclass(frozen=True)
class ColumnCache:
    """A table, and the typed values of its columns read so far."""

    table: pd.DataFrame
    values: dict[tuple[str, str], Value] = field(default_factory=dict)

    def column(self, name: str, value_type: str) -> Value:
        """Return a column as values of a type; each is read once."""
        if (name, value_type) not in self.values:
            value = _READERS[value_type](self.table, name)
            self.values[name, value_type] = replace(value, value_type=value_type, column=name)
        return self.values[name, value_type]


def _read_number(table: pd.DataFrame, name: str) -> Value:
    data = numeric(table, name)
    return Value(NUMBER, data, ~np.isnan(data))


def _read_text(table: pd.DataFrame, name: str) -> Value:
    column = table[name]
    return Value(TEXT, column.to_numpy(dtype=object), ~column.isin(MISSING).to_numpy())


def _read_time(table: pd.DataFrame, name: str) -> Value:
    times = time_column(table, name)
    return Value(TIME, times, ~np.isnat(times))


_READERS: dict[str, Callable[[pd.DataFrame, str], Value]] = {
    NUMBER: _read_number,
    TEXT: _read_text,
    UNTYPED: _read_text,
    TIME: _read_time,
}


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
