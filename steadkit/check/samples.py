"""Rules for the samples, evaluated for a batch of traces at once.

Unlabelled earthquakes are found by the ratio of short-term to long-term average of the energy
(STA/LTA; Allen 1978, Automatic earthquake recognition and timing from single traces, Bulletin of
the Seismological Society of America 68(5), 1521-1532), over all components. It detects gaps, spikes
and passing cars as well, so such a finding is a hint, not an error.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from scipy.signal import butter, sosfilt

from steadkit.schema import COMPONENTS, EVENT, SAMPLING_RATE

GAP_SAMPLES: Final = int(SAMPLING_RATE)
"""A component that is constant for this long records no ground motion."""

CLIPPED_SAMPLES: Final = 10
CLIPPED_RUN: Final = 3
CLIPPED_RATIO: Final = 5
"""Minimum number of samples at the extreme value of a clipped record, of these in a row, and ratio
to the number at the next value: faint noise has few distinct counts too, but its tails thin out
towards the extreme."""

BAND_HZ: Final = (2.0, 20.0)
"""Band in which local earthquakes exceed the noise."""

STA_SAMPLES: Final = 100
LTA_SAMPLES: Final = 1000
"""Samples of the two averages: 1 s, and the 10 s before it."""

MIN_RATIO: Final = 10.0
"""Energy ratio from which a rise is reported."""

FILTER_SETTLING: Final = 200
"""Samples until the transient of the band-pass filter has decayed."""

_NO_ISSUE: Final = ""


@dataclass(frozen=True)
class Components:
    """Waveforms by component, with cached statistics.

    Parameters
    ----------
    samples
        Shape (traces, 3, samples).
    """

    samples: np.ndarray

    @cached_property
    def low(self) -> np.ndarray:
        """Minimum of each component, shape (traces, 3); NaN if a sample is."""
        lowest: np.ndarray = self.samples.min(axis=-1)
        return lowest

    @cached_property
    def high(self) -> np.ndarray:
        """Maximum of each component, shape (traces, 3); NaN if a sample is."""
        highest: np.ndarray = self.samples.max(axis=-1)
        return highest

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
    """Find traces without a varying component."""
    alive: np.ndarray = np.asarray(components.vary.any(axis=-1))
    return [_NO_ISSUE if varies else "E N Z constant" for varies in alive.tolist()]


def dead_component(components: Components) -> list[str]:
    """Find traces in which some components do not vary and others do."""
    partly = components.vary.any(axis=-1, keepdims=True) & ~components.vary
    return _describe_flagged(partly, "constant")


def gap(components: Components) -> list[str]:
    """Find components that vary, but keep one value for a second or more."""
    # In a gap, two samples half a gap apart are equal: this coarse test excludes most traces.
    coarse = components.samples[..., :: GAP_SAMPLES // 2]
    candidates = components.vary & (coarse[..., 1:] == coarse[..., :-1]).any(axis=-1)
    gaps = np.zeros(candidates.shape, dtype=bool)
    for row, component in np.argwhere(candidates):
        is_constant = np.diff(components.samples[row, component]) == 0
        gaps[row, component] = longest_run(is_constant) >= GAP_SAMPLES - 1
    return _describe_flagged(gaps, "with a gap")


def clipped(components: Components) -> list[str]:
    """Find components whose samples pile up at the largest or the smallest value."""
    piles = np.zeros(components.vary.shape, dtype=bool)
    for row, component in np.argwhere(components.vary).tolist():
        samples = components.samples[row, component]
        for extremes in (components.high, components.low):
            extreme = extremes[row, component]
            # One component at a time stays in the cache: a fifth of the time of all at once.
            if np.count_nonzero(samples == extreme) >= CLIPPED_SAMPLES:
                piles[row, component] |= _piles_up(samples, extreme)
    return _describe_flagged(piles, "clipped")


def _piles_up(samples: np.ndarray, extreme: np.floating) -> bool:
    at_extreme = samples == extreme
    other_values = samples[~at_extreme]
    next_value = other_values[np.argmin(np.abs(other_values - extreme))]
    is_pile = at_extreme.sum() >= CLIPPED_RATIO * (samples == next_value).sum()
    run = longest_run(at_extreme)
    # A gap is constant too, and it is the extreme where it lies outside the signal's range.
    return bool(is_pile and CLIPPED_RUN <= run < GAP_SAMPLES)


def longest_run(flags: np.ndarray) -> int:
    """Return the length of the longest run of true values.

    >>> longest_run(np.array([True, False, True, True]))
    2
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    lengths = edges[1::2] - edges[::2]
    return int(lengths.max(initial=0))


def identical_components(components: Components) -> list[str]:
    """Find varying components that equal another one in every sample."""
    same = np.zeros(components.vary.shape, dtype=bool)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        # Only components with the same extremes can be equal, and those are few.
        candidates = components.vary[:, a]
        for extremes in (components.low, components.high):
            candidates = candidates & (extremes[:, a] == extremes[:, b])
        for row in np.flatnonzero(candidates).tolist():
            if (components.samples[row, a] == components.samples[row, b]).all():
                same[row, [a, b]] = True
    return _describe_flagged(same, "identical")


def _describe_flagged(flags: np.ndarray, description: str) -> list[str]:
    """Name the components for which a flag is true, trace by trace."""
    texts = [_NO_ISSUE] * len(flags)
    for row in np.flatnonzero(flags.any(axis=-1)).tolist():
        names = [name for name, flag in zip(COMPONENTS, flags[row], strict=True) if flag]
        texts[row] = f"{' '.join(names)} {description}"
    return texts


CHECKS: Final[dict[str, Callable[[Components], list[str]]]] = {
    "dead-trace": dead_trace,
    "dead-component": dead_component,
    "gap": gap,
    "clipped": clipped,
    "identical-components": identical_components,
}
"""Check for each issue of finite waveforms: a text per trace, empty where it is sound."""


def energy_rise(components: np.ndarray) -> np.ndarray:
    """Return the STA/LTA ratio of the energy: each second over the ten seconds before it.

    Parameters
    ----------
    components
        Waveforms, shape (traces, 3, samples), finite, counts at 100 Hz.

    Returns
    -------
    numpy.ndarray
        Ratios, shape (traces, samples), at the first sample of the short window; 0 where the
        trace is too short for both windows.
    """
    filters = butter(4, BAND_HZ, "bandpass", fs=SAMPLING_RATE, output="sos")
    centred = components - components.mean(axis=-1, keepdims=True, dtype=np.float64)
    power = sosfilt(filters, centred, axis=-1) ** 2
    # Components are weighted equally whatever their gain; dead ones have no weight.
    level = np.where(Components(components).vary, power.mean(axis=-1), np.inf)[..., None]
    energy = (power / np.maximum(level, np.finfo(float).tiny)).sum(axis=1)
    total = np.cumsum(np.pad(energy, ((0, 0), (1, 0))), axis=-1)
    begin = np.arange(LTA_SAMPLES + FILTER_SETTLING, components.shape[-1] - STA_SAMPLES)
    short = (total[:, begin + STA_SAMPLES] - total[:, begin]) / STA_SAMPLES
    long = (total[:, begin] - total[:, begin - LTA_SAMPLES]) / LTA_SAMPLES
    # The running sums round at a billionth of the mean: do not divide by less.
    ratios = np.zeros(energy.shape)
    ratios[:, begin] = short / np.maximum(long, 1e-9)
    return ratios


def find_rises(
    components: np.ndarray, categories: np.ndarray, arrivals: np.ndarray
) -> dict[str, list[str]]:
    """Find the largest rise in noise, and in events after the coda.

    Parameters
    ----------
    components
        Waveforms, shape (traces, 3, samples), finite.
    categories
        The category of each trace.
    arrivals
        P, S and coda end of each trace in samples, shape (traces, 3), NaN where not known.

    Returns
    -------
    dict
        For ``second-event`` and ``unlabelled-event`` a text for each trace, empty without a
        rise.
    """
    ratios = energy_rise(components)
    is_event = categories == EVENT
    ratios[np.arange(ratios.shape[1]) < _search_starts(is_event, arrivals)[:, None]] = 0
    samples = ratios.argmax(axis=-1)
    texts = [
        f"energy rises {ratio:.0f} times at sample {sample}" if ratio >= MIN_RATIO else ""
        for ratio, sample in zip(ratios.max(axis=-1), samples, strict=True)
    ]
    return {
        "second-event": [text if e else "" for text, e in zip(texts, is_event, strict=True)],
        "unlabelled-event": ["" if e else text for text, e in zip(texts, is_event, strict=True)],
    }


def _search_starts(is_event: np.ndarray, arrivals: np.ndarray) -> np.ndarray:
    """Return the sample from which a rise counts: in events a second after the coda."""
    p, s, coda = arrivals.T
    coda_end = np.fmax(coda, s + (s - p))
    # Without any of these the end of the first earthquake is unknown: report nothing.
    after = np.where(np.isnan(coda_end), np.inf, coda_end + SAMPLING_RATE)
    return np.where(is_event, after, 0.0)
