"""What a network offers for many traces, so small that thresholds can be chosen afterwards.

Of 6000 probabilities a trace only the peaks and the runs above some detection thresholds are kept:
some hundred bytes for what a trained network says, however many traces there are.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from eqt.picks import Detection, Pick, Span, Thresholds, associate, peaks_in, runs_in
from eqt.probabilities import Predict, Probabilities
from steadkit.console import progress
from steadkit.errors import InputError
from steadkit.pipeline import Batches, clear_faults, stream

GRID = (0.01, 0.02, *(round(0.05 * step, 2) for step in range(1, 20)))
"""Thresholds that are tried."""

FLOOR = 0.01
"""Peaks below are forgotten, unless a threshold asks for them."""


class Spans(NamedTuple):
    """Runs above a detection threshold, in order of trace and time; each (runs,)."""

    trace: np.ndarray
    start: np.ndarray
    end: np.ndarray
    probability: np.ndarray
    uncertainty: np.ndarray


class Peaks(NamedTuple):
    """Local maxima of a picker, in order of trace and time; each (peaks,)."""

    trace: np.ndarray
    sample: np.ndarray
    probability: np.ndarray
    uncertainty: np.ndarray

    def above(self, threshold: float) -> "Peaks":
        """Keep those that reach a threshold."""
        return Peaks(*(column[self.probability >= threshold] for column in self))


@dataclass(frozen=True)
class Candidates:
    """What a network offers for some traces.

    Uncertainties are NaN without Monte Carlo dropout.

    Attributes
    ----------
    highest
        The highest probabilities of detection, P and S in each trace, shape (traces, 3).
    spans
        For each detection threshold the runs above it.
    p, s
        All peaks that reach the floor.
    """

    highest: np.ndarray
    spans: Mapping[float, Spans]
    p: Peaks
    s: Peaks

    def __len__(self) -> int:
        return len(self.highest)

    def detections(self, thresholds: Thresholds) -> list[list[Detection]]:
        """Find the earthquakes of every trace, as `eqt.picks.detect` does.

        Raises
        ------
        InputError
            The detection threshold is none of those that were asked for in the pass.
        """
        if thresholds.detection not in self.spans:
            raise InputError(
                f"detection threshold {thresholds.detection:g} was not looked at: "
                f"use one of {', '.join(f'{known:g}' for known in self.spans)}"
            )
        spans = _by_trace(self.spans[thresholds.detection], Span, len(self))
        p = _by_trace(self.p.above(thresholds.p), Pick, len(self))
        s = _by_trace(self.s.above(thresholds.s), Pick, len(self))
        return [
            associate(*of_trace) if of_trace[0] else []
            for of_trace in zip(spans, p, s, strict=True)
        ]


def _by_trace(columns: Spans | Peaks, make: Callable[..., Any], traces: int) -> list[Any]:
    """Make a list a trace of what the columns hold."""
    trace, *values, uncertainty = columns
    listed = [column.tolist() for column in values]
    listed.append([None if stray != stray else stray for stray in uncertainty.tolist()])
    made = [make(*row) for row in zip(*listed, strict=True)]
    cuts = np.searchsorted(trace, np.arange(traces + 1)).tolist()
    return [made[first:after] for first, after in pairwise(cuts)]


def offered(
    predict: Predict, batches: Batches, thresholds: Thresholds, grid: Sequence[float] = GRID
) -> Candidates:
    """Run a network over all traces, once, and keep what it offers.

    Parameters
    ----------
    predict
        See `eqt.probabilities.predictor`.
    batches
        The traces, or any that are made of them, shifted ones for example.
    thresholds
        Those that can be asked for afterwards, besides the grid.
    grid
        Detection thresholds that can be asked for; peaks are kept from ``FLOOR`` on.

    Raises
    ------
    InputError
        A waveform cannot be read.
    """
    with clear_faults(batches):
        outputs = (predict(w) for w, _ in progress(stream(batches), "picking", len(batches)))
        return gathered(outputs, thresholds, grid)


def gathered(
    outputs: Iterable[Probabilities], thresholds: Thresholds, grid: Sequence[float] = GRID
) -> Candidates:
    """Keep what probabilities offer, batch by batch, each (traces, 6000, 3); see `offered`."""
    wanted = sorted({*grid, thresholds.detection})
    floors = [min(FLOOR, one) for one in (thresholds.p, thresholds.s)]
    parts, before = [], 0
    for mean, std in outputs:
        parts.append(
            Candidates(
                mean.max(axis=1),
                _spans(mean, std, wanted, before),
                _peaks(mean, std, 1, floors[0], before),
                _peaks(mean, std, 2, floors[1], before),
            )
        )
        before += len(mean)
    if not parts:
        raise InputError("there is no trace to pick: name a file or a part that has some")
    return _joined(parts)


def _spans(
    mean: np.ndarray, std: np.ndarray | None, thresholds: Sequence[float], before: int
) -> dict[float, Spans]:
    sums, stray_sums = _sums(mean[..., 0]), None if std is None else _sums(std[..., 0])

    def average(sums: np.ndarray | None, *run: np.ndarray) -> np.ndarray:
        trace, first, last = run
        if sums is None:
            return np.full(len(trace), np.nan)
        return (sums[trace, last + 1] - sums[trace, first]) / (last + 1 - first)

    found = {}
    for threshold in thresholds:
        run = runs_in(mean[..., 0] > threshold)
        trace, first, last = run
        means = average(sums, *run), average(stray_sums, *run)
        found[threshold] = Spans(trace + before, first, last, *means)
    return found


def _sums(values: np.ndarray) -> np.ndarray:
    """Sum up to each sample, so that the mean of a run is one difference."""
    sums = np.zeros((len(values), values.shape[1] + 1))
    np.cumsum(values, axis=1, dtype=float, out=sums[:, 1:])
    return sums


def _peaks(
    mean: np.ndarray, std: np.ndarray | None, column: int, floor: float, before: int
) -> Peaks:
    trace, sample = peaks_in(mean[..., column], floor)
    stray = np.full(len(trace), np.nan) if std is None else std[trace, sample, column]
    probability = mean[trace, sample, column].astype(float)
    return Peaks(trace + before, sample, probability, stray.astype(float))


def _joined(parts: Sequence[Candidates]) -> Candidates:
    def join(columns: Sequence[tuple[np.ndarray, ...]]) -> list[np.ndarray]:
        return [np.concatenate(column) for column in zip(*columns, strict=True)]

    return Candidates(
        np.concatenate([part.highest for part in parts]),
        {one: Spans(*join([part.spans[one] for part in parts])) for one in parts[0].spans},
        Peaks(*join([part.p for part in parts])),
        Peaks(*join([part.s for part in parts])),
    )
