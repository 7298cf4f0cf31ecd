"""Figures of the position test: errors over the window, and over the second."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eqt.metrics import PHASES, TOLERANCE
from eqt.position_bias.tables import by_position, by_second
from eqt.position_bias.windows import PositionResult
from steadkit.plots.style import BLACK, BLUE, GREY, VERMILLION, show_message, styled
from steadkit.schema import N_SAMPLES, SAMPLING_RATE

COLOURS = {"P": BLUE, "S": VERMILLION}

MAX_POINTS = 4000
"""Points of a panel at most: more would overlap completely, and make a large file."""

MEDIAN_WIDTH = 15
"""Width of the running median, samples."""

ColumnOf = Callable[[pd.Series], np.ndarray]


@styled
def figures(result: PositionResult) -> dict[str, Figure]:
    """Draw errors against the position of P, ``window``, and folded modulo 100, ``second``."""
    return {"window": _window(result), "second": _second(result)}


def _window(result: PositionResult) -> Figure:
    figure = Figure(figsize=(9, 5))
    grid = figure.subplots(2, 2, sharex=True, height_ratios=(3, 1))
    table = by_position(result)
    for (upper, lower), phase in zip(grid.T, PHASES, strict=True):
        bins = table[table["phase"] == phase]
        _cloud(upper, result, phase, pd.Series.to_numpy, np.abs)
        _curve(upper, bins, "median_error", "median of a bin", "--")
        _curve(upper, bins, "mean_error", "mean of a bin", "-")
        upper.set_ylim(0, 100 * TOLERANCE)
        upper.set_title(f"{phase}: hits, within {TOLERANCE} s")
        upper.set_ylabel("absolute error (samples)")
        _curve(lower, bins, "hit_rate", "", "-")
        lower.set_ylim(0, 1.05)
        lower.set_xlim(0, N_SAMPLES)
        lower.set_ylabel("share of hits")
        lower.set_xlabel("sample at which P lies")
    grid[0, 0].legend(loc="upper right")
    return figure


def _second(result: PositionResult) -> Figure:
    figure = Figure(figsize=(9, 5))
    grid = figure.subplots(2, 2, sharex=True)
    table = by_second(result)
    for (upper, lower), phase in zip(grid.T, PHASES, strict=True):
        bins = table[table["phase"] == phase]
        _cloud(upper, result, phase, _folded, pd.Series.to_numpy)
        hits = result.hits(phase)
        upper.plot(*running_median(_folded(hits["position"]), hits["residual"]), color=BLACK, lw=1)
        upper.axhline(0, color=GREY, lw=0.5)
        upper.set_ylim(-100 * TOLERANCE, 100 * TOLERANCE)
        upper.set_title(f"{phase}: hits; the line is their running median")
        upper.set_ylabel("pick minus arrival (samples)")
        # The bin about the whole second is drawn at both ends.
        repeated = bins[bins["position"] == 0].assign(position=SAMPLING_RATE)
        closed_bins = pd.concat([bins, repeated])
        _curve(lower, closed_bins, "mean_error", "mean", "-")
        _curve(lower, closed_bins, "median_error", "median", "--")
        lower.set_ylim(bottom=0)
        lower.set_xlim(0, SAMPLING_RATE)
        lower.set_ylabel("absolute error (samples)")
        lower.set_xlabel("sample at which P lies, modulo 100")
    grid[1, 0].legend(loc="lower right")
    return figure


def _folded(position: pd.Series) -> np.ndarray:
    return position.to_numpy() % int(SAMPLING_RATE)


def _cloud(ax: Axes, result: PositionResult, phase: str, place: ColumnOf, size: ColumnOf) -> None:
    """Draw a point per hit, a random sample of them beyond ``MAX_POINTS``."""
    hits = result.hits(phase)
    if hits.empty:
        show_message(ax, "no hits")
        return
    if len(hits) > MAX_POINTS:
        hits = hits.sample(MAX_POINTS, random_state=result.seed)
    x, y = place(hits["position"]), size(hits["residual"])
    ax.plot(x, y, ".", color=COLOURS[phase], alpha=0.35, markersize=3, rasterized=True)


def _curve(ax: Axes, bins: pd.DataFrame, column: str, label: str, style: str) -> None:
    ax.plot(bins["position"], bins[column], style, color=BLACK, lw=1, label=label)


def running_median(place: np.ndarray, residual: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the running median over the samples of the second, with periodic boundaries.

    >>> place, residual = np.array([0, 99, 50]), pd.Series([1.0, 3.0, 9.0])
    >>> running_median(place, residual)[1][[0, 50]]
    array([2., 9.])
    """
    rate = int(SAMPLING_RATE)
    samples, values = np.arange(rate + 1), residual.to_numpy(float)
    medians = np.full(len(samples), np.nan)
    for sample in samples:
        distance = np.abs((place - sample + rate // 2) % rate - rate // 2)
        nearby = values[distance <= MEDIAN_WIDTH // 2]
        if len(nearby):
            medians[sample] = np.median(nearby)
    return samples, medians
