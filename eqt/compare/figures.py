"""Forest plot of a comparison: every difference with its interval, better to the right."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eqt.compare.comparison import Comparison
from eqt.compare.measures import FRACTIONS, MEASURES, SAMPLES, SECONDS, TRACES
from steadkit.plots.style import BLACK, BLUE, GREY, VERMILLION, styled

MARKS = {"better": (BLUE, "o", BLUE), "worse": (VERMILLION, "s", VERMILLION)}
"""Colour, marker and its filling by bootstrap verdict; distinguishable without colours too."""

UNDECIDED = (GREY, "D", "white")

LEGEND = (
    "Differences, turned so that better is to the right,\n"
    "with their 95 % intervals. Blue circle: better,\n"
    "vermillion square: worse, grey diamond: undecided"
)

INCHES_A_ROW, INCHES_A_MODEL, INCHES_OF_NAMES = 0.17, 2.3, 1.2


@styled
def draw_differences(comparison: Comparison) -> Figure:
    """Draw the differences of every model from the baseline, a column per model.

    Fractions, samples, seconds and traces have separate axes, shared by all models. Where less is
    better the sign of the difference is reversed, so that better is to the right everywhere.
    """
    units = (FRACTIONS, SAMPLES, SECONDS, TRACES)
    heights = [sum(measure.unit == unit for measure in MEASURES) for unit in units]
    count = len(comparison.models)
    figure = Figure(
        figsize=(
            INCHES_OF_NAMES + count * INCHES_A_MODEL,
            INCHES_A_ROW * (sum(heights) + 15),
        )
    )
    axes = figure.subplots(
        len(units), count, sharex="row", sharey="row", squeeze=False, height_ratios=heights
    )
    for column, model in enumerate(comparison.models):
        model_rows = comparison.differences[comparison.differences["model"] == model]
        for row, unit in enumerate(units):
            _panel(axes[row, column], model_rows, unit)
        axes[0, column].set_title(f"{model}\nagainst {comparison.baseline}")
    figure.suptitle(LEGEND, x=0.01, ha="left")
    return figure


def _panel(ax: Axes, rows: pd.DataFrame, unit: str) -> None:
    measures = [measure for measure in MEASURES if measure.unit == unit]
    by_name = rows.set_index("figure")
    ax.axvline(0, color=BLACK, linewidth=0.6)
    for height, measure in enumerate(measures):
        row = by_name.loc[measure.name]
        ends = sorted(measure.direction * np.array([row["low"], row["high"]]))
        colour, marker, filling = MARKS.get(str(row["bootstrap"]), UNDECIDED)
        ax.plot(ends, [height, height], color=colour, linewidth=1.2)
        ax.plot(
            measure.direction * row["difference"],
            height,
            marker,
            color=colour,
            markerfacecolor=filling,
            markersize=4,
        )
    ax.set_yticks(range(len(measures)), [measure.name for measure in measures])
    ax.set_ylim(len(measures) - 0.5, -0.5)
    ax.grid(axis="y", color=GREY, alpha=0.2)
    ax.set_xlabel(f"worse \N{LEFTWARDS ARROW} {unit} \N{RIGHTWARDS ARROW} better")
