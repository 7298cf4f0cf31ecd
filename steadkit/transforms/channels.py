"""Effects of sensor, recorder and processing: dead components, gaps, gain, orientation, filters."""

from itertools import product
from math import ceil, floor, isnan

import numpy as np

from steadkit.example import Example
from steadkit.schema import COMPONENTS, SAMPLING_RATE
from steadkit.transforms.statistics import are_live, center, means, multiply, snr_after

DROPS = tuple(mask for mask in product((0, 1), repeat=3) if 0 < sum(mask) < len(COMPONENTS))
"""Masks that keep one or two of the three components."""

PADDING = 1000
"""Zeros after the end of a trace, in which the filter response decays."""


def drop_channels(example: Example, random: np.random.Generator) -> Example:
    """Set one or two components to zero, and scale the others by 3 over the number left.

    As published for EQT, each of the six masks is equally likely. A draw that would leave no
    live component changes nothing. The SNR of a dropped
    component is NaN.
    """
    is_kept = np.array(DROPS[random.integers(len(DROPS))])
    n_live = np.count_nonzero(is_kept * are_live(example.waveform))
    if not n_live:
        return example
    waveform = multiply(example.waveform, is_kept * (len(is_kept) / n_live))
    return example.with_waveform(waveform, np.where(is_kept, example.snr_db, np.nan))


def gap(
    example: Example, random: np.random.Generator, latest_start: int = 4000, latest_end: int = 5500
) -> Example:
    """Replace an interval by the mean of each component, as data gaps are often filled.

    Zeros next to an offset would be a step larger than any earthquake. As published for EQT, the
    interval starts anywhere before `latest_start` and ends anywhere after that and before
    `latest_end`. For noise only: a gap over an arrival would make its label wrong.
    """
    start = int(random.integers(latest_start))
    end = int(random.integers(start + 1, latest_end))
    waveform = example.waveform.copy()
    waveform[start:end] = means(waveform)
    return example.with_waveform(waveform)


def scale(
    example: Example, random: np.random.Generator, factors: tuple[float, float] = (1.0, 3.0)
) -> Example:
    """Multiply or divide the trace, with equal probability, by a factor between bounds."""
    factor = random.uniform(*factors)
    return example.with_waveform(
        example.waveform * np.float32(factor if random.random() < 0.5 else 1 / factor)
    )


def flip(example: Example) -> Example:
    """Reverse the polarity of all components."""
    return example.with_waveform(-example.waveform)


def rotate(
    example: Example, random: np.random.Generator, degrees: tuple[float, float] = (0.0, 360.0)
) -> Example:
    """Rotate the horizontal components: another back azimuth, or another sensor orientation.

    The new components are E cos a - N sin a and E sin a + N cos a, which keeps their energy; Z
    is unchanged. A trace with a dead horizontal component is returned as it is, as a rotation would
    give that component a signal. SNR changes by `snr_after`.

    Parameters
    ----------
    example
        Any trace.
    random
        Draws the angle.
    degrees
        Bounds of the angle.
    """
    angle = np.radians(random.uniform(*degrees))
    if not are_live(example.waveform)[:2].all():
        return example
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    east, north = example.waveform[:, 0], example.waveform[:, 1]
    waveform = example.waveform.copy()
    waveform[:, 0] = east * cos - north * sin
    waveform[:, 1] = east * sin + north * cos
    return example.with_waveform(waveform, snr_after(example, waveform))


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
