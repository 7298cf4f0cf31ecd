"""Annotations of a trace: headings, component titles, arrival markers and the time axis."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from steadkit.errors import InputError
from steadkit.plots.style import BLUE, GREEN, VERMILLION
from steadkit.schema import COMPONENTS, N_SAMPLES, SAMPLING_RATE

SECONDS = N_SAMPLES / SAMPLING_RATE

Row = Mapping[str, object]
Window = tuple[float, float]


class Mark(NamedTuple):
    """Style of an arrival marker; `side` is that of the label next to its line."""

    label: str
    colour: str
    line: str
    side: str


MARKS: Mapping[str, Mark] = {
    "p_arrival_sample": Mark("P", BLUE, "-", "right"),
    "s_arrival_sample": Mark("S", VERMILLION, "--", "left"),
    "coda_end_sample": Mark("coda end", GREEN, "-.", "left"),
}


def marks_in(row: Row, window: Window) -> Iterator[tuple[float, Mark]]:
    """Yield the known arrivals and the coda end in a time window, with their seconds."""
    for column, mark in MARKS.items():
        seconds = number_of(row, column) / SAMPLING_RATE
        if window[0] <= seconds <= window[1]:
            yield seconds, mark


def mark_arrivals(ax: Axes, row: Row, window: Window, halo: str | None = None) -> None:
    """Draw the row's arrivals and coda end as vertical lines."""
    # Below a waveform, whose onset must stay visible; above a spectrogram.
    depth = 2.5 if halo else 1.5
    for seconds, mark in marks_in(row, window):
        if halo:
            ax.axvline(seconds, color=halo, linewidth=2.2, alpha=0.8)
        ax.axvline(
            seconds,
            color=mark.colour,
            linestyle=mark.line,
            linewidth=1.1,
            label=mark.label,
            zorder=depth,
        )


def label_marks(ax: Axes, row: Row, window: Window) -> None:
    """Label the marks above a panel, and move its title up so that they do not overlap."""
    late = window[0] + 0.9 * (window[1] - window[0])
    for seconds, mark in marks_in(row, window):
        ax.annotate(
            mark.label,
            (seconds, 1.0),
            xycoords=ax.get_xaxis_transform(),
            xytext=(0, 2),
            textcoords="offset points",
            ha="right" if seconds > late else mark.side,
            va="bottom",
            color=mark.colour,
            fontweight="bold",
        )
    if any(marks_in(row, window)):
        ax.set_title(ax.get_title(loc="left"), pad=14)


def finish_time(axes: Sequence[Axes], row: Row, window: Window) -> None:
    """Label the marks above the top panel and the time axis below the lowest."""
    label_marks(axes[0], row, window)
    axes[-1].set_xlim(*window)
    began = re.sub(r"(\.\d*?)0+$", r"\1", text_of(row, "trace_start_time")).rstrip(".")
    axes[-1].set_xlabel(f"time since {began} UTC (s)" if began else "time (s)")
    figure = axes[0].get_figure()
    if isinstance(figure, FigureBase):
        figure.align_ylabels(axes)


def heading(row: Row) -> str:
    """Return two lines: the trace name, and the known parameters of its earthquake."""
    magnitude = f"M {{:g}} {text_of(row, 'source_magnitude_type')}".rstrip()
    facts = (
        ("source_magnitude", magnitude),
        ("source_distance_km", "distance {:.1f} km"),
        ("source_depth_km", "depth {:.1f} km"),
        ("back_azimuth_deg", "back azimuth {:.0f}°"),
    )
    facts_text = [
        template.format(number_of(row, column))
        for column, template in facts
        if np.isfinite(number_of(row, column))
    ]
    return "\n".join(filter(None, [text_of(row, "trace_name"), ", ".join(facts_text)]))


def component_title(number: int, waveform: np.ndarray, row: Row) -> str:
    """Return the name of a component, with its signal-to-noise ratio where it is known."""
    ratio = number_of(row, f"snr_db_{COMPONENTS[number]}")
    snr_text = "" if np.isnan(ratio) else f", SNR {ratio:.1f} dB"
    zero_text = "" if waveform[:, number].any() else ", all zero"
    return COMPONENTS[number] + snr_text + zero_text


def number_of(row: Row, column: str) -> float:
    """Read a number of a typed row, NaN where it is missing."""
    value = row.get(column)
    return float(value) if isinstance(value, int | float | np.number) else np.nan


def text_of(row: Row, column: str) -> str:
    """Read a text of a typed row, empty where it is missing."""
    value = row.get(column)
    return value if isinstance(value, str) else ""


def component_number(component: str) -> int:
    """Return the column of a component in a waveform.

    >>> component_number("Z")
    2
    """
    if component not in COMPONENTS:
        raise InputError(f"component {component!r} is none of {', '.join(COMPONENTS)}: use one")
    return COMPONENTS.index(component)


def check_window(start: float, end: float) -> None:
    """Refuse a time window that is empty or outside the trace."""
    if not 0 <= start < end <= SECONDS:
        raise InputError(
            f"cannot draw from {start:g} to {end:g} s: a trace is from 0 to {SECONDS:g} s"
        )
    if end - start < 2 / SAMPLING_RATE:
        raise InputError(f"cannot draw from {start:g} to {end:g} s: that is below two samples")
