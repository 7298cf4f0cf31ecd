"""Typed columns of the CSV for the checks; unreadable cells become findings, not errors."""

from typing import Final

import numpy as np
import pandas as pd

from steadkit.check.findings import concatenate, findings_table
from steadkit.geodesy import KM_PER_DEGREE, geodesics
from steadkit.schema import COLUMNS, SAMPLING_RATE
from steadkit.types import (
    SNR_COLUMNS,
    TIME_COLUMNS,
    is_numeric,
    parse_components,
    parse_numbers,
    parse_times,
)

DERIVED: Final = {
    "source_distance_km": ("geodesic_km", 2),
    "source_distance_deg": ("geodesic_deg", 2),
    "back_azimuth_deg": ("geodesic_back_azimuth", 1),
}
"""Columns that follow from the coordinates: their column in `typed_rows`, and their decimals."""


def parse_rows(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Parse the columns of a text table that checks need.

    Parameters
    ----------
    table
        Text as `steadkit.catalog.read_table` returns it; columns may be missing.

    Returns
    -------
    values
        Numbers as float64, times as datetimes, ``snr_db_E``, ``_N`` and ``_Z``, the other columns
        as they are, and values derived from the coordinates (`DERIVED`).
    findings
        ``malformed-value``.
    """
    empty = pd.Series("", index=table.index, dtype=str)
    values: dict[str, object] = {"trace_name": table["trace_name"]}
    malformed: dict[str, np.ndarray] = {}
    for column in COLUMNS:
        text = table.get(column, empty)
        if column == "snr_db":
            levels, malformed[column] = parse_components(text)
            values |= dict(zip(SNR_COLUMNS, levels.T, strict=True))
        elif is_numeric(column):
            values[column], malformed[column] = parse_numbers(text)
        elif column in TIME_COLUMNS:
            values[column], malformed[column] = parse_times(text)
        else:
            values[column] = text
    findings = [
        findings_table(
            "malformed-value", table["trace_name"][wrong], column + " " + table[column][wrong]
        )
        for column, wrong in malformed.items()
        if wrong.any()
    ]
    return _with_geodesics(pd.DataFrame(values)), concatenate(findings)


def _with_geodesics(values: pd.DataFrame) -> pd.DataFrame:
    lines = geodesics(*_coordinates(values, "receiver"), *_coordinates(values, "source"))
    start, origin = values["trace_start_time"], values["source_origin_time"]
    p_seconds = values["p_arrival_sample"] / SAMPLING_RATE
    return values.assign(
        geodesic_km=lines.km,
        geodesic_deg=lines.km / KM_PER_DEGREE,
        # From the station to the source, as seismology counts it.
        geodesic_back_azimuth=lines.azimuth,
        geodesic_azimuth=lines.back_azimuth,
        p_after_origin=(start - origin).dt.total_seconds() + p_seconds,
    )


def _coordinates(values: pd.DataFrame, end: str) -> tuple[np.ndarray, np.ndarray]:
    """Return latitudes and longitudes, NaN for longitudes beyond 180 degrees."""
    longitude = values[f"{end}_longitude"]
    return values[f"{end}_latitude"].to_numpy(), longitude.where(longitude.abs() <= 180).to_numpy()


def format_derived(values: pd.DataFrame, column: str) -> pd.Series:
    """Return a derived column as text, rounded as in STEAD, empty where it is not known.

    >>> format_derived(pd.DataFrame({"geodesic_back_azimuth": [359.97, float("nan")]}),
    ...         "back_azimuth_deg").tolist()
    ['0.0', '']
    """
    name, decimals = DERIVED[column]
    rounded = values[name].round(decimals)
    if column == "back_azimuth_deg":
        rounded = rounded % 360
    return rounded.map(lambda value: "" if np.isnan(value) else repr(float(value))).astype(str)
