"""Example traces of a report: evenly spaced ones, and the worst."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from eqt.evaluation.detections import DetectionColumns
from eqt.evaluation.tolerance import ToleranceFigures, nearest_picks
from eqt.metrics import PHASES, is_within
from eqt.picking.candidates import PickCandidates
from eqt.probabilities import Predict
from steadkit.pipeline import BatchLoader, raise_input_errors

EXAMPLES = 6
WORST = 3
"""Traces of each category."""


class ExampleTraces(NamedTuple):
    """Traces with the outputs of a network, as arguments of `eqt.plots.examples`."""

    titles: list[str]
    waveforms: np.ndarray
    probabilities: np.ndarray
    p: np.ndarray
    s: np.ndarray

    def subset(self, rows: slice) -> "ExampleTraces":
        """Return a slice of the traces."""
        _, *columns = self
        return ExampleTraces(self.titles[rows], *(column[rows] for column in columns))


class WorstTrace(NamedTuple):
    """Row of a badly picked trace, and what is wrong with it."""

    row: int
    reason: str


def spaced_rows(n_traces: int, max_rows: int = EXAMPLES) -> list[int]:
    """Choose evenly spaced rows.

    >>> spaced_rows(100, 4)
    [0, 25, 50, 75]
    """
    step = max(n_traces // max_rows, 1)
    return list(range(0, n_traces, step))[:max_rows]


def worst_traces(
    tolerance_scores: ToleranceFigures,
    detections: DetectionColumns,
    candidates: PickCandidates,
    tolerance: float,
    max_per_category: int = WORST,
) -> list[WorstTrace]:
    """Choose the worst traces: outlying picks, missed earthquakes, false alarms, extra detections.

    Each trace comes once, at most `max_per_category` of each category, the worst first.
    """
    categories: list[list[WorstTrace]] = [
        *(
            _picks_outside_tolerance(tolerance_scores, detections, phase, tolerance)
            for phase in PHASES
        ),
        _missed_events(tolerance_scores, candidates),
        _false_alarms(tolerance_scores, candidates),
        _extra_detections(tolerance_scores),
    ]
    seen: set[int] = set()
    chosen = []
    for category in categories:
        new_traces = list(
            {trace.row: trace for trace in reversed(category) if trace.row not in seen}.values()
        )[::-1]
        chosen += new_traces[:max_per_category]
        seen |= {trace.row for trace in new_traces[:max_per_category]}
    return chosen


def _picks_outside_tolerance(
    tolerance_scores: ToleranceFigures, detections: DetectionColumns, phase: str, tolerance: float
) -> list[WorstTrace]:
    pairs = nearest_picks(tolerance_scores.truth, detections.picks[phase], phase)
    order = np.argsort(-np.abs(pairs.residuals), kind="stable")
    rows = detections.picks[phase].trace[pairs.picks]
    return [
        WorstTrace(int(rows[i]), f"{phase} picked {pairs.residuals[i]:+.2f} s off")
        for i in order.tolist()
        if not is_within(pairs.residuals[i], tolerance)
    ]


def _missed_events(
    tolerance_scores: ToleranceFigures, candidates: PickCandidates
) -> list[WorstTrace]:
    rows = np.flatnonzero(tolerance_scores.presence.fn)
    highest = candidates.highest[rows, 0]
    order = np.argsort(highest, kind="stable").tolist()
    return [WorstTrace(int(rows[i]), f"missed, detection at most {highest[i]:.2f}") for i in order]


def _false_alarms(
    tolerance_scores: ToleranceFigures, candidates: PickCandidates
) -> list[WorstTrace]:
    rows = np.flatnonzero((tolerance_scores.detection.fp > 0) & ~tolerance_scores.truth.is_event)
    highest = candidates.highest[rows, 0]
    order = np.argsort(-highest, kind="stable").tolist()
    return [WorstTrace(int(rows[i]), f"noise, detection up to {highest[i]:.2f}") for i in order]


def _extra_detections(tolerance_scores: ToleranceFigures) -> list[WorstTrace]:
    """Return events with detections outside known earthquakes, most detections first."""
    n_wrong = tolerance_scores.detection.fp
    rows = np.flatnonzero((n_wrong > 0) & tolerance_scores.truth.is_event)
    order = np.argsort(-n_wrong[rows], kind="stable").tolist()
    return [WorstTrace(int(rows[i]), f"wrong detections: {n_wrong[rows[i]]}") for i in order]


def example_traces(
    predict: Predict,
    batches: BatchLoader,
    rows: Sequence[int],
    titles: Sequence[str],
) -> ExampleTraces:
    """Run a network over a few traces again and keep its complete outputs.

    Parameters
    ----------
    predict
        See `eqt.probabilities.predictor`.
    batches
        The traces that were evaluated.
    rows
        Rows of the traces to show; a row may be repeated.
    titles
        Titles of the panels.
    """
    # A trace may be shown twice, but is read once.
    unique_rows, positions = np.unique(rows, return_inverse=True)
    names = [batches.names[row] for row in unique_rows.tolist()]
    selected = BatchLoader(batches.data_source.data, names, batches.config)
    with raise_input_errors(selected):
        waveforms_of_batches = [selected.batch(number)[0] for number in range(len(selected))]
    outputs = [predict(waveforms).mean for waveforms in waveforms_of_batches]
    return ExampleTraces(
        list(titles),
        np.concatenate(waveforms_of_batches)[positions],
        np.concatenate(outputs)[positions],
        batches.p[list(rows)],
        batches.s[list(rows)],
    )
