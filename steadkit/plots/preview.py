"""Contact sheet of training examples: waveforms as the network gets them, and targets."""

from collections.abc import Sequence
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from steadkit.plots.style import BLACK, BLUE, GREEN, GREY, VERMILLION, styled
from steadkit.plots.trace import draw_components
from steadkit.preview import PreviewItem, is_inside, label_issues, shift_issues
from steadkit.schema import N_SAMPLES, SAMPLING_RATE

COLOURS = {"P": BLUE, "S": VERMILLION}
BAND = "#CDE8DE"
"""Light, so that a thin trace on it stays visible."""

ZOOM_S = 1.5
"""Seconds on either side of an arrival in the enlarged panels."""

WIDTH, TOP, CELL = 11.0, 0.6, 3.1
TRACE_HEIGHT, ZOOM_HEIGHT = 1.15, 1.05
LEFT, RIGHT, SPACING = 0.3, 0.15, 0.1
"""Inches: the sheet, its header and a cell; a trace and its enlarged panels; margins."""

TITLE_CHARACTERS = 42
"""Characters that fit into half the width of a cell."""

LEGEND = (
    ("E, N, Z as the network gets them", BLACK, "bold"),
    ("detection", GREEN, "bold"),
    ("P target", BLUE, "bold"),
    ("S target", VERMILLION, "bold"),
    (
        "dashed: arrival claimed; enlarged, own scales, minor ticks 10 samples; time in s",
        GREY,
        "normal",
    ),
)


@styled
def contact_sheet(items: Sequence[Sequence[PreviewItem]], heading: str = "") -> Figure:
    """Draw examples with their targets, and each arrival enlarged below.

    Targets are filled, over the full height of a panel; the arrivals that an example claims are
    marked above it and, enlarged, by a dashed line. Enlarged, a minor tick is ten samples, and
    each component has its own scale, so that onsets are visible. The issues that
    `steadkit.preview.label_issues` and `shift_issues` find are printed in red.

    Parameters
    ----------
    items
        The rows of the sheet; examples of a row are drawn side by side.
    heading
        Written above.
    """
    columns = max(map(len, items))
    height = TOP + sum(map(_row_height, items))
    # Placed by inches: constrained layout takes minutes for hundreds of panels.
    figure = Figure(figsize=(WIDTH, height))
    figure.set_layout_engine("none")
    _draw_header(figure, heading, height)
    width, top = WIDTH / columns, TOP
    for row in items:
        for column, item in enumerate(row):
            issues = label_issues(item) + (
                shift_issues(row[0], item) if item.name == row[0].name else []
            )
            _draw_cell(figure, item, issues, (column * width + LEFT, top, width - LEFT - RIGHT))
        top += _row_height(row)
    return figure


def _row_height(row: Sequence[PreviewItem]) -> float:
    return CELL if any(map(arrivals_in_window, row)) else CELL - ZOOM_HEIGHT


def _draw_header(figure: Figure, heading: str, height: float) -> None:
    style: dict[str, Any] = {"va": "top", "transform": figure.dpi_scale_trans}
    figure.text(LEFT, height - 0.1, heading, fontsize=9, **style)
    x = LEFT
    for label, colour, weight in LEGEND:
        figure.text(x, height - 0.32, label, color=colour, fontweight=weight, **style)
        x += 0.06 * len(label) + 0.3


def _add_axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add a panel, placed in inches from the upper left corner."""
    whole_width, whole_height = figure.get_size_inches()
    bottom = whole_height - top - height
    return figure.add_axes(
        (left / whole_width, bottom / whole_height, width / whole_width, height / whole_height)
    )


def _draw_cell(
    figure: Figure, item: PreviewItem, issues: Sequence[str], box: tuple[float, float, float]
) -> None:
    left, top, width = box
    ax = _add_axes(figure, left, top + 0.6, width, TRACE_HEIGHT)
    _draw_trace(ax, item)
    name = (
        item.name if len(item.name) <= TITLE_CHARACTERS else f"{item.name[: TITLE_CHARACTERS - 1]}…"
    )
    note = fill(item.note, 2 * TITLE_CHARACTERS)
    ax.set_title(f"{name}\n{note}", pad=17)
    if issues:
        more = f" and {len(issues) - 1} more" if len(issues) > 1 else ""
        below = "\n " * (1 + note.count("\n"))
        ax.set_title(issues[0] + more + below, loc="right", pad=17, color="red", fontweight="bold")
    arrivals = arrivals_in_window(item)
    panel = (width + SPACING) / max(len(arrivals), 2)
    for number, (phase, arrival) in enumerate(arrivals):
        place = (left + number * panel, top + CELL - ZOOM_HEIGHT + 0.1)
        zoom = _add_axes(figure, *place, panel - SPACING, ZOOM_HEIGHT - 0.4)
        _draw_zoom(zoom, item, phase, arrival)
        if number:
            zoom.set_yticklabels([])


def arrivals_in_window(item: PreviewItem) -> list[tuple[str, float]]:
    """Return the arrivals in the window with their phases, event by event."""
    pairs = zip(item.p, item.s, strict=True)
    arrivals = [arrival for p, s in pairs for arrival in (("P", p), ("S", s))]
    return [(phase, arrival) for phase, arrival in arrivals if is_inside(arrival)]


def _draw_trace(ax: Axes, item: PreviewItem) -> None:
    seconds = np.arange(N_SAMPLES) / SAMPLING_RATE
    largest = float(np.abs(item.waveform).max()) or 1.0
    draw_components(ax, seconds, item.waveform / largest, spacing=1.5)
    ax.set_ylim(-1.1, 4.1)
    _draw_targets(ax, item, 0, N_SAMPLES)
    for phase, arrival in arrivals_in_window(item):
        ax.annotate(
            phase,
            (arrival / SAMPLING_RATE, 1.0),
            xycoords=ax.get_xaxis_transform(),
            xytext=(0, 7),
            textcoords="offset points",
            arrowprops={"arrowstyle": "-", "color": COLOURS[phase], "shrinkA": 0, "shrinkB": 0},
            ha="center",
            va="center",
            color=COLOURS[phase],
            fontweight="bold",
        )
    ax.set_xlim(0, N_SAMPLES / SAMPLING_RATE)
    ax.xaxis.set_major_locator(MultipleLocator(10))
    ax.xaxis.set_minor_locator(MultipleLocator(1))
    ax.tick_params(axis="x", pad=1)


def _draw_zoom(ax: Axes, item: PreviewItem, phase: str, arrival: float) -> None:
    """Draw the waveform around an arrival; time is relative to it."""
    reach = ZOOM_S * SAMPLING_RATE
    first, last = max(int(arrival - reach), 0), min(int(arrival + reach) + 1, N_SAMPLES)
    seconds = (np.arange(first, last) - arrival) / SAMPLING_RATE
    waves = item.waveform[first:last]
    waves = waves - waves.mean(axis=0)
    largest = np.abs(waves).max(axis=0)
    draw_components(ax, seconds, waves / np.where(largest > 0, largest, 1), spacing=1.5)
    ax.set_ylim(-1.1, 4.1)
    _draw_targets(ax, item, first, last, arrival)
    ax.axvline(0, color=COLOURS[phase], linestyle=(0, (4, 3)), linewidth=0.8, label="claimed")
    ax.set_xlim(-ZOOM_S, ZOOM_S)
    ax.xaxis.set_major_locator(MultipleLocator(1))
    ax.xaxis.set_minor_locator(MultipleLocator(0.1))
    ax.tick_params(axis="x", pad=1)
    ax.set_title(
        f"{phase} {arrival / SAMPLING_RATE:.2f} s", pad=2, color=COLOURS[phase], fontsize=7
    )


def _draw_targets(ax: Axes, item: PreviewItem, first: int, last: int, origin: float = 0.0) -> None:
    """Fill the targets of some samples behind the components, 1 near the top of the panel."""
    seconds = (np.arange(first, last) - origin) / SAMPLING_RATE
    colours = {"detector": BAND, "picker_P": BLUE, "picker_S": VERMILLION}
    for name, colour in colours.items():
        target = np.asarray(item.targets[name][first:last], float)
        # Zeros are left out: with them a sheet of thirty rows takes 28 MB.
        is_drawn = np.convolve(target != 0, np.ones(3), "same") > 0
        band = name == "detector"
        ax.fill_between(
            seconds[is_drawn],
            0.97 * target[is_drawn],
            step="mid" if band else None,
            transform=ax.get_xaxis_transform(),
            color=colour,
            alpha=1 if band else 0.35,
            linewidth=0 if band else 0.7,
            zorder=0.5 if band else 1.0,
            label=name,
        )
