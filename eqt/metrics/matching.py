"""One-to-one matching of picks with arrivals and of detections with earthquakes.

A trace may hold any number of earthquakes: STEAD lists one, superposed traces have more. Unmatched
picks and detections are false positives.
"""

from typing import NamedTuple

import numpy as np

from eqt.metrics.scores import ConfusionCounts, count_outcomes
from eqt.picking.rules import P_LEAD
from steadkit.labels import LabelConfig
from steadkit.schema import N_SAMPLES, SAMPLING_RATE

TOLERANCE = 0.5
"""Maximum residual in seconds of a correct pick."""

PHASES = ("P", "S")

IOU = 0.5
"""Minimum intersection over union of a correct detection and its earthquake."""


class Truth(NamedTuple):
    """Earthquakes in order of their traces, each column of shape (earthquakes,)."""

    traces: int
    """How many traces there are, those without an earthquake too."""

    trace: np.ndarray
    p: np.ndarray
    s: np.ndarray
    """Arrivals in samples, NaN where not known."""

    def arrivals(self, phase: str) -> tuple[np.ndarray, np.ndarray]:
        """List the traces and the seconds of the arrivals of P or S that are known."""
        samples = self.p if phase == "P" else self.s
        known = ~np.isnan(samples)
        return self.trace[known], samples[known] / SAMPLING_RATE

    def unknown(self, phase: str) -> np.ndarray:
        """Return the numbers of the earthquakes whose P or S is not known."""
        return np.flatnonzero(np.isnan(self.p if phase == "P" else self.s))

    def lacks(self, phase: str) -> np.ndarray:
        """Return which traces have an earthquake whose P or S is not known, shape (traces,)."""
        return np.bincount(self.trace[self.unknown(phase)], minlength=self.traces) > 0

    def can_judge(self, phase: str, traces: np.ndarray, seconds: np.ndarray) -> np.ndarray:
        """Return which picks cannot be an unlabelled arrival.

        An unlabelled S lies anywhere after its P, and an unlabelled P anywhere before its S.

        Parameters
        ----------
        phase
            ``P`` or ``S``.
        traces, seconds
            Of each pick.

        >>> truth = list_earthquakes(np.array([600.0, 600.0]), np.array([900.0, np.nan]))
        >>> truth.can_judge("S", np.array([0, 1, 1]), np.array([30.0, 30.0, 2.0]))
        array([ True, False,  True])
        """
        unknown = self.unknown(phase)
        known_arrival = (self.s if phase == "P" else self.p)[unknown] / SAMPLING_RATE
        if phase == "P":
            bound = np.full(self.traces, -np.inf)
            np.maximum.at(bound, self.trace[unknown], known_arrival)
            return seconds > bound[traces]
        bound = np.full(self.traces, np.inf)
        np.minimum.at(bound, self.trace[unknown], known_arrival)
        return seconds < bound[traces]

    @property
    def is_event(self) -> np.ndarray:
        """Which traces have an earthquake, shape (traces,)."""
        return np.bincount(self.trace, minlength=self.traces) > 0


def list_earthquakes(p: np.ndarray, s: np.ndarray) -> Truth:
    """List the earthquakes of traces.

    Parameters
    ----------
    p, s
        Arrivals in samples, shape (traces,), or (traces, earthquakes) where some have several;
        NaN where there is none.

    >>> p = np.array([[600.0, 3000.0], [np.nan, np.nan]])
    >>> list_earthquakes(p, np.full((2, 2), np.nan)).trace
    array([0, 0])
    """
    p, s = (np.asarray(arrivals, float).reshape(len(arrivals), -1) for arrivals in (p, s))
    trace, column = np.nonzero(~(np.isnan(p) & np.isnan(s)))
    return Truth(len(p), trace, p[trace, column], s[trace, column])


class Matches(NamedTuple):
    """Matched pairs of an arrival and a pick, by their numbers."""

    arrivals: np.ndarray
    picks: np.ndarray
    residuals: np.ndarray
    """Pick minus arrival, seconds."""


class PickScores(NamedTuple):
    """Matches of picks with arrivals, and outcomes counted by trace."""

    matches: Matches
    traces: np.ndarray
    """The trace of each match."""
    counts: ConfusionCounts


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
    near = is_within(residuals, tolerance)
    arrival, pick, residuals = arrival[near], pick[near], residuals[near]
    distances = np.round(np.abs(residuals), 6)
    costs = distances if first is None else np.asarray(first, float)[pick]
    chosen = _pair_off(arrival, pick, costs, distances)
    return Matches(arrival[chosen], pick[chosen], residuals[chosen])


def is_within(residuals: np.ndarray, tolerance: float) -> np.ndarray:
    """Return which residuals are within a tolerance, both in seconds; NaN is not.

    >>> is_within(np.array([6.01 - 5.51, -0.51, np.nan]), 0.5)
    array([ True, False, False])
    """
    # Seconds are hundredths: without rounding, 0.5 may turn out as 0.5000000001.
    near: np.ndarray = np.round(np.abs(residuals), 6) <= tolerance
    return near


def score_picks(
    truth: Truth, phase: str, traces: np.ndarray, seconds: np.ndarray, tolerance: float
) -> PickScores:
    """Score the picks of a phase: the nearest pick within the tolerance matches an arrival.

    Parameters
    ----------
    truth
        The labelled earthquakes.
    phase
        ``P`` or ``S``.
    traces, seconds
        Of each pick.
    tolerance
        Maximum residual of a correct pick, seconds.
    """
    arrival_traces, arrivals = truth.arrivals(phase)
    matches = match_picks(arrival_traces, arrivals, traces, seconds, tolerance)
    match_traces = arrival_traces[matches.arrivals]
    counts = count_outcomes(truth.traces, arrival_traces, traces, match_traces, truth.lacks(phase))
    return PickScores(matches, match_traces, counts)


def scorable_picks(
    truth: Truth, phase: str, traces: np.ndarray, seconds: np.ndarray, tolerance: float
) -> np.ndarray:
    """Return which picks can be scored as right or wrong; the parameters are `score_picks`'s.

    A pick that may be an unlabelled arrival, and matches no labelled one, is neither.
    """
    is_scorable = truth.can_judge(phase, traces, seconds)
    if not is_scorable.all():
        matches = match_picks(*truth.arrivals(phase), traces, seconds, tolerance)
        is_scorable[matches.picks] = True
    return is_scorable


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
    # First and last whole sample of the earthquake, both included as in a detection.
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
    # Only pairs within a trace are listed: memory does not grow with the product of both sides.
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
    # lexsort orders by its last key first; ties are broken by the members, so that the result does
    # not depend on the order of the pairs.
    remaining = np.lexsort((right, left, *costs[::-1]))
    chosen = []
    while len(remaining):
        left_ids, right_ids = left[remaining], right[remaining]
        # Pairs are in order of cost: the first with a member is the cheapest of that member.
        best = np.zeros(len(remaining), bool)
        _, of_left = np.unique(left_ids, return_index=True)
        _, of_right = np.unique(right_ids, return_index=True)
        best[np.intersect1d(of_left, of_right, assume_unique=True)] = True
        chosen.append(remaining[best])
        is_used = np.isin(left_ids, left_ids[best]) | np.isin(right_ids, right_ids[best])
        remaining = remaining[~is_used]
    return np.concatenate(chosen) if chosen else remaining
