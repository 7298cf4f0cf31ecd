"""Filters: pre-emphasis, band-pass and taper."""

from math import ceil, floor, isnan

import numpy as np

from steadkit.example import Example
from steadkit.schema import SAMPLING_RATE
from steadkit.transforms.snr import snr_after
from steadkit.transforms.statistics import center, means

PADDING = 1000
"""Zeros after the end of a trace, in which the filter response decays."""


def pre_emphasis(example: Example, coefficient: float = 0.97) -> Example:
    """Subtract from each sample its predecessor times a coefficient (high-frequency emphasis).

    The first sample is unchanged, as published for EQT. SNR changes by `snr_after`.
    """
    waveform = example.waveform.copy()
    waveform[1:] -= np.float32(coefficient) * example.waveform[:-1]
    return example.with_waveform(waveform, snr_after(example, waveform))


def band_pass(
    example: Example,
    random: np.random.Generator,
    low: tuple[float, float] = (0.5, 2.0),
    high: tuple[float, float] = (15.0, 45.0),
    order: int = 2,
) -> Example:
    """Apply a zero-phase Butterworth band-pass with random corners.

    The filter runs forwards and backwards, so the peak of an arrival stays at its sample, at the
    price of a short precursor. A single pass would delay an onset by several samples at one hertz,
    and the label would be late. The mean is removed. SNR changes by `snr_after`.

    Parameters
    ----------
    example
        Any trace.
    random
        Random generator of the two corners.
    low, high
        Bounds of the lower and of the upper corner in Hz.
    order
        Order of a single pass.
    """
    from scipy.signal import butter, sosfilt

    corners = [random.uniform(*low), random.uniform(*high)]
    sections = butter(order, corners, "bandpass", fs=SAMPLING_RATE, output="sos")
    # A dead component without its mean is exactly zero, and stays so. Zero padding keeps the peak
    # of an arrival at the edge of the trace in place; reflected padding, as in scipy's sosfiltfilt,
    # would move it.
    padding = np.zeros((PADDING, example.waveform.shape[1]))
    forwards = sosfilt(sections, np.concatenate([center(example.waveform), padding]), axis=0)
    both_ways = sosfilt(sections, forwards[::-1], axis=0)[: PADDING - 1 : -1]
    waveform = np.ascontiguousarray(both_ways, np.float32)
    return example.with_waveform(waveform, snr_after(example, waveform))


def taper(
    example: Example, random: np.random.Generator, lengths: tuple[int, ...] = (100,)
) -> Example:
    """Taper both ends of a trace towards its mean with a cosine.

    The taper is shortened where it would reach an event, from the first P to the last arrival, so
    that no labelled signal fades out. SNR is unchanged.

    Parameters
    ----------
    example
        Any trace.
    random
        Random generator of the length.
    lengths
        In samples; one of them is drawn.
    """
    length = lengths[random.integers(len(lengths))]
    count = len(example.waveform)
    times = [time for time in example.p + example.s if not isnan(time)]
    n_start = min([length, *[max(floor(time), 0) for time in times]])
    n_end = min([length, *[max(count - 1 - ceil(time), 0) for time in times]])
    waveform, mean = example.waveform.copy(), means(example.waveform).astype(np.float32)
    start, end = waveform[:n_start], waveform[count - n_end :]
    start[:] = (start - mean) * _cosine_ramp(n_start) + mean
    end[:] = (end - mean) * _cosine_ramp(n_end)[::-1] + mean
    return example.with_waveform(waveform)


def _cosine_ramp(length: int) -> np.ndarray:
    ramp = 0.5 - 0.5 * np.cos(np.pi * np.arange(length) / max(length, 1))
    return ramp.astype(np.float32)[:, np.newaxis]
