"""Report of the position test: a section of a page, and files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eqt.metrics import PHASES, TOLERANCE
from eqt.plots import html
from eqt.position_bias.bias import by_position, by_second, snapped, summary
from eqt.position_bias.windows import PositionResult
from steadkit.atomic import write_text
from steadkit.plots import save
from steadkit.plots.style import BLACK, BLUE, GREY, VERMILLION, show_message, styled
from steadkit.schema import N_SAMPLES, SAMPLING_RATE

CAPTIONS = {
    "window": "Errors and hits by where in the window P lies.",
    "second": "Errors by P's place in the second: even without bias.",
}

CHANCE_SNAPPED = 0.03
"""Fraction of picks within a sample of a whole second if picks are independent of it."""

TITLE = "Wherever P lies"


def position_section(result: PositionResult) -> str:
    """Return a section of a page: verdicts, the summary table and both figures."""
    blocks = [html.paragraph(_method(result)), html.bullets(verdicts(result))]
    table = summary(result).rename(columns=lambda name: name.replace("_", " "))
    blocks.append(html.table(table, "Errors in samples of 10 ms."))
    for name, figure in figures(result).items():
        blocks.append(html.picture(figure, CAPTIONS[name]))
    return html.section(TITLE, *blocks)


def _method(result: PositionResult) -> str:
    events, windows = result.rows_of("P")["trace_name"].nunique(), len(result.rows_of("P"))
    count = result.left_out
    left_out_text = f" {count} event{'s' if count > 1 else ''} could not be moved." if count else ""
    return (
        f"{events} events were cut anew, so that P comes at other samples: {windows} windows. A "
        "pick is the most probable sample of a window; a hit lies within 0.5 s and above the "
        f"threshold (P {result.thresholds.p:g}, S {result.thresholds.s:g}).{left_out_text}"
    )


def verdicts(result: PositionResult) -> list[str]:
    """Return sentences on whether the position matters, for each phase."""
    lines = []
    for phase in PHASES:
        hits = result.hits(phase)
        # Three standard deviations of a binomial count above its expectation.
        max_by_chance = CHANCE_SNAPPED + 3 * np.sqrt(
            CHANCE_SNAPPED * (1 - CHANCE_SNAPPED) / max(len(hits), 1)
        )
        if (share := snapped(hits)) > max_by_chance:
            lines.append(
                f"{phase}: {share:.0%} of the hits are picked on a whole second where the arrival "
                f"is on none; without bias it were {CHANCE_SNAPPED:.0%} at most."
            )
        for name, bias in result.bias[phase].items():
            if bias.share != bias.share:  # NaN: there is nothing to compare
                continue
            verdict = "matters" if bias.is_real else "cannot be told to matter"
            lines.append(
                f"{phase}: P's place in the {name} {verdict}: it explains {bias.share:.0%} of the "
                f"errors' variance within traces; by chance as much {bias.chance:.1%} of the time."
            )
    return lines or ["Too few picks are right to judge."]


def write_position_test(
    result: PositionResult, folder: Path, overwrite: bool = False
) -> list[Path]:
    """Write the tables and figures into a folder.

    ``position_windows.csv`` has a row per window and phase, ``position.csv`` and
    ``position_second.csv`` are the tables of `by_position` and `by_second`,
    ``position_summary.csv`` that of `summary`; the figures are ``position_window.png`` and
    ``position_second.png``.

    Raises
    ------
    InputError
        A file exists (and `overwrite` is false), or the folder cannot be written.
    """
    tables = {
        "position_windows": result.windows,
        "position": by_position(result),
        "position_second": by_second(result),
        "position_summary": summary(result),
    }
    written = []
    for name, table in tables.items():
        written.append(folder / f"{name}.csv")
        write_text(written[-1], table.to_csv(index=False), overwrite)
    for name, figure in figures(result).items():
        written.append(folder / f"position_{name}.png")
        save([figure], written[-1], overwrite)
    return written


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
