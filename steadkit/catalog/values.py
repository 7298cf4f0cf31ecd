"""A text table's values: the earthquake of each row, counts, the order of its columns."""

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from steadkit.schema import CATEGORIES, COLUMNS, MISSING

GROUP_COLUMNS = ("source_id", "source_origin_time")
"""What tells the earthquake of a trace, the surest first."""

TRACE_PREFIX = "trace "
"""How `earthquakes_of` begins the name of a trace whose earthquake is not known."""

SOURCE_LIST = "source_id_list"
"""A column that lists all earthquakes that a trace shows, in brackets; SeisBench's CEED has it."""


def list_sources(text: str) -> list[str]:
    """List the ids of earthquakes in a cell, each once.

    >>> list_sources("['nc71' 'nc72' 'nc71']"), list_sources("nc71|nc72")
    (['nc71', 'nc72'], ['nc71', 'nc72'])
    """
    ids = re.findall(r"[^\s\[\]()'\",;|]+", text)
    return [source for source in dict.fromkeys(ids) if source not in MISSING]


def earthquakes_of(table: pd.DataFrame) -> np.ndarray:
    """Name the earthquake of each row: its source id, else its origin time, else the trace itself.

    Noise, which has no source, stands for itself.
    """
    groups, unnamed_rows = np.full(len(table), None, object), np.arange(len(table))
    for column in GROUP_COLUMNS:
        if column in table:
            values = table[column].iloc[unnamed_rows]
            is_known = ~values.isin(MISSING).to_numpy()
            groups[unnamed_rows[is_known]] = [f"{column} {value}" for value in values[is_known].tolist()]
            unnamed_rows = unnamed_rows[~is_known]
    groups[unnamed_rows] = [f"{TRACE_PREFIX}{name}" for name in table["trace_name"].iloc[unnamed_rows].tolist()]
    return groups


def order_columns(columns: Iterable[str]) -> list[str]:
    """Put STEAD's columns first and in STEAD's order, others behind, each once."""
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
