"""Detections and picks of many traces as columns, and their scores."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from eqt.metrics import (
    PHASES,
    ConfusionCounts,
    Truth,
    count_outcomes,
    match_detections,
    match_picks,
    scorable_picks,
)
from eqt.picking.candidates import FLOOR, PickCandidates
from eqt.picking.picks import Detection, Thresholds
from steadkit.schema import SAMPLING_RATE


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


def detection_columns(detections: list[list[Detection]]) -> DetectionColumns:
    """Return the detections of all traces as columns."""
    trace = np.repeat(np.arange(len(detections)), [len(detection) for detection in detections])
    all_detections = [detection for of_trace in detections for detection in of_trace]
    spans = np.array(
        [(detection.start, detection.end) for detection in all_detections], int
    ).reshape(-1, 2)
    picks = {}
    for phase in PHASES:
        phase_picks = [getattr(detection, phase.lower()) for detection in all_detections]
        rows = [(p.sample, p.probability, p.uncertainty) for p in phase_picks if p is not None]
        sample, *columns = np.array(rows, float).reshape(-1, 3).T
        has_pick = np.array([p is not None for p in phase_picks], bool)
        picks[phase] = PickColumns(trace[has_pick], sample / SAMPLING_RATE, *columns)
    return DetectionColumns(trace, spans, picks)


def picks_at_floor(candidates: PickCandidates, thresholds: Thresholds, phase: str) -> PickColumns:
    """Return the picks of a phase down to the floor, in the detections at a threshold.

    The subset above any higher threshold equals the picks at that threshold; S depends on the
    threshold of P, which stays as it is. Pairs are not preferred: the picks that a low threshold
    adds would change those of a high one.
    """
    floor = {phase.lower(): min(FLOOR, getattr(thresholds, phase.lower()))}
    low_thresholds = Thresholds(**(vars(thresholds) | floor))
    without_pairs = replace(candidates, rules=replace(candidates.rules, prefers_pair=False))
    return detection_columns(without_pairs.detections(low_thresholds)).picks[phase]


def drop_unknown(truth: Truth, picks: PickColumns, phase: str, tolerance: float) -> PickColumns:
    """Drop the picks that may be unlabelled arrivals, see `eqt.metrics.scorable_picks`."""
    is_scorable = scorable_picks(truth, phase, picks.trace, picks.seconds, tolerance)
    return PickColumns(*(column[is_scorable] for column in picks))


def right_by_probability(
    truth: Truth, picks: PickColumns, phase: str, tolerance: float
) -> tuple[np.ndarray, int]:
    """Match each arrival with its most probable pick within the tolerance.

    The match does not depend on the threshold, as that of the nearest pick would, so one pass
    serves a complete precision-recall curve.

    Returns
    -------
    is_right : numpy.ndarray
        Shape (picks,), bool.
    n_arrivals : int
        Number of arrivals.
    """
    traces, seconds = truth.arrivals(phase)
    order = -picks.probability
    matches = match_picks(traces, seconds, picks.trace, picks.seconds, tolerance, order)
    is_right = np.zeros(len(picks.trace), bool)
    is_right[matches.picks] = True
    return is_right, len(traces)


def count_overlaps(truth: Truth, trace: np.ndarray, spans: np.ndarray) -> ConfusionCounts:
    """Count detections by whether they cover an earthquake; see `eqt.metrics.match_detections`."""
    _, is_match = match_detections(truth.p, truth.s, truth.trace, spans, trace)
    return count_outcomes(truth.traces, truth.trace, trace, trace[is_match])


def count_presence(truth: Truth, trace: np.ndarray) -> ConfusionCounts:
    """Count traces by whether they have an earthquake and whether they have a detection."""
    is_detected = np.bincount(trace, minlength=truth.traces) > 0
    return ConfusionCounts.of_traces(truth.is_event, is_detected)
