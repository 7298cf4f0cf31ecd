"""Conditions on the columns of a table, ``source_magnitude > 3``: parsed, never executed.

A condition looks like a Python expression of comparisons (chained ones too), ``and``, ``or``,
``not``, ``in (...)``, ``is None``, numbers, text in quotes, and ``+ - * /`` on numbers. The names
are columns: STEAD's 35, where ``snr_db`` means the mean of the components and ``snr_db_E``,
``snr_db_N``, ``snr_db_Z`` one of them, and any further column of the table. Numbers compare as
numbers, text as text, ``trace_start_time`` and ``source_origin_time`` as times (ISO 8601, UTC); a
further column takes the type of the other side.

A comparison with a value that is not known is false, ``!=`` and ``not in`` too, so ``not (x > 3)``
is true where x is not known. ``x is None`` and ``x is not None`` test for that.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from steadkit.errors import InputError
from steadkit.expressions.evaluate import (
    ColumnCache,
    check_columns,
    column_type,
    csv_column,
    numeric,
    truth_values,
)
from steadkit.expressions.parse import canonical, names_in, parse_tree

__all__ = [
    "Condition",
    "check_columns",
    "column_type",
    "columns",
    "csv_column",
    "join_conditions",
    "mask",
    "numeric",
    "parse",
]


@dataclass(frozen=True)
class Condition:
    """A parsed condition.

    Parameters
    ----------
    text
        Canonical spelling: equal for conditions that differ in spaces, quotes or brackets.
    tree
        Its abstract syntax tree.
    """

    text: str
    tree: ast.expr = field(repr=False, compare=False)

    def __str__(self) -> str:
        return self.text


def parse(text: str) -> Condition:
    """Parse a condition, and check its types.

    Raises
    ------
    InputError
        It is too long or too deep, is outside the grammar above, compares text with a number, or
        names no column.

    >>> parse('source_magnitude>3 and (network_code in ["TA"])').text
    "source_magnitude > 3 and network_code in ('TA',)"
    >>> parse("source_magnitude > '3'")
    Traceback (most recent call last):
    ...
    steadkit.errors.InputError: condition "source_magnitude > '3'" compares a number with text: ...
    """
    tree = canonical(parse_tree(text))
    if not (names := names_in(tree)):
        raise InputError(f"condition {text[:60]!r} names no column: use one, source_magnitude > 3")
    # Evaluation on a table without rows checks everything but the data.
    columns = {"trace_name", *map(csv_column, names)}
    truth_values(
        tree, ColumnCache(pd.DataFrame({name: pd.Series(dtype=str) for name in sorted(columns)}))
    )
    return Condition(ast.unparse(tree), tree)


def join_conditions(texts: Sequence[str]) -> str:
    """Join conditions by ``and``; each is checked separately.

    >>> join_conditions(["p_weight > 1 or s_weight > 1", "snr_db > 9"])
    '(p_weight > 1 or s_weight > 1) and snr_db > 9'
    """
    conditions = [parse(text) for text in texts]
    joined = " and ".join(f"({condition})" for condition in conditions)
    return parse(joined).text


def columns(condition: Condition) -> tuple[str, ...]:
    """Return the CSV columns that a condition needs.

    >>> columns(parse("snr_db_Z > 10 and snr_db > 5 and p_weight > 0"))
    ('snr_db', 'p_weight')
    """
    return tuple(dict.fromkeys(map(csv_column, names_in(condition.tree))))


def mask(condition: Condition, table: pd.DataFrame) -> np.ndarray:
    """Return for which rows of a text table a condition is true, as bool.

    Raises
    ------
    InputError
        The table lacks a column, or a value is not of its column's type.

    >>> table = pd.DataFrame({"trace_name": ["a", "b"], "source_magnitude": ["3.5", "None"]})
    >>> mask(parse("source_magnitude > 3"), table), mask(parse("source_magnitude is None"), table)
    (array([ True, False]), array([False,  True]))
    """
    check_columns(columns(condition), table.columns)
    return np.array(
        np.broadcast_to(truth_values(condition.tree, ColumnCache(table)), len(table)), dtype=bool
    )
