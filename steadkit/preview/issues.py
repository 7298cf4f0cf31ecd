"""Wrong labels that a computer can see: targets off their arrival, arrivals off their waveform."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from steadkit.schema import N_SAMPLES, SAMPLING_RATE

MATCH_SAMPLES = 150
"""Samples within which a target still is that of an arrival."""

TOLERANCE = 0.5 + 1e-3
"""An arrival may lie between two samples, and its target's largest sample beside it."""

MAX_LAG = 50
"""How far a waveform is moved against itself, in samples."""

MIN_CORRELATION, SHIFT_CORRELATION = 0.9, 0.9999
"""Correlations: what noise leaves of a waveform, where its best place may be a sample or two off,
and what is merely moved."""


@dataclass(frozen=True, eq=False)
class PreviewItem:
    """A training example as the network gets it, and what is said of it.

    Parameters
    ----------
    name
        Its trace.
    waveform
        Shape (6000, 3), normalised; components E, N, Z at 100 Hz.
    targets
        ``detector``, ``picker_P`` and ``picker_S``, each (6000,).
    p, s
        The arrivals it claims, in samples; NaN where an event has none.
    note
        What was done to it.
    """

    name: str
    waveform: np.ndarray
    targets: Mapping[str, np.ndarray]
    p: tuple[float, ...] = ()
    s: tuple[float, ...] = ()
    note: str = ""


def label_issues(item: PreviewItem) -> list[str]:
    """Tell where the targets of the pickers are not what the arrivals claim, to the sample.

    >>> picker = np.eye(1, 6000, 710)[0]
    >>> targets = {"detector": 0 * picker, "picker_P": picker, "picker_S": np.zeros(6000)}
    >>> label_issues(PreviewItem("X", np.zeros((6000, 3)), targets, p=(700.0,), s=(np.nan,)))
    ['P target +10 samples off 7.00 s']
    """
    found = []
    for phase, arrivals in (("P", item.p), ("S", item.s)):
        peaks = _find_peaks(np.asarray(item.targets[f"picker_{phase}"], float))
        inside = [a for a in arrivals if is_inside(a)]
        for arrival in inside:
            where = f"{arrival / SAMPLING_RATE:.2f} s"
            away = min(peaks - arrival, key=abs, default=np.inf)
            if abs(away) > MATCH_SAMPLES:
                found.append(f"no {phase} target at {where}")
            elif abs(away) > TOLERANCE and _is_isolated(arrival, inside):
                found.append(f"{phase} target {away:+.3g} samples off {where}")
        found += [
            f"{phase} target at {peak / SAMPLING_RATE:.2f} s, not claimed"
            for peak in peaks
            if all(abs(peak - arrival) > MATCH_SAMPLES for arrival in inside)
        ]
    return found + _detector_issues(item)


def _detector_issues(item: PreviewItem) -> list[str]:
    detected = np.flatnonzero(item.targets["detector"])
    starts = [ceil(p) for p, s in zip(item.p, item.s, strict=True) if is_inside(p) and not s < p]
    if not len(detected) or len(starts) < len(item.p):
        return []  # what begins before the window may leave detection anywhere
    if not starts:
        return ["detection without an event"]
    away = int(detected[0]) - max(min(starts), 0)
    return [f"detection begins {away:+d} samples off P"] if away else []


def is_inside(arrival: float) -> bool:
    """Tell whether an arrival lies in the window, so that it has a target."""
    return -0.5 <= arrival < N_SAMPLES - 0.5


def _is_isolated(arrival: float, arrivals: Sequence[float]) -> bool:
    """Tell whether a target is whole: neither cut by an edge nor grown into a neighbour's."""
    apart = [abs(arrival - other) for other in arrivals if other != arrival]
    return (
        MATCH_SAMPLES <= arrival < N_SAMPLES - MATCH_SAMPLES
        and min(apart, default=np.inf) > MATCH_SAMPLES
    )


def _find_peaks(target: np.ndarray) -> np.ndarray:
    """Find the middles of the largest values, each above what lies around it."""
    edges = np.flatnonzero(np.diff(target)) + 1
    begins, ends = np.r_[0, edges], np.r_[edges, len(target)]
    levels = target[begins]
    padded = np.r_[-1, levels, -1]
    tops = (levels > padded[:-2]) & (levels > padded[2:]) & (levels > 0)
    return (begins[tops] + ends[tops] - 1) / 2


def shift_issues(before: PreviewItem, after: PreviewItem) -> list[str]:
    """Tell whether the first event's waveform went elsewhere than its arrivals.

    What is around an arrival is compared, by correlation, with what was around it before. Where
    noise or another event hides the first, nothing is told.

    >>> wave = np.random.default_rng(0).normal(size=(6000, 3))
    >>> before = PreviewItem("X", wave, {}, p=(700.0,), s=(900.0,))
    >>> after = PreviewItem("X", np.roll(wave, 110, axis=0), {}, p=(800.0,), s=(1010.0,))
    >>> shift_issues(before, after)
    ['waveform +10 samples off P']
    """
    found = []
    for phase, old, new in (("P", before.p, after.p), ("S", before.s, after.s)):
        if old and new and _is_isolated(old[0], ()) and _is_isolated(new[0], ()):
            lag, likeness = _best_lag(before.waveform, after.waveform, round(old[0]), round(new[0]))
            if (likeness > SHIFT_CORRELATION and lag) or (
                likeness > MIN_CORRELATION and abs(lag) > 2
            ):
                found.append(f"waveform {lag:+d} samples off {phase}")
    return found


def _best_lag(before: np.ndarray, after: np.ndarray, old: int, new: int) -> tuple[int, float]:
    """Find where what is around a sample has gone, and how like it is, in its best component."""
    reach = MATCH_SAMPLES - MAX_LAG
    around = before[old - reach : old + reach + 1]
    there = after[new - MATCH_SAMPLES : new + MATCH_SAMPLES + 1]
    windows = np.lib.stride_tricks.sliding_window_view(there, len(around), axis=0)
    around = around - around.mean(axis=0)
    windows = windows - windows.mean(axis=-1, keepdims=True)
    size = np.linalg.norm(windows, axis=-1) * np.linalg.norm(around, axis=0)
    products = np.abs(np.einsum("wcs,sc->wc", windows, around))
    likeness = np.divide(products, size, out=np.zeros_like(products), where=size > 0).max(axis=1)
    best = int(likeness.argmax())
    return best - MAX_LAG, float(likeness[best])
