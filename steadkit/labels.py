"""Arrivals to training targets: detection, P and S, each a value from 0 to 1 per sample.

Source: Mousavi et al. (2020), Earthquake transformer, Nature Communications 11, 3952,
doi:10.1038/s41467-020-17591-w. The labels are those of its generator but where it errs:

- it leaves out the last sample of each span, of detection as of the peaks;
- a pick at sample 5980 or later stops it, where the label is a Gaussian;
- it takes a pick at sample 0 for a missing one;
- in validation it ignores the shape that was asked for.

Beyond it, a trace may hold any number of events.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor

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
        if not 1 <= self.half_width <= N_SAMPLES or self.half_width % 1:
            raise InputError(
                f"label half width {self.half_width} must be 1 to {N_SAMPLES} whole samples"
            )
        if not 0 <= self.tail < float("inf"):
            raise InputError(f"detection tail {self.tail} must be 0 or more times S minus P")


def targets(p: np.ndarray, s: np.ndarray, config: LabelConfig) -> dict[str, np.ndarray]:
    """Make the targets of a batch.

    Parameters
    ----------
    p, s
        Arrivals in samples, shape (batch,), or (batch, events) where a trace may hold several;
        NaN where there is none, in noise for example.
    config
        Shape and width.

    Returns
    -------
    dict of str to numpy.ndarray
        ``detector``, ``picker_P`` and ``picker_S``, each (batch, 6000, 1), float32, as
        `shape_targets` makes them.

    >>> picks = targets(np.array([0.0]), np.array([5999.0]), LabelConfig("triangle"))
    >>> picks["picker_P"][0, :3, 0].round(2), picks["picker_S"][0, -2:, 0].round(2)
    (array([1.  , 0.95, 0.9 ], dtype=float32), array([0.95, 1.  ], dtype=float32))
    """
    p, s = np.asarray(p, float), np.asarray(s, float)
    if p.shape != s.shape or p.ndim not in (1, 2):
        raise InputError(
            f"P of shape {p.shape} and S of shape {s.shape} do not go together: "
            "give both as (batch,) or (batch, events)"
        )
    out = {name: np.zeros((len(p), N_SAMPLES, 1), np.float32) for name in TARGETS}
    events = (len(p), p.shape[1] if p.ndim == 2 else 1)
    for detector, picker_p, picker_s, its_p, its_s in zip(
        *out.values(), p.reshape(events).tolist(), s.reshape(events).tolist(), strict=True
    ):
        shape_targets(detector, picker_p, picker_s, its_p, its_s, config)
    return out


def shape_targets(
    detector: np.ndarray,
    picker_p: np.ndarray,
    picker_s: np.ndarray,
    p: Sequence[float],
    s: Sequence[float],
    config: LabelConfig,
) -> None:
    """Write the targets of one trace into arrays that are there already.

    Detection is one from P to S and the tail beyond, ends included; it needs both arrivals. A
    picker needs its own, inside the window. Where events overlap the larger value stands. An event
    that the window cuts through keeps its arrivals outside, below 0 or beyond the last sample:
    they get no peak, but detection covers what of the event lies inside.

    Parameters
    ----------
    detector, picker_p, picker_s
        Each (6000,) or (6000, 1), float32, zero; changed.
    p, s
        Arrivals of each event in samples, NaN where there is none.
    config
        Shape and width.

    >>> rows = np.zeros((3, 6000), np.float32)
    >>> shape_targets(*rows, [600.0, 5900.0], [900.0, 6200.0], LabelConfig("box"))
    >>> [int(row.sum()) for row in rows]
    [521, 82, 41]
    """
    for its_p, its_s in zip(p, s, strict=True):
        _mark(detector, its_p, its_s + config.tail * (its_s - its_p))
        _peak(picker_p, its_p, config)
        _peak(picker_s, its_s, config)


def _mark(detector: np.ndarray, start: float, end: float) -> None:
    # A comparison with NaN is false, so what lacks an arrival gets no detection.
    if start <= end and end >= 0:
        detector[max(ceil(start), 0) : min(floor(end), N_SAMPLES - 1) + 1] = 1


def _peak(picker: np.ndarray, arrival: float, config: LabelConfig) -> None:
    if not -0.5 <= arrival < N_SAMPLES - 0.5:
        return
    whole = floor(arrival)
    peak = _peak_at(config, arrival - whole)
    first = whole - config.half_width
    begin, end = max(first, 0), min(first + len(peak), N_SAMPLES)
    there = picker[begin:end].reshape(-1)
    np.maximum(there, peak[begin - first : end - first], out=there)


@lru_cache(maxsize=256)
def _peak_at(config: LabelConfig, fraction: float) -> np.ndarray:
    """Shape the target around an arrival, from `half_width` samples before its whole sample on."""
    distance = np.arange(-config.half_width, config.half_width + 2) - fraction
    return SHAPES[config.shape](distance, config.half_width).astype(np.float32)
