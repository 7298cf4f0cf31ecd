"""Figures of one trace: components, spectrograms, and the marks of its arrivals."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.ticker import MaxNLocator
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hann

from steadkit.errors import InputError
from steadkit.plots.style import BLACK, BLUE, GREEN, THOUSANDS, VERMILLION, styled
from steadkit.schema import COMPONENTS, N_SAMPLES, SAMPLING_RATE

WINDOW, HOP = 64, 8
"""Samples in a window of the spectrogram, and from one window to the next."""

DYNAMIC_RANGE = 70.0
"""Decibels from the darkest to the brightest colour; weaker values are darkest too."""

SECONDS = N_SAMPLES / SAMPLING_RATE

Row = Mapping[str, object]
Window = tuple[float, float]


@styled
def trace_figure(
    waveform: np.ndarray,
    row: Row,
    start: float = 0.0,
    end: float = SECONDS,
    with_spectrogram: str | None = None,
) -> Figure:
    """Draw the three components against time, with P, S and the end of the coda.

    Parameters
    ----------
    waveform
        Shape (6000, 3), counts, components E, N, Z at 100 Hz.
    row
        The trace's columns, typed as `steadkit.types.typed_table` does. All may be missing.
    start, end
        The part to draw, seconds since the start of the trace.
    with_spectrogram
        The component whose spectrogram is drawn below, if any.

    Raises
    ------
    InputError
        The part lies outside the trace, or there is no such component.
    """
    check_window(start, end)
    lower = [] if with_spectrogram is None else [component_number(with_spectrogram)]
    figure = Figure(figsize=(7.2, 4.6 + 1.6 * len(lower)))
    figure.suptitle(heading(row), x=0.01, ha="left")
    draw_trace(figure, waveform, row, (start, end), lower)
    return figure


def draw_trace(
    figure: FigureBase,
    waveform: np.ndarray,
    row: Row,
    window: Window,
    spectrograms: Sequence[int] = (),
) -> None:
    """Fill a figure, or a part of one, with three components and spectrograms of some below."""
    ratios = [1.0] * len(COMPONENTS) + [1.5] * len(spectrograms)
    axes = figure.subplots(len(ratios), sharex=True, height_ratios=ratios)
    for number, ax in enumerate(axes[: len(COMPONENTS)]):
        _draw_component(ax, waveform[:, number], window)
        ax.set_title(component_title(number, waveform, row))
        mark_arrivals(ax, row, window)
    for ax, number in zip(axes[len(COMPONENTS) :], spectrograms, strict=True):
        draw_spectrogram(
            ax, waveform, row, number, window, with_bar=bool(waveform[:, number].any())
        )
        ax.set_title(f"spectrogram of {component_title(number, waveform, {})}")
    finish_time(axes, row, window)


def draw_components(
    ax: Axes, seconds: np.ndarray, waveform: np.ndarray, scale: float = 1.0, spacing: float = 1.0
) -> None:
    """Draw three components above one another in one panel, E at the top, all on one scale."""
    heights = spacing * np.arange(len(COMPONENTS))[::-1]
    for number, component in enumerate(COMPONENTS):
        line = waveform[:, number] / scale + heights[number]
        ax.plot(seconds, line, color=BLACK, linewidth=0.4, label=component)
    ax.set_yticks(heights, COMPONENTS)
    ax.tick_params(axis="y", length=0, pad=2)


def _draw_component(ax: Axes, samples: np.ndarray, window: Window) -> None:
    seconds = np.arange(len(samples)) / SAMPLING_RATE
    in_window = (seconds >= window[0]) & (seconds <= window[1])
    ax.plot(seconds[in_window], samples[in_window], color=BLACK, linewidth=0.45)
    ax.set_ylabel("counts")
    if samples[in_window].any():
        ax.margins(y=0.06)
    else:
        ax.set_ylim(-1, 1)
    ax.yaxis.set_major_locator(MaxNLocator(4))
    ax.yaxis.set_major_formatter(THOUSANDS)


@styled
def spectrogram_figure(
    waveform: np.ndarray, row: Row, start: float = 0.0, end: float = SECONDS
) -> Figure:
    """Draw the spectrogram of each component, with P, S and the end of the coda.

    Takes what `trace_figure` takes.
    """
    check_window(start, end)
    figure = Figure(figsize=(7.2, 5.4))
    figure.suptitle(heading(row), x=0.01, ha="left")
    axes = figure.subplots(len(COMPONENTS), sharex=True)
    # The components share one scale, so that their colours compare; its bar is in the middle.
    top = max(max_decibels(spectral_density(samples)[2]) for samples in waveform.T)
    for number, ax in enumerate(axes):
        draw_spectrogram(ax, waveform, row, number, (start, end), top, with_bar=number == 1)
        ax.set_title(component_title(number, waveform, row))
    finish_time(axes, row, (start, end))
    return figure


def draw_spectrogram(
    ax: Axes,
    waveform: np.ndarray,
    row: Row,
    number: int,
    window: Window,
    top: float | None = None,
    with_bar: bool = True,
) -> None:
    """Draw one component's power spectral density over time, with the arrivals.

    `top` is the value of the brightest colour, decibels; by default the component's maximum.
    """
    seconds, hertz, decibels = spectral_density(waveform[:, number])
    # The scale is that of the complete trace, so that a zoom keeps its colours.
    top = max_decibels(decibels) if top is None else top
    mesh = ax.pcolormesh(
        seconds,
        hertz,
        decibels,
        cmap="cividis",
        vmin=top - DYNAMIC_RANGE,
        vmax=top,
        shading="nearest",
        rasterized=True,
    )
    mark_arrivals(ax, row, window, halo="white")
    ax.set_ylim(0, SAMPLING_RATE / 2)
    ax.set_ylabel("frequency (Hz)")
    if with_bar:
        # Inset, so that the panel keeps the width of those above it and the times stay in line.
        bar = ax.inset_axes((1.01, 0, 0.012, 1))
        ax.figure.colorbar(mesh, cax=bar, label="PSD (dB re 1 count²/Hz)")


def max_decibels(decibels: np.ndarray) -> float:
    """Return the largest power, decibels; -200 for silence, below any seismogram."""
    return -200.0 if np.isnan(decibels).all() else float(decibels.max())


def spectral_density(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute the power spectral density over time, in windows of 0.64 s.

    Parameters
    ----------
    samples
        One component, counts at 100 Hz.

    Returns
    -------
    seconds, hertz
        Middle of each window, and the frequencies.
    decibels
        Shape (hertz, seconds), decibels relative to 1 count²/Hz; NaN for a silent component.
    """
    transform = ShortTimeFFT(
        hann(WINDOW, sym=False),
        HOP,
        SAMPLING_RATE,
        # One-sided, so that its sum over the frequencies is the variance.
        fft_mode="onesided2X",
        mfft=4 * WINDOW,
        scale_to="psd",
    )
    # The mean would leak into the lowest frequencies. "even" mirrors the trace at both ends.
    centred = np.asarray(samples, float) - float(np.mean(samples, dtype=float))
    densities = transform.spectrogram(centred, padding="even")
    seconds = transform.t(len(samples))
    inside = (seconds >= 0) & (seconds <= len(samples) / SAMPLING_RATE)
    densities = densities[:, inside]
    floor = densities.max() * 10 ** (-DYNAMIC_RANGE / 10)
    decibels = 10 * np.log10(np.maximum(densities, floor)) if floor > 0 else densities * np.nan
    return seconds[inside], transform.f, decibels


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
        seconds = read_number_cell(row, column) / SAMPLING_RATE
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
    began = re.sub(r"(\.\d*?)0+$", r"\1", read_text_cell(row, "trace_start_time")).rstrip(".")
    axes[-1].set_xlabel(f"time since {began} UTC (s)" if began else "time (s)")
    figure = axes[0].get_figure()
    if isinstance(figure, FigureBase):
        figure.align_ylabels(axes)


def heading(row: Row) -> str:
    """Return two lines: the trace name, and the known parameters of its earthquake."""
    magnitude = f"M {{:g}} {read_text_cell(row, 'source_magnitude_type')}".rstrip()
    facts = (
        ("source_magnitude", magnitude),
        ("source_distance_km", "distance {:.1f} km"),
        ("source_depth_km", "depth {:.1f} km"),
        ("back_azimuth_deg", "back azimuth {:.0f}°"),
    )
    facts_text = [
        template.format(read_number_cell(row, column))
        for column, template in facts
        if np.isfinite(read_number_cell(row, column))
    ]
    return "\n".join(filter(None, [read_text_cell(row, "trace_name"), ", ".join(facts_text)]))


def component_title(number: int, waveform: np.ndarray, row: Row) -> str:
    """Return the name of a component, with its signal-to-noise ratio where it is known."""
    ratio = read_number_cell(row, f"snr_db_{COMPONENTS[number]}")
    snr_text = "" if np.isnan(ratio) else f", SNR {ratio:.1f} dB"
    zero_text = "" if waveform[:, number].any() else ", all zero"
    return COMPONENTS[number] + snr_text + zero_text


def read_number_cell(row: Row, column: str) -> float:
    """Read a number of a typed row, NaN where it is missing."""
    value = row.get(column)
    return float(value) if isinstance(value, int | float | np.number) else np.nan


def read_text_cell(row: Row, column: str) -> str:
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
