"""Detections and picks from the probabilities of one or many windows.

Source: Mousavi et al. (2020), doi:10.1038/s41467-020-17591-w, by one of the two rule sets of
`eqt.picking.rules`: as published, or as corrected, which is the default.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from scipy.signal import find_peaks

from eqt.picking.rules import CORRECTED, P_LEAD, Rules
from steadkit.errors import InputError

MIN_DETECTION: Final = CORRECTED.min_samples
"""Minimum number of samples above the threshold in a detection."""


@dataclass(frozen=True)
class Thresholds:
    """Thresholds of the probabilities; the defaults are those of the published tests."""

    detection: float = 0.2
    p: float = 0.1
    s: float = 0.1

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 < value < 1:
                raise InputError(f"{name} threshold {value} must lie between 0 and 1")


@dataclass(frozen=True)
class Pick:
    """A pick: sample, probability, and its standard deviation over Monte Carlo dropout runs."""

    sample: int
    probability: float
    uncertainty: float | None = None


@dataclass(frozen=True)
class Detection:
    """An earthquake detected in a window, with its P and S picks if there are any.

    `start` and `end` are its first and last sample; `probability` and `uncertainty` are means
    between them, of the probabilities and of their standard deviations over Monte Carlo runs.
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


def associate(
    spans: Sequence[Span], p_peaks: list[Pick], s_peaks: list[Pick], rules: Rules = CORRECTED
) -> list[Detection]:
    """Associate P and S peaks with the spans of a window.

    Unless the rules share picks, each chosen peak is removed from its list, which is in order of
    time.
    """
    choose = _s_then_p if rules.s_first else _p_then_s
    detections = []
    for span, last_p in zip(spans, _last_ps(spans, rules), strict=True):
        p, s = choose(span, last_p, p_peaks, s_peaks, rules)
        if not rules.shares_picks:
            for pick, picks in ((p, p_peaks), (s, s_peaks)):
                if pick is not None:
                    picks.remove(pick)
        if p or s or not rules.requires_pick:
            detections.append(Detection(span.start, span.end, span.probability, p, s, span[3]))
    return detections


def _last_ps(spans: Sequence[Span], rules: Rules) -> list[int]:
    """Return the last sample of each span at which a P can belong to it."""
    if rules.shares_picks:
        return [span.end - rules.margin for span in spans]
    # A P shortly before a span belongs to that earthquake, not to the end of the previous one.
    ends = [min(span.end, next_span.start - P_LEAD - 1) for span, next_span in pairwise(spans)]
    ends += [span.end for span in spans[-1:]]
    return [max(end, span.start) for end, span in zip(ends, spans, strict=True)]


PickPair = tuple[Pick | None, Pick | None]
"""P and S of a detection."""


def _s_then_p(
    span: Span, last_p: int, p_peaks: list[Pick], s_peaks: list[Pick], rules: Rules
) -> PickPair:
    s_inside = _between(s_peaks, span.start + rules.margin, span.end - rules.margin)
    s = next(iter(s_inside), None) if rules.earliest_s else _max_probability(s_inside, rules)
    last = last_p if s is None else s.sample - rules.min_sp
    p_inside = _between(p_peaks, span.start - P_LEAD + rules.margin, last)
    return _max_probability(p_inside, rules), s


def _p_then_s(
    span: Span, last_p: int, p_peaks: list[Pick], s_peaks: list[Pick], rules: Rules
) -> PickPair:
    p_inside = _between(p_peaks, span.start - P_LEAD + rules.margin, last_p)
    if rules.prefers_pair:
        s_inside = _between(s_peaks, span.start, span.end)
        last = s_inside[-1].sample - rules.min_sp if s_inside else -1
        p_inside = [pick for pick in p_inside if pick.sample <= last] or p_inside
    p = _max_probability(p_inside, rules)
    first = span.start + rules.margin if p is None else p.sample + rules.min_sp
    s_inside = _between(s_peaks, first, span.end - rules.margin)
    earliest = next(iter(s_inside), None)
    return p, earliest if rules.earliest_s else _max_probability(s_inside, rules)


def _between(picks: list[Pick], first: int, last: int) -> list[Pick]:
    return [pick for pick in picks if first <= pick.sample <= last]


def _max_probability(picks: list[Pick], rules: Rules) -> Pick | None:
    """Return the most probable pick, the earliest of equals."""
    best_pick = max(picks, key=lambda pick: pick.probability, default=None)
    # The published code compares several peaks with a maximum that starts at 0, so that none of
    # those that round to 0 is chosen.
    if rules.digits is not None and best_pick and len(picks) > 1 and best_pick.probability == 0:
        return None
    return best_pick


def runs_in(
    above: np.ndarray, rules: Rules = CORRECTED
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the runs of true values in many windows that are long enough.

    Parameters
    ----------
    above
        Shape (windows, samples), bool.
    rules
        Defines the minimum length.

    Returns
    -------
    window, first, last : numpy.ndarray
        Of each run, in order.
    """
    windows, samples = above.shape
    # A false value at both ends of each window: no run continues in the next one.
    fenced = np.zeros((windows, samples + 2), bool)
    fenced[:, 1:-1] = above
    flat = fenced.ravel()
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    (window, first), after = np.divmod(edges[::2], samples + 2), edges[1::2] % (samples + 2)
    long = after - first >= rules.min_samples
    return window[long], first[long], after[long] - 1


def peaks_in(
    probability: np.ndarray, threshold: float, rules: Rules = CORRECTED
) -> tuple[np.ndarray, np.ndarray]:
    """Find the local maxima of many windows that reach a threshold.

    Parameters
    ----------
    probability
        Shape (windows, samples).
    threshold
        The minimum height.
    rules
        Define peaks of flat tops and at the edges of the window.

    Returns
    -------
    window, sample : numpy.ndarray
        Of each peak, in order.
    """
    # A peak is higher than its neighbours; probabilities outside of the window count as lower.
    fenced = np.pad(probability, ((0, 0), (1, 1)), constant_values=-1)
    indices = TOPS[rules.top](fenced.ravel(), threshold)
    window, sample = np.divmod(indices, fenced.shape[1])
    sample -= 1
    if not rules.edge_peaks:
        inside = (sample > 0) & (sample < probability.shape[1] - 1)
        window, sample = window[inside], sample[inside]
    return window, sample


def _rising_edges(values: np.ndarray, threshold: float) -> np.ndarray:
    """Find where values rise and then do not; NaN and its neighbours are no peaks."""
    # Compared in float64, as published: the float32 of 0.1 is greater than 0.1.
    previous, value, following = (values[i : len(values) - 2 + i].astype(float) for i in range(3))
    indices: np.ndarray = np.flatnonzero(
        (value > previous) & (following <= value) & (value >= threshold)
    )
    return indices + 1


def _middles(values: np.ndarray, threshold: float) -> np.ndarray:
    indices: np.ndarray = find_peaks(values, height=threshold)[0]
    return indices


TOPS: Final[dict[str, Callable[[np.ndarray, float], np.ndarray]]] = {
    "rising edge": _rising_edges,
    "middle": _middles,
}
"""Peak finders by the sample that they choose of a flat top."""


def select_row(detections: list[Detection], rules: Rules = CORRECTED) -> Detection | None:
    """Return the detection for a table of one row per trace."""
    return next(iter(detections), None) if rules.first_row else best(detections)


def best(detections: list[Detection]) -> Detection | None:
    """Return the detection with the highest sum of its probability and those of its picks."""

    def total(detection: Detection) -> float:
        picks = (detection.p, detection.s)
        return detection.probability + sum(pick.probability for pick in picks if pick)

    return max(detections, key=total, default=None)
