"""What a processing chain may do: pre-emphasis, a band-pass, a taper."""

from math import ceil, floor, isnan

import numpy as np

from steadkit.example import Example
from steadkit.schema import SAMPLING_RATE
from steadkit.transforms.snr import snr_after
from steadkit.transforms.statistics import center, means

TAIL = 1000
"""Samples that a filter's response is followed beyond the end of a trace."""


def pre_emphasis(example: Example, coefficient: float = 0.97) -> Example:
    """Take from each sample its predecessor times a coefficient, which lifts high frequencies.

    The first sample stays, as published for EQT. SNR moves by `snr_after`.
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
    """Filter between two drawn frequencies, forwards and backwards.

    A Butterworth filter run both ways has no phase: the peak of an arrival stays at its sample,
    at the price of a shorter precursor than its tail would be. One run forwards alone delays what
    is left of an onset by several samples at one hertz, and the label with it. The mean is
    removed. SNR moves by `snr_after`.

    Parameters
    ----------
    example
        Any trace.
    random
        Draws the two corners.
    low, high
        Bounds of the lower and of the upper corner in Hz.
    order
        Of the filter run once.
    """
    from scipy.signal import butter, sosfilt

    corners = [random.uniform(*low), random.uniform(*high)]
    sections = butter(order, corners, "bandpass", fs=SAMPLING_RATE, output="sos")
    # A constant component without its mean is exactly zero, and stays so. The silence around the
    # trace keeps the peak of an arrival on its edge, which a mirrored trace would move.
    silence = np.zeros((TAIL, example.waveform.shape[1]))
    forwards = sosfilt(sections, np.concatenate([center(example.waveform), silence]), axis=0)
    both_ways = sosfilt(sections, forwards[::-1], axis=0)[: TAIL - 1 : -1]
    waveform = np.ascontiguousarray(both_ways, np.float32)
    return example.with_waveform(waveform, snr_after(example, waveform))


def taper(
    example: Example, random: np.random.Generator, lengths: tuple[int, ...] = (100,)
) -> Example:
    """Let a trace rise from its mean at its start and fall to it at its end, as half a cosine.

    The taper is shortened where it would touch an event, from the first P to the last arrival:
    what has a label is not faded out. SNR stays.

    Parameters
    ----------
    example
        Any trace.
    random
        Draws a length.
    lengths
        In samples. One is a fixed taper; of several steps one is drawn.
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
