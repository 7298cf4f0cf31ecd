"""A text table's values: the earthquake of each row, counts, the order of its columns."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from steadkit.schema import CATEGORIES, COLUMNS, MISSING

GROUP_COLUMNS = ("source_id", "source_origin_time")
"""What tells the earthquake of a trace, the surest first."""


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
