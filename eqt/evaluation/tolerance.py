"""Tolerance protocol: picks are right within a tolerance, with cluster bootstrap intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from eqt.metrics import (
    IOU,
    PHASES,
    BootstrapConfig,
    ConfusionCounts,
    Matches,
    PickScores,
    Truth,
    average_precision,
    cluster_bootstrap,
    count_outcomes,
    interval,
    is_within,
    match_detections,
    match_picks,
    ratio,
    residual_figures,
    roc_auc,
    scorable_picks,
    score_intervals,
    score_picks,
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


RULE = f"a detection covers the earthquake's span, P to S + 0.4 (S - P), by IoU >= {IOU:g}"
PRESENCE_RULE = "a trace of an earthquake has a detection, anywhere"


class ToleranceScores(NamedTuple):
    """Counts by trace of detection and presence, and pick scores for each tolerance and phase."""

    truth: Truth
    detection: ConfusionCounts
    presence: ConfusionCounts
    picks: Mapping[float, Mapping[str, PickScores]]


def score_detections(
    truth: Truth, detections: DetectionColumns, tolerances: Sequence[float]
) -> ToleranceScores:
    """Score detections, and their picks at each tolerance in seconds."""
    is_detected = np.bincount(detections.trace, minlength=truth.traces) > 0
    picks = {
        tolerance: {
            phase: score_picks(truth, phase, picks.trace, picks.seconds, tolerance)
            for phase, picks in detections.picks.items()
        }
        for tolerance in tolerances
    }
    return ToleranceScores(
        truth,
        count_overlaps(truth, detections.trace, detections.spans),
        ConfusionCounts.of_traces(truth.is_event, is_detected),
        picks,
    )


def tolerance_figures(
    tolerance_scores: ToleranceScores,
    detections: DetectionColumns,
    candidates: PickCandidates,
    sweeps: Mapping[str, PickColumns],
    bootstrap: BootstrapConfig,
) -> dict[str, dict[str, Any]]:
    """Return all figures of the tolerance protocol, for each tolerance.

    Parameters
    ----------
    tolerance_scores, detections
        Result and argument of `score_detections`.
    candidates
        Have the highest probability of each trace.
    sweeps
        All picks down to the floor, P and S, of `picks_at_floor`.
    bootstrap
        Clusters, number of draws and seed of the intervals.

    Returns
    -------
    dict
        For each tolerance, ``"0.5"`` for example, ``detection``, ``presence``, ``P`` and ``S``:
        ``precision``, ``recall``, ``f1``, ``mcc``, ``tp``, ``fp``, ``fn``, ``tn``,
        ``fp_in_events`` and ``fp_in_noise``, ``intervals`` (95 %), areas, and of the right picks
        ``residual_s``. A true negative is a trace without an arrival and without a pick.
    """
    truth = tolerance_scores.truth
    is_event, highest = truth.is_event, candidates.highest[:, 0]
    scores_by_key = {
        (tolerance, phase): pick_scores
        for tolerance, phase_scores in tolerance_scores.picks.items()
        for phase, pick_scores in phase_scores.items()
    }
    counts: dict[Any, ConfusionCounts] = {
        "detection": tolerance_scores.detection,
        "presence": tolerance_scores.presence,
        **{key: pick_scores.counts for key, pick_scores in scores_by_key.items()},
    }
    bounds = score_intervals(counts.items(), bootstrap)
    residual_bounds = _residual_bounds(scores_by_key, truth.traces, bootstrap)

    figures = {
        key: {
            **column.score().as_dict(),
            "fp_in_events": column.score(is_event).fp,
            "fp_in_noise": column.score(~is_event).fp,
            "intervals": bounds[key],
        }
        for key, column in counts.items()
    }

    for (tolerance, phase), pick_scores in scores_by_key.items():
        residuals = residual_figures(pick_scores.matches.residuals)
        figures[tolerance, phase] |= {
            **_areas(truth, candidates, sweeps[phase], phase, tolerance),
            "residual_s": residuals | {"intervals": residual_bounds[tolerance, phase]},
            "outliers": _outliers(truth, detections.picks[phase], phase, tolerance),
        }
    trace_figures = {
        "detection": {"rule": RULE, **figures["detection"]},
        "presence": {
            "rule": PRESENCE_RULE,
            **figures["presence"],
            "auc": roc_auc(highest, is_event),
            "average_precision": average_precision(highest, is_event, int(is_event.sum())),
        },
    }
    return {
        f"{tolerance:g}": trace_figures
        | {phase: figures[tolerance, phase] for phase in phase_scores}
        for tolerance, phase_scores in tolerance_scores.picks.items()
    }


def nearest_picks(truth: Truth, picks: PickColumns, phase: str) -> Matches:
    """Match each arrival with its nearest pick, at any distance."""
    return match_picks(*truth.arrivals(phase), picks.trace, picks.seconds, float("inf"))


def _areas(
    truth: Truth, candidates: PickCandidates, picks: PickColumns, phase: str, tolerance: float
) -> dict[str, float]:
    """Areas: by the highest probability of a trace, and by the probabilities of picks."""
    is_right, n_arrivals = right_by_probability(truth, picks, phase, tolerance)
    has_arrival = np.bincount(truth.arrivals(phase)[0], minlength=truth.traces) > 0
    # A trace whose arrival nobody has picked is neither positive nor negative.
    is_known = has_arrival | ~truth.lacks(phase)
    highest = candidates.highest[is_known, 1 + PHASES.index(phase)]
    return {
        "auc": roc_auc(highest, has_arrival[is_known]),
        "average_precision": average_precision(picks.probability, is_right, n_arrivals),
    }


def _outliers(truth: Truth, picks: PickColumns, phase: str, tolerance: float) -> float:
    """Return the fraction of arrivals, in traces with picks, with no pick within the tolerance."""
    is_outlier = ~is_within(nearest_picks(truth, picks, phase).residuals, tolerance)
    return float(is_outlier.mean()) if len(is_outlier) else float("nan")


def _residual_bounds(
    scores_by_key: Mapping[Any, PickScores], n_traces: int, bootstrap: BootstrapConfig
) -> dict[Any, dict[str, tuple[float, float]]]:
    """Bootstrap intervals of mean, sigma, MAE and RMSE of the right picks.

    All four follow from count, sum, sum of squares and sum of absolute values per trace, so only
    these four sums are resampled.
    """
    if not bootstrap.has_intervals:
        return {key: {} for key in scores_by_key}
    columns = []
    for pick_scores in scores_by_key.values():
        values = pick_scores.matches.residuals
        terms = (np.ones_like(values), values, values**2, np.abs(values))
        columns += [np.bincount(pick_scores.traces, term, n_traces) for term in terms]
    drawn = cluster_bootstrap(np.stack(columns, axis=1), bootstrap)
    bounds = {}
    for number, key in enumerate(scores_by_key):
        count, *sums = drawn[:, 4 * number : 4 * number + 4].T
        mean, mean_square, mean_size = (ratio(total, count) for total in sums)
        figures = {
            "mean": mean,
            # Rounding may leave a variance of 0 slightly negative.
            "sigma": np.sqrt(np.maximum(mean_square - mean**2, 0)),
            "mae": mean_size,
            "rmse": np.sqrt(mean_square),
        }
        bounds[key] = {name: interval(values) for name, values in figures.items()}
    return bounds
