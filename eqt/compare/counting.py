"""What an evaluation counts, trace by trace, and summed over each earthquake."""

import numpy as np
import pandas as pd

from eqt.compare.reading import Evaluated
from eqt.metrics import TOLERANCE, truth_of
from steadkit.schema import EVENT, NOISE, SAMPLING_RATE


def counts_of(one: Evaluated, tolerance: float = TOLERANCE) -> pd.DataFrame:
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
        where any pick counts, with ``error``, ``square`` (seconds, seconds squared) and
        ``errors``, how many there are. ``p_time_``, ``s_time_`` with ``tp``, ``fp``, ``fn`` and
        ``error``: all picks, within the tolerance.
    """
    event = (one.traces["trace_category"] == EVENT).to_numpy()
    found = {"d": (one.picks["number_of_detections"] > 0).to_numpy()}
    found |= {phase.lower(): one.picks[f"{phase}_pick"].notna().to_numpy() for phase in "PS"}
    columns: dict[str, np.ndarray] = {}
    for short, there in found.items():
        columns |= {
            f"{short}_tp": event & there,
            f"{short}_fp": ~event & there,
            f"{short}_tn": ~event & ~there,
            f"{short}_fn": event & ~there,
        }
    for phase in "PS":
        short = phase.lower()
        error = one.picks[f"{phase}_error"].where(event & found[short]).to_numpy(float)
        columns |= {
            f"{short}_errors": ~np.isnan(error),
            f"{short}_error": np.nan_to_num(np.abs(error)),
            f"{short}_square": np.nan_to_num(error**2),
        }
        columns |= _in_time(one, phase, tolerance)
    return pd.DataFrame(columns).astype(float)


def _in_time(one: Evaluated, phase: str, tolerance: float) -> dict[str, np.ndarray]:
    """Count all picks of a phase as `eqt.metrics.timely` does, but trace by trace."""
    arrivals = one.traces[f"{phase.lower()}_s"].to_numpy(float)
    picks = one.detections[one.detections[f"{phase}_pick"].notna()]
    trace = pd.Index(one.traces["trace_name"]).get_indexer(picks["trace_name"])
    seconds = picks[f"{phase}_pick"].to_numpy(float) / SAMPLING_RATE
    # Seconds are hundredths: without rounding, 0.5 may turn out as 0.5000000001.
    off = np.round(np.abs(seconds - arrivals[trace]), 6)
    nearest = np.full(len(arrivals), np.inf)
    np.fmin.at(nearest, trace, off)
    right = nearest <= tolerance
    # One that may be an arrival which is not known is neither right nor wrong.
    samples = SAMPLING_RATE * one.traces[["p_s", "s_s"]].to_numpy(float)
    counts = truth_of(*samples.T).can_judge(phase, trace, seconds)
    counts |= off <= tolerance
    prefix = f"{phase.lower()}_time"
    return {
        f"{prefix}_tp": right,
        f"{prefix}_fp": np.bincount(trace[counts], minlength=len(arrivals)) - right,
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
