"""Example traces of a report: evenly spaced ones, and the worst."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from eqt.evaluation.tolerance import DetectionColumns, ToleranceScores, nearest_picks
from eqt.metrics import PHASES, is_within
from eqt.picking.candidates import PickCandidates
from eqt.probabilities import Predict
from steadkit.pipeline import BatchLoader, raise_input_errors

EXAMPLES = 6
WORST = 3
"""Traces of each category."""


class ExampleTraces(NamedTuple):
    """Traces with the outputs of a network, as arguments of `eqt.plots.figures`."""

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
    tolerance_scores: ToleranceScores,
    detections: DetectionColumns,
    candidates: PickCandidates,
    tolerance: float,
    max_per_category: int = WORST,
) -> list[WorstTrace]:
    """Choose the worst traces: outlying picks, missed earthquakes, false alarms, extra detections.

    Each trace comes once, at most `max_per_category` of each category, the worst first.
    """
    chosen: dict[int, WorstTrace] = {}
    for category in _categories(tolerance_scores, detections, candidates.highest[:, 0], tolerance):
        new_traces: dict[int, WorstTrace] = {}
        for trace in category:
            if trace.row not in chosen and len(new_traces) < max_per_category:
                new_traces.setdefault(trace.row, trace)
        chosen |= new_traces
    return list(chosen.values())


def _categories(
    tolerance_scores: ToleranceScores,
    detections: DetectionColumns,
    highest: np.ndarray,
    tolerance: float,
) -> Iterator[list[WorstTrace]]:
    """Yield the traces of each category, the worst first."""
    is_event, n_wrong = tolerance_scores.truth.is_event, tolerance_scores.detection.fp
    for phase in PHASES:
        picks = detections.picks[phase]
        pairs = nearest_picks(tolerance_scores.truth, picks, phase)
        is_outlier = ~is_within(pairs.residuals, tolerance)
        rows, residuals = picks.trace[pairs.picks][is_outlier], pairs.residuals[is_outlier]
        yield _sort_worst(rows, -np.abs(residuals), residuals, f"{phase} picked {{:+.2f}} s off")
    missed = np.flatnonzero(tolerance_scores.presence.fn)
    yield _sort_worst(missed, highest[missed], highest[missed], "missed, detection at most {:.2f}")
    alarms = np.flatnonzero((n_wrong > 0) & ~is_event)
    yield _sort_worst(alarms, -highest[alarms], highest[alarms], "noise, detection up to {:.2f}")
    extra = np.flatnonzero((n_wrong > 0) & is_event)
    yield _sort_worst(extra, -n_wrong[extra], n_wrong[extra], "wrong detections: {}")


def _sort_worst(
    rows: np.ndarray, order: np.ndarray, values: np.ndarray, reason: str
) -> list[WorstTrace]:
    return [
        WorstTrace(int(rows[i]), reason.format(values[i]))
        for i in np.argsort(order, kind="stable").tolist()
    ]


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
