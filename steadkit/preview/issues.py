"""Consistency checks of labels: targets off their arrival, arrivals off their waveform."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from steadkit.schema import N_SAMPLES, SAMPLING_RATE

MATCH_SAMPLES = 150
"""Samples within which a target is matched to an arrival."""

TOLERANCE = 0.5 + 1e-3
"""An arrival may lie between two samples, and the maximum of its target on the next sample."""

MAX_LAG = 50
"""Largest lag of the cross-correlation, samples."""

MIN_CORRELATION, SHIFT_CORRELATION = 0.9, 0.9999
"""Minimum correlation of a waveform under added noise, whose best lag may be a sample or two off,
and of one that is only shifted."""


@dataclass(frozen=True, eq=False)
class PreviewItem:
    """Training example as the network gets it, with its labels.

    Parameters
    ----------
    name
        Name of its trace.
    waveform
        Shape (6000, 3), normalised; components E, N, Z at 100 Hz.
    targets
        ``detector``, ``picker_P`` and ``picker_S``, each (6000,).
    p, s
        Labelled arrivals, samples; NaN where an event has none.
    note
        Its augmentations.
    """

    name: str
    waveform: np.ndarray
    targets: Mapping[str, np.ndarray]
    p: tuple[float, ...] = ()
    s: tuple[float, ...] = ()
    note: str = ""


def label_issues(item: PreviewItem) -> list[str]:
    """Return where the targets of the pickers and the labelled arrivals disagree, to the sample.

    >>> picker = np.eye(1, 6000, 710)[0]
    >>> targets = {"detector": 0 * picker, "picker_P": picker, "picker_S": np.zeros(6000)}
    >>> label_issues(PreviewItem("X", np.zeros((6000, 3)), targets, p=(700.0,), s=(np.nan,)))
    ['P target +10 samples off 7.00 s']
    """
    issues = []
    for phase, arrivals in (("P", item.p), ("S", item.s)):
        peaks = _find_peaks(np.asarray(item.targets[f"picker_{phase}"], float))
        inside = [a for a in arrivals if is_inside(a)]
        for arrival in inside:
            time = f"{arrival / SAMPLING_RATE:.2f} s"
            offset = min(peaks - arrival, key=abs, default=np.inf)
            if abs(offset) > MATCH_SAMPLES:
                issues.append(f"no {phase} target at {time}")
            elif abs(offset) > TOLERANCE and _is_isolated(arrival, inside):
                issues.append(f"{phase} target {offset:+.3g} samples off {time}")
        issues += [
            f"{phase} target at {peak / SAMPLING_RATE:.2f} s, not claimed"
            for peak in peaks
            if all(abs(peak - arrival) > MATCH_SAMPLES for arrival in inside)
        ]
    return issues + _detector_issues(item)


def _detector_issues(item: PreviewItem) -> list[str]:
    detected = np.flatnonzero(item.targets["detector"])
    starts = [ceil(p) for p, s in zip(item.p, item.s, strict=True) if is_inside(p) and not s < p]
    if not len(detected) or len(starts) < len(item.p):
        return []  # an event that begins before the window may leave detection anywhere
    if not starts:
        return ["detection without an event"]
    offset = int(detected[0]) - max(min(starts), 0)
    return [f"detection begins {offset:+d} samples off P"] if offset else []


def is_inside(arrival: float) -> bool:
    """Return whether an arrival lies in the window, so that it has a target."""
    return -0.5 <= arrival < N_SAMPLES - 0.5


def _is_isolated(arrival: float, arrivals: Sequence[float]) -> bool:
    """Return whether a target is complete: neither cut by an edge nor merged with another."""
    distances = [abs(arrival - neighbour) for neighbour in arrivals if neighbour != arrival]
    return (
        MATCH_SAMPLES <= arrival < N_SAMPLES - MATCH_SAMPLES
        and min(distances, default=np.inf) > MATCH_SAMPLES
    )


def _find_peaks(target: np.ndarray) -> np.ndarray:
    """Return the middle of each local maximum, plateaus included."""
    edges = np.flatnonzero(np.diff(target)) + 1
    begins, ends = np.r_[0, edges], np.r_[edges, len(target)]
    levels = target[begins]
    padded = np.r_[-1, levels, -1]
    tops = (levels > padded[:-2]) & (levels > padded[2:]) & (levels > 0)
    return (begins[tops] + ends[tops] - 1) / 2


def shift_issues(before: PreviewItem, after: PreviewItem) -> list[str]:
    """Return where the first event's waveform was shifted by another amount than its arrivals.

    The waveform around an arrival is cross-correlated with that around it before augmentation.
    Where noise or another event hides it, nothing is reported.

    >>> wave = np.random.default_rng(0).normal(size=(6000, 3))
    >>> before = PreviewItem("X", wave, {}, p=(700.0,), s=(900.0,))
    >>> after = PreviewItem("X", np.roll(wave, 110, axis=0), {}, p=(800.0,), s=(1010.0,))
    >>> shift_issues(before, after)
    ['waveform +10 samples off P']
    """
    issues = []
    for phase, old, new in (("P", before.p, after.p), ("S", before.s, after.s)):
        if old and new and _is_isolated(old[0], ()) and _is_isolated(new[0], ()):
            lag, correlation = _best_lag(
                before.waveform, after.waveform, round(old[0]), round(new[0])
            )
            if (correlation > SHIFT_CORRELATION and lag) or (
                correlation > MIN_CORRELATION and abs(lag) > 2
            ):
                issues.append(f"waveform {lag:+d} samples off {phase}")
    return issues


def _best_lag(before: np.ndarray, after: np.ndarray, old: int, new: int) -> tuple[int, float]:
    """Return lag and normalised cross-correlation of a window in its best component."""
    half = MATCH_SAMPLES - MAX_LAG
    template = before[old - half : old + half + 1]
    segment = after[new - MATCH_SAMPLES : new + MATCH_SAMPLES + 1]
    windows = np.lib.stride_tricks.sliding_window_view(segment, len(template), axis=0)
    template = template - template.mean(axis=0)
    windows = windows - windows.mean(axis=-1, keepdims=True)
    size = np.linalg.norm(windows, axis=-1) * np.linalg.norm(template, axis=0)
    products = np.abs(np.einsum("wcs,sc->wc", windows, template))
    correlation = np.divide(products, size, out=np.zeros_like(products), where=size > 0).max(axis=1)
    best = int(correlation.argmax())
    return best - MAX_LAG, float(correlation[best])
