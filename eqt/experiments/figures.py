"""Figures of an experiment: scores, claims and verdicts, and loss curves."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from eqt.compare import COMPARED
from eqt.experiments.results import ExperimentResult, scores
from eqt.experiments.suites import REFERENCE
from steadkit.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, THOUSANDS, VERMILLION, styled

LINES = (
    (BLACK, "-"),
    (BLUE, "-"),
    (ORANGE, "-"),
    (GREEN, "-"),
    (VERMILLION, "-"),
    (GREY, "-"),
    (BLUE, "--"),
)
"""Colour and dash of each network of a suite; the reference is black."""

CELL_STYLES = {
    "better": (BLUE, "+"),
    "worse": (VERMILLION, "\N{MINUS SIGN}"),
    "undecided": ("white", ""),
}
"""Filling and sign of a cell by bootstrap verdict."""


@styled
def draw_scores(result: ExperimentResult) -> Figure:
    """Draw F1 of detection, P and S for every network, with intervals, and each seed's as a dot."""
    rows = scores(result)
    names = result.networks["network"].tolist()
    figure = Figure(figsize=(7.5, 1.2 + 0.32 * len(names)))
    figures = list(dict.fromkeys(rows["figure"]))
    axes = figure.subplots(1, len(figures), sharey=True)
    for ax, score_name in zip(axes, figures, strict=True):
        score_rows = rows[rows["figure"] == score_name].set_index("model").loc[names]
        colours = [BLACK if name == REFERENCE else BLUE for name in names]
        heights = np.arange(len(names))
        ax.hlines(heights, score_rows["low"], score_rows["high"], color=colours, linewidth=1.4)
        ax.scatter(score_rows["value"], heights, color=colours, s=18, zorder=3)
        ax.axvline(score_rows["value"][REFERENCE], color=GREY, linestyle=":", zorder=0)
        if result.seeds > 1:
            seeds = result.by_seed[result.by_seed["figure"] == score_name]
            seed_heights = [names.index(name) + 0.25 for name in seeds["network"]]
            ax.plot(seeds["value"], seed_heights, ".", color=GREY, markersize=3)
        ax.set_title(score_name)
        ax.set_xlabel("F1, 95 % interval")
        ax.set_yticks(heights, names)
    axes[0].set_ylim(len(names) - 0.5, -0.5)
    return figure


@styled
def draw_claims(result: ExperimentResult) -> Figure:
    """Draw a cell for each network and column: filled by bootstrap verdict, framed if claimed."""
    names = list(result.comparison.models)
    figure = Figure(figsize=(8.5, 1.7 + 0.34 * len(names)))
    ax = figure.subplots()
    for row in result.claims.to_dict("records"):
        place = (COMPARED.index(row["column"]), names.index(row["network"]))
        colour, sign = CELL_STYLES[row["bootstrap"]]
        _cell(ax, place, colour, sign, is_claimed=row["study"] == "better")
    ax.set_xlim(-0.6, len(COMPARED) - 0.4)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_xticks(range(len(COMPARED)), COMPARED, rotation=90)
    ax.set_yticks(range(len(names)), names)
    ax.set_aspect("equal")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.set_title(
        f"Thick frame: the study says better than {REFERENCE}.\n"
        "Blue +: here better, vermillion \N{MINUS SIGN}: here worse, white: undecided."
    )
    return figure


def _cell(ax: Axes, place: tuple[int, int], colour: str, sign: str, is_claimed: bool) -> None:
    x, y = place
    frame = Rectangle(
        (x - 0.4, y - 0.4),
        0.8,
        0.8,
        facecolor=colour,
        edgecolor=BLACK if is_claimed else GREY,
        linewidth=1.8 if is_claimed else 0.3,
    )
    ax.add_patch(frame)
    ax.text(x, y, sign, ha="center", va="center", color="white", weight="bold", size=9)


@styled
def draw_losses(result: ExperimentResult) -> Figure:
    """Draw the validation loss over the epochs, a line per run."""
    figure = Figure(figsize=(5.5, 3.2))
    ax = figure.subplots()
    names = result.networks["network"].tolist()
    for (name, seed), rows in result.histories.groupby(["network", "seed"], sort=False):
        number = names.index(name)
        colour, dash = LINES[number % len(LINES)]
        is_first = seed == result.settings.training.seed
        label = name if is_first else None
        ax.plot(
            rows["epoch"], rows["val_loss"], dash, color=colour, linewidth=1.0, marker=".",
            label=label, zorder=len(names) - number,
        )  # fmt: skip
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter(THOUSANDS)
    ax.yaxis.set_minor_formatter(THOUSANDS)
    ax.set_xlabel("epoch")
    ax.set_ylabel("validation loss")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend()
    return figure
