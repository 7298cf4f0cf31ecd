"""What an evaluation counts, trace by trace, and summed over each earthquake."""

import numpy as np
import pandas as pd

from eqt.compare.load import EvaluationTables
from eqt.metrics import OUTPUTS, TOLERANCE, study_errors, truth_of
from steadkit.schema import EVENT, NOISE, SAMPLING_RATE


def counts_of(one: EvaluationTables, tolerance: float = TOLERANCE) -> pd.DataFrame:
    """Count in each trace what the measures are sums of.

    Parameters
    ----------
    one
        The evaluation.
    tolerance
        Seconds that a pick may be off and still be right.

    Returns
    -------
    pandas.DataFrame
        A row a trace. ``d_``, ``p_``, ``s_`` with ``tp``, ``fp``, ``tn``, ``fn``: by the study,
        where any pick counts, from the rows of the published tester, with ``error``, ``square``
        (samples, samples squared) and ``errors``, how many there are. ``d_time_`` with ``tp``,
        ``fp``, ``fn``: traces with a detection by the corrected rules. ``p_time_``, ``s_time_``
        with ``tp``, ``fp``, ``fn`` and ``error`` (seconds): all picks by these, within the
        tolerance.
    """
    event = (one.traces["trace_category"] == EVENT).to_numpy()
    columns: dict[str, np.ndarray] = {}
    for short, (_, name) in OUTPUTS.items():
        columns |= _presence_counts(
            short, event, one.results[f"{name}_probability"].notna().to_numpy()
        )
    for short, errors in study_errors(one.results).items():
        columns |= {
            f"{short}_errors": ~np.isnan(errors),
            f"{short}_error": np.nan_to_num(errors),
            f"{short}_square": np.nan_to_num(errors**2),
        }
    columns |= _presence_counts("d_time", event, (one.picks["number_of_detections"] > 0).to_numpy())
    for phase in "PS":
        columns |= _tolerance_counts(one, phase, tolerance)
    return pd.DataFrame(columns).astype(float)


def _presence_counts(
    prefix: str, event: np.ndarray, is_detected: np.ndarray
) -> dict[str, np.ndarray]:
    return {
        f"{prefix}_tp": event & is_detected,
        f"{prefix}_fp": ~event & is_detected,
        f"{prefix}_tn": ~event & ~is_detected,
        f"{prefix}_fn": event & ~is_detected,
    }


def _tolerance_counts(one: EvaluationTables, phase: str, tolerance: float) -> dict[str, np.ndarray]:
    """Count the picks of a phase in each trace: within the tolerance, others, missed arrivals."""
    arrivals = one.traces[f"{phase.lower()}_s"].to_numpy(float)
    picks = one.detections[one.detections[f"{phase}_pick"].notna()]
    trace = pd.Index(one.traces["trace_name"]).get_indexer(picks["trace_name"])
    seconds = picks[f"{phase}_pick"].to_numpy(float) / SAMPLING_RATE
    # Seconds are hundredths: without rounding, 0.5 may turn out as 0.5000000001.
    off = np.round(np.abs(seconds - arrivals[trace]), 6)
    nearest = np.full(len(arrivals), np.inf)
    np.fmin.at(nearest, trace, off)
    right = nearest <= tolerance
    # A pick that may be an unlabelled arrival is neither right nor wrong.
    samples = SAMPLING_RATE * one.traces[["p_s", "s_s"]].to_numpy(float)
    is_judged = truth_of(*samples.T).can_judge(phase, trace, seconds) | (off <= tolerance)
    prefix = f"{phase.lower()}_time"
    return {
        f"{prefix}_tp": right,
        f"{prefix}_fp": np.bincount(trace[is_judged], minlength=len(arrivals)) - right,
        f"{prefix}_fn": ~np.isnan(arrivals) & ~right,
        f"{prefix}_error": np.where(right, nearest, 0),
    }


def by_earthquake(counts: pd.DataFrame, traces: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Sum counts over each earthquake; a noise trace stands for itself.

    Parameters
    ----------
    counts
        A row a trace.
    traces
        The same traces: ``earthquake`` and ``trace_category``.

    Returns
    -------
    sums : pandas.DataFrame
        A row an earthquake.
    is_noise : numpy.ndarray
        Which of them are noise, bool.
    """
    groups = [traces["trace_category"], traces["earthquake"]]
    sums = counts.groupby([group.to_numpy() for group in groups], sort=True).sum()
    return sums, (sums.index.get_level_values(0) == NOISE)
