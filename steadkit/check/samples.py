"""Faults that show in the samples, for a batch of traces at once."""

from collections.abc import Callable
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

_NONE: Final = ""


def living(components: np.ndarray) -> np.ndarray:
    """Tell which components vary.

    Parameters
    ----------
    components
        Waveforms, shape (traces, 3, samples), finite.

    Returns
    -------
    numpy.ndarray
        Bool, shape (traces, 3).
    """
    varies: np.ndarray = components.max(axis=-1) > components.min(axis=-1)
    return varies


def not_finite(components: np.ndarray) -> list[str]:
    """Count the samples that are NaN or infinite."""
    # The sum is finite unless a sample is not, and costs no temporary array.
    with np.errstate(invalid="ignore"):
        suspicious = ~np.isfinite(components.sum(axis=(-2, -1), dtype=np.float64))
    texts = [_NONE] * len(components)
    for row in np.flatnonzero(suspicious):
        count = int((~np.isfinite(components[row])).sum())
        texts[row] = f"{count} samples"
    return texts


def dead_trace(components: np.ndarray) -> list[str]:
    """Find traces in which nothing varies."""
    alive = living(components)
    return [_NONE if flags.any() else "E N Z constant" for flags in alive]


def dead_component(components: np.ndarray) -> list[str]:
    """Find traces in which some components do not vary and others do."""
    alive = living(components)
    partly = alive.any(axis=-1, keepdims=True) & ~alive
    return [_listed(dead, "constant") for dead in partly]


def gap(components: np.ndarray) -> list[str]:
    """Find components that vary, but keep one value for a second or more."""
    # Two samples half a gap apart are equal wherever a gap is: few need a closer look.
    coarse = components[..., :: GAP_SAMPLES // 2]
    near = living(components) & (coarse[..., 1:] == coarse[..., :-1]).any(axis=-1)
    gaps = np.zeros(near.shape, dtype=bool)
    for row, component in np.argwhere(near):
        still = np.diff(components[row, component]) == 0
        gaps[row, component] = longest_run(still) >= GAP_SAMPLES - 1
    return [_listed(flags, "with a gap") for flags in gaps]


def clipped(components: np.ndarray) -> list[str]:
    """Find components whose samples pile up at the largest or the smallest value."""
    piles = np.zeros(components.shape[:-1], dtype=bool)
    for extreme in (components.max(axis=-1), components.min(axis=-1)):
        at_extreme = (components == extreme[..., None]).sum(axis=-1)
        for row, component in np.argwhere(living(components) & (at_extreme >= CLIPPED_SAMPLES)):
            samples = components[row, component]
            piles[row, component] |= _piles_up(samples, extreme[row, component])
    return [_listed(flags, "clipped") for flags in piles]


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


def identical_components(components: np.ndarray) -> list[str]:
    """Find components that vary and equal another sample by sample."""
    alive = living(components)
    same = np.zeros(alive.shape, dtype=bool)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        equal = alive[:, one] & (components[:, one] == components[:, other]).all(axis=-1)
        same[:, one] |= equal
        same[:, other] |= equal
    return [_listed(flags, "identical") for flags in same]


def _listed(flags: np.ndarray, what: str) -> str:
    names = [name for name, flag in zip(COMPONENTS, flags, strict=True) if flag]
    return f"{' '.join(names)} {what}" if names else _NONE


CHECKS: Final[dict[str, Callable[[np.ndarray], list[str]]]] = {
    "dead-trace": dead_trace,
    "dead-component": dead_component,
    "gap": gap,
    "clipped": clipped,
    "identical-components": identical_components,
}
"""What to do for each fault of finite waveforms; empty text means that a trace is sound."""
