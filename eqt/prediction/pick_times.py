"""Matching of arrivals with picks by time, at receivers with records of any length.

Tables have the columns ``receiver`` and ``time_ns``, in ns since 1970, in any order.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from eqt.metrics import ConfusionCounts, Matches, count_outcomes, match_picks

COLUMNS = ["receiver", "time_ns"]


def match_times(
    arrivals: pd.DataFrame,
    picks: pd.DataFrame,
    tolerance: float,
    first: np.ndarray | None = None,
) -> Matches:
    """Match arrivals one to one with picks of the same receiver, by `eqt.metrics.match_picks`.

    Parameters
    ----------
    arrivals, picks
        Of one phase.
    tolerance, first
        See `eqt.metrics.match_picks`.

    Returns
    -------
    Matches
        Rows of both tables, counted from 0.

    >>> def times(*milliseconds):
    ...     ns = [10**6 * time for time in milliseconds]
    ...     return pd.DataFrame({"receiver": ["XX.ABC"] * len(ns), "time_ns": ns})
    >>> match_times(times(1000), times(600, 1200, 1500), 0.5).picks
    array([1])
    """
    # To the microsecond, as `eqt.metrics.is_within` rounds.
    reach_ns = round(tolerance * 1e9) + 1000
    is_near = np.abs(nearest(picks, arrivals).offset_ns) <= reach_ns
    near = np.flatnonzero(is_near)
    rows = pd.concat([arrivals[COLUMNS], picks[COLUMNS].iloc[near]], ignore_index=True)
    groups, seconds = _group_near(rows, reach_ns)
    n = len(arrivals)
    matches = match_picks(
        *(groups[:n], seconds[:n], groups[n:], seconds[n:], tolerance),
        first=None if first is None else first[near],
    )
    return matches._replace(picks=near[matches.picks])


def _group_near(rows: pd.DataFrame, reach_ns: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the group of each time, beyond which nothing matches, and its seconds in the group.

    `match_picks` compares all pairs of a group: those of a month would not fit into memory.
    """
    receiver, time = pd.factorize(rows["receiver"])[0], rows["time_ns"].to_numpy()
    order = np.lexsort((time, receiver))
    receiver, time = receiver[order], time[order]
    is_new = np.ones(len(rows), bool)
    is_new[1:] = (np.diff(receiver) != 0) | (np.diff(time) > reach_ns)
    numbers = np.cumsum(is_new) - 1
    groups, seconds = np.empty(len(rows), int), np.empty(len(rows))
    groups[order] = numbers
    seconds[order] = (time - time[is_new][numbers]) / 1e9
    return groups, seconds


class Nearest(NamedTuple):
    """Row of the nearest target of each query, and target minus query."""

    rows: np.ndarray
    """-1 where the receiver has no target."""
    offset_ns: np.ndarray
    """Float64; infinite where the receiver has no target."""


def nearest(queries: pd.DataFrame, targets: pd.DataFrame) -> Nearest:
    """Find the nearest target of the same receiver, before or after, of each query."""
    # One type: pandas has several of text, an empty table another than a full one.
    ordered_queries, ordered_targets = (
        table[COLUMNS]
        .astype({"receiver": "str"})
        .assign(row=np.arange(len(table)))
        .sort_values("time_ns", kind="stable")
        for table in (queries, targets)
    )
    found = pd.merge_asof(
        ordered_queries,
        ordered_targets,
        on="time_ns",
        by="receiver",
        direction="nearest",
        suffixes=("", "_target"),
    )
    rows = np.full(len(queries), -1)
    rows[found["row"]] = found["row_target"].fillna(-1).to_numpy(int)
    has_target = rows >= 0
    offset_ns = np.full(len(queries), np.inf)
    offset_ns[has_target] = (
        targets["time_ns"].to_numpy()[rows[has_target]] - queries["time_ns"].to_numpy()[has_target]
    )
    return Nearest(rows, offset_ns)


def count_by(
    arrival_keys: np.ndarray, pick_keys: np.ndarray, matches: Matches, n_keys: int
) -> ConfusionCounts:
    """Count outcomes by hour, receiver or another key; a matched pick has that of its arrival.

    Parameters
    ----------
    arrival_keys, pick_keys
        Number of the key of each, from 0.
    matches
        From `match_times`.
    n_keys
        Number of keys.
    """
    matched = arrival_keys[matches.arrivals]
    found = pick_keys.copy()
    found[matches.picks] = matched
    return count_outcomes(n_keys, arrival_keys, found, matched)
