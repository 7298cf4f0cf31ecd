"""Typed values in a condition, and readers of table columns as such values."""

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from steadkit.errors import InputError
from steadkit.schema import COLUMNS, MISSING, TEXT_COLUMNS
from steadkit.types import (
    SNR_COLUMNS,
    TIME_COLUMNS,
    component_columns,
    number_column,
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
