"""A text table's values: numbers, one SNR a component, the earthquake of each row, counts."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from steadkit.errors import InputError
from steadkit.schema import ARRAY_COLUMNS, CATEGORIES, COLUMNS, COMPONENTS, MISSING, TEXT_COLUMNS

GROUP_COLUMNS = ("source_id", "source_origin_time")
"""What tells the earthquake of a trace, the surest first."""


def numbers(table: pd.DataFrame, column: str) -> np.ndarray:
    """Read a column of text as float64; what is not known is NaN.

    >>> numbers(pd.DataFrame({"p_arrival_sample": ["700.0", "None", ""]}), "p_arrival_sample")
    array([700.,  nan,  nan])
    """
    text = table[column].str.strip()
    if column in ARRAY_COLUMNS:
        text = text.str.strip("[]").str.strip()
    values = pd.to_numeric(text.where(~text.isin(MISSING)), errors="coerce").to_numpy(float)
    wrong = np.isnan(values) & ~text.isin(MISSING).to_numpy()
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"trace {table['trace_name'].iloc[row]!r} has {column} = "
            f"{table[column].iloc[row][:60]!r}: a number is needed"
        )
    return values


def component_numbers(table: pd.DataFrame, column: str = "snr_db") -> np.ndarray:
    """Read a column such as ``[ 56.8 55.4 47.4]`` as float64, shape (rows, 3), NaN if not known.

    >>> component_numbers(pd.DataFrame({"snr_db": ["[ 56.8 55.4  47.4]", "None"]}))
    array([[56.8, 55.4, 47.4],
           [ nan,  nan,  nan]])
    """
    unknown = (np.nan,) * len(COMPONENTS)
    rows = [_bracketed(text) or unknown for text in table[column]]
    return np.array(rows, dtype=float).reshape(len(rows), len(COMPONENTS))


def _bracketed(text: str) -> tuple[float, ...] | None:
    try:
        values = tuple(float(part) for part in text.strip().strip("[]").split())
    except ValueError:
        return None
    return values if len(values) == len(COMPONENTS) else None


def tidy(table: pd.DataFrame) -> pd.DataFrame:
    """Type the columns of a text table: numbers as float64, text as text, one SNR a component.

    ``snr_db`` becomes ``snr_db_E``, ``snr_db_N`` and ``snr_db_Z``.
    """
    typed = {}
    for column in table.columns:
        if column == "snr_db":
            for component, values in zip(COMPONENTS, component_numbers(table).T, strict=True):
                typed[f"snr_db_{component}"] = values
        elif column in COLUMNS and column not in TEXT_COLUMNS:
            typed[column] = numbers(table, column)
        else:
            typed[column] = table[column].where(~table[column].isin(MISSING), "").to_numpy()
    return pd.DataFrame(typed)


def earthquakes_of(table: pd.DataFrame) -> np.ndarray:
    """Name the earthquake of each row: its source id, else its origin time, else the trace itself.

    Noise, which has no source, stands for itself.
    """
    groups = "trace " + table["trace_name"]
    for column in reversed(GROUP_COLUMNS):
        if column in table:
            known = ~table[column].isin(MISSING)
            groups = groups.where(~known, f"{column} " + table[column])
    return groups.to_numpy(dtype=object)


def in_order(columns: Iterable[str]) -> list[str]:
    """Put STEAD's columns first and in STEAD's order, others behind, each once."""
    present = dict.fromkeys(columns)
    return [c for c in COLUMNS if c in present] + [c for c in present if c not in COLUMNS]


def counts(categories: Iterable[str]) -> dict[str, int]:
    """Count the traces of each category, events first.

    >>> counts(["noise", "earthquake_local", "noise"])
    {'earthquake_local': 1, 'noise': 2}
    """
    found = pd.Series(list(categories), dtype=object).value_counts()
    return {category: int(found.get(category, 0)) for category in CATEGORIES}
