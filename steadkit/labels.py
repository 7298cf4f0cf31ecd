"""Arrivals to training targets: detection, P and S, each a value from 0 to 1 per sample.

Source: Mousavi et al. (2020), Earthquake transformer, Nature Communications 11, 3952,
doi:10.1038/s41467-020-17591-w.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from steadkit.errors import InputError
from steadkit.schema import N_SAMPLES

TARGETS = ("detector", "picker_P", "picker_S")
"""Names of the targets, and of the network's outputs, in their order."""


def gaussian(distance: np.ndarray, half_width: float) -> np.ndarray:
    """Shape a Gaussian whose standard deviation is half its half width, where it is cut."""
    bell = np.exp(-0.5 * (distance / (half_width / 2)) ** 2)
    return np.where(np.abs(distance) <= half_width, bell, 0)


def triangle(distance: np.ndarray, half_width: float) -> np.ndarray:
    """Be one at the arrival, falling evenly to zero at the half width."""
    return np.maximum(1 - np.abs(distance) / half_width, 0)


def box(distance: np.ndarray, half_width: float) -> np.ndarray:
    """Be one up to the half width on both sides, ends included."""
    return (np.abs(distance) <= half_width).astype(float)


SHAPES: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "gaussian": gaussian,
    "triangle": triangle,
    "box": box,
}


@dataclass(frozen=True)
class LabelConfig:
    """How targets are shaped; the defaults are the published ones.

    Parameters
    ----------
    shape
        ``gaussian``, ``triangle`` or ``box``.
    half_width
        Samples on each side of an arrival that its target covers.
    tail
        How long detection goes on after S, as a multiple of S minus P.
    """

    shape: str = "gaussian"
    half_width: int = 20
    tail: float = 0.4

    def __post_init__(self) -> None:
        if self.shape not in SHAPES:
            raise InputError(f"label shape {self.shape!r} is unknown: use {', '.join(SHAPES)}")
        if not 1 <= self.half_width <= N_SAMPLES:
            raise InputError(f"label half width {self.half_width} must be 1 to {N_SAMPLES} samples")
        if not 0 <= self.tail < float("inf"):
            raise InputError(f"detection tail {self.tail} must be 0 or more times S minus P")


def targets(p: np.ndarray, s: np.ndarray, config: LabelConfig) -> dict[str, np.ndarray]:
    """Make the targets of a batch.

    Parameters
    ----------
    p, s
        Arrivals in samples, shape (batch,); NaN where there is none, in noise for example.
    config
        Shape and width.

    Returns
    -------
    dict of str to numpy.ndarray
        ``detector``, ``picker_P`` and ``picker_S``, each (batch, 6000, 1), float32. Detection
        needs both arrivals; each picker needs its own.

    >>> picks = targets(np.array([0.0]), np.array([5999.0]), LabelConfig("triangle"))
    >>> picks["picker_P"][0, :3, 0].round(2), picks["picker_S"][0, -2:, 0].round(2)
    (array([1.  , 0.95, 0.9 ], dtype=float32), array([0.95, 1.  ], dtype=float32))
    """
    return {
        "detector": detection(p, s, config.tail)[..., np.newaxis],
        "picker_P": arrival(p, config)[..., np.newaxis],
        "picker_S": arrival(s, config)[..., np.newaxis],
    }


def detection(p: np.ndarray, s: np.ndarray, tail: float) -> np.ndarray:
    """Mark the samples from P to S and `tail` times S minus P beyond, both ends included."""
    samples = np.arange(N_SAMPLES)
    start, end = np.asarray(p)[:, np.newaxis], (s + tail * (s - p))[:, np.newaxis]
    # A comparison with NaN is false, so what has no arrivals gets no detection.
    return ((samples >= start) & (samples <= end)).astype(np.float32)


def arrival(sample: np.ndarray, config: LabelConfig) -> np.ndarray:
    """Shape a target around each arrival, shape (batch, 6000), float32."""
    shape = SHAPES[config.shape]
    out = np.zeros((len(sample), N_SAMPLES), np.float32)
    for row in np.flatnonzero(~np.isnan(sample)):
        # Only the few samples near the arrival differ from zero.
        first = max(int(np.floor(sample[row])) - config.half_width, 0)
        last = min(int(np.ceil(sample[row])) + config.half_width, N_SAMPLES - 1)
        near = np.arange(first, last + 1)
        out[row, near] = shape(near - sample[row], config.half_width)
    return out
