"""Traces to look at: some as they come, and those that went worst."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from eqt.evaluation.detections import PHASES, DetectionColumns
from eqt.evaluation.tolerance import ToleranceFigures, nearest_picks
from eqt.picking.candidates import PickCandidates
from eqt.probabilities import Predict
from steadkit.pipeline import BatchLoader, raise_input_errors

EXAMPLES = 6
WORST = 3
"""Traces of each kind."""


class ExampleTraces(NamedTuple):
    """Traces with what a network makes of them, for `eqt.plots.examples`."""

    titles: list[str]
    waveforms: np.ndarray
    probabilities: np.ndarray
    p: np.ndarray
    s: np.ndarray

    def part(self, some: slice) -> "ExampleTraces":
        """Keep some of them."""
        _, *columns = self
        return ExampleTraces(self.titles[some], *(column[some] for column in columns))


class WorstTrace(NamedTuple):
    """A trace that went wrong, and how."""

    row: int
    why: str


def spaced_rows(traces: int, most: int = EXAMPLES) -> list[int]:
    """Choose some traces from first to last.

    >>> spaced_rows(100, 4)
    [0, 25, 50, 75]
    """
    step = max(traces // most, 1)
    return list(range(0, traces, step))[:most]


def worst_traces(
    honest: ToleranceFigures,
    found: DetectionColumns,
    candidates: PickCandidates,
    tolerance: float,
    most: int = WORST,
) -> list[WorstTrace]:
    """Choose the worst: picks far off, earthquakes missed, the surest false alarms, or the most.

    Each trace comes once, at most so many of each kind, the worst first.
    """
    kinds: list[list[WorstTrace]] = [
        *(_picks_outside_tolerance(honest, found, phase, tolerance) for phase in PHASES),
        _missed_events(honest, candidates),
        _false_alarms(honest, candidates),
        _extra_detections(honest),
    ]
    seen: set[int] = set()
    chosen = []
    for kind in kinds:
        new = list({bad.row: bad for bad in reversed(kind) if bad.row not in seen}.values())[::-1]
        chosen += new[:most]
        seen |= {bad.row for bad in new[:most]}
    return chosen


def _picks_outside_tolerance(
    honest: ToleranceFigures, found: DetectionColumns, phase: str, tolerance: float
) -> list[WorstTrace]:
    pairs = nearest_picks(honest.truth, found.picks[phase], phase)
    order = np.argsort(-np.abs(pairs.residuals), kind="stable")
    rows = found.picks[phase].trace[pairs.picks]
    return [
        WorstTrace(int(rows[i]), f"{phase} picked {pairs.residuals[i]:+.2f} s off")
        for i in order.tolist()
        if round(abs(pairs.residuals[i]), 6) > tolerance
    ]


def _missed_events(honest: ToleranceFigures, candidates: PickCandidates) -> list[WorstTrace]:
    rows = np.flatnonzero(honest.presence.fn)
    highest = candidates.highest[rows, 0]
    order = np.argsort(highest, kind="stable").tolist()
    return [WorstTrace(int(rows[i]), f"missed, detection at most {highest[i]:.2f}") for i in order]


def _false_alarms(honest: ToleranceFigures, candidates: PickCandidates) -> list[WorstTrace]:
    rows = np.flatnonzero((honest.detection.fp > 0) & ~honest.truth.is_event)
    highest = candidates.highest[rows, 0]
    order = np.argsort(-highest, kind="stable").tolist()
    return [WorstTrace(int(rows[i]), f"noise, detection up to {highest[i]:.2f}") for i in order]


def _extra_detections(honest: ToleranceFigures) -> list[WorstTrace]:
    """List events with the most detections where no earthquake is known."""
    wrong = honest.detection.fp
    rows = np.flatnonzero((wrong > 0) & honest.truth.is_event)
    order = np.argsort(-wrong[rows], kind="stable").tolist()
    return [WorstTrace(int(rows[i]), f"wrong detections: {wrong[rows[i]]}") for i in order]


def example_traces(
    predict: Predict,
    batches: BatchLoader,
    rows: Sequence[int],
    titles: Sequence[str],
) -> ExampleTraces:
    """Run a network over a few traces once more, now keeping everything.

    Parameters
    ----------
    predict
        See `eqt.probabilities.predictor`.
    batches
        The traces that were evaluated.
    rows
        The numbers of those to show.
    titles
        What to write above each.
    """
    # A trace may be shown twice, but is read once.
    once, places = np.unique(rows, return_inverse=True)
    names = [batches.names[row] for row in once.tolist()]
    few = BatchLoader(batches.records.data, names, batches.config)
    with raise_input_errors(few):
        made = [few.batch(number)[0] for number in range(len(few))]
    outputs = [predict(waveforms).mean for waveforms in made]
    return ExampleTraces(
        list(titles),
        np.concatenate(made)[places],
        np.concatenate(outputs)[places],
        batches.p[list(rows)],
        batches.s[list(rows)],
    )
