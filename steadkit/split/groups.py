"""What must not be torn apart: the earthquake, station, cell or value of each trace, and chains."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from steadkit.catalog import (
    GROUP_COLUMNS,
    KEY_COLUMNS,
    SOURCE_LIST,
    earthquakes_of,
    list_sources,
)
from steadkit.errors import InputError
from steadkit.expressions import csv_column
from steadkit.manifest import UNKNOWN
from steadkit.schema import EVENT, MISSING
from steadkit.selection.strata import parse_stratum
from steadkit.split.config import EARTHQUAKE, REGION, STATION, TIME, SplitConfig
from steadkit.types import number_column, time_column

STATION_COLUMNS = ("network_code", "receiver_code")
COORDINATE_COLUMNS = (
    "source_latitude",
    "source_longitude",
    "receiver_latitude",
    "receiver_longitude",
)
START = "trace_start_time"


def needed_columns(rule: SplitConfig, present: Sequence[str]) -> list[str]:
    """List the columns of the CSV that a split reads, those that tell the earthquake if present."""
    own = {STATION: STATION_COLUMNS, REGION: COORDINATE_COLUMNS, TIME: (START,), EARTHQUAKE: ()}
    telling = (*GROUP_COLUMNS, SOURCE_LIST)
    needed = [*KEY_COLUMNS, *(column for column in telling if column in present)]
    for what in rule.by:
        needed += own.get(what, (what,))
    if rule.uses_shares and TIME not in rule.by:
        needed += [csv_column(parse_stratum(spec)[0]) for spec in rule.stratify]
    return list(dict.fromkeys(needed))


def group_labels(table: pd.DataFrame, what: str, rule: SplitConfig) -> np.ndarray:
    """Name the group of each trace, as text; what is not known stands for itself.

    Raises
    ------
    InputError
        A trace has no station or no place, and the split goes by it.
    """
    if what == EARTHQUAKE:
        return link_earthquakes(earthquakes_of(table), table.get(SOURCE_LIST, []))
    if what == STATION:
        return _station_labels(table)
    if what == REGION:
        return _cell_labels(table, rule.cell_degrees)
    known = ~table[what].isin(MISSING)
    itself = "trace " + table["trace_name"]
    return (f"{what} " + table[what]).where(known, itself).to_numpy(dtype=object)


def link_earthquakes(labels: np.ndarray, lists: Sequence[str]) -> np.ndarray:
    """Merge the labels of earthquakes that share a trace, chain by chain.

    Parameters
    ----------
    labels
        The earthquake of each trace, from `earthquakes_of`.
    lists
        The ids of all earthquakes that a trace shows, ``['nc1' 'nc2']`` for example, or nothing.

    >>> quakes = np.array([f"source_id {name}" for name in ("a", "b", "c")], dtype=object)
    >>> link_earthquakes(quakes, ["", "['b' 'a']", "['c']"]).tolist()
    ['source_id a', 'source_id a', 'source_id c']
    """
    pairs = [(row, source) for row, text in enumerate(lists) for source in list_sources(text)]
    if not pairs:
        return labels
    listed = [f"{GROUP_COLUMNS[0]} {source}" for _, source in pairs]
    codes, names = pd.factorize(np.array([*labels, *listed], dtype=object), sort=True)
    ends = np.unique([codes[[row for row, _ in pairs]], codes[len(labels) :]], axis=1)
    graph = coo_array((np.ones(ends.shape[1], np.int8), tuple(ends)), shape=(len(names),) * 2)
    _, component = connected_components(graph, directed=False)
    smallest = np.full(len(names), len(names))
    np.minimum.at(smallest, component, np.arange(len(names)))
    return np.asarray(names, dtype=object)[smallest[component[codes[: len(labels)]]]]


def _station_labels(table: pd.DataFrame) -> np.ndarray:
    network, receiver = (table[column].str.strip() for column in STATION_COLUMNS)
    _refuse_unknown(table, receiver.isin(MISSING).to_numpy(), "receiver_code")
    return ("station " + network + "." + receiver).to_numpy(dtype=object)


def trace_coordinates(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Latitude and longitude of each trace, degrees: of the source, or of noise's receiver."""
    event = (table["trace_category"] == EVENT).to_numpy()
    source_lat, source_lon, lat, lon = (
        number_column(table, column) for column in COORDINATE_COLUMNS
    )
    latitudes, longitudes = np.where(event, source_lat, lat), np.where(event, source_lon, lon)
    wrong = ~(np.abs(latitudes) <= 90) | ~(np.abs(longitudes) <= 360)
    _refuse_unknown(table, wrong, "place (of the source, or of noise's receiver)")
    return latitudes, (longitudes + 180) % 360 - 180


def _cell_labels(table: pd.DataFrame, degrees: float) -> np.ndarray:
    """Name the cell by its south-western corner."""
    latitudes, longitudes = trace_coordinates(table)
    south = np.floor((latitudes + 90) / degrees) * degrees - 90
    west = np.floor((longitudes + 180) / degrees) * degrees - 180
    names = [f"cell {s:.4g} {w:.6g}" for s, w in zip(south, west, strict=True)]
    return np.array(names, dtype=object)


def _refuse_unknown(table: pd.DataFrame, unknown: np.ndarray, what: str) -> None:
    if unknown.any():
        name = table["trace_name"].iloc[int(unknown.argmax())]
        raise InputError(
            f"{int(unknown.sum()):,} traces have no {what}, {name!r} for one: "
            "split by something else or leave them out"
        )


def start_times(table: pd.DataFrame) -> np.ndarray:
    """Read when each trace starts, datetime64, UTC, to the microsecond.

    Raises
    ------
    InputError
        A trace has no start time, or none that can be read.
    """
    times = time_column(table, START)
    _refuse_unknown(table, np.isnat(times), START)
    return times


def duplicate_waveforms(waveforms: Sequence[str]) -> np.ndarray:
    """Name what traces with the same samples share; None where a trace has no twin.

    >>> duplicate_waveforms(["00ff", "-", "00ff", "abcd", "-"]).tolist()
    ['waveform 00ff', None, 'waveform 00ff', None, None]
    """
    digests = pd.Series(list(waveforms), dtype=object)
    twin = digests.duplicated(keep=False) & (digests != UNKNOWN)
    return ("waveform " + digests).where(twin, None).to_numpy(dtype=object)


def join_groups(labels: Sequence[np.ndarray]) -> np.ndarray:
    """Join groups that have a trace in common, chain by chain.

    Parameters
    ----------
    labels
        For each thing that keeps traces together, the group of every trace, or None. The first
        has no None, and what is joined goes by its smallest name in there.

    >>> quake = np.array(["e1", "e1", "e2", "e3"], dtype=object)
    >>> station = np.array(["A", "B", "B", "C"], dtype=object)
    >>> join_groups([quake, station]).tolist()
    ['e1', 'e1', 'e1', 'e3']
    """
    coded = [pd.factorize(column, sort=True) for column in labels]
    if all((codes < 0).all() for codes, _ in coded[1:]):
        return labels[0]
    traces, groups, nodes = [], [], len(labels[0])
    for codes, distinct in coded:
        known = np.flatnonzero(codes >= 0)
        traces.append(known)
        groups.append(codes[known] + nodes)
        nodes += len(distinct)
    ends = (np.concatenate(traces), np.concatenate(groups))
    graph = coo_array((np.ones(len(ends[0]), np.int8), ends), shape=(nodes, nodes))
    _, component = connected_components(graph, directed=False)
    component = component[: len(labels[0])]
    codes, distinct = coded[0]
    smallest = np.full(component.max(initial=0) + 1, len(distinct))
    np.minimum.at(smallest, component, codes)
    return np.asarray(distinct, dtype=object)[smallest[component]]
