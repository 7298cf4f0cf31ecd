"""The honest protocol: what was found counts where it belongs, and chance has its bounds."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from eqt.evaluation.detections import (
    PHASES,
    DetectionColumns,
    PickColumns,
    PickScores,
    count_overlaps,
    count_presence,
    right_by_probability,
    score,
)
from eqt.metrics import (
    IOU,
    RESAMPLES,
    ConfusionCounts,
    Truth,
    average_precision,
    interval,
    intervals,
    match_picks,
    resampled,
    residual_figures,
    roc_auc,
)
from eqt.picking.candidates import PickCandidates

RULE = f"a detection covers the earthquake's span, P to S + 0.4 (S - P), by IoU >= {IOU:g}"
PRESENCE_RULE = "a trace of an earthquake has a detection, anywhere"


class BootstrapConfig(NamedTuple):
    """What intervals are drawn from."""

    groups: np.ndarray
    """The number of the earthquake of each trace."""
    resamples: int = RESAMPLES
    seed: int = 0


class ToleranceFigures(NamedTuple):
    """Counts by trace of detection and presence, and judged picks for each tolerance and phase."""

    truth: Truth
    detection: ConfusionCounts
    presence: ConfusionCounts
    picks: Mapping[float, Mapping[str, PickScores]]


def score_detections(
    truth: Truth, found: DetectionColumns, tolerances: Sequence[float]
) -> ToleranceFigures:
    """Judge what was found at each tolerance, seconds."""
    return ToleranceFigures(
        truth,
        count_overlaps(truth, found.trace, found.spans),
        count_presence(truth, found.trace),
        {
            one: {phase: score(truth, found.picks[phase], phase, one) for phase in PHASES}
            for one in tolerances
        },
    )


def tolerance_figures(
    honest: ToleranceFigures,
    found: DetectionColumns,
    candidates: PickCandidates,
    sweeps: Mapping[str, PickColumns],
    chance: BootstrapConfig,
) -> dict[str, dict[str, Any]]:
    """Name all figures of the honest protocol, for each tolerance.

    Parameters
    ----------
    honest, found
        What `score_detections` says of what was found.
    candidates
        For the highest probability of each trace.
    sweeps
        All picks down to the floor, P and S, of `eqt.evaluation.detections.picks_at_floor`.
    chance
        What intervals are drawn from.

    Returns
    -------
    dict
        For each tolerance, ``"0.5"`` for example, ``detection``, ``presence``, ``P`` and ``S``:
        ``precision``, ``recall``, ``f1``, ``mcc``, ``tp``, ``fp``, ``fn``, ``tn``,
        ``fp_in_events`` and ``fp_in_noise``, ``intervals`` (95 %), areas, and of the right picks
        ``residual_s``. A true negative is a trace without an arrival in which nothing was found.
    """
    bounds = _bounds(honest, chance)
    event = honest.truth.is_event
    areas = {
        "auc": roc_auc(candidates.highest[:, 0], event),
        "average_precision": average_precision(candidates.highest[:, 0], event, int(event.sum())),
    }
    whole = {
        "detection": {"rule": RULE, **_counts(honest.detection, event, bounds["detection"])},
        "presence": {
            "rule": PRESENCE_RULE,
            **_counts(honest.presence, event, bounds["presence"]),
            **areas,
        },
    }
    residuals = _residual_bounds(honest, chance)
    return {
        f"{tolerance:g}": whole
        | {
            phase: {
                **_counts(one.tally, event, bounds[f"{phase} {tolerance:g}"]),
                **_areas(honest.truth, candidates, sweeps[phase], phase, tolerance),
                "residual_s": residual_figures(one.matches.residuals)
                | {"intervals": residuals[f"{phase} {tolerance:g}"]},
                "outliers": _outliers(honest.truth, found.picks[phase], phase, tolerance),
            }
            for phase, one in phases.items()
        }
        for tolerance, phases in honest.picks.items()
    }


def _bounds(
    honest: ToleranceFigures, chance: BootstrapConfig
) -> dict[str, dict[str, tuple[float, float]]]:
    tallies = {"detection": honest.detection, "presence": honest.presence}
    tallies |= {name: one.tally for name, one in _by_name(honest).items()}
    return intervals(tallies.items(), chance.groups, chance.resamples, chance.seed)


def _by_name(honest: ToleranceFigures) -> dict[str, PickScores]:
    return {
        f"{phase} {tolerance:g}": one
        for tolerance, phases in honest.picks.items()
        for phase, one in phases.items()
    }


def _counts(tally: ConfusionCounts, event: np.ndarray, bounds: Mapping[str, Any]) -> dict[str, Any]:
    score = tally.score()
    return {
        "precision": score.precision,
        "recall": score.recall,
        "f1": score.f1,
        "mcc": score.mcc,
        **vars(score),
        "fp_in_events": int(tally.fp[event].sum()),
        "fp_in_noise": int(tally.fp[~event].sum()),
        "intervals": dict(bounds),
    }


def _areas(
    truth: Truth, candidates: PickCandidates, picked: PickColumns, phase: str, tolerance: float
) -> dict[str, float]:
    """Areas: by the highest probability of a trace, and by the probabilities of picks."""
    right, there = right_by_probability(truth, picked, phase, tolerance)
    has = np.bincount(truth.arrivals(phase)[0], minlength=truth.traces) > 0
    known = has | ~truth.lacks(phase)
    return {
        "auc": roc_auc(candidates.highest[known, 1 + PHASES.index(phase)], has[known]),
        "average_precision": average_precision(picked.probability, right, there),
    }


def _outliers(truth: Truth, picked: PickColumns, phase: str, tolerance: float) -> float:
    """Tell of the arrivals whose trace has a pick the share whose nearest is off by more."""
    sizes = np.abs(nearest_picks(truth, picked, phase).residuals)
    return float((np.round(sizes, 6) > tolerance).mean()) if len(sizes) else float("nan")


def nearest_picks(truth: Truth, picked: PickColumns, phase: str) -> Any:
    """Give each arrival its nearest pick, however far it is off."""
    return match_picks(*truth.arrivals(phase), picked.trace, picked.seconds, float("inf"))


def _residual_bounds(
    honest: ToleranceFigures, chance: BootstrapConfig
) -> dict[str, dict[str, tuple[float, float]]]:
    """Bound mean, sigma, mean absolute error and root mean square of the right picks."""
    named = _by_name(honest)
    if not named or not chance.resamples or chance.groups.max(initial=0) == 0:
        return {name: {} for name in named}
    columns = []
    for one in named.values():
        values = one.matches.residuals
        sums = (np.ones_like(values), values, values**2, np.abs(values))
        columns += [np.bincount(one.traces, column, honest.truth.traces) for column in sums]
    drawn = resampled(chance.groups, np.stack(columns, axis=1), chance.resamples, chance.seed)
    bounds = {}
    for number, name in enumerate(named):
        count, total, squares, sizes = drawn[:, 4 * number : 4 * number + 4].T
        count = np.where(count, count, np.nan)
        mean = total / count
        figures = {
            "mean": mean,
            "sigma": np.sqrt(np.maximum(squares / count - mean**2, 0)),
            "mae": sizes / count,
            "rmse": np.sqrt(squares / count),
        }
        bounds[name] = {key: interval(values) for key, values in figures.items()}
    return bounds
