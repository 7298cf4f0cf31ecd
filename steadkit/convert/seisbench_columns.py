"""Which column of SeisBench is which of STEAD's, and a row from one to the other.

SeisBench's own copy of STEAD uses the first name of each entry; the others are what its other
data sets call the same. What STEAD has no column for is kept under SeisBench's name.

Source: the metadata parameters in SeisBench's documentation, and Woollam et al. (2022),
SeisBench, a toolbox for machine learning in seismology, SRL 93(3), doi:10.1785/0220210324.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from steadkit.convert.rows import bracketed, coda_text, known, sample_text, stead_time
from steadkit.convert.samples import UnusableError
from steadkit.errors import InputError
from steadkit.schema import ARRAY_COLUMNS, COLUMNS, COMPONENTS, EVENT, NOISE
from steadkit.types import TIME_COLUMNS, is_numeric, parse_cell

NAMES: Final[Mapping[str, Sequence[str]]] = {
    "network_code": ("station_network_code",),
    "receiver_code": ("station_code",),
    "receiver_type": ("trace_channel", "station_channel", "station_type"),
    "receiver_latitude": ("station_latitude_deg",),
    "receiver_longitude": ("station_longitude_deg",),
    "receiver_elevation_m": ("station_elevation_m",),
    "p_arrival_sample": tuple(
        f"trace_{phase}_arrival_sample" for phase in ("p", "P", "Pg", "Pn", "Pb", "P1")
    ),
    "p_status": ("trace_p_status", "trace_P_status", "trace_Pg_status", "trace_Pn_status"),
    "p_weight": ("trace_p_weight", "trace_P_weight"),
    "p_travel_sec": ("path_p_travel_sec", "path_p_travel_s"),
    "s_arrival_sample": tuple(
        f"trace_{phase}_arrival_sample" for phase in ("s", "S", "Sg", "Sn", "Sb", "S1")
    ),
    "s_status": ("trace_s_status", "trace_S_status", "trace_Sg_status", "trace_Sn_status"),
    "s_weight": ("trace_s_weight", "trace_S_weight"),
    "source_id": ("source_id",),
    "source_origin_time": ("source_origin_time",),
    "source_origin_uncertainty_sec": ("source_origin_uncertainty_sec",),
    "source_latitude": ("source_latitude_deg",),
    "source_longitude": ("source_longitude_deg",),
    "source_error_sec": ("source_error_sec",),
    "source_gap_deg": ("source_gap_deg",),
    "source_horizontal_uncertainty_km": ("source_horizontal_uncertainty_km",),
    "source_depth_km": ("source_depth_km",),
    "source_depth_uncertainty_km": ("source_depth_uncertainty_km",),
    "source_magnitude": ("source_magnitude",),
    "source_magnitude_type": ("source_magnitude_type",),
    "source_magnitude_author": ("source_magnitude_author",),
    "source_mechanism_strike_dip_rake": ("source_mechanism_strike_dip_rake",),
    "source_distance_deg": ("source_distance_deg", "path_ep_distance_deg"),
    "source_distance_km": ("source_distance_km", "path_ep_distance_km"),
    "back_azimuth_deg": ("path_back_azimuth_deg",),
    "snr_db": ("trace_snr_db",),
    "coda_end_sample": ("trace_coda_end_sample",),
    "trace_start_time": ("trace_start_time",),
    "trace_category": ("trace_category",),
}
"""All of STEAD's columns but the name, which SeisBench needs to say where the samples are."""

CATEGORIES: Final[Mapping[str, str]] = {
    "earthquake_local": EVENT,
    "earthquake": EVENT,
    "eq": EVENT,
    "noise": NOISE,
}
"""What of SeisBench's categories STEAD has a place for; blasts and the like it has not."""

SOURCE_COLUMNS: Final = (
    "source_id",
    "source_origin_time",
    "source_latitude_deg",
    "source_magnitude",
)
"""Any of them tells an event where no category does: noise has no source."""

SPLITS: Final[Mapping[str, str]] = {"train": "train", "dev": "validation", "test": "test"}
"""SeisBench's parts and ours."""

SAMPLING: Final[Mapping[str, str]] = {
    "trace_sampling_rate_hz": "100.0",
    "trace_dt_s": "0.01",
    "trace_npts": "6000",
}
"""Columns that describe the samples, and what they say of ours."""

OF_THE_FORMAT: Final = ("trace_name", "trace_name_original", "trace_component_order", "split")
"""Columns that only say where and how the samples lie; the name and the part are told otherwise."""

_SAMPLE = re.compile(r"trace_\w+_sample")
_PLAIN = re.compile(r"[ -~]{1,100}")


def extras_of(columns: Iterable[str]) -> list[str]:
    """List the columns that STEAD has no place for.

    Raises
    ------
    InputError
        A column's name could not be written or read again.
    """
    taken = {*COLUMNS, *OF_THE_FORMAT, *(names[0] for names in NAMES.values())}
    extras = [c for c in columns if c not in taken and not c.startswith("Unnamed:")]
    if odd := [column for column in extras if not _PLAIN.fullmatch(column)]:
        raise InputError(
            f"metadata column {odd[0][:60]!r} has a strange name: use 1 to 100 ASCII characters"
        )
    return extras


def to_stead(row: Mapping[str, str], extras: Sequence[str]) -> dict[str, str]:
    """Rename a row's columns to STEAD's; the earliest P and S of several are taken.

    Raises
    ------
    UnusableError
        What must be a number or a time is none.
    """
    for column, names in NAMES.items():
        _check_numbers(column, [row[name] for name in (*names, column) if name in row])
    stead = {column: _first(row, (*names, column)) for column, names in NAMES.items()}
    for column in ("p_arrival_sample", "s_arrival_sample"):
        stead[column] = _earliest(row, (*NAMES[column], column))
    if not known(stead["snr_db"]):
        stead["snr_db"] = _snr(row)
    for column in TIME_COLUMNS:
        try:
            stead[column] = stead_time(stead[column])
        except ValueError as error:
            raise UnusableError(f"a {column} that cannot be read") from error
    return _in_brackets(stead) | {column: row.get(column, "") for column in extras}


def _check_numbers(column: str, texts: Iterable[str]) -> None:
    if is_numeric(column):
        try:
            for text in texts:
                parts = text.strip("[] ").split() if column in ARRAY_COLUMNS else [text]
                list(map(parse_cell, parts))
        except ValueError as error:
            raise UnusableError(f"a {column} that is not a number") from error


def _first(row: Mapping[str, str], names: Sequence[str]) -> str:
    present = [row[name] for name in names if name in row]
    return next((text for text in present if known(text)), present[0] if present else "")


def _earliest(row: Mapping[str, str], names: Sequence[str]) -> str:
    arrivals = {name: parse_cell(row[name]) for name in names if known(row.get(name, ""))}
    return row[min(arrivals, key=arrivals.__getitem__)] if arrivals else _first(row, names)


def _snr(row: Mapping[str, str]) -> str:
    """Put together what SeisBench tells component by component."""
    texts = [row.get(f"trace_{component}_snr_db", "") for component in COMPONENTS]
    _check_numbers("snr_db", texts)
    values = list(map(parse_cell, texts))
    return bracketed(values) if any(map(known, texts)) else ""


def _in_brackets(stead: dict[str, str]) -> dict[str, str]:
    """Write SNR and coda end as STEAD does, where they are bare numbers."""
    snr, coda = stead["snr_db"], stead["coda_end_sample"]
    changed = {}
    if known(snr) and "[" not in snr:
        changed["snr_db"] = bracketed([parse_cell(snr)] * len(COMPONENTS))
    if known(coda) and "[" not in coda:
        changed["coda_end_sample"] = coda_text(parse_cell(coda))
    return stead | changed


def moved(row: Mapping[str, str], ratio: float, start: int, last: int) -> dict[str, str]:
    """Move everything that counts samples along with the window.

    Parameters
    ----------
    row
        From `to_stead`.
    ratio
        100 Hz over the sampling rate of the record.
    start
        Where the window begins, in samples at 100 Hz.
    last
        The largest coda end there can be.
    """
    if ratio == 1 and start == 0:
        return dict(row)

    def move(text: str) -> float:
        return parse_cell(text) * ratio - start

    counting = [c for c in row if _SAMPLE.fullmatch(c) or c.endswith("_arrival_sample")]
    shifted = {c: sample_text(move(row[c])) for c in counting if known(row[c])}
    if known(row["coda_end_sample"]):
        shifted["coda_end_sample"] = coda_text(min(max(move(row["coda_end_sample"]), 0), last))
    return dict(row) | shifted


def seisbench_names(columns: Iterable[str]) -> dict[str, str]:
    """Name STEAD's columns as SeisBench does, where the name of a trace is the original one's.

    >>> seisbench_names(["network_code", "trace_name", "mine"])
    {'network_code': 'station_network_code', 'trace_name': 'trace_name_original', 'mine': 'mine'}
    """
    renamed = {column: names[0] for column, names in NAMES.items()}
    renamed["trace_name"] = "trace_name_original"
    return {column: renamed.get(column, column) for column in columns}
