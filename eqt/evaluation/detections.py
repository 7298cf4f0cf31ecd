"""What was found in many traces, as columns, and how right it is."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from eqt.metrics import (
    ConfusionCounts,
    Matches,
    Truth,
    count_outcomes,
    match_detections,
    match_picks,
)
from eqt.picking.candidates import FLOOR, PickCandidates
from eqt.picking.picks import Detection, Thresholds
from steadkit.schema import SAMPLING_RATE

PHASES = ("P", "S")


class PickColumns(NamedTuple):
    """Picks of one phase, each column (picks,); seconds from the start of the trace."""

    trace: np.ndarray
    seconds: np.ndarray
    probability: np.ndarray
    uncertainty: np.ndarray


class DetectionColumns(NamedTuple):
    """Detections, the numbers of their traces, first and last samples, and their picks."""

    trace: np.ndarray
    spans: np.ndarray
    picks: dict[str, PickColumns]


class PickScores(NamedTuple):
    """Which picks are right, counted by trace."""

    matches: Matches
    traces: np.ndarray
    """The trace of each match."""
    tally: ConfusionCounts


def detection_columns(detections: list[list[Detection]]) -> DetectionColumns:
    """Lay out the detections of all traces as columns."""
    trace = np.repeat(np.arange(len(detections)), [len(one) for one in detections])
    every = [one for of_trace in detections for one in of_trace]
    spans = np.array([(one.start, one.end) for one in every], int).reshape(-1, 2)
    picks = {}
    for phase in PHASES:
        its = [getattr(one, phase.lower()) for one in every]
        rows = [(p.sample, p.probability, p.uncertainty) for p in its if p is not None]
        sample, *rest = np.array(rows, float).reshape(-1, 3).T
        has = np.array([p is not None for p in its], bool)
        picks[phase] = PickColumns(trace[has], sample / SAMPLING_RATE, *rest)
    return DetectionColumns(trace, spans, picks)


def picks_at_floor(candidates: PickCandidates, thresholds: Thresholds, phase: str) -> PickColumns:
    """List the picks of a phase down to the floor, in the detections at a threshold.

    Those that reach any higher threshold are what would have been picked at it; S depends on the
    threshold of P, which stands. Pairs are not preferred: what a low threshold adds would change
    the picks of a high one.
    """
    low = {phase.lower(): min(FLOOR, getattr(thresholds, phase.lower()))}
    at = Thresholds(**(vars(thresholds) | low))
    without_pairs = replace(candidates, rules=replace(candidates.rules, prefers_pair=False))
    return detection_columns(without_pairs.detections(at)).picks[phase]


def scorable_picks(truth: Truth, picked: PickColumns, phase: str, tolerance: float) -> PickColumns:
    """Return the picks that are right or wrong.

    A pick that may be an unlabelled arrival, and matches no labelled one, is neither.
    """
    is_judged = truth.can_judge(phase, picked.trace, picked.seconds)
    if not is_judged.all():
        matches = match_picks(*truth.arrivals(phase), picked.trace, picked.seconds, tolerance)
        is_judged[matches.picks] = True
    return PickColumns(*(column[is_judged] for column in picked))


def score(truth: Truth, picked: PickColumns, phase: str, tolerance: float) -> PickScores:
    """Tell which picks of a phase are right in time; one for an arrival, the nearest."""
    traces, seconds = truth.arrivals(phase)
    found = match_picks(traces, seconds, picked.trace, picked.seconds, tolerance)
    right = traces[found.arrivals]
    counted = count_outcomes(truth.traces, traces, picked.trace, right, truth.lacks(phase))
    return PickScores(found, right, counted)


def right_by_probability(
    truth: Truth, picked: PickColumns, phase: str, tolerance: float
) -> tuple[np.ndarray, int]:
    """Tell which picks are right where the most probable in time takes the arrival.

    So they are right at whatever threshold they reach; returned with the number of arrivals.
    """
    traces, seconds = truth.arrivals(phase)
    order = -picked.probability
    found = match_picks(traces, seconds, picked.trace, picked.seconds, tolerance, order)
    right = np.zeros(len(picked.trace), bool)
    right[found.picks] = True
    return right, len(traces)


def count_overlaps(truth: Truth, trace: np.ndarray, spans: np.ndarray) -> ConfusionCounts:
    """Count detections by whether they cover an earthquake; see `eqt.metrics.match_detections`."""
    _, right = match_detections(truth.p, truth.s, truth.trace, spans, trace)
    return count_outcomes(truth.traces, truth.trace, trace, trace[right])


def count_presence(truth: Truth, trace: np.ndarray) -> ConfusionCounts:
    """Count traces: with an earthquake or without, with a detection or without."""
    event = truth.is_event
    found = np.bincount(trace, minlength=truth.traces) > 0
    return count_outcomes(
        truth.traces, np.flatnonzero(event), np.flatnonzero(found), np.flatnonzero(event & found)
    )
