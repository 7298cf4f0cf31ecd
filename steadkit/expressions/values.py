"""The values in a condition: what kind each is, and how a column of the table is read as such."""

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
"""Kinds of values; that of a column STEAD does not have is settled by what it meets."""


def check_columns(wanted: Iterable[str], present: Sequence[str]) -> None:
    """Refuse a column that a table does not have, and tell those of a similar name."""
    known = [*present, *(SNR_COLUMNS if "snr_db" in present else ())]
    for name in wanted:
        if name not in known:
            close = difflib.get_close_matches(name, known)
            advice = f"did you mean {' or '.join(close)}?" if close else _list_columns(known)
            raise InputError(f"no column {name[:60]!r}: {advice}")


def _list_columns(known: Sequence[str]) -> str:
    more = ", ..." if len(known) > 6 else ""
    return f"the table has {', '.join(map(str, known[:6]))}{more}"


def csv_column(name: str) -> str:
    """Tell in which column of the CSV a value stands.

    >>> csv_column("snr_db_Z"), csv_column("p_weight")
    ('snr_db', 'p_weight')
    """
    return "snr_db" if name in SNR_COLUMNS else name


def numeric(table: pd.DataFrame, name: str) -> np.ndarray:
    """Read a column, ``snr_db`` (the mean) or ``snr_db_Z``, as float64; NaN if not known."""
    if name == "snr_db":
        with np.errstate(all="ignore"):  # huge values may have no mean
            return component_columns(table).mean(axis=1)
    if name in SNR_COLUMNS:
        return component_columns(table)[:, SNR_COLUMNS.index(name)]
    return number_column(table, name)


def column_type(name: str) -> str:
    """Tell what a column holds; it is open for those that STEAD does not have."""
    if name in TIME_COLUMNS:
        return TIME
    if name in TEXT_COLUMNS:
        return TEXT
    return NUMBER if name in COLUMNS or name in SNR_COLUMNS else UNTYPED


@dataclass(frozen=True)
class Value:
    """What a part of a condition is: one value a row, or one for all."""

    kind: str
    data: Any = None
    known: Any = True
    column: str = ""


@dataclass(frozen=True)
class ColumnCache:
    """The table, and the columns of it that have been read."""

    table: pd.DataFrame
    read: dict[tuple[str, str], Value] = field(default_factory=dict)

    def column(self, name: str, kind: str) -> Value:
        """Read a column as this kind, once."""
        if (name, kind) not in self.read:
            value = _READERS[kind](self.table, name)
            self.read[name, kind] = replace(value, kind=kind, column=name)
        return self.read[name, kind]


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
