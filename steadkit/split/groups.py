"""Groups that a split keeps together: earthquake, station, cell or value of each trace."""

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
from steadkit.selection.strata import parse_stratum, value_groups
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


def split_columns(config: SplitConfig, csv_columns: Sequence[str]) -> list[str]:
    """Return the columns of the CSV that a split reads; earthquake columns only if present."""
    columns_of_type = {
        STATION: STATION_COLUMNS,
        REGION: COORDINATE_COLUMNS,
        TIME: (START,),
        EARTHQUAKE: (),
    }
    earthquake_columns = (*GROUP_COLUMNS, SOURCE_LIST)
    names = [*KEY_COLUMNS, *(column for column in earthquake_columns if column in csv_columns)]
    for group_type in config.by:
        names += columns_of_type.get(group_type, (group_type,))
    if config.uses_shares and TIME not in config.by:
        names += [csv_column(parse_stratum(spec)[0]) for spec in config.stratify]
    return list(dict.fromkeys(names))


def group_labels(table: pd.DataFrame, group_type: str, config: SplitConfig) -> np.ndarray:
    """Return the group of each trace, as text; an unknown one is a group of its own.

    Raises
    ------
    InputError
        A trace has no station or coordinates, and the split needs them.
    """
    if group_type == EARTHQUAKE:
        return link_earthquakes(earthquakes_of(table), table.get(SOURCE_LIST, []))
    if group_type == STATION:
        return _station_labels(table)
    if group_type == REGION:
        return _cell_labels(table, config.cell_degrees)
    return value_groups(table, group_type)


def link_earthquakes(labels: np.ndarray, lists: Sequence[str]) -> np.ndarray:
    """Merge the labels of earthquakes that share a trace (connected components).

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
    listed_labels = [f"{GROUP_COLUMNS[0]} {source}" for _, source in pairs]
    codes, names = pd.factorize(np.array([*labels, *listed_labels], dtype=object), sort=True)
    ends = np.unique([codes[[row for row, _ in pairs]], codes[len(labels) :]], axis=1)
    smallest = _smallest_connected_names(tuple(ends), len(names), np.arange(len(names)), names)
    return smallest[codes[: len(labels)]]


def _station_labels(table: pd.DataFrame) -> np.ndarray:
    network, receiver = (table[column].str.strip() for column in STATION_COLUMNS)
    _refuse_unknown(table, receiver.isin(MISSING).to_numpy(), "receiver_code")
    return ("station " + network + "." + receiver).to_numpy(dtype=object)


def trace_coordinates(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return latitude and longitude of each trace, degrees: source, or receiver of noise."""
    event = (table["trace_category"] == EVENT).to_numpy()
    source_lat, source_lon, lat, lon = (
        number_column(table, column) for column in COORDINATE_COLUMNS
    )
    latitudes, longitudes = np.where(event, source_lat, lat), np.where(event, source_lon, lon)
    is_unknown = ~(np.abs(latitudes) <= 90) | ~(np.abs(longitudes) <= 360)
    _refuse_unknown(table, is_unknown, "place (of the source, or of noise's receiver)")
    return latitudes, (longitudes + 180) % 360 - 180


def _cell_labels(table: pd.DataFrame, degrees: float) -> np.ndarray:
    """Return the cell of each trace, named by its south-western corner."""
    latitudes, longitudes = trace_coordinates(table)
    south = np.floor((latitudes + 90) / degrees) * degrees - 90
    west = np.floor((longitudes + 180) / degrees) * degrees - 180
    names = [f"cell {s:.4g} {w:.6g}" for s, w in zip(south, west, strict=True)]
    return np.array(names, dtype=object)


def _refuse_unknown(table: pd.DataFrame, is_unknown: np.ndarray, missing_value: str) -> None:
    if is_unknown.any():
        name = table["trace_name"].iloc[int(is_unknown.argmax())]
        raise InputError(
            f"{int(is_unknown.sum()):,} traces have no {missing_value}, {name!r} for one: "
            "split by something else or leave them out"
        )


def start_times(table: pd.DataFrame) -> np.ndarray:
    """Return the start time of each trace, datetime64, UTC, to the microsecond.

    Raises
    ------
    InputError
        A trace has no start time, or none that can be read.
    """
    times = time_column(table, START)
    _refuse_unknown(table, np.isnat(times), START)
    return times


def duplicate_waveforms(waveforms: Sequence[str]) -> np.ndarray:
    """Return a label per set of traces with the same samples; None for unique traces.

    >>> duplicate_waveforms(["00ff", "-", "00ff", "abcd", "-"]).tolist()
    ['waveform 00ff', None, 'waveform 00ff', None, None]
    """
    digests = pd.Series(list(waveforms), dtype=object)
    is_duplicate = digests.duplicated(keep=False) & (digests != UNKNOWN)
    return ("waveform " + digests).where(is_duplicate, None).to_numpy(dtype=object)


def join_groups(labels: Sequence[np.ndarray]) -> np.ndarray:
    """Join groups that have a trace in common (connected components).

    Parameters
    ----------
    labels
        For each group type, the group of every trace, or None. The first has no None, and joined
        groups take their smallest name of the first type.

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
    return _smallest_connected_names(ends, nodes, *coded[0])


def _smallest_connected_names(
    ends: tuple[np.ndarray, ...], n_nodes: int, codes: np.ndarray, names: Sequence[str]
) -> np.ndarray:
    """Return the smallest name in the component of each of the first `len(codes)` nodes.

    `ends` has both ends of every edge; `codes` are indices into `names`, which are sorted.
    """
    graph = coo_array((np.ones(len(ends[0]), np.int8), ends), shape=(n_nodes, n_nodes))
    _, component = connected_components(graph, directed=False)
    component = component[: len(codes)]
    smallest = np.full(component.max(initial=0) + 1, len(names))
    # Named by its smallest member: the number of a component would depend on the rows' order.
    np.minimum.at(smallest, component, codes)
    return np.asarray(names, dtype=object)[smallest[component]]
