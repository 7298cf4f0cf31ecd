"""Figure of a trace: three components against time, with its arrivals."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.ticker import MaxNLocator

from steadkit.plots.annotations import (
    SECONDS,
    Row,
    Window,
    check_window,
    component_number,
    component_title,
    finish_time,
    heading,
    mark_arrivals,
)
from steadkit.plots.spectrogram import draw_spectrogram
from steadkit.plots.style import BLACK, THOUSANDS, styled
from steadkit.schema import COMPONENTS, SAMPLING_RATE


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
