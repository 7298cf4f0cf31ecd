"""Additions to a trace: second event, superposed event, Gaussian noise, real noise."""

from collections.abc import Callable
from functools import cache
from math import ceil, floor, isnan, log, prod
from typing import Final

import numpy as np
from scipy.special import ndtri

from steadkit.example import Example
from steadkit.transforms.statistics import (
    center,
    mean_squares,
    means,
    peaks,
    peaks_about_mean,
    per_sample,
    snr_after,
    spread,
)
from steadkit.transforms.windows import shift

MARGIN: Final = 21
"""Samples between a second S and the end of the window, as published: room for its label."""

N_VALUES = 1 << 16
MAX_UINT64 = 2**64 - 1


def second_event(
    example: Example, random: np.random.Generator, divisors: tuple[int, int] = (1, 9)
) -> Example:
    """Add a smaller copy of the event after its coda; both are labelled.

    As published for EQT, the trace from P on is added again, divided by a whole number, at any
    sample from the coda end to where S still fits. Without room, or without an S, the trace is
    unchanged. The end of the window cuts the coda of the second event. Coda end and SNR remain
    those of the first.

    Parameters
    ----------
    example
        A trace with one event.
    random
        Random generator of the onset and the divisor.
    divisors
        Smallest and largest divisor.
    """
    p, s, end = example.p[0], example.s[0], example.signal_end
    count = len(example.waveform)
    if isnan(end) or isnan(s) or p < 0 or len(example.p) > 1:
        return example
    first, beyond = ceil(max(end, s)), count - MARGIN - ceil(s - p)
    if first >= beyond:
        return example
    onset, start = floor(p), int(random.integers(first, beyond))
    factor = 1 / random.integers(divisors[0], divisors[1] + 1)
    waveform = example.waveform.copy()
    # Without the mean, as an offset of the instrument would make a step at P.
    repeated = center(example.waveform[onset : onset + count - start], means(example.waveform))
    repeated *= np.float32(factor)
    waveform[start:] += repeated
    delay = start - onset
    return Example(
        waveform,
        (*example.p, p + delay),
        (*example.s, s + delay),
        example.coda_end,
        example.snr_db,
    )


def superpose(
    example: Example,
    random: np.random.Generator,
    event: Callable[[np.random.Generator], Example],
    ratios: tuple[float, float] = (1 / 9, 1.0),
) -> Example:
    """Add another event at any time, also over the first one; all are labelled.

    The second trace is first shifted to any position that keeps its event complete, see `shift`.
    Its events follow those of the first trace; coda end and SNR remain those of the main event. A
    dead component stays dead.

    Parameters
    ----------
    example
        A trace with an event.
    random
        Random generator of the second event, its position and its amplitude.
    event
        Returns a trace with another event.
    ratios
        Bounds of the largest amplitude of the second over that of the first, drawn uniformly on a
        logarithmic scale.
    """
    second = shift(event(random), random, earlier=True)
    ratio = np.exp(random.uniform(log(ratios[0]), log(ratios[1])))
    added, amplitudes = (
        center(np.asarray(second.waveform, np.float32)),
        peaks_about_mean(example.waveform),
    )
    size = peaks(added).max()
    if size == 0:
        return example
    factors = np.where(amplitudes > 0, ratio * amplitudes.max() / size, 0)
    return Example(
        _add_scaled(example.waveform, added, factors),
        example.p + second.p,
        example.s + second.s,
        example.coda_end,
        example.snr_db,
    )


def gaussian_noise(
    example: Example, random: np.random.Generator, sigmas: tuple[float, float] = (0.01, 0.15)
) -> Example:
    """Add Gaussian noise to each component, relative to its largest amplitude.

    As published for EQT, with a level for each component; the amplitude is that about the mean, so
    that an offset of the instrument does not count. SNR changes by `snr_after`.

    Parameters
    ----------
    example
        Any trace.
    random
        Random generator of the standard deviations and the noise.
    sigmas
        Bounds of the standard deviation over the largest amplitude.
    """
    noise = normal_deviates(random, example.waveform.shape)
    sigma = random.uniform(*sigmas, size=noise.shape[1]) * peaks_about_mean(example.waveform)
    waveform = _add_scaled(example.waveform, noise, sigma)
    return example.with_waveform(waveform, snr_after(example, waveform))


def real_noise(
    example: Example,
    random: np.random.Generator,
    noise: Callable[[np.random.Generator], np.ndarray],
    snr_db: tuple[float, float] = (5.0, 25.0),
) -> Example:
    """Add a noise trace at a random signal-to-noise ratio.

    One ratio is drawn for the trace, and the noise of each component is scaled to it: the mean
    square of the event, from P to `Example.signal_end` (or to the end of the window), over that of
    the added noise. SNR changes by `snr_after`. A dead component stays dead.

    Parameters
    ----------
    example
        A trace with an event.
    random
        Random generator of the noise and the ratio.
    noise
        Returns the waveform of a noise trace, shape (6000, 3).
    snr_db
        Bounds of the ratio in dB.
    """
    added = center(np.asarray(noise(random), np.float32))
    ratio = 10 ** (random.uniform(*snr_db) / 10)
    end = len(added) if isnan(example.signal_end) else ceil(example.signal_end) + 1
    event = center(example.waveform)[max(floor(min(example.p)), 0) : end]
    # A component without noise gets none: its factor is infinite or NaN, and then 0.
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = np.sqrt(mean_squares(event) / (ratio * mean_squares(added)))
    waveform = _add_scaled(example.waveform, added, np.nan_to_num(factors, posinf=0))
    return example.with_waveform(waveform, snr_after(example, waveform))


def _add_scaled(waveform: np.ndarray, added: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Add a waveform times a factor for each component; `added` is overwritten by the sum."""
    rows = per_sample(added)
    np.multiply(rows, spread(factors, added), out=rows)
    rows += per_sample(waveform)
    return added


def normal_deviates(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draw from the standard normal distribution, in 65,536 equally likely values.

    Each is the quantile in the middle of an interval of equal probability; the largest is 4.32. The
    variance is 1 within 2e-5, and the distribution is exact within 1e-5.

    Parameters
    ----------
    random
        Random generator.
    shape
        Shape of the result.

    Returns
    -------
    numpy.ndarray
        float32.

    >>> normal_deviates(np.random.Generator(np.random.SFC64(0)), (2, 3)).shape
    (2, 3)
    """
    count = prod(shape)
    bits = random.integers(MAX_UINT64, size=-(-count // 4), dtype=np.uint64, endpoint=True)
    # Each draw of 64 bits gives four indices, the same on machines of any byte order.
    indices = bits.astype("<u8", copy=False).view("<u2")[:count]
    return np.take(_quantiles(), indices, mode="clip").reshape(shape)


@cache
def _quantiles() -> np.ndarray:
    return ndtri((np.arange(N_VALUES) + 0.5) / N_VALUES).astype(np.float32)
