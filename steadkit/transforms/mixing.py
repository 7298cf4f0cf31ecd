"""What is added to a trace: a second event, another event, Gaussian noise, real noise."""

from collections.abc import Callable
from math import ceil, floor, isnan, log
from typing import Final

import numpy as np

from steadkit.example import Example
from steadkit.transforms.normal_deviates import normal_deviates
from steadkit.transforms.snr import snr_after
from steadkit.transforms.statistics import (
    center,
    mean_squares,
    means,
    peaks,
    peaks_about_mean,
    per_sample,
    spread,
)
from steadkit.transforms.windows import shift

MARGIN: Final = 21
"""Samples between a second S and the end of the window, as published: room for its label."""


def second_event(
    example: Example, random: np.random.Generator, divisors: tuple[int, int] = (1, 9)
) -> Example:
    """Add the event once more after its own coda, smaller, both labelled.

    As published for EQT, the trace from P on comes again, divided by a whole number, at any
    sample from the coda end to where S still fits. Without room, or without an S, the trace stays
    as it is. The coda of the second event is cut by the end of the window. Coda end and SNR stay
    those of the first.

    Parameters
    ----------
    example
        A trace with one event.
    random
        Draws the place and the divisor.
    divisors
        The smallest and the largest.
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
    # Without the mean, or an offset of the instrument would make a step at P.
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
    """Add another event wherever it falls, over the first one too, all labelled.

    The other trace is first shifted to any place that keeps its event whole, see `shift`. Its
    events come after those that are there; coda end and SNR stay those of the main event. A dead
    component stays dead.

    Parameters
    ----------
    example
        A trace with an event.
    random
        Draws the other event, its place and its size.
    event
        Gives a trace with another event.
    ratios
        The largest amplitude of the other over that of the first, smallest and largest; all
        ratios between are equally likely on a logarithmic scale.
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
    """Add Gaussian noise to each component, in proportion to its largest amplitude.

    As published for EQT, a component at a time; the amplitude is that about the mean, so that an
    offset of the instrument does not count. SNR moves by `snr_after`.

    Parameters
    ----------
    example
        Any trace.
    random
        Draws the standard deviations and the noise.
    sigmas
        Standard deviation over the largest amplitude, smallest and largest.
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
    """Add a noise trace at a drawn signal-to-noise ratio.

    One ratio is drawn for the trace, and each component gets the noise of that component scaled
    to it: the mean square of the event, from P to its reach (or to the end of the window), over
    that of the added noise. SNR moves by `snr_after`. A dead component stays dead.

    Parameters
    ----------
    example
        A trace with an event.
    random
        Draws the noise and the ratio.
    noise
        Gives the waveform of a noise trace, shape (6000, 3).
    snr_db
        Bounds of the ratio in dB.
    """
    added = center(np.asarray(noise(random), np.float32))
    ratio = 10 ** (random.uniform(*snr_db) / 10)
    end = len(added) if isnan(example.signal_end) else ceil(example.signal_end) + 1
    event = center(example.waveform)[max(floor(min(example.p)), 0) : end]
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = np.sqrt(mean_squares(event) / (ratio * mean_squares(added)))
    waveform = _add_scaled(example.waveform, added, np.nan_to_num(factors, posinf=0))
    return example.with_waveform(waveform, snr_after(example, waveform))


def _add_scaled(waveform: np.ndarray, added: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Add a waveform times a factor for each component; what is added is used up."""
    rows = per_sample(added)
    np.multiply(rows, spread(factors, added), out=rows)
    rows += per_sample(waveform)
    return added
