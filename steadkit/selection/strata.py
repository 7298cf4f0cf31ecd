"""Strata of a table, by the values of columns or by bins of numbers."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from steadkit.errors import InputError
from steadkit.expressions import csv_column, numeric
from steadkit.schema import ARRAY_COLUMNS, MISSING, TEXT_COLUMNS
from steadkit.types import parse_number

UNKNOWN_LABEL = "not known"
"""The stratum of missing values."""


def parse_strata(texts: Iterable[str]) -> tuple[str, ...]:
    """Parse strata from a command line.

    Commas separate columns, and the edges of a column's bins; ``none`` alone means no strata.

    >>> parse_strata(["trace_category,source_magnitude:2,3.50", "p_status"])
    ('trace_category', 'source_magnitude:2,3.5', 'p_status')
    >>> parse_strata(["none"])
    ()
    """
    specs: list[str] = []
    for item in ",".join(texts).split(","):
        if specs and ":" in specs[-1] and _is_number(item):
            specs[-1] += "," + item
        else:
            specs.append(item.strip())
    return () if specs == ["none"] else canonical_strata(specs)


def _is_number(text: str) -> bool:
    try:
        parse_number(text)
    except ValueError:
        return False
    return True


def canonical_strata(specs: Sequence[str]) -> tuple[str, ...]:
    """Check strata, and return their canonical spelling.

    Raises
    ------
    InputError
        A column is named twice or not at all, a text column has bins, or edges do not ascend.
    """
    parsed = [parse_stratum(spec) for spec in specs]
    columns = [column for column, _ in parsed]
    if len(set(columns)) < len(columns):
        raise InputError(f"strata {', '.join(specs)} name a column twice: name each once")
    return tuple(
        column + (":" + ",".join(repr(edge).removesuffix(".0") for edge in edges) if edges else "")
        for column, edges in parsed
    )


def parse_stratum(spec: str) -> tuple[str, tuple[float, ...]]:
    """Parse ``column:edge,edge`` into the column and its edges.

    >>> parse_stratum("source_magnitude:2,3"), parse_stratum("trace_category")
    (('source_magnitude', (2.0, 3.0)), ('trace_category', ()))
    """
    if not isinstance(spec, str):
        raise InputError(f"stratum {spec!r} is not text: name a column")
    column, colon, edges_text = spec.partition(":")
    if not column:
        raise InputError(f"stratum {spec[:60]!r} names no column: use one, or none")
    try:
        edges = tuple(parse_number(edge) for edge in edges_text.split(",")) if colon else ()
    except ValueError as error:
        raise InputError(
            f"stratum {spec[:60]!r} has an edge that is no number: use source_magnitude:2,3,4"
        ) from error
    if any(np.diff(edges) <= 0):
        raise InputError(f"stratum {spec[:60]!r}: the edges of the bins must ascend")
    if edges and column in TEXT_COLUMNS:
        raise InputError(f"stratum {spec[:60]!r}: {column} is text and has no bins")
    if not edges and csv_column(column) in ARRAY_COLUMNS:
        raise InputError(f"stratum {spec[:60]!r} needs bins: use {column}:10,20,40")
    return column, edges


def stratum_labels(table: pd.DataFrame, specs: Sequence[str]) -> list[str]:
    """Return the stratum of each row.

    >>> table = pd.DataFrame({"trace_name": ["a", "b", "c"], "p_weight": ["0.5", "2", "None"]})
    >>> stratum_labels(table, ["p_weight:1,2"])
    ['below 1', 'from 2', 'not known']
    """
    columns = [_column_labels(table, *parse_stratum(spec)) for spec in specs]
    if not columns:
        return [""] * len(table)
    # Interned: each distinct label is in memory once, not once per row.
    distinct: dict[str, str] = {}
    if len(columns) == 1:
        return [distinct.setdefault(label, label) for label in columns[0]]
    joined = ("\x1f".join(parts) for parts in zip(*columns, strict=True))
    return [distinct.setdefault(label, label) for label in joined]


def _column_labels(table: pd.DataFrame, column: str, edges: Sequence[float]) -> np.ndarray:
    if not edges:
        text = table[column]
        return text.where(~text.isin(MISSING), UNKNOWN_LABEL).to_numpy(dtype=object)
    values = numeric(table, column)
    names = [f"below {edges[0]:g}", *(f"from {edge:g}" for edge in edges), UNKNOWN_LABEL]
    bins = np.searchsorted(edges, values, side="right")
    return np.array(names, dtype=object)[np.where(np.isnan(values), len(edges) + 1, bins)]


def value_groups(table: pd.DataFrame, column: str) -> np.ndarray:
    """Return the group of each row by a column's value; a trace without one is its own group."""
    trace_labels = "trace " + table["trace_name"]
    value_labels = f"{column} " + table[column]
    return value_labels.where(~table[column].isin(MISSING), trace_labels).to_numpy(dtype=object)
