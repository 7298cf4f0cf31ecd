"""One-page overview of a data set: counts, map, distributions and a trace."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure, SubFigure

from steadkit.console import format_value
from steadkit.info import Info
from steadkit.plots.distributions import draw_distributions
from steadkit.plots.maps import draw_map, legend_handles
from steadkit.plots.style import GREY, show_message, styled
from steadkit.plots.trace import SECONDS, Row, draw_trace, heading

PAGE = (8.27, 11.69)
"""A4, inches."""

LABELS = {"earthquake_local": "events"}


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
