"""Drawing of a network as in the paper's figure: a box per stage, as wide as its steps are many."""

from collections.abc import Collection, Sequence
from math import log2

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from eqt.layer_plan import BRANCHES, COMMON, Stage
from steadkit.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, VERMILLION, styled

STAGE_STYLES = {
    "encoder": (BLUE, "encoder, decoder"),
    "decoder": (BLUE, ""),
    "residual": (ORANGE, "residual CNN"),
    "lstm": (GREEN, "recurrent"),
    "gru": (GREEN, ""),
    "attention": (VERMILLION, "attention"),
    "feed_forward": (GREY, "feed-forward"),
    "positions": (GREY, ""),
}
"""Colour and legend by a part of the stage's name."""

BOX, MIN_WIDTH = 0.72, 0.70
"""Height of a box in a row of 1, and its width for the shortest stage in a column of 1."""

BRANCH_GAP = 1
"""Rows between the common stages and the branches."""

INCHES_A_ROW, INCHES_A_COLUMN = 0.30, 3.0


@styled
def draw(
    stages: Sequence[Stage], title: str, input_shape: tuple[int, int], marked: Collection[str] = ()
) -> Figure:
    """Draw a network from top to bottom, the three outputs side by side.

    Parameters
    ----------
    stages
        Stages of `eqt.layer_plan.stages`.
    title
        Title of the figure.
    input_shape
        Samples and components.
    marked
        Names of stages to draw with a thick frame, such as those that differ from another network.
    """
    columns = [
        [stage for stage in stages if stage.branch == branch] for branch in BRANCHES.values()
    ]
    common = [stage for stage in stages if stage.branch == COMMON]
    rows = 1 + len(common) + BRANCH_GAP + max(map(len, columns))
    figure = Figure(figsize=(len(columns) * INCHES_A_COLUMN, (rows + 2) * INCHES_A_ROW))
    ax = figure.subplots()
    longest = max(input_shape[0], *(stage.steps for stage in stages))
    shortest = min(stage.steps for stage in stages)

    def width(steps: int) -> float:
        # Logarithmic: from 6000 steps to 47 each pooling takes the same off the width.
        share = log2(steps / shortest) / max(log2(longest / shortest), 1)
        return MIN_WIDTH + (0.96 - MIN_WIDTH) * share

    middle = (len(columns) - 1) / 2
    samples, components = input_shape
    _box(ax, middle, 0, width(samples), BLACK, "waveform", f"{samples} x {components}", False)
    for row, stage in enumerate(common, 1):
        _stage(ax, middle, row, width(stage.steps), stage, stage.name in marked)
    for column, branch in enumerate(columns):
        for row, stage in enumerate(branch, len(common) + 1 + BRANCH_GAP):
            _stage(ax, column, row, width(stage.steps), stage, stage.name in marked)
    _arrows(ax, middle, len(common), len(columns))
    handles = [(colour, label) for colour, label in STAGE_STYLES.values() if label]
    for number, (colour, label) in enumerate(handles):
        ax.text(-0.45, number * 0.9, label, color=colour, va="center", weight="bold", size=8)
    ax.set(xlim=(-0.5, len(columns) - 0.5), ylim=(rows - 0.3, -0.7))
    ax.set_axis_off()
    total = sum(stage.parameters for stage in stages)
    ax.set_title(f"{title}: {total:,} parameters", loc="left", weight="bold")
    return figure


def _stage(ax: Axes, x: float, row: int, width: float, stage: Stage, is_marked: bool) -> None:
    colour = next((c for name, (c, _) in STAGE_STYLES.items() if name in stage.name), BLACK)
    shape = f"{stage.steps} x {stage.channels}"
    text = f"{stage.name.replace('_', ' ')}: {stage.description}"
    _box(ax, x, row, width, colour, text, f"{shape}, {stage.parameters:,}", is_marked)


def _box(
    ax: Axes, x: float, row: int, width: float, colour: str, left: str, right: str, is_marked: bool
) -> None:
    """Draw a box with two lines of text."""
    frame = FancyBboxPatch(
        (x - width / 2, row - BOX / 2),
        width,
        BOX,
        boxstyle="round,pad=0,rounding_size=0.02",
        mutation_aspect=10,
        facecolor=(colour, 0.15),
        edgecolor=BLACK if is_marked else colour,
        linewidth=2.0 if is_marked else 0.6,
    )
    ax.add_patch(frame)
    if len(left) > (max_characters := int(width * 82)):
        left = f"{left[: max_characters - 1]}…"
    ax.text(x, row - 0.16, left, ha="center", va="center", size=5)
    ax.text(x, row + 0.18, right, ha="center", va="center", size=5, color=GREY)


def _arrows(ax: Axes, middle: float, last: int, columns: int) -> None:
    """Draw arrows from the last common stage to each branch."""
    start, fork, end = last + BOX / 2, last + 1, last + 1 + BRANCH_GAP - BOX / 2
    ax.plot([middle, middle], [start, fork], [0, columns - 1], [fork, fork], color=GREY, lw=0.8)
    for column in range(columns):
        arrow = {"arrowstyle": "->", "lw": 0.8, "color": GREY}
        ax.annotate("", xy=(column, end), xytext=(column, fork), arrowprops=arrow)
