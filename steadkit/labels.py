"""Training targets from arrivals: detection, P and S, each a value from 0 to 1 per sample.

Source: Mousavi et al. (2020), Earthquake transformer, Nature Communications 11, 3952,
doi:10.1038/s41467-020-17591-w. The labels are those of its generator except for its errors:

- it leaves out the last sample of each span, of detection as of the peaks;
- a pick at sample 5980 or later stops it, where the label is a Gaussian;
- it treats a pick at sample 0 as missing;
- in validation it ignores the requested shape.

Beyond it, a trace may have any number of events, and an unpicked S is distinguished from a missing
one: see `shape_targets`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor, inf, isnan, nan
from typing import Final

import numpy as np

from steadkit.errors import InputError
from steadkit.schema import N_SAMPLES

TARGETS = ("detector", "picker_P", "picker_S")
"""Names of the targets and of the network's outputs, in order."""

UNKNOWN: Final = -1.0
"""Target of a sample of unknown truth, if such samples are marked."""


def gaussian(distance: np.ndarray, half_width: float) -> np.ndarray:
    """Return a Gaussian of standard deviation half its half width, truncated at the half width."""
    bell = np.exp(-0.5 * (distance / (half_width / 2)) ** 2)
    return np.where(np.abs(distance) <= half_width, bell, 0)


def triangle(distance: np.ndarray, half_width: float) -> np.ndarray:
    """Return a triangle, one at the arrival and zero at the half width."""
    return np.maximum(1 - np.abs(distance) / half_width, 0)


def box(distance: np.ndarray, half_width: float) -> np.ndarray:
    """Return one up to the half width on both sides, ends included, and zero beyond."""
    return (np.abs(distance) <= half_width).astype(float)


SHAPES: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "gaussian": gaussian,
    "triangle": triangle,
    "box": box,
}


@dataclass(frozen=True)
class LabelConfig:
    """Shape of the targets; the defaults are the published ones.

    Parameters
    ----------
    shape
        ``gaussian``, ``triangle`` or ``box``.
    half_width
        Samples on each side of an arrival that its target covers.
    tail
        Length of detection after S, as a multiple of S minus P.
    duration
        Samples of detection after P where neither S nor the coda end is known.
    mark_unknown
        Whether the S target is ``UNKNOWN`` where an unpicked S may be; else it is 0 there.
    """

    shape: str = "gaussian"
    half_width: int = 20
    tail: float = 0.4
    duration: int = 1000
    mark_unknown: bool = False

    def __post_init__(self) -> None:
        if self.shape not in SHAPES:
            raise InputError(f"label shape {self.shape!r} is unknown: use {', '.join(SHAPES)}")
        if not 1 <= self.half_width <= N_SAMPLES or self.half_width % 1:
            raise InputError(
                f"label half width {self.half_width} must be 1 to {N_SAMPLES} whole samples"
            )
        if not 0 <= self.tail < float("inf"):
            raise InputError(f"detection tail {self.tail} must be 0 or more times S minus P")
        if not 0 <= self.duration <= N_SAMPLES or self.duration % 1:
            raise InputError(
                f"detection of {self.duration} samples after P must be 0 to {N_SAMPLES}, whole"
            )


def targets(
    p: np.ndarray, s: np.ndarray, config: LabelConfig, coda_end: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Return the targets of a batch.

    Parameters
    ----------
    p, s
        Arrivals in samples, shape (batch,), or (batch, events) where a trace may hold several;
        NaN where there is none, in noise for example.
    config
        Shape and width.
    coda_end
        Coda end of each trace's main event in samples, shape (batch,); NaN where it is not known,
        None if all are unknown.

    Returns
    -------
    dict of str to numpy.ndarray
        ``detector``, ``picker_P`` and ``picker_S``, each (batch, 6000, 1), float32, see
        `shape_targets`.

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
    ends = np.full(len(p), nan) if coda_end is None else np.asarray(coda_end, float)
    arrivals = (p.reshape(events).tolist(), s.reshape(events).tolist(), ends.tolist())
    for detector, picker_p, picker_s, p_samples, s_samples, end in zip(
        *out.values(), *arrivals, strict=True
    ):
        shape_targets(detector, picker_p, picker_s, p_samples, s_samples, config, end)
    return out


def shape_targets(
    detector: np.ndarray,
    picker_p: np.ndarray,
    picker_s: np.ndarray,
    p: Sequence[float],
    s: Sequence[float],
    config: LabelConfig,
    coda_end: float = nan,
) -> None:
    """Write the targets of one trace into existing arrays.

    Detection is one from P to S and the tail after it, ends included. A picker target needs only
    its own arrival, inside the window. Where events overlap, the larger value counts. An event that
    the window cuts keeps its arrivals outside, below 0 or after the last sample: they get no peak,
    but detection covers the part of the event inside.

    An event with P only has an unpicked S. Its detection ends with its coda, or
    ``config.duration`` samples after P. Its S may be anywhere from P to the end of the coda, or of
    the window: there the S target is ``UNKNOWN`` with ``config.mark_unknown``, except for the peaks
    of other events.

    Parameters
    ----------
    detector, picker_p, picker_s
        Each (6000,) or (6000, 1), float32, zero; changed.
    p, s
        Arrivals of each event in samples; NaN for none.
    config
        Shape and width.
    coda_end
        Coda end of the first event in samples; NaN if it is not known.

    >>> rows = np.zeros((3, 6000), np.float32)
    >>> shape_targets(*rows, [600.0, 5900.0], [900.0, 6200.0], LabelConfig("box"))
    >>> [int(row.sum()) for row in rows]
    [521, 82, 41]
    """
    ends = [nan] * len(p)
    if len(p) and p[0] < coda_end < inf:
        ends[0] = coda_end
    for p_sample, s_sample, end in zip(p, s, ends, strict=True):
        if isnan(s_sample):
            _mark(detector, p_sample, p_sample + config.duration if isnan(end) else end)
        else:
            _mark(detector, p_sample, s_sample + config.tail * (s_sample - p_sample))
        _peak(picker_p, p_sample, config)
        _peak(picker_s, s_sample, config)
    # In a second pass, as the mark must not cover a peak of a later event.
    if config.mark_unknown:
        for p_sample, s_sample, end in zip(p, s, ends, strict=True):
            if isnan(s_sample) and not isnan(p_sample):
                _mark_unknown(picker_s, p_sample, N_SAMPLES if isnan(end) else end)


def _mark(detector: np.ndarray, start: float, end: float) -> None:
    # A comparison with NaN is false, so an event without an arrival gets no detection.
    if start <= end and end >= 0:
        detector[max(ceil(start), 0) : min(floor(end), N_SAMPLES - 1) + 1] = 1


def _mark_unknown(picker: np.ndarray, start: float, end: float) -> None:
    first, stop = (min(max(sample, 0), N_SAMPLES) for sample in (ceil(start), floor(end) + 1))
    unlabelled = picker[first:stop]
    unlabelled[unlabelled == 0] = UNKNOWN


def _peak(picker: np.ndarray, arrival: float, config: LabelConfig) -> None:
    # An arrival belongs to the nearest sample; NaN fails the comparison.
    if not -0.5 <= arrival < N_SAMPLES - 0.5:
        return
    whole = floor(arrival)
    peak = _peak_at(config, arrival - whole)
    first = whole - config.half_width
    begin, end = max(first, 0), min(first + len(peak), N_SAMPLES)
    window = picker[begin:end].reshape(-1)
    np.maximum(window, peak[begin - first : end - first], out=window)


# Cached, as all arrivals on whole samples share one target.
@lru_cache(maxsize=256)
def _peak_at(config: LabelConfig, fraction: float) -> np.ndarray:
    """Return the target around an arrival, from `half_width` samples before its whole sample on."""
    distance = np.arange(-config.half_width, config.half_width + 2) - fraction
    return SHAPES[config.shape](distance, config.half_width).astype(np.float32)
