"""Probabilities to detections and picks.

Source: Mousavi et al. (2020), doi:10.1038/s41467-020-17591-w, as corrected here: of several S
peaks the most probable is taken, not the first, and a peak may lie at either edge of the window.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.signal import find_peaks

from steadkit.errors import InputError

MIN_DETECTION = 10
"""Samples above the threshold that make a detection."""

P_LEAD = 100
"""A P arrival up to this many samples before a detection belongs to it."""


@dataclass(frozen=True)
class Thresholds:
    """Probabilities above which something counts; the defaults are the published ones for tests."""

    detection: float = 0.2
    p: float = 0.1
    s: float = 0.1

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 < value < 1:
                raise InputError(f"{name} threshold {value} must lie between 0 and 1")


@dataclass(frozen=True)
class Pick:
    """An arrival: its sample and its probability, and how far that strays in Monte Carlo runs."""

    sample: int
    probability: float
    uncertainty: float | None = None


@dataclass(frozen=True)
class Detection:
    """An earthquake found in a window, with its most probable P and S if there are any.

    `start` and `end` are its first and last sample, `probability` is the mean between them, as is
    `uncertainty`, of the deviations of Monte Carlo runs.
    """

    start: int
    end: int
    probability: float
    p: Pick | None = None
    s: Pick | None = None
    uncertainty: float | None = None


class Span(NamedTuple):
    """First and last sample of a run above the detection threshold, and its means."""

    start: int
    end: int
    probability: float
    uncertainty: float | None = None


def detect(
    probabilities: np.ndarray, thresholds: Thresholds, deviations: np.ndarray | None = None
) -> list[Detection]:
    """Find the earthquakes of one window.

    Parameters
    ----------
    probabilities
        Shape (samples, 3): detection, P and S.
    thresholds
        What counts.
    deviations
        Standard deviations of the probabilities, where they are known, in the same shape.

    Returns
    -------
    list of Detection
        In order of time. No pick belongs to two of them.

    >>> window = np.zeros((6000, 3))
    >>> window[700:1500, 0], window[650, 1], window[[900, 950], 2] = 0.9, 0.8, (0.3, 0.7)
    >>> detect(window, Thresholds())[0].s.sample
    950
    """
    strays = [None] * 3 if deviations is None else deviations.T
    spans = []
    for start, end in runs(probabilities[:, 0] > thresholds.detection):
        here = slice(start, end + 1)
        stray = None if strays[0] is None else float(strays[0][here].mean(dtype=float))
        spans.append(Span(start, end, float(probabilities[here, 0].mean(dtype=float)), stray))
    p_peaks = peaks(probabilities[:, 1], thresholds.p, strays[1])
    s_peaks = peaks(probabilities[:, 2], thresholds.s, strays[2])
    return associate(spans, p_peaks, s_peaks)


def associate(spans: Sequence[Span], p_peaks: list[Pick], s_peaks: list[Pick]) -> list[Detection]:
    """Give each span of a window its most probable P and S, and no pick to two of them.

    The lists of peaks lose what is given away.
    """
    # A P belongs to the earthquake that follows it, not to the end of the one before.
    ends = [min(one.end, after.start - P_LEAD - 1) for one, after in pairwise(spans)]
    ends += [one.end for one in spans[-1:]]
    found = []
    for (start, end, mean, stray), last_p in zip(spans, ends, strict=True):
        p = _take_most_probable(p_peaks, start - P_LEAD, max(last_p, start))
        s = _take_most_probable(s_peaks, start if p is None else p.sample + 1, end)
        found.append(Detection(start, end, mean, p, s, stray))
    return found


def runs(above: np.ndarray) -> Iterator[tuple[int, int]]:
    """Find the first and last sample of every run of true values that is long enough.

    >>> list(runs(np.arange(40) % 20 < 15))
    [(0, 14), (20, 34)]
    """
    _, first, last = runs_in(np.asarray(above, bool)[None])
    yield from zip(first.tolist(), last.tolist(), strict=True)


def runs_in(above: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find such runs in many windows at once.

    Parameters
    ----------
    above
        Shape (windows, samples), bool.

    Returns
    -------
    window, first, last : numpy.ndarray
        Of each run, in order.
    """
    windows, samples = above.shape
    fenced = np.zeros((windows, samples + 2), bool)
    fenced[:, 1:-1] = above
    flat = fenced.ravel()
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    (window, first), after = np.divmod(edges[::2], samples + 2), edges[1::2] % (samples + 2)
    long = after - first >= MIN_DETECTION
    return window[long], first[long], after[long] - 1


def peaks(
    probability: np.ndarray, threshold: float, deviation: np.ndarray | None = None
) -> list[Pick]:
    """Find the local maxima above a threshold, those at the edges of the window too."""
    _, samples = peaks_in(np.asarray(probability)[None], threshold)
    return [
        Pick(i, float(probability[i]), None if deviation is None else float(deviation[i]))
        for i in samples.tolist()
    ]


def peaks_in(probability: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Find such maxima in many windows at once.

    Parameters
    ----------
    probability
        Shape (windows, samples).
    threshold
        The least height.

    Returns
    -------
    window, sample : numpy.ndarray
        Of each peak, in order.
    """
    # A peak is lower on both sides; outside of the window everything is.
    fenced = np.pad(probability, ((0, 0), (1, 1)), constant_values=-1)
    places, _ = find_peaks(fenced.ravel(), height=threshold)
    window, sample = np.divmod(places, fenced.shape[1])
    return window, sample - 1


def _take_most_probable(picks: list[Pick], first: int, last: int) -> Pick | None:
    """Take a pick out of the list, so that no other detection gets it too."""
    inside = [pick for pick in picks if first <= pick.sample <= last]
    chosen = max(inside, key=lambda pick: pick.probability, default=None)
    if chosen is not None:
        picks.remove(chosen)
    return chosen


def best(detections: list[Detection]) -> Detection | None:
    """Choose the detection that is surest of itself and its picks, for a table of one a trace."""

    def total(detection: Detection) -> float:
        picks = (detection.p, detection.s)
        return detection.probability + sum(pick.probability for pick in picks if pick)

    return max(detections, key=total, default=None)
