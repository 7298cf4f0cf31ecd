"""Scores by category of trace: SNR, distance, magnitude, depth and station."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from eqt.evaluation.tolerance import ToleranceFigures
from eqt.metrics import BootstrapConfig, ConfusionCounts, Score, residual_figures, score_intervals

INFINITY = float("inf")
EDGES: Mapping[str, tuple[float, ...]] = {
    "snr_db": (-INFINITY, 10, 20, 30, 40, 50, INFINITY),
    "source_distance_km": (-INFINITY, 25, 50, 75, 100, 150, INFINITY),
    "source_magnitude": (-INFINITY, 1, 2, 3, 4, INFINITY),
    "source_depth_km": (-INFINITY, 5, 10, 20, 40, INFINITY),
}
"""Edges of the bins; a value on an edge belongs to the bin above."""

TITLES = {
    "snr_db": "SNR (dB)",
    "source_distance_km": "distance (km)",
    "source_magnitude": "magnitude",
    "source_depth_km": "depth (km)",
    "station": "station",
}
MAX_STATIONS = 10


def breakdown(
    tolerance_scores: ToleranceFigures,
    traces: pd.DataFrame,
    tolerance: float,
    bootstrap: BootstrapConfig,
) -> dict[str, list[dict[str, Any]]]:
    """Score detection, P and S for each bin of the trace attributes, with bootstrap intervals.

    Noise has no distance, magnitude or depth, so bins of these, and of SNR, contain events alone,
    and false positives are those in event traces. A station has both.

    Parameters
    ----------
    tolerance_scores
        Counts by trace, and pick scores at each tolerance.
    traces
        The table of `eqt.evaluation.tables.traces_table`.
    tolerance
        One of the tolerances, seconds.
    bootstrap
        Clusters, number of draws and seed of the intervals.

    Returns
    -------
    dict
        For ``snr_db``, ``source_distance_km``, ``source_magnitude``, ``source_depth_km`` and
        ``station`` a row per bin that has traces: ``bin``, ``traces``, ``earthquakes``, and for
        ``detection``, ``P`` and ``S`` counts, precision, recall and F1 with intervals.
    """
    bins = {name: _bins(traces, name, tolerance_scores.truth.is_event) for name in EDGES}
    bins["station"] = stations(traces["station"].to_numpy(object))
    counts_by_name = {"detection": tolerance_scores.detection}
    counts_by_name |= {
        phase: scores.counts for phase, scores in tolerance_scores.picks[tolerance].items()
    }
    cells = {
        (name, label, score_name): (counts, mask)
        for name, of_name in bins.items()
        for label, mask in of_name.items()
        for score_name, counts in counts_by_name.items()
    }
    cell_counts = (("|".join(key), _counts_of_traces(*cell)) for key, cell in cells.items())
    bounds = score_intervals(cell_counts, bootstrap)
    residuals_by_phase = {
        phase: (scores.traces, scores.matches.residuals)
        for phase, scores in tolerance_scores.picks[tolerance].items()
    }

    def row(name: str, label: str, mask: np.ndarray) -> dict[str, Any]:
        row_scores = {
            score_name: _score_row(counts.score(mask), bounds["|".join((name, label, score_name))])
            for score_name, counts in counts_by_name.items()
        }
        for phase, (match_traces, residuals) in residuals_by_phase.items():
            row_scores[phase]["mae_s"] = residual_figures(residuals[mask[match_traces]])["mae"]
        n_earthquakes = len(np.unique(bootstrap.clusters[mask & tolerance_scores.truth.is_event]))
        return {"bin": label, "traces": int(mask.sum()), "earthquakes": n_earthquakes, **row_scores}

    return {
        name: [row(name, label, mask) for label, mask in of_name.items()]
        for name, of_name in bins.items()
    }


def _bins(traces: pd.DataFrame, name: str, event: np.ndarray) -> dict[str, np.ndarray]:
    values = traces[name].to_numpy(float)
    bins = {
        _label(low, high): event & (low <= values) & (values < high)
        for low, high in pairwise(EDGES[name])
    }
    bins["unknown"] = event & np.isnan(values)
    return {label: mask for label, mask in bins.items() if mask.any()}


def _label(low: float, high: float) -> str:
    """Name a bin.

    >>> _label(-INFINITY, 10), _label(10, 20), _label(50, INFINITY)
    ('below 10', '10 to 20', '50 or more')
    """
    if low == -INFINITY:
        return f"below {high:g}"
    return f"{low:g} or more" if high == INFINITY else f"{low:g} to {high:g}"


def stations(names: np.ndarray, max_stations: int = MAX_STATIONS) -> dict[str, np.ndarray]:
    """Return trace masks of the stations with most traces, and one mask for all other stations.

    >>> list(stations(np.array(["A", "B", "B"], dtype=object), 1))
    ['B', 'the other 1']
    """
    trace_counts = (
        pd.Series(names)
        .value_counts(sort=False)
        .sort_index()
        .sort_values(ascending=False, kind="stable")
    )
    largest = trace_counts.index[:max_stations].tolist()
    bins = {str(station): names == station for station in largest}
    if len(trace_counts) > len(largest):
        bins[f"the other {len(trace_counts) - len(largest)}"] = ~np.isin(names, largest)
    return bins


def _counts_of_traces(counts: ConfusionCounts, mask: np.ndarray) -> ConfusionCounts:
    return ConfusionCounts(*(np.where(mask, column, 0) for column in vars(counts).values()))


def _score_row(score: Score, bounds: Mapping[str, Any]) -> dict[str, Any]:
    score_bounds = {key: bounds[key] for key in ("precision", "recall", "f1") if key in bounds}
    return {
        "precision": score.precision,
        "recall": score.recall,
        "f1": score.f1,
        "tp": score.tp,
        "fp": score.fp,
        "fn": score.fn,
        "intervals": score_bounds,
    }
