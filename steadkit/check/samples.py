"""Issues that show in the samples, for a batch of traces at once."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from steadkit.schema import COMPONENTS, SAMPLING_RATE

GAP_SAMPLES: Final = int(SAMPLING_RATE)
"""A component that keeps one value for so long has no ground motion in it."""

CLIPPED_SAMPLES: Final = 10
CLIPPED_RUN: Final = 3
CLIPPED_RATIO: Final = 5
"""A clipped record has so many samples at its extreme value, so many of them in a row, and so
many times more than at the next value below: the tails of faint noise have few counts to choose
from too, but they thin out towards the extreme."""

_NO_ISSUE: Final = ""


@dataclass(frozen=True)
class Components:
    """Waveforms by component, with what several checks need of them.

    Parameters
    ----------
    samples
        Shape (traces, 3, samples).
    """

    samples: np.ndarray

    @cached_property
    def low(self) -> np.ndarray:
        """The least sample of each component, shape (traces, 3); NaN if one is."""
        least: np.ndarray = self.samples.min(axis=-1)
        return least

    @cached_property
    def high(self) -> np.ndarray:
        """The largest sample of each component; NaN if one is."""
        largest: np.ndarray = self.samples.max(axis=-1)
        return largest

    @cached_property
    def vary(self) -> np.ndarray:
        """Whether each component varies, bool, shape (traces, 3)."""
        varying: np.ndarray = self.high > self.low
        return varying

    @property
    def are_finite(self) -> np.ndarray:
        """Whether no sample of a trace is NaN or infinite, bool, shape (traces,)."""
        finite: np.ndarray = (np.isfinite(self.low) & np.isfinite(self.high)).all(axis=-1)
        return finite


def not_finite(components: Components) -> list[str]:
    """Count the samples that are NaN or infinite."""
    texts = [_NO_ISSUE] * len(components.samples)
    for row in np.flatnonzero(~components.are_finite).tolist():
        count = int((~np.isfinite(components.samples[row])).sum())
        texts[row] = f"{count} samples"
    return texts


def dead_trace(components: Components) -> list[str]:
    """Find traces in which nothing varies."""
    alive: np.ndarray = np.asarray(components.vary.any(axis=-1))
    return [_NO_ISSUE if varies else "E N Z constant" for varies in alive.tolist()]


def dead_component(components: Components) -> list[str]:
    """Find traces in which some components do not vary and others do."""
    partly = components.vary.any(axis=-1, keepdims=True) & ~components.vary
    return _describe_flagged(partly, "constant")


def gap(components: Components) -> list[str]:
    """Find components that vary, but keep one value for a second or more."""
    # Two samples half a gap apart are equal wherever a gap is: few need a closer look.
    coarse = components.samples[..., :: GAP_SAMPLES // 2]
    near = components.vary & (coarse[..., 1:] == coarse[..., :-1]).any(axis=-1)
    gaps = np.zeros(near.shape, dtype=bool)
    for row, component in np.argwhere(near):
        still = np.diff(components.samples[row, component]) == 0
        gaps[row, component] = longest_run(still) >= GAP_SAMPLES - 1
    return _describe_flagged(gaps, "with a gap")


def clipped(components: Components) -> list[str]:
    """Find components whose samples pile up at the largest or the smallest value."""
    piles = np.zeros(components.vary.shape, dtype=bool)
    for row, component in np.argwhere(components.vary).tolist():
        samples = components.samples[row, component]
        for extremes in (components.high, components.low):
            extreme = extremes[row, component]
            # In one dimension, and while they are in the cache: a fifth of all at once.
            if np.count_nonzero(samples == extreme) >= CLIPPED_SAMPLES:
                piles[row, component] |= _piles_up(samples, extreme)
    return _describe_flagged(piles, "clipped")


def _piles_up(samples: np.ndarray, extreme: np.floating) -> bool:
    at_extreme = samples == extreme
    others = samples[~at_extreme]
    next_value = others[np.argmin(np.abs(others - extreme))]
    many = at_extreme.sum() >= CLIPPED_RATIO * (samples == next_value).sum()
    run = longest_run(at_extreme)
    # A gap is constant too, and where it lies beside the signal it is the extreme.
    return bool(many and CLIPPED_RUN <= run < GAP_SAMPLES)


def longest_run(flags: np.ndarray) -> int:
    """Count the longest run of true values.

    >>> longest_run(np.array([True, False, True, True]))
    2
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    lengths = edges[1::2] - edges[::2]
    return int(lengths.max(initial=0))


def identical_components(components: Components) -> list[str]:
    """Find components that vary and equal another sample by sample."""
    same = np.zeros(components.vary.shape, dtype=bool)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        # Few have the same extremes: only they need a closer look.
        near = components.vary[:, one]
        for extremes in (components.low, components.high):
            near = near & (extremes[:, one] == extremes[:, other])
        for row in np.flatnonzero(near).tolist():
            if (components.samples[row, one] == components.samples[row, other]).all():
                same[row, [one, other]] = True
    return _describe_flagged(same, "identical")


def _describe_flagged(flags: np.ndarray, what: str) -> list[str]:
    """Name the components for which a flag is true, trace by trace."""
    texts = [_NO_ISSUE] * len(flags)
    for row in np.flatnonzero(flags.any(axis=-1)).tolist():
        names = [name for name, flag in zip(COMPONENTS, flags[row], strict=True) if flag]
        texts[row] = f"{' '.join(names)} {what}"
    return texts


CHECKS: Final[dict[str, Callable[[Components], list[str]]]] = {
    "dead-trace": dead_trace,
    "dead-component": dead_component,
    "gap": gap,
    "clipped": clipped,
    "identical-components": identical_components,
}
"""What to do for each issue of finite waveforms; empty text means that a trace is sound."""
