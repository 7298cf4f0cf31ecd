"""Values of a text table: earthquake of each row, counts by category, column order."""

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from steadkit.schema import CATEGORIES, COLUMNS, MISSING

GROUP_COLUMNS = ("source_id", "source_origin_time")
"""Columns that identify the earthquake of a trace, the most reliable first."""

TRACE_PREFIX = "trace "
"""Prefix of the group that `earthquakes_of` gives a trace without a known earthquake."""

SOURCE_LIST = "source_id_list"
"""Column of SeisBench's CEED with all earthquakes in a trace, in brackets."""


def list_sources(text: str) -> list[str]:
    """Return the earthquake ids in a cell, without repeats.

    >>> list_sources("['nc71' 'nc72' 'nc71']"), list_sources("nc71|nc72")
    (['nc71', 'nc72'], ['nc71', 'nc72'])
    """
    ids = re.findall(r"[^\s\[\]()'\",;|]+", text)
    return [source for source in dict.fromkeys(ids) if source not in MISSING]


def earthquakes_of(table: pd.DataFrame) -> np.ndarray:
    """Return the earthquake of each row: source id, else origin time, else the trace itself.

    Noise, which has no source, is a group of its own.
    """
    groups, unnamed_rows = np.full(len(table), None, object), np.arange(len(table))
    for column in GROUP_COLUMNS:
        if column in table:
            values = table[column].iloc[unnamed_rows]
            is_known = ~values.isin(MISSING).to_numpy()
            groups[unnamed_rows[is_known]] = [
                f"{column} {value}" for value in values[is_known].tolist()
            ]
            unnamed_rows = unnamed_rows[~is_known]
    groups[unnamed_rows] = [
        f"{TRACE_PREFIX}{name}" for name in table["trace_name"].iloc[unnamed_rows].tolist()
    ]
    return groups


def order_columns(columns: Iterable[str]) -> list[str]:
    """Order columns: STEAD's in their order, then others, without repeats."""
    distinct = dict.fromkeys(columns)
    return [c for c in COLUMNS if c in distinct] + [c for c in distinct if c not in COLUMNS]


def counts(categories: Iterable[str]) -> dict[str, int]:
    """Count the traces of each category, events first.

    >>> counts(["noise", "earthquake_local", "noise"])
    {'earthquake_local': 1, 'noise': 2}
    """
    column = categories if isinstance(categories, pd.Series) else pd.Series(list(categories))
    by_category = column.astype(object).value_counts()
    return {category: int(by_category.get(category, 0)) for category in CATEGORIES}
