"""Effects of sensor and recorder: dead components, gaps, gain, polarity, orientation."""

from itertools import product

import numpy as np

from steadkit.example import Example
from steadkit.schema import COMPONENTS
from steadkit.transforms.snr import snr_after
from steadkit.transforms.statistics import are_live, means, multiply

DROPS = tuple(mask for mask in product((0, 1), repeat=3) if 0 < sum(mask) < len(COMPONENTS))
"""Masks that keep one or two of the three components."""


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
