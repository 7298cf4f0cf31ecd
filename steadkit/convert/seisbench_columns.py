"""Columns of SeisBench's metadata: their names, and rows converted to STEAD's.

SeisBench's own copy of STEAD uses the first of the `NAMES` of each column; its other data sets use
the others. A column that STEAD lacks is kept under SeisBench's name. Arrivals must be readable,
since they label the trace. Every other column is optional: a cell that cannot be read is left empty
and counted.

Sources: the metadata parameters in SeisBench's documentation and its data set classes; Woollam
et al. (2022), SeisBench, a toolbox for machine learning in seismology, SRL 93(3),
doi:10.1785/0220210324; for PNW Ni et al. (2023), Seismica 2(1), doi:10.26443/seismica.v2i1.368; for
INSTANCE Michelini et al. (2021), ESSD 13, doi:10.5194/essd-13-5509-2021; for CEED Zhu et al.
(2025), arXiv:2502.11500.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final

from steadkit.catalog import SOURCE_LIST, list_sources
from steadkit.errors import InputError
from steadkit.records.resample import UnusableError, component_indices
from steadkit.records.text import bracketed, coda_text, is_known, stead_time
from steadkit.schema import COLUMNS, COMPONENTS
from steadkit.types import is_numeric, parse_cell

P_PHASES: Final = ("p", "P", "Pg", "Pn", "Pb", "P1")
S_PHASES: Final = ("s", "S", "Sg", "Sn", "Sb", "S1")

NAMES: Final[Mapping[str, Sequence[str]]] = {
    "network_code": ("station_network_code",),
    "receiver_code": ("station_code",),
    "receiver_type": (
        "trace_channel",
        "station_channel",
        "station_type",
        "station_channel_code",  # PNW
        "station_channels",  # INSTANCE
        "station_instrument",  # CEED
    ),
    "receiver_latitude": ("station_latitude_deg",),
    "receiver_longitude": ("station_longitude_deg",),
    "receiver_elevation_m": ("station_elevation_m",),
    "p_arrival_sample": tuple(f"trace_{phase}_arrival_sample" for phase in P_PHASES),
    "p_status": (*(f"trace_{phase}_status" for phase in P_PHASES), "trace_eval_P"),  # INSTANCE
    "p_weight": ("trace_p_weight", "trace_P_weight"),
    "p_travel_sec": ("path_p_travel_sec", "path_p_travel_s", "path_travel_time_P_s"),
    "s_arrival_sample": tuple(f"trace_{phase}_arrival_sample" for phase in S_PHASES),
    "s_status": (*(f"trace_{phase}_status" for phase in S_PHASES), "trace_eval_S"),  # INSTANCE
    "s_weight": ("trace_s_weight", "trace_S_weight"),
    "source_id": ("source_id", "event_id", SOURCE_LIST),
    "source_origin_time": ("source_origin_time",),
    "source_origin_uncertainty_sec": (
        "source_origin_uncertainty_sec",
        "source_origin_uncertainty_s",  # INSTANCE
    ),
    "source_latitude": ("source_latitude_deg",),
    "source_longitude": ("source_longitude_deg",),
    "source_error_sec": ("source_error_sec", "source_stderror_s"),
    "source_gap_deg": ("source_gap_deg",),
    "source_horizontal_uncertainty_km": ("source_horizontal_uncertainty_km",),
    "source_depth_km": ("source_depth_km",),
    "source_depth_uncertainty_km": ("source_depth_uncertainty_km",),
    # PNW's preferred magnitude: as its files call it, and as its description does.
    "source_magnitude": (
        "source_magnitude",
        "preferred_source_magnitude",
        "source_magnitude_preferred",
    ),
    "source_magnitude_type": (
        "source_magnitude_type",
        "preferred_source_magnitude_type",
        "source_magnitude_type_preferred",
    ),
    "source_magnitude_author": ("source_magnitude_author",),
    "source_mechanism_strike_dip_rake": ("source_mechanism_strike_dip_rake",),
    "source_distance_deg": ("source_distance_deg", "path_ep_distance_deg"),
    "source_distance_km": ("source_distance_km", "path_ep_distance_km"),
    "back_azimuth_deg": ("path_back_azimuth_deg", "path_backazimuth_deg"),
    "snr_db": ("trace_snr_db",),
    "coda_end_sample": ("trace_coda_end_sample",),
    "trace_start_time": ("trace_start_time",),
    "trace_category": ("trace_category",),
}
"""STEAD's columns without the trace name, which in SeisBench's format locates the samples."""

ARRIVALS: Final = ("p_arrival_sample", "s_arrival_sample")
"""Label columns: a trace is left out where one of them cannot be read."""

SPLITS: Final[Mapping[str, str]] = {"train": "train", "dev": "validation", "test": "test"}
"""Splits of a manifest by SeisBench's name."""

SAMPLING: Final[Mapping[str, str]] = {
    "trace_sampling_rate_hz": "100.0",
    "trace_dt_s": "0.01",
    "trace_npts": "6000",
}
"""Columns that describe the samples, with their values in STEAD's layout."""

FORMAT_COLUMNS: Final = ("trace_name", "trace_name_original", "trace_component_order", "split")
"""Columns of the format itself; name and split of a trace are kept elsewhere."""


_PLAIN = re.compile(r"[ -~]{1,100}")


def extra_columns(columns: Iterable[str]) -> list[str]:
    """List the columns that have no counterpart in STEAD.

    Raises
    ------
    InputError
        The name of a column cannot be an HDF5 attribute and a CSV heading.
    """
    counterparts = {*COLUMNS, *FORMAT_COLUMNS, *(names[0] for names in NAMES.values())}
    # Pandas heads a column without a heading so: the index of a table that was saved with it.
    extras = [c for c in columns if c not in counterparts and not c.startswith("Unnamed:")]
    if odd := [column for column in extras if not _PLAIN.fullmatch(column)]:
        raise InputError(
            f"metadata column {odd[0][:60]!r} has a strange name: use 1 to 100 ASCII characters"
        )
    return extras


def to_stead(
    row: Mapping[str, str],
    extras: Sequence[str],
    unread: Counter[str] | None = None,
    components: Sequence[str] = COMPONENTS,
) -> dict[str, str]:
    """Rename a row's columns to STEAD's; of several P or S arrivals the earliest is used.

    Parameters
    ----------
    row
        A row of SeisBench's metadata, as text.
    extras
        From `extra_columns`.
    unread
        Gets the counts, by SeisBench's name, of optional cells that cannot be read.
    components
        Letters of the record's components: a list of SNR may be in their order.

    Raises
    ------
    UnusableError
        An arrival is not a number.
    """
    unread = Counter() if unread is None else unread
    stead = {}
    for column, names in NAMES.items():
        present = {name: row[name] for name in (*names, column) if name in row}
        if column in ARRIVALS:
            stead[column] = _earliest(column, present)
        else:
            stead[column] = _first_readable(present, _writer(column, components), unread)
    # Of several earthquakes, as in CEED, the one that the trace was cut for.
    if is_known(stead["source_id"]):
        stead["source_id"] = next(iter(list_source_ids(row)), "")
    if not is_known(stead["snr_db"]):
        stead["snr_db"] = _component_snr(row, unread)
    return stead | {column: row.get(column, "") for column in extras}


def _earliest(column: str, present: Mapping[str, str]) -> str:
    try:
        arrivals = {text: parse_cell(text) for text in present.values() if is_known(text)}
    except ValueError as error:
        raise UnusableError(f"a {column} that is not a number") from error
    if arrivals:
        return min(arrivals, key=arrivals.__getitem__)
    return next(iter(present.values()), "")


def _first_readable(
    present: Mapping[str, str], write: Callable[[str], str], unread: Counter[str]
) -> str:
    """Return the first readable cell as STEAD writes it; count cells that cannot be read."""
    for name, text in present.items():
        if is_known(text):
            try:
                return write(text)
            except ValueError:
                unread[name] += 1
    return next((text for text in present.values() if not is_known(text)), "")


def _writer(column: str, components: Sequence[str]) -> Callable[[str], str]:
    """Return the function that converts a cell of a column to STEAD's text."""
    if column == "snr_db":
        return partial(_snr, components=components)
    return _WRITERS.get(column, _number if is_numeric(column) else str)


def _number(text: str) -> str:
    parse_cell(text)
    return text


def _snr(text: str, components: Sequence[str] = COMPONENTS) -> str:
    """Write the SNR of E, N and Z from one value per component, or one for all.

    STEAD's own lists, with spaces, are in that order. PNW's, with bars, and those of SeisBench's
    writer, with commas, are in the order of the record's components.
    """
    is_stead_list = not set("|,") & set(text)
    cells = text.strip("[] \t\r\n") if is_stead_list else re.sub(r"[|,\[\]]", " ", text)
    values = [parse_cell(cell) for cell in cells.split()]
    # Three columns E, N and Z from any order; a component that is missing has no SNR.
    if not is_stead_list and len(values) == len(components):
        indices = component_indices(list(components))
        values = [float("nan") if index is None else values[index] for index in indices]
    if len(values) not in (1, len(COMPONENTS)):
        raise ValueError(f"{text[:60]!r} is not one SNR, nor one for each component")
    if len(values) == 1:
        values *= len(COMPONENTS)
    elif is_stead_list and "[" in text:
        return text
    return bracketed(values)


def _coda_end(text: str) -> str:
    sample = parse_cell(text)
    return text if "[" in text else coda_text(sample)


_WRITERS: Final[Mapping[str, Callable[[str], str]]] = {
    "coda_end_sample": _coda_end,
    "source_origin_time": stead_time,
    "trace_start_time": stead_time,
}
"""Conversions of cells that are neither a plain number nor a text."""


def _component_snr(row: Mapping[str, str], unread: Counter[str]) -> str:
    """Join the SNR that INSTANCE and others have in one column per component."""
    values = []
    for name in (f"trace_{component}_snr_db" for component in COMPONENTS):
        try:
            values.append(parse_cell(row.get(name, "")))
        except ValueError:
            unread[name] += 1
            values.append(float("nan"))
    return "" if all(value != value for value in values) else bracketed(values)


def list_source_ids(row: Mapping[str, str]) -> list[str]:
    """List the earthquakes of a trace, first the one that it was cut for.

    CEED lists an earthquake for each pick of a trace; the name of the trace begins with the one
    that it was cut for.

    >>> list_source_ids({"source_id_list": "['nc7' 'nc1' 'nc7']", "trace_name": "nc1/NC.GAS..EH"})
    ['nc1', 'nc7']
    >>> list_source_ids({"event_id": "uw61896586"}), list_source_ids({"source_id": "None"})
    (['uw61896586'], [])
    """
    names = [name for name in NAMES["source_id"] if is_known(row.get(name, ""))]
    if not names:
        return []
    text = row[names[0]].strip()
    sources = list_sources(text) if names[0] == SOURCE_LIST or text[0] in "[(" else [text]
    first = row.get("trace_name", "").partition("/")[0]
    return sorted(sources, key=lambda source: source != first)


def component_letters(text: str) -> list[str]:
    """List the letters of a component order in a cell; empty where it is not known.

    >>> component_letters("ZNE"), component_letters("['E' 'N' 'Z']"), component_letters("None")
    (['Z', 'N', 'E'], ['E', 'N', 'Z'], [])
    """
    return [letter for letter in text if letter not in "[]()'\", "] if is_known(text) else []


def seisbench_names(columns: Iterable[str]) -> dict[str, str]:
    """Map STEAD's columns to SeisBench's; the trace name becomes ``trace_name_original``.

    >>> seisbench_names(["network_code", "trace_name", "mine"])
    {'network_code': 'station_network_code', 'trace_name': 'trace_name_original', 'mine': 'mine'}
    """
    renamed = {column: names[0] for column, names in NAMES.items()}
    renamed["trace_name"] = "trace_name_original"
    return {column: renamed.get(column, column) for column in columns}
