"""Panels of the figures: a waveform, an image over time, the arrivals."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patheffects import withStroke

from eqt.visualize.time_axis import LayerSteps
from eqt.visualize.traces import arrivals
from steadkit.plots.style import BLUE, GREY, VERMILLION
from steadkit.plots.trace import Row, draw_components
from steadkit.schema import COMPONENTS, N_SAMPLES, SAMPLING_RATE

SEQUENTIAL, DIVERGING = "cividis", "RdBu_r"
"""Colour maps of non-negative and of signed values, both safe for colour-blind readers."""

PHASES: Final = {"P": (BLUE, "-"), "S": (VERMILLION, "--")}

MAX_COLUMNS = 1000
"""Maximum number of columns of an image: more than a panel has pixels."""

COLOUR_PERCENTILE = 99.7
"""Percentile of a layer's absolute values at the end of its colour scale."""

TICKS = range(0, 60, 20)
"""Tick labels, seconds; a 60 would overlap the next panel's 0."""

MAX_TRACES_IN_ROW = 4
"""Traces side by side."""

INCHES_A_TRACE = 2.6


def panel_grid(
    columns: int,
    heights: Sequence[float],
    width: float = INCHES_A_TRACE,
    margins: tuple[float, float, float, float] = (0.75, 0.75, 0.55, 0.45),
    gaps: tuple[float, float] = (0.12, 0.12),
    **options: Any,
) -> tuple[Figure, np.ndarray]:
    """Return a figure of panels of given sizes in inches, which needs no layout engine.

    Parameters
    ----------
    columns, heights, width
        Number of panels side by side, heights of the rows, width of a panel.
    margins
        Left, right, top and bottom.
    gaps
        Between columns and between rows.
    options
        For `Figure.subplots`.

    Returns
    -------
    figure, axes
        The axes of shape (rows, columns).
    """
    left, right, top, bottom = margins
    total_width = left + columns * width + (columns - 1) * gaps[0] + right
    total_height = top + sum(heights) + (len(heights) - 1) * gaps[1] + bottom
    figure = Figure(figsize=(total_width, total_height))
    figure.set_layout_engine("none")
    grid = {
        "left": left / total_width,
        "right": 1 - right / total_width,
        "top": 1 - top / total_height,
        "bottom": bottom / total_height,
        "wspace": gaps[0] / width,
        "hspace": gaps[1] * len(heights) / sum(heights),
        "height_ratios": heights,
    }
    axes = figure.subplots(len(heights), columns, squeeze=False, gridspec_kw=grid, **options)
    return figure, axes


def figure_heading(figure: Figure, title: str, text: str = "") -> None:
    """Write title and explanation of a figure into its upper left corner."""
    height = figure.get_size_inches()[1]
    figure.text(0.01, 1 - 0.06 / height, title, va="top", weight="bold", size=9)
    figure.text(0.01, 1 - 0.22 / height, text, va="top", size=7, color=GREY)


def draw_waveform(ax: Axes, waveform: np.ndarray, row: Row) -> None:
    """Draw the components above one another, E on top, with the arrivals."""
    seconds = np.arange(len(waveform)) / SAMPLING_RATE
    scale = 2 * max(float(np.abs(waveform).max()), 1e-9)
    draw_components(ax, seconds, waveform, scale)
    ax.set_ylim(-0.6, len(COMPONENTS) - 0.4)
    draw_arrivals(ax, row)
    name_arrivals(ax, row)


def draw_signed(ax: Axes, values: np.ndarray, size: float, **options: Any) -> AxesImage:
    """Draw an image on a diverging scale from -size to size."""
    return ax.imshow(
        values,
        aspect="auto",
        interpolation="nearest",
        cmap=DIVERGING,
        vmin=-size,
        vmax=size,
        **options,
    )


def draw_image(
    ax: Axes, values: np.ndarray, steps: LayerSteps, limits: tuple[float, float]
) -> AxesImage:
    """Draw a layer's output, shape (steps, channels), channel 0 on top, each step at its time."""
    # More steps than pixels: matplotlib would average them, and a spike of one step be lost.
    extremes = keep_extremes(values)
    return ax.imshow(
        extremes.T,
        aspect="auto",
        interpolation="nearest" if len(extremes) < MAX_COLUMNS // 4 else "auto",
        cmap=SEQUENTIAL if limits[0] >= 0 else DIVERGING,
        vmin=limits[0],
        vmax=limits[1],
        extent=(*steps.span, values.shape[1] - 0.5, -0.5),
    )


def keep_extremes(values: np.ndarray, max_columns: int = MAX_COLUMNS) -> np.ndarray:
    """Decimate steps to the extreme value of each block, channel by channel: no spike is lost.

    >>> keep_extremes(np.array([[1.0], [-3.0], [2.0], [0.0]]), 2).tolist()
    [[-3.0], [2.0]]
    """
    size = -(-len(values) // max_columns)
    if size == 1:
        return values
    padding = -len(values) % size
    blocks = np.pad(values, ((0, padding), (0, 0))).reshape(-1, size, values.shape[1])
    indices = np.abs(blocks).argmax(axis=1, keepdims=True)
    return np.take_along_axis(blocks, indices, axis=1)[:, 0]


def limits_of(values: np.ndarray) -> tuple[float, float]:
    """Return the limits of a colour scale: from 0 for non-negative values, else symmetric.

    The few strongest values of a layer of several channels lie outside the limits: they would make
    all others invisible.

    >>> limits_of(np.array([[0.0], [2.0]])), limits_of(np.array([[-1.0], [3.0]]))
    ((0.0, 2.0), (-3.0, 3.0))
    """
    size = np.abs(values)
    highest = float(np.percentile(size, COLOUR_PERCENTILE) if values.shape[-1] > 1 else size.max())
    highest = highest or float(size.max()) or 1.0
    return (0.0 if values.min() >= 0 else -highest, highest)


def draw_arrivals(ax: Axes, row: Row, halo: bool = False, upright: bool = True) -> None:
    """Draw the arrivals as lines, upright or level; over an image with a halo."""
    for phase, sample in arrivals(row).items():
        colour, line = PHASES[phase]
        draw = ax.axvline if upright else ax.axhline
        effects = [withStroke(linewidth=1.8, foreground="white")] if halo else []
        seconds = sample / SAMPLING_RATE
        draw(seconds, color=colour, linestyle=line, linewidth=0.8, path_effects=effects)


def name_arrivals(ax: Axes, row: Row) -> None:
    """Write P and S beside the tops of their lines, on their outer sides."""
    for phase, sample in arrivals(row).items():
        ax.annotate(
            phase,
            (sample / SAMPLING_RATE, 1.0),
            xycoords=ax.get_xaxis_transform(),
            xytext=(-2 if phase == "P" else 2, -1),
            textcoords="offset points",
            ha="right" if phase == "P" else "left",
            va="top",
            color=PHASES[phase][0],
            weight="bold",
            size=7,
            path_effects=[withStroke(linewidth=2, foreground="white")],
        )


def colour_bar(ax: Axes, image: Any, label: str, height: float = 1.0) -> None:
    """Draw the colours' scale to the right of a panel, which keeps its width."""
    # Inset axes, outside the panel: a colour bar of the figure's would take width from it.
    bar = ax.inset_axes((1.02, (1 - height) / 2, 0.025, height))
    ax.figure.colorbar(image, cax=bar).set_label(label, size=7)
    bar.tick_params(labelsize=6, length=2)


def time_axis(axes: np.ndarray) -> None:
    """Draw the time axis of the trace below the lowest panels; `axes` has shape (rows, columns)."""
    for ax in axes.ravel():
        ax.set_xlim(0, N_SAMPLES / SAMPLING_RATE)
        ax.set_xticks(TICKS)
    for ax in axes[:-1].ravel():
        ax.tick_params(axis="x", labelbottom=False)
    for ax in axes[-1]:
        ax.set_xlabel("time (s)")
    for ax in axes[:, 1:].ravel():
        ax.tick_params(axis="y", labelleft=False)


def rows_of_columns(count: int) -> list[list[int | None]]:
    """Arrange n traces in rows of nearly equal length; None where a row has no more.

    >>> rows_of_columns(7)
    [[0, 1, 2, 3], [4, 5, 6, None]]
    """
    rows = -(-count // MAX_TRACES_IN_ROW)
    n_in_row = -(-count // rows)
    indices = [[row * n_in_row + i for i in range(n_in_row)] for row in range(rows)]
    return [[i if i < count else None for i in row] for row in indices]
