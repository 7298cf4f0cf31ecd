"""Traces as ObsPy Streams: three components with codes, times, coordinates and arrivals."""

import re
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from obspy import Stream, Trace, UTCDateTime
from obspy.core import AttribDict

from steadkit.catalog import iter_rows_named
from steadkit.errors import InputError
from steadkit.records.text import is_known
from steadkit.schema import COMPONENTS, SAMPLING_RATE
from steadkit.sources import Source
from steadkit.store import open_data, read_waveform
from steadkit.types import parse_cell, parse_nanoseconds

YEARS: Final = (1600, 9998)
"""First and last year that miniSEED reads back as written; other start times are refused."""

SAMPLES_PER_DAY: Final = 86400 * SAMPLING_RATE

_CODE = re.compile(r"[A-Za-z0-9-]*")
MAX_CODE_LENGTH = {"network_code": 2, "receiver_code": 5, "receiver_type": 2}
"""Characters of each code in SEED; a component letter follows the receiver's type."""

SAC_HEADERS = {
    "stla": "receiver_latitude",
    "stlo": "receiver_longitude",
    "stel": "receiver_elevation_m",
    "evla": "source_latitude",
    "evlo": "source_longitude",
    "evdp": "source_depth_km",
    "mag": "source_magnitude",
    "dist": "source_distance_km",
    "gcarc": "source_distance_deg",
}
"""SAC's header fields and STEAD's columns."""

SAC_PICKS = {
    "a": ("p_arrival_sample", "ka", "P"),
    "t0": ("s_arrival_sample", "kt0", "S"),
    "f": ("coda_end_sample", "kf", "coda end"),
}
"""SAC's time fields, in seconds from the first sample: column, name field, name."""


def read_stream(source: Source, name: str) -> Stream:
    """Read one trace of a STEAD file as an ObsPy Stream.

    Raises
    ------
    InputError
        The file has no such trace, or a value of its row cannot be used.
    """
    rows = pd.concat(list(iter_rows_named(source.csv, [name])))
    if rows.empty:
        raise InputError(f"{str(source.csv)!r} lists no trace {name!r}: check the name")
    with open_data(source.hdf5) as group:
        return to_stream(rows.iloc[0].to_dict(), read_waveform(group, name))


def to_stream(row: Mapping[str, str], waveform: np.ndarray) -> Stream:
    """Convert a trace to an ObsPy Stream.

    Parameters
    ----------
    row
        STEAD's columns as text; any may be missing.
    waveform
        Shape (6000, 3), E, N, Z at 100 Hz.

    Returns
    -------
    obspy.Stream
        Three traces, E, N, Z. Their channel is the receiver's type and the component, ``HHE`` for
        example, or the component alone where the type is not known. ``stats.coordinates`` holds
        latitude, longitude and elevation, ``stats.sac`` the fields of SAC's header, and
        ``stats.stead`` all columns of the row.

    Raises
    ------
    InputError
        A code is longer than SEED allows, or a number or time cannot be read.
    """
    codes = {column: _code(row, column) for column in MAX_CODE_LENGTH}
    header = {
        "network": codes["network_code"],
        "station": codes["receiver_code"],
        "sampling_rate": SAMPLING_RATE,
        "starttime": start_time(row),
        "coordinates": AttribDict(
            latitude=read_number(row, "receiver_latitude"),
            longitude=read_number(row, "receiver_longitude"),
            elevation=read_number(row, "receiver_elevation_m"),
        ),
        "sac": AttribDict(_sac_header(row)),
        "stead": AttribDict(row),
    }
    return Stream(
        [
            # Copies: changing samples or headers of one component must not change another.
            Trace(
                waveform[:, index].copy(), _copy_header(header, codes["receiver_type"] + component)
            )
            for index, component in enumerate(COMPONENTS)
        ]
    )


def _copy_header(header: Mapping[str, Any], channel: str) -> dict[str, Any]:
    copies = {k: v.copy() if isinstance(v, AttribDict) else v for k, v in header.items()}
    return copies | {"channel": channel}


def start_time(row: Mapping[str, str]) -> UTCDateTime:
    """Return the start time of a trace; 1970 if unknown."""
    text = row.get("trace_start_time", "")
    if not is_known(text):
        return UTCDateTime(0)
    try:
        time = UTCDateTime(ns=parse_nanoseconds(text))
    except ValueError as error:
        raise _cell_error(row, "trace_start_time", "write it as 2006-07-23 15:59:00.96") from error
    if not YEARS[0] <= time.year <= YEARS[1]:
        raise _cell_error(
            row, "trace_start_time", f"records are of the years {YEARS[0]} to {YEARS[1]}"
        )
    return time


def pick_time(row: Mapping[str, str], phase: str) -> UTCDateTime | None:
    """Return the time of P or S; None if arrival or start time are unknown.

    Raises
    ------
    InputError
        The arrival is not a number, or more than a day from the start.
    """
    column = f"{phase.lower()}_arrival_sample"
    sample = read_number(row, column)
    if sample != sample or not is_known(row.get("trace_start_time", "")):
        return None
    if abs(sample) > SAMPLES_PER_DAY:
        raise _cell_error(row, column, "an arrival is in the minute of its trace")
    return start_time(row) + sample / SAMPLING_RATE


def read_number(row: Mapping[str, str], column: str) -> float:
    """Read a number of a row; NaN if unknown.

    Raises
    ------
    InputError
        The cell is not a number.
    """
    try:
        return parse_cell(row.get(column, ""))
    except ValueError as error:
        raise _cell_error(row, column, "a number is needed") from error


def _code(row: Mapping[str, str], column: str) -> str:
    text = row.get(column, "").strip()
    # An unknown code is empty in SEED, not the text None.
    code = text if is_known(text) else ""
    if not _CODE.fullmatch(code) or len(code) > MAX_CODE_LENGTH[column]:
        raise _cell_error(
            row, column, f"SEED has room for {MAX_CODE_LENGTH[column]} letters or digits"
        )
    return code


def _cell_error(row: Mapping[str, str], column: str, remedy: str) -> InputError:
    name = row.get("trace_name", "?")
    return InputError(f"trace {name[:60]!r} has {column} = {row[column][:60]!r}: {remedy}")


def _sac_header(row: Mapping[str, str]) -> dict[str, float | str]:
    """Fill SAC's header fields; unknown values are omitted, so that SAC has them as undefined."""
    values: dict[str, float | str] = {
        field: read_number(row, column) for field, column in SAC_HEADERS.items()
    }
    values = {field: value for field, value in values.items() if value == value}
    for field, (column, name_field, phase) in SAC_PICKS.items():
        sample = read_number(row, column)
        if sample == sample:
            values |= {field: sample / SAMPLING_RATE, name_field: phase}
    if is_known(row.get("source_id", "")):
        values["kevnm"] = row["source_id"].strip()[:16]  # SAC's field holds 16 characters
    return values
