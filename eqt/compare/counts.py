"""Outcomes of an evaluation, counted by trace and summed over each earthquake."""

import numpy as np
import pandas as pd

from eqt.compare.load import EvaluationTables
from eqt.metrics import OUTPUTS, TOLERANCE, study_errors, truth_of
from steadkit.schema import EVENT, NOISE, SAMPLING_RATE


def counts_of(evaluation: EvaluationTables, tolerance: float = TOLERANCE) -> pd.DataFrame:
    """Count the outcomes of each trace from which the measures are computed.

    Parameters
    ----------
    evaluation
        The evaluation.
    tolerance
        Seconds between pick and arrival within which the pick is right.

    Returns
    -------
    pandas.DataFrame
        A row per trace. ``d_``, ``p_``, ``s_`` with ``tp``, ``fp``, ``tn``, ``fn``: by the study,
        where any pick counts, from the rows of the published tester, with ``error``, ``square``
        (samples, samples squared) and ``errors``, their number. ``d_time_`` with ``tp``,
        ``fp``, ``fn``: traces with a detection by the corrected rules. ``p_time_``, ``s_time_``
        with ``tp``, ``fp``, ``fn`` and ``error`` (seconds): all picks by these, within the
        tolerance.
    """
    is_event = (evaluation.traces["trace_category"] == EVENT).to_numpy()
    columns: dict[str, np.ndarray] = {}
    for short, (_, name) in OUTPUTS.items():
        columns |= _presence_counts(
            short, is_event, evaluation.results[f"{name}_probability"].notna().to_numpy()
        )
    for short, errors in study_errors(evaluation.results).items():
        columns |= {
            f"{short}_errors": ~np.isnan(errors),
            f"{short}_error": np.nan_to_num(errors),
            f"{short}_square": np.nan_to_num(errors**2),
        }
    columns |= _presence_counts(
        "d_time", is_event, (evaluation.picks["number_of_detections"] > 0).to_numpy()
    )
    for phase in "PS":
        columns |= _tolerance_counts(evaluation, phase, tolerance)
    return pd.DataFrame(columns).astype(float)


def _presence_counts(
    prefix: str, is_event: np.ndarray, is_detected: np.ndarray
) -> dict[str, np.ndarray]:
    return {
        f"{prefix}_tp": is_event & is_detected,
        f"{prefix}_fp": ~is_event & is_detected,
        f"{prefix}_tn": ~is_event & ~is_detected,
        f"{prefix}_fn": is_event & ~is_detected,
    }


def _tolerance_counts(
    evaluation: EvaluationTables, phase: str, tolerance: float
) -> dict[str, np.ndarray]:
    """Count in each trace picks within the tolerance, wrong picks and missed arrivals of a phase.

    The nearest pick within the tolerance is the true positive of an arrival, all other picks are
    false positives.
    """
    arrivals = evaluation.traces[f"{phase.lower()}_s"].to_numpy(float)
    picks = evaluation.detections[evaluation.detections[f"{phase}_pick"].notna()]
    trace = pd.Index(evaluation.traces["trace_name"]).get_indexer(picks["trace_name"])
    seconds = picks[f"{phase}_pick"].to_numpy(float) / SAMPLING_RATE
    # Times are multiples of 0.01 s: without rounding, 0.5 may come out as 0.5000000001.
    distance = np.round(np.abs(seconds - arrivals[trace]), 6)
    nearest = np.full(len(arrivals), np.inf)
    np.fmin.at(nearest, trace, distance)
    is_right = nearest <= tolerance
    # A pick that may be an unlabelled arrival is neither right nor wrong.
    samples = SAMPLING_RATE * evaluation.traces[["p_s", "s_s"]].to_numpy(float)
    is_scorable = truth_of(*samples.T).can_judge(phase, trace, seconds) | (distance <= tolerance)
    prefix = f"{phase.lower()}_time"
    return {
        f"{prefix}_tp": is_right,
        f"{prefix}_fp": np.bincount(trace[is_scorable], minlength=len(arrivals)) - is_right,
        f"{prefix}_fn": ~np.isnan(arrivals) & ~is_right,
        f"{prefix}_error": np.where(is_right, nearest, 0),
    }


def by_earthquake(counts: pd.DataFrame, traces: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Sum counts over each earthquake; a noise trace is a group of its own.

    Parameters
    ----------
    counts
        A row per trace.
    traces
        The same traces: ``earthquake`` and ``trace_category``.

    Returns
    -------
    sums : pandas.DataFrame
        A row per group.
    is_noise : numpy.ndarray
        Which of the groups are noise, bool.
    """
    groups = [traces["trace_category"], traces["earthquake"]]
    sums = counts.groupby([group.to_numpy() for group in groups], sort=True).sum()
    return sums, (sums.index.get_level_values(0) == NOISE)
