"""One-to-one matching of picks with arrivals and of detections with earthquakes.

A trace may hold any number of earthquakes: STEAD lists one, superposed traces have more. Unmatched
picks and detections are false positives.
"""

from typing import NamedTuple

import numpy as np

from eqt.picking.rules import P_LEAD
from steadkit.labels import LabelConfig
from steadkit.schema import N_SAMPLES

TOLERANCE = 0.5
"""Maximum residual in seconds of a correct pick."""

IOU = 0.5
"""Minimum intersection over union of a correct detection and its earthquake."""


class Matches(NamedTuple):
    """Matched pairs of an arrival and a pick, by their numbers."""

    arrivals: np.ndarray
    picks: np.ndarray
    residuals: np.ndarray
    """Pick minus arrival, seconds."""


def match_picks(
    arrival_traces: np.ndarray,
    arrivals: np.ndarray,
    pick_traces: np.ndarray,
    picks: np.ndarray,
    tolerance: float = TOLERANCE,
    first: np.ndarray | None = None,
) -> Matches:
    """Match each arrival with at most one pick and each pick with at most one arrival.

    Parameters
    ----------
    arrival_traces, pick_traces
        The number of the trace of each, whole numbers from 0.
    arrivals, picks
        Seconds from the start of the trace.
    tolerance
        Seconds, the bound included; infinity takes any.
    first
        A number for each pick, the smallest of which choose first; by default the nearest do. For
        a precision-recall curve it is the probability, negative.

    Returns
    -------
    Matches
        In no particular order.

    >>> seconds = np.array([7.0, 30.0])
    >>> match_picks(np.array([0, 0]), seconds, np.array([0, 0]), np.array([7.2, 7.1])).picks
    array([1])
    """
    arrival, pick = _pairs(arrival_traces, pick_traces)
    residuals = picks[pick] - arrivals[arrival]
    # Seconds are hundredths: without rounding, 0.5 may turn out as 0.5000000001.
    distances = np.round(np.abs(residuals), 6)
    near = distances <= tolerance
    arrival, pick, distances = arrival[near], pick[near], distances[near]
    costs = distances if first is None else np.asarray(first, float)[pick]
    chosen = _pair_off(arrival, pick, costs, distances)
    arrival, pick = arrival[chosen], pick[chosen]
    return Matches(arrival, pick, picks[pick] - arrivals[arrival])


def match_detections(
    p: np.ndarray, s: np.ndarray, event_traces: np.ndarray, spans: np.ndarray, traces: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Match each earthquake with at most one detection of sufficient overlap.

    An earthquake lasts from P to S and 0.4 times as long again, as detectors are trained, inside
    the window. A detection is right where intersection over union of both is at least ``IOU``.
    Where S is not known the detection has to hold P, or begin within a second after it.

    Parameters
    ----------
    p, s
        Arrivals of the earthquakes in samples; NaN where not known.
    event_traces
        The number of the trace of each earthquake.
    spans
        First and last sample of each detection, shape (detections, 2).
    traces
        The number of the trace of each detection.

    Returns
    -------
    events, detections : numpy.ndarray
        The numbers of those that belong together.
    """
    event, detection = _pairs(event_traces, traces)
    start, end = spans[detection].T.astype(float)
    begin = np.ceil(p[event])
    stop = np.minimum(np.floor(s + LabelConfig().tail * (s - p)), N_SAMPLES - 1)[event]
    intersection = np.minimum(end, stop) - np.maximum(start, begin) + 1
    union = (end - start + 1) + (stop - begin + 1) - intersection
    iou = np.where(intersection > 0, intersection / union, 0)
    holds_p = (start - P_LEAD <= begin) & (begin <= end)
    right = np.where(np.isnan(stop), holds_p, iou >= IOU)
    event, detection, iou = event[right], detection[right], iou[right]
    chosen = _pair_off(event, detection, -iou, start[right])
    return event[chosen], detection[chosen]


def _pairs(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """List all pairs of one from each side that are of the same trace.

    >>> _pairs(np.array([2, 0, 2]), np.array([2, 1]))
    (array([0, 2]), array([0, 0]))
    """
    order = np.argsort(left, kind="stable")
    ordered = left[order]
    first, end = (np.searchsorted(ordered, right, side) for side in ("left", "right"))
    counts = end - first
    numbers = np.repeat(np.arange(len(right)), counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return order[np.repeat(first, counts) + within], numbers


def _pair_off(left: np.ndarray, right: np.ndarray, *costs: np.ndarray) -> np.ndarray:
    """Return the indices of a greedy matching: the cheapest pairs first, each member in one pair.

    Each pass accepts all pairs that are the cheapest of both their members, which gives the same
    result as accepting one pair after another.
    """
    remaining = np.lexsort((right, left, *costs[::-1]))
    chosen = []
    while len(remaining):
        left_ids, right_ids = left[remaining], right[remaining]
        best = _first_of(left_ids) & _first_of(right_ids)
        chosen.append(remaining[best])
        is_used = np.isin(left_ids, left_ids[best]) | np.isin(right_ids, right_ids[best])
        remaining = remaining[~is_used]
    return np.concatenate(chosen) if chosen else remaining


def _first_of(values: np.ndarray) -> np.ndarray:
    first = np.zeros(len(values), bool)
    first[np.unique(values, return_index=True)[1]] = True
    return first
