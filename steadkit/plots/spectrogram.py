"""Spectrograms: power spectral density over time and frequency, with the arrivals."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hann

from steadkit.plots.annotations import (
    SECONDS,
    Row,
    Window,
    check_window,
    component_title,
    finish_time,
    heading,
    mark_arrivals,
)
from steadkit.plots.style import styled
from steadkit.schema import COMPONENTS, SAMPLING_RATE

WINDOW, HOP = 64, 8
"""Samples in a window of the spectrogram, and from one window to the next."""

DYNAMIC_RANGE = 70.0
"""Decibels from the darkest to the brightest colour; weaker values are darkest too."""


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
