"""Tolerance protocol: picks are right within a tolerance, with cluster bootstrap intervals."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from eqt.evaluation.detections import (
    DetectionColumns,
    PickColumns,
    count_overlaps,
    count_presence,
    right_by_probability,
)
from eqt.metrics import (
    IOU,
    PHASES,
    BootstrapConfig,
    ConfusionCounts,
    PickScores,
    Truth,
    average_precision,
    cluster_bootstrap,
    interval,
    is_within,
    match_picks,
    ratio,
    residual_figures,
    roc_auc,
    score_intervals,
    score_picks,
)
from eqt.picking.candidates import PickCandidates

RULE = f"a detection covers the earthquake's span, P to S + 0.4 (S - P), by IoU >= {IOU:g}"
PRESENCE_RULE = "a trace of an earthquake has a detection, anywhere"


class ToleranceFigures(NamedTuple):
    """Counts by trace of detection and presence, and pick scores for each tolerance and phase."""

    truth: Truth
    detection: ConfusionCounts
    presence: ConfusionCounts
    picks: Mapping[float, Mapping[str, PickScores]]


def score_detections(
    truth: Truth, detections: DetectionColumns, tolerances: Sequence[float]
) -> ToleranceFigures:
    """Score detections, and their picks at each tolerance in seconds."""
    return ToleranceFigures(
        truth,
        count_overlaps(truth, detections.trace, detections.spans),
        count_presence(truth, detections.trace),
        {
            tolerance: {
                phase: score_picks(truth, phase, picks.trace, picks.seconds, tolerance)
                for phase, picks in detections.picks.items()
            }
            for tolerance in tolerances
        },
    )


def tolerance_figures(
    tolerance_scores: ToleranceFigures,
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
        All picks down to the floor, P and S, of `eqt.evaluation.detections.picks_at_floor`.
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
    bounds = _bounds(tolerance_scores, bootstrap)
    is_event = tolerance_scores.truth.is_event
    areas = {
        "auc": roc_auc(candidates.highest[:, 0], is_event),
        "average_precision": average_precision(
            candidates.highest[:, 0], is_event, int(is_event.sum())
        ),
    }
    trace_figures = {
        "detection": {
            "rule": RULE,
            **_counts(tolerance_scores.detection, is_event, bounds["detection"]),
        },
        "presence": {
            "rule": PRESENCE_RULE,
            **_counts(tolerance_scores.presence, is_event, bounds["presence"]),
            **areas,
        },
    }
    residuals = _residual_bounds(tolerance_scores, bootstrap)
    return {
        f"{tolerance:g}": trace_figures
        | {
            phase: {
                **_counts(pick_scores.counts, is_event, bounds[f"{phase} {tolerance:g}"]),
                **_areas(tolerance_scores.truth, candidates, sweeps[phase], phase, tolerance),
                "residual_s": residual_figures(pick_scores.matches.residuals)
                | {"intervals": residuals[f"{phase} {tolerance:g}"]},
                "outliers": _outliers(
                    tolerance_scores.truth, detections.picks[phase], phase, tolerance
                ),
            }
            for phase, pick_scores in phase_scores.items()
        }
        for tolerance, phase_scores in tolerance_scores.picks.items()
    }


def _bounds(
    tolerance_scores: ToleranceFigures, bootstrap: BootstrapConfig
) -> dict[str, dict[str, tuple[float, float]]]:
    counts_by_name = {
        "detection": tolerance_scores.detection,
        "presence": tolerance_scores.presence,
    }
    counts_by_name |= {
        name: pick_scores.counts for name, pick_scores in _by_name(tolerance_scores).items()
    }
    return score_intervals(counts_by_name.items(), bootstrap)


def _by_name(tolerance_scores: ToleranceFigures) -> dict[str, PickScores]:
    return {
        f"{phase} {tolerance:g}": pick_scores
        for tolerance, phase_scores in tolerance_scores.picks.items()
        for phase, pick_scores in phase_scores.items()
    }


def _counts(
    counts: ConfusionCounts, is_event: np.ndarray, bounds: Mapping[str, Any]
) -> dict[str, Any]:
    score = counts.score()
    return {
        "precision": score.precision,
        "recall": score.recall,
        "f1": score.f1,
        "mcc": score.mcc,
        **vars(score),
        "fp_in_events": int(counts.fp[is_event].sum()),
        "fp_in_noise": int(counts.fp[~is_event].sum()),
        "intervals": dict(bounds),
    }


def _areas(
    truth: Truth, candidates: PickCandidates, picks: PickColumns, phase: str, tolerance: float
) -> dict[str, float]:
    """Areas: by the highest probability of a trace, and by the probabilities of picks."""
    is_right, n_arrivals = right_by_probability(truth, picks, phase, tolerance)
    has_arrival = np.bincount(truth.arrivals(phase)[0], minlength=truth.traces) > 0
    is_known = has_arrival | ~truth.lacks(phase)
    return {
        "auc": roc_auc(
            candidates.highest[is_known, 1 + PHASES.index(phase)], has_arrival[is_known]
        ),
        "average_precision": average_precision(picks.probability, is_right, n_arrivals),
    }


def _outliers(truth: Truth, picks: PickColumns, phase: str, tolerance: float) -> float:
    """Return the fraction of arrivals, in traces with picks, with no pick within the tolerance."""
    residuals = nearest_picks(truth, picks, phase).residuals
    return float((~is_within(residuals, tolerance)).mean()) if len(residuals) else float("nan")


def nearest_picks(truth: Truth, picks: PickColumns, phase: str) -> Any:
    """Match each arrival with its nearest pick, at any distance."""
    return match_picks(*truth.arrivals(phase), picks.trace, picks.seconds, float("inf"))


def _residual_bounds(
    tolerance_scores: ToleranceFigures, bootstrap: BootstrapConfig
) -> dict[str, dict[str, tuple[float, float]]]:
    """Bootstrap intervals of mean, sigma, MAE and RMSE of the right picks.

    All four follow from count, sum, sum of squares and sum of absolute values per trace, so only
    these four sums are resampled.
    """
    scores_by_name = _by_name(tolerance_scores)
    if not scores_by_name or not bootstrap.has_intervals:
        return {name: {} for name in scores_by_name}
    columns = []
    for pick_scores in scores_by_name.values():
        values = pick_scores.matches.residuals
        sums = (np.ones_like(values), values, values**2, np.abs(values))
        columns += [
            np.bincount(pick_scores.traces, column, tolerance_scores.truth.traces)
            for column in sums
        ]
    drawn = cluster_bootstrap(np.stack(columns, axis=1), bootstrap)
    bounds = {}
    for number, name in enumerate(scores_by_name):
        count, total, squares, absolute = drawn[:, 4 * number : 4 * number + 4].T
        mean = ratio(total, count)
        figures = {
            "mean": mean,
            "sigma": np.sqrt(np.maximum(ratio(squares, count) - mean**2, 0)),
            "mae": ratio(absolute, count),
            "rmse": np.sqrt(ratio(squares, count)),
        }
        bounds[name] = {key: interval(values) for key, values in figures.items()}
    return bounds
