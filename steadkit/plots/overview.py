"""One-page overview of a data set, and the distributions of its magnitudes, distances and SNR."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure, FigureBase, SubFigure
from matplotlib.projections.polar import PolarAxes
from matplotlib.ticker import MaxNLocator

from steadkit.console import format_value
from steadkit.info import Info
from steadkit.plots.maps import draw_map, legend_handles
from steadkit.plots.style import (
    BLUE,
    COMPONENT_COLOURS,
    GREEN,
    GREY,
    ORANGE,
    THOUSANDS,
    VERMILLION,
    nice_step,
    show_message,
    styled,
)
from steadkit.plots.trace import SECONDS, Row, draw_trace, heading

PAGE = (8.27, 11.69)
"""A4, inches."""

LABELS = {"earthquake_local": "events"}

BINS = 35
ROSE_BINS = 36
STEPS = (1, 2, 5, 10)
TAIL_PERCENT = 0.5
"""Per cent of the largest values that may lie beyond the axis, so that outliers do not set it."""

# Column: label of the axis, colour.
HISTOGRAMS: Mapping[str, tuple[str, str]] = {
    "source_magnitude": ("magnitude", VERMILLION),
    "source_distance_km": ("epicentral distance (km)", VERMILLION),
    "source_depth_km": ("source depth (km)", VERMILLION),
    "p_arrival_sample": ("P arrival (sample)", BLUE),
    "s_minus_p_sec": ("S minus P (s)", GREEN),
}


@styled
def overview_figure(
    info: Info,
    table: pd.DataFrame,
    example: tuple[np.ndarray, Row] | None = None,
) -> Figure:
    """Draw a one-page sheet of a data set.

    Parameters
    ----------
    info
        Result of `steadkit.info.describe`.
    table
        Result of `steadkit.info.read_numbers`.
    example
        A waveform (6000, 3) with its typed row, drawn at the bottom, if there is one.
    """
    heights = [1.15, 1.25] + [1.2] * (example is not None)
    figure = Figure(figsize=PAGE)
    figure.suptitle(sheet_title(info), x=0.02, ha="left", fontsize=11, fontweight="bold")
    panels = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    left, right = panels[0].subfigures(1, 2, width_ratios=[1.6, 1])
    _map_panel(left, table)
    _facts_panel(right, info)
    draw_distributions(panels[1], table)
    if example is not None:
        waveform, row = example
        panels[2].suptitle(f"a clear event: {heading(row)}", x=0.02, ha="left", fontsize=8)
        draw_trace(panels[2], waveform, row, (0.0, SECONDS))
    return figure


def sheet_title(info: Info) -> str:
    """Return the name of the data set, with the digest of its manifest where it has one."""
    digest = str((info.manifest or {}).get("digest", ""))
    name = Path(info.file).name
    return f"{name}, manifest {digest[:12]}" if digest else name


def sheet_facts(info: Info) -> list[tuple[str, str]]:
    """Return the lines of the sheet's table: label and value."""
    counts = [(LABELS.get(name, name), format_value(count)) for name, count in info.counts.items()]
    days = [(name, time[:10]) for name, time in (("from", info.first), ("to", info.last)) if time]
    ranges = [
        (
            f"{quartiles.figure} ({quartiles.unit})" if quartiles.unit else quartiles.figure,
            f"{quartiles.least:g} to {quartiles.greatest:g}, median {quartiles.median:.4g}",
        )
        for quartiles in info.spreads
        if quartiles.known
    ]
    return [*counts, *days, *ranges]


def _map_panel(panel: SubFigure, table: pd.DataFrame) -> None:
    ax = panel.subplots()
    if not draw_map(ax, table):
        show_message(ax, "no coordinates known")
        return
    panel.legend(
        handles=legend_handles(table),
        loc="outside lower center",
        ncols=4,
        fontsize=7,
        handletextpad=0.3,
    )


def _facts_panel(panel: SubFigure, info: Info) -> None:
    lines = sheet_facts(info)
    step = 0.93 / max(len(lines), 1)
    for number, (name, value) in enumerate(lines):
        height = 0.95 - min(step, 0.062) * number
        panel.text(0.34, height, name, ha="right", va="top", fontsize=7, color=GREY)
        panel.text(0.38, height, value, ha="left", va="top", fontsize=7)


@styled
def distributions_figure(table: pd.DataFrame) -> Figure:
    """Draw the distributions of a data set in eight panels.

    Parameters
    ----------
    table
        Float64 columns as `steadkit.info.read_numbers` returns them, a row a trace; a panel
        without values is labelled so.
    """
    figure = Figure(figsize=(7.2, 4.4))
    draw_distributions(figure, table)
    return figure


def draw_distributions(figure: FigureBase, table: pd.DataFrame) -> None:
    """Fill a figure, or a part of one, with the eight panels."""
    grid = figure.add_gridspec(2, 4)
    panels: tuple[Callable[[Axes, pd.DataFrame], None], ...] = (
        *(_histogram_of(column) for column in list(HISTOGRAMS)[:3]),
        draw_snr,
        *(_histogram_of(column) for column in list(HISTOGRAMS)[3:]),
        draw_travel,
        draw_rose,
    )
    for number, draw in enumerate(panels):
        projection = "polar" if draw is draw_rose else None
        ax = figure.add_subplot(grid[number // 4, number % 4], projection=projection)
        draw(ax, table)


def _histogram_of(column: str) -> Callable[[Axes, pd.DataFrame], None]:
    label, colour = HISTOGRAMS[column]

    def draw(ax: Axes, table: pd.DataFrame) -> None:
        values = known_values(table, column)
        ax.set_xlabel(label)
        if not len(values):
            show_message(ax, "not known")
            return
        edges = bin_edges(values)
        ax.hist(values, edges.tolist(), color=colour, edgecolor="white", linewidth=0.2)
        _finish(ax, edges)
        if beyond := int((values > edges[-1]).sum()):
            label_outliers(ax, beyond)

    return draw


def draw_snr(ax: Axes, table: pd.DataFrame) -> None:
    """Draw the signal-to-noise ratio of each component as an outline."""
    ax.set_xlabel("SNR (dB)")
    ratios = {c: known_values(table, f"snr_db_{c}") for c in COMPONENT_COLOURS}
    all_ratios = np.concatenate(list(ratios.values()))
    if not len(all_ratios):
        show_message(ax, "not known")
        return
    edges = bin_edges(all_ratios)
    for component, style in zip(ratios, ("-", "--", ":"), strict=True):
        ax.hist(
            ratios[component],
            edges.tolist(),
            histtype="step",
            color=COMPONENT_COLOURS[component],
            linestyle=style,
            linewidth=1,
        )
        ax.plot([], color=COMPONENT_COLOURS[component], linestyle=style, label=component)
    _finish(ax, edges)
    ax.legend(handlelength=1.8, borderaxespad=0.1, labelspacing=0.2)


def draw_travel(ax: Axes, table: pd.DataFrame) -> None:
    """Draw S minus P against distance: errors of either lie off the line."""
    ax.set_xlabel("epicentral distance (km)")
    ax.set_ylabel("S minus P (s)")
    columns = ["source_distance_km", "s_minus_p_sec"]
    pairs = table.reindex(columns=columns).dropna().to_numpy(float)
    if not len(pairs):
        show_message(ax, "not known")
        return
    max_distance, max_delay = (bin_edges(values)[-1] for values in pairs.T)
    ax.hexbin(
        *pairs.T,
        gridsize=28,
        extent=(0, max_distance, min(0, pairs[:, 1].min()), max_delay),
        norm=LogNorm(vmin=0.2),  # below 1, so that a single trace is visible
        mincnt=1,
        cmap="cividis_r",
        linewidths=0.1,
        rasterized=True,
    )
    ax.set_xlim(0, max_distance)
    ax.xaxis.set_major_locator(MaxNLocator(4, steps=STEPS))
    ax.yaxis.set_major_locator(MaxNLocator(4, steps=STEPS))
    ax.set_title("darker: more traces", fontsize=7, color=GREY)


def draw_rose(ax: Axes, table: pd.DataFrame) -> None:
    """Draw the rose of back azimuths, north up, 10 degrees a petal."""
    values = known_values(table, "back_azimuth_deg")
    ax.set_title("back azimuth", loc="center")
    if not len(values):
        show_message(ax, "not known")
        return
    counts, edges = np.histogram(values % 360, ROSE_BINS, (0, 360))
    if isinstance(ax, PolarAxes):
        ax.set_theta_zero_location("N")
        ax.set_theta_direction(-1)
        # The labels of the radii go where the petals are shortest.
        ax.set_rlabel_position(float(edges[counts.argmin()]) + 180 / ROSE_BINS)
    ax.bar(
        np.radians(edges[:-1]),
        counts,
        width=np.radians(edges[1]),
        align="edge",
        color=ORANGE,
        edgecolor="white",
        linewidth=0.3,
    )
    ax.set_xticks(np.radians([0, 90, 180, 270]), ["N", "E", "S", "W"])
    ax.tick_params(pad=-2)
    ax.yaxis.set_major_locator(MaxNLocator(2, integer=True))
    ax.yaxis.set_major_formatter(THOUSANDS)
    ax.tick_params(axis="y", labelsize=6, labelcolor=GREY)
    ax.grid(linewidth=0.3)


def known_values(table: pd.DataFrame, column: str) -> np.ndarray:
    """Return the known values of a column, none where there is no such column."""
    if column not in table:
        return np.empty(0)
    return table[column].dropna().to_numpy(float)


def bin_edges(values: np.ndarray) -> np.ndarray:
    """Return the edges of about 30 bins at round numbers, fewer for few values.

    A tail of half a per cent is left beyond the last edge if it takes a quarter of the range.

    >>> bin_edges(np.array([0.0, 3.0, 60.0]))[[0, 1, -1]]
    array([ 0., 10., 70.])
    """
    low, high = float(values.min()), float(values.max())
    body = float(np.percentile(values, 100 - TAIL_PERCENT))
    if high - low > 1.3 * (body - low) > 0:
        high = body
    # Bins that hold a few traces each show noise only.
    step = nice_step((high - low) or 1.0, int(np.clip(2 * len(values) ** 0.5, 5, BINS)))
    first = np.floor(low / step)
    count = int(np.floor(high / step) - first) + 1
    return step * (first + np.arange(count + 1))


def label_outliers(ax: Axes, count: int) -> None:
    """Write the number of values to the right of the axis."""
    ax.text(
        1.0,
        0.98,
        f"{count:,} beyond →",
        transform=ax.transAxes,
        ha="right",
        va="top",
        fontsize=6,
        color=GREY,
    )


def _finish(ax: Axes, edges: np.ndarray) -> None:
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylabel("traces")
    ax.xaxis.set_major_locator(MaxNLocator(4, steps=STEPS))
    ax.yaxis.set_major_locator(MaxNLocator(4, steps=STEPS, integer=True))
    ax.yaxis.set_major_formatter(THOUSANDS)
