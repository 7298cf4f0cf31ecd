"""The same figures for kinds of traces: by SNR, distance, magnitude, depth and station."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from eqt.evaluation.tolerance import BootstrapConfig, ToleranceFigures
from eqt.metrics import ConfusionCounts, Score, intervals, residual_figures

INFINITY = float("inf")
EDGES: Mapping[str, tuple[float, ...]] = {
    "snr_db": (-INFINITY, 10, 20, 30, 40, 50, INFINITY),
    "source_distance_km": (-INFINITY, 25, 50, 75, 100, 150, INFINITY),
    "source_magnitude": (-INFINITY, 1, 2, 3, 4, INFINITY),
    "source_depth_km": (-INFINITY, 5, 10, 20, 40, INFINITY),
}
"""Where bins begin and end; a value on an edge belongs to the bin above."""

TITLES = {
    "snr_db": "SNR (dB)",
    "source_distance_km": "distance (km)",
    "source_magnitude": "magnitude",
    "source_depth_km": "depth (km)",
    "station": "station",
}
MAX_STATIONS = 10


def breakdown(
    honest: ToleranceFigures, traces: pd.DataFrame, tolerance: float, chance: BootstrapConfig
) -> dict[str, list[dict[str, Any]]]:
    """Tell detection, P and S apart by what is known of the traces.

    Noise has no distance, magnitude or depth, so bins of these, and of SNR, hold events alone; and
    what is wrong is what was found wrongly in their traces. A station has both.

    Parameters
    ----------
    honest
        What was judged.
    traces
        As `eqt.evaluation.tables.traces_table` makes them.
    tolerance
        Which of the tolerances to take, seconds.
    chance
        What intervals are drawn from.

    Returns
    -------
    dict
        For ``snr_db``, ``source_distance_km``, ``source_magnitude``, ``source_depth_km`` and
        ``station`` a row a bin that holds traces: ``bin``, ``traces``, ``earthquakes``, and for
        ``detection``, ``P`` and ``S`` counts, precision, recall and F1 with intervals.
    """
    bins = {name: _bins(traces, name, honest.truth.is_event) for name in EDGES}
    bins["station"] = stations(traces["station"].to_numpy(object))
    tallies = {"detection": honest.detection}
    tallies |= {phase: one.tally for phase, one in honest.picks[tolerance].items()}
    cells = {
        (name, label, kind): (tally, some)
        for name, of_name in bins.items()
        for label, some in of_name.items()
        for kind, tally in tallies.items()
    }
    each = (("|".join(key), _counts_of_traces(*cell)) for key, cell in cells.items())
    bounds = intervals(each, chance.groups, chance.resamples, chance.seed)
    sizes = {
        phase: (one.traces, one.matches.residuals) for phase, one in honest.picks[tolerance].items()
    }

    def row(name: str, label: str, some: np.ndarray) -> dict[str, Any]:
        kinds = {
            kind: _score_row(tally.score(some), bounds["|".join((name, label, kind))])
            for kind, tally in tallies.items()
        }
        for phase, (trace, residuals) in sizes.items():
            kinds[phase]["mae_s"] = residual_figures(residuals[some[trace]])["mae"]
        quakes = len(np.unique(chance.groups[some & honest.truth.is_event]))
        return {"bin": label, "traces": int(some.sum()), "earthquakes": quakes, **kinds}

    return {
        name: [row(name, label, some) for label, some in of_name.items()]
        for name, of_name in bins.items()
    }


def _bins(traces: pd.DataFrame, name: str, event: np.ndarray) -> dict[str, np.ndarray]:
    values = traces[name].to_numpy(float)
    bins = {
        _label(low, high): event & (low <= values) & (values < high)
        for low, high in pairwise(EDGES[name])
    }
    bins["unknown"] = event & np.isnan(values)
    return {label: some for label, some in bins.items() if some.any()}


def _label(low: float, high: float) -> str:
    """Name a bin.

    >>> _label(-INFINITY, 10), _label(10, 20), _label(50, INFINITY)
    ('below 10', '10 to 20', '50 or more')
    """
    if low == -INFINITY:
        return f"below {high:g}"
    return f"{low:g} or more" if high == INFINITY else f"{low:g} to {high:g}"


def stations(names: np.ndarray, most: int = MAX_STATIONS) -> dict[str, np.ndarray]:
    """Tell the traces of the stations with most of them, and those of all the others.

    >>> list(stations(np.array(["A", "B", "B"], dtype=object), 1))
    ['B', 'the other 1']
    """
    counted = (
        pd.Series(names)
        .value_counts(sort=False)
        .sort_index()
        .sort_values(ascending=False, kind="stable")
    )
    top = counted.index[:most].tolist()
    bins = {str(station): names == station for station in top}
    if len(counted) > len(top):
        bins[f"the other {len(counted) - len(top)}"] = ~np.isin(names, top)
    return bins


def _counts_of_traces(tally: ConfusionCounts, some: np.ndarray) -> ConfusionCounts:
    return ConfusionCounts(*(np.where(some, column, 0) for column in vars(tally).values()))


def _score_row(score: Score, bounds: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: bounds[key] for key in ("precision", "recall", "f1") if key in bounds}
    return {
        "precision": score.precision,
        "recall": score.recall,
        "f1": score.f1,
        "tp": score.tp,
        "fp": score.fp,
        "fn": score.fn,
        "intervals": kept,
    }
