"""Scores by category of trace, and calibration: right by probability and by uncertainty."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from eqt.evaluation.tolerance import DetectionColumns, ToleranceScores, nearest_picks
from eqt.metrics import (
    PHASES,
    BootstrapConfig,
    Score,
    calibration_error,
    reliability,
    residual_figures,
    score_intervals,
    uncertainty_figures,
)
from eqt.picking.candidates import PickCandidates

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
    tolerance_scores: ToleranceScores,
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
    is_event = tolerance_scores.truth.is_event
    bins = {name: _bins(traces, name, is_event) for name in EDGES}
    bins["station"] = stations(traces["station"].to_numpy(object))
    phase_scores = tolerance_scores.picks[tolerance]
    counts = {"detection": tolerance_scores.detection}
    counts |= {phase: pick_scores.counts for phase, pick_scores in phase_scores.items()}
    # A generator: only the sparse columns of the cells are kept in memory.
    cells = (
        ((name, label, score_name), column.of_selection(mask))
        for name, masks in bins.items()
        for label, mask in masks.items()
        for score_name, column in counts.items()
    )
    bounds = score_intervals(cells, bootstrap)

    def row(name: str, label: str, mask: np.ndarray) -> dict[str, Any]:
        scores = {
            score_name: _score_row(column.score(mask), bounds[name, label, score_name])
            for score_name, column in counts.items()
        }
        for phase, pick_scores in phase_scores.items():
            residuals = pick_scores.matches.residuals[mask[pick_scores.traces]]
            scores[phase]["mae_s"] = residual_figures(residuals)["mae"]
        # Clusters of noise are not counted: a station has noise too.
        n_earthquakes = len(np.unique(bootstrap.clusters[mask & is_event]))
        return {"bin": label, "traces": int(mask.sum()), "earthquakes": n_earthquakes, **scores}

    return {
        name: [row(name, label, mask) for label, mask in masks.items()]
        for name, masks in bins.items()
    }


def _score_row(score: Score, bounds: Mapping[str, Any]) -> dict[str, Any]:
    row = {key: score.as_dict()[key] for key in ("precision", "recall", "f1", "tp", "fp", "fn")}
    return row | {"intervals": {key: bounds[key] for key in row if key in bounds}}


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
    # Of stations with equally many traces, the first by name.
    trace_counts = pd.Series(names).value_counts(sort=False).sort_index()
    trace_counts = trace_counts.sort_values(ascending=False, kind="stable")
    largest = trace_counts.index[:max_stations].tolist()
    bins = {str(station): names == station for station in largest}
    if len(trace_counts) > len(largest):
        bins[f"the other {len(trace_counts) - len(largest)}"] = ~np.isin(names, largest)
    return bins


def calibration(
    tolerance_scores: ToleranceScores,
    detections: DetectionColumns,
    candidates: PickCandidates,
    tolerance: float,
) -> dict[str, dict[str, Any]]:
    """Compute reliability tables: predicted probabilities against observed frequencies.

    For detection these are the highest probability of a trace, and whether it has an earthquake;
    for P and S the probability of each pick, and whether it is right within the tolerance.

    Returns
    -------
    dict
        For ``detection``, ``P`` and ``S``: ``ece``, the expected calibration error, and ``bins``,
        rows as of `eqt.metrics.reliability`.
    """
    tables = {"detection": reliability(candidates.highest[:, 0], tolerance_scores.truth.is_event)}
    for phase in PHASES:
        picks = detections.picks[phase]
        is_right = np.zeros(len(picks.trace), bool)
        is_right[tolerance_scores.picks[tolerance][phase].matches.picks] = True
        tables[phase] = reliability(picks.probability, is_right)
    return {
        name: {"ece": calibration_error(table), "bins": table.to_dict("records")}
        for name, table in tables.items()
    }


def uncertainty(
    tolerance_scores: ToleranceScores, detections: DetectionColumns, tolerance: float
) -> dict[str, dict[str, object]]:
    """Measure for P and S how well Monte Carlo uncertainty ranks the errors of picks.

    The nearest pick of each arrival counts, at any distance; see
    `eqt.metrics.uncertainty_figures`.
    """
    figures = {}
    for phase in PHASES:
        pairs = nearest_picks(tolerance_scores.truth, detections.picks[phase], phase)
        std = detections.picks[phase].uncertainty[pairs.picks]
        figures[phase] = uncertainty_figures(std, pairs.residuals, tolerance)
    return figures
