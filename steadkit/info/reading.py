"""Numeric columns of a CSV, read in chunks to bound the memory.

An unreadable value is NaN, not an error, so that the rest can be shown; `steadkit.info.describe`
counts such values by column.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from steadkit import catalog
from steadkit.catalog import columns_of
from steadkit.schema import EVENT, SAMPLING_RATE
from steadkit.types import SNR_COLUMNS, is_numeric, typed_table

NUMBER_COLUMNS = (
    "receiver_latitude",
    "receiver_longitude",
    "p_arrival_sample",
    "s_arrival_sample",
    "source_latitude",
    "source_longitude",
    "source_depth_km",
    "source_magnitude",
    "source_distance_km",
    "back_azimuth_deg",
    "snr_db",
)
"""Columns that maps, distributions and summaries use."""


def iter_numbers(path: Path, columns: Sequence[str] | None = None) -> Iterator[pd.DataFrame]:
    """Read a STEAD CSV as text in chunks of rows; columns that it lacks are left out.

    Parameters
    ----------
    path
        The CSV file.
    columns
        Columns to read; all that the file has by default.

    Raises
    ------
    InputError
        The file is missing or is not a STEAD CSV.
    """
    present = columns_of(path)
    yield from catalog.iter_chunks(path, [c for c in present if columns is None or c in columns])


def read_numbers(path: Path, columns: Sequence[str] = NUMBER_COLUMNS) -> pd.DataFrame:
    """Read the numeric columns of all traces as float64, and whether each is an event.

    Columns that the file lacks are NaN; ``snr_db`` becomes three, and ``s_minus_p_sec`` is added.
    """
    requested = (*columns, "trace_category")
    table = pd.concat(
        [as_numbers(chunk) for chunk in iter_numbers(path, requested)], ignore_index=True
    )
    return with_s_minus_p(table.reindex(columns=[*_expand_columns(columns), "is_event"]))


def as_numbers(chunk: pd.DataFrame) -> pd.DataFrame:
    """Convert the numeric columns of a text table to float64, NaN where there is no number."""
    typed = typed_table(chunk, on_error="missing", columns=filter(is_numeric, chunk.columns))
    if "trace_category" in chunk:
        typed["is_event"] = (chunk["trace_category"] == EVENT).to_numpy()
    return typed


def with_s_minus_p(table: pd.DataFrame) -> pd.DataFrame:
    """Add ``s_minus_p_sec``, seconds, where both arrivals are known."""
    if not {"p_arrival_sample", "s_arrival_sample"} <= set(table.columns):
        return table
    samples = table["s_arrival_sample"] - table["p_arrival_sample"]
    return table.assign(s_minus_p_sec=samples / SAMPLING_RATE)


def _expand_columns(columns: Sequence[str]) -> list[str]:
    expanded: list[str] = []
    for column in columns:
        expanded += SNR_COLUMNS if column == "snr_db" else [column]
    return expanded
