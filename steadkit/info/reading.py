"""A CSV's figures as numbers, read piece by piece: memory grows with what is kept of a piece.

A value that cannot be read is NaN here, not an error: whoever looks at data wants to see the rest,
and `steadkit.info.describe` counts such values by column.
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
"""What maps, distributions and ranges are made of."""


def iter_numbers(path: Path, columns: Sequence[str] | None = None) -> Iterator[pd.DataFrame]:
    """Read a STEAD CSV as text, some rows at a time; columns that it lacks are left out.

    Parameters
    ----------
    path
        The CSV file.
    columns
        Which columns are wanted; all that the file has by default.

    Raises
    ------
    InputError
        The file is missing or is not a STEAD CSV.
    """
    present = columns_of(path)
    yield from catalog.iter_chunks(path, [c for c in present if columns is None or c in columns])


def read_numbers(path: Path, columns: Sequence[str] = NUMBER_COLUMNS) -> pd.DataFrame:
    """Read the figures of all traces: float64 columns, and whether each is an event.

    Columns that the file lacks are NaN; ``snr_db`` becomes three, and ``s_minus_p_sec`` is added.
    """
    wanted = (*columns, "trace_category")
    table = pd.concat([as_numbers(part) for part in iter_numbers(path, wanted)], ignore_index=True)
    return with_s_minus_p(table.reindex(columns=[*_expand_columns(columns), "is_event"]))


def as_numbers(part: pd.DataFrame) -> pd.DataFrame:
    """Type the numeric columns of a text table as float64, NaN where there is no number."""
    typed = typed_table(part, on_error="missing", columns=filter(is_numeric, part.columns))
    if "trace_category" in part:
        typed["is_event"] = (part["trace_category"] == EVENT).to_numpy()
    return typed


def with_s_minus_p(table: pd.DataFrame) -> pd.DataFrame:
    """Add ``s_minus_p_sec``, seconds, where both arrivals are known."""
    if not {"p_arrival_sample", "s_arrival_sample"} <= set(table.columns):
        return table
    samples = table["s_arrival_sample"] - table["p_arrival_sample"]
    return table.assign(s_minus_p_sec=samples / SAMPLING_RATE)


def _expand_columns(columns: Sequence[str]) -> list[str]:
    out: list[str] = []
    for column in columns:
        out += SNR_COLUMNS if column == "snr_db" else [column]
    return out
