"""Sparse candidates of many traces, from which thresholds can be chosen after inference.

Of 6000 probabilities per trace only the peaks and the runs above some detection thresholds are
kept, which takes some hundred bytes per trace for a trained network.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from eqt.picking.picks import Detection, Pick, Span, Thresholds, associate, peaks_in, runs_in
from eqt.picking.rules import CORRECTED, Rules
from eqt.probabilities import Predict, Probabilities
from steadkit.console import progress
from steadkit.errors import InputError
from steadkit.pipeline import BatchLoader, raise_input_errors, to_tf_dataset

GRID = (0.01, 0.02, *(round(0.05 * step, 2) for step in range(1, 20)))
"""Detection thresholds of the default search."""

FLOOR = 0.01
"""Minimum probability of a kept peak, unless a threshold is lower."""


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
        """Return the peaks that reach a threshold."""
        # Inclusive, as the published picker: only runs have to exceed their threshold.
        return Peaks(*(column[self.probability >= threshold] for column in self))

    def rounded(self, rules: Rules) -> "Peaks":
        """Return the peaks with probabilities and uncertainties rounded by a rule set."""
        return Peaks(*self[:2], *(rules.rounded(column) for column in self[2:]))


@dataclass(frozen=True)
class PickCandidates:
    """Peaks and spans of some traces.

    Uncertainties are NaN without Monte Carlo dropout.

    Attributes
    ----------
    highest
        The highest probabilities of detection, P and S in each trace, shape (traces, 3).
    spans
        The runs above each detection threshold.
    p, s
        All peaks that reach the floor.
    rules
        Rule set of the runs, peaks and detections.
    """

    highest: np.ndarray
    spans: Mapping[float, Spans]
    p: Peaks
    s: Peaks
    rules: Rules = CORRECTED

    def __len__(self) -> int:
        return len(self.highest)

    def detections(self, thresholds: Thresholds) -> list[list[Detection]]:
        """Return the detections of every trace, see `eqt.picking.picks.associate`.

        Raises
        ------
        InputError
            The spans of this detection threshold were not collected.
        """
        if thresholds.detection not in self.spans:
            raise InputError(
                f"detection threshold {thresholds.detection:g} was not looked at: "
                f"use one of {', '.join(f'{known:g}' for known in self.spans)}"
            )
        spans = _group_by_trace(self.spans[thresholds.detection], Span, len(self))
        p, s = (
            _group_by_trace(peaks.above(threshold).rounded(self.rules), Pick, len(self))
            for peaks, threshold in ((self.p, thresholds.p), (self.s, thresholds.s))
        )
        return [
            associate(*of_trace, self.rules) if of_trace[0] else []
            for of_trace in zip(spans, p, s, strict=True)
        ]


def _group_by_trace(columns: Spans | Peaks, make: Callable[..., Any], traces: int) -> list[Any]:
    """Return the rows of the columns as one list of items per trace."""
    trace, *values, uncertainty = columns
    lists = [column.tolist() for column in values]
    # NaN, which is unequal to itself, is stored in columns where a detection has None.
    lists.append([None if std != std else std for std in uncertainty.tolist()])
    items = [make(*row) for row in zip(*lists, strict=True)]
    cuts = np.searchsorted(trace, np.arange(traces + 1)).tolist()
    return [items[first:after] for first, after in pairwise(cuts)]


def collect_by_rules(
    predict: Predict,
    batches: BatchLoader,
    thresholds: Thresholds,
    grids: Mapping[Rules, Sequence[float]],
) -> dict[Rules, PickCandidates]:
    """Run a network once over all traces and collect its candidates by several rule sets.

    Parameters
    ----------
    predict
        See `eqt.probabilities.predictor`.
    batches
        The traces, or transformed ones, for example shifted.
    thresholds
        Thresholds at which detections are needed, besides the grids.
    grids
        Further detection thresholds of each rule set, with which peaks are kept from ``FLOOR`` on;
        without any, only the candidates needed at `thresholds` are kept.

    Raises
    ------
    InputError
        A waveform cannot be read.
    """
    with raise_input_errors(batches):
        outputs = (predict(w) for w, _ in progress(to_tf_dataset(batches), "picking", len(batches)))
        return extract_by_rules(outputs, thresholds, grids)


def extract_candidates(
    outputs: Iterable[Probabilities],
    thresholds: Thresholds,
    grid: Sequence[float] = GRID,
    rules: Rules = CORRECTED,
) -> PickCandidates:
    """Extract the candidates from batches of probabilities, each (traces, 6000, 3).

    See `collect_by_rules`.
    """
    return extract_by_rules(outputs, thresholds, {rules: grid})[rules]


def extract_by_rules(
    outputs: Iterable[Probabilities],
    thresholds: Thresholds,
    grids: Mapping[Rules, Sequence[float]],
) -> dict[Rules, PickCandidates]:
    """Extract the candidates from probabilities by several rule sets; see `collect_by_rules`."""
    batches_by_rules: dict[Rules, list[PickCandidates]] = {rules: [] for rules in grids}
    # Traces are numbered through all batches: later functions know nothing of batches.
    n_before = 0
    for output in outputs:
        for rules, grid in grids.items():
            batches_by_rules[rules].append(
                _extract_batch(output, thresholds, grid, rules, n_before)
            )
        n_before += len(output.mean)
    if not n_before:
        raise InputError("there is no trace to pick: name a file or a split that has some")
    return {rules: _concatenate(batches) for rules, batches in batches_by_rules.items()}


def _extract_batch(
    output: Probabilities,
    thresholds: Thresholds,
    grid: Sequence[float],
    rules: Rules,
    first_trace: int,
) -> PickCandidates:
    """Extract the candidates of one batch; `first_trace` is the number of its first trace."""
    mean, std = output
    # A threshold that may still be chosen needs all peaks from the floor on.
    p, s = (
        _peaks(mean, std, column, min(FLOOR, threshold) if grid else threshold, rules, first_trace)
        for column, threshold in ((1, thresholds.p), (2, thresholds.s))
    )
    levels = sorted({*grid, thresholds.detection})
    return PickCandidates(
        mean.max(axis=1), _spans(mean, std, levels, rules, first_trace), p, s, rules
    )


def _spans(
    mean: np.ndarray,
    std: np.ndarray | None,
    thresholds: Sequence[float],
    rules: Rules,
    first_trace: int,
) -> dict[float, Spans]:
    sums, std_sums = _sums(mean[..., 0]), None if std is None else _sums(std[..., 0])

    def average(sums: np.ndarray | None, *run: np.ndarray) -> np.ndarray:
        trace, first, after = run
        if sums is None:
            return np.full(len(trace), np.nan)
        return rules.rounded((sums[trace, after] - sums[trace, first]) / (after - first))

    spans = {}
    for threshold in thresholds:
        trace, first, last = runs_in(rules.above(mean[..., 0], threshold), rules)
        # The published mean leaves out the last sample of a detection.
        run = trace, first, last + rules.includes_end
        means = average(sums, *run), average(std_sums, *run)
        spans[threshold] = Spans(trace + first_trace, first, last, *means)
    return spans


def _sums(values: np.ndarray) -> np.ndarray:
    """Return cumulative sums per trace; the mean of a run then takes one difference."""
    sums = np.zeros((len(values), values.shape[1] + 1))
    # No run contains a NaN, but a cumulative sum would carry it into all later runs.
    np.cumsum(np.where(np.isnan(values), 0, values), axis=1, dtype=float, out=sums[:, 1:])
    return sums


def _peaks(
    mean: np.ndarray,
    std: np.ndarray | None,
    column: int,
    floor: float,
    rules: Rules,
    first_trace: int,
) -> Peaks:
    trace, sample = peaks_in(mean[..., column], floor, rules)
    std_at_peaks = np.full(len(trace), np.nan) if std is None else std[trace, sample, column]
    probability = mean[trace, sample, column].astype(float)
    return Peaks(trace + first_trace, sample, probability, std_at_peaks.astype(float))


def _concatenate(batches: Sequence[PickCandidates]) -> PickCandidates:
    def join(columns: Sequence[tuple[np.ndarray, ...]]) -> list[np.ndarray]:
        return [np.concatenate(column) for column in zip(*columns, strict=True)]

    return PickCandidates(
        np.concatenate([batch.highest for batch in batches]),
        {
            threshold: Spans(*join([batch.spans[threshold] for batch in batches]))
            for threshold in batches[0].spans
        },
        Peaks(*join([batch.p for batch in batches])),
        Peaks(*join([batch.s for batch in batches])),
        batches[0].rules,
    )
