"""Every event cut anew, with P at other samples, and picked there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

import numpy as np
import pandas as pd

from eqt.metrics import TOLERANCE
from eqt.picking.picks import Thresholds
from eqt.position_bias.bias import Bias, position_biases
from eqt.probabilities import Predict
from steadkit.capacity import require_memory
from steadkit.console import progress
from steadkit.errors import InputError
from steadkit.example import Example
from steadkit.pipeline import BatchLoader
from steadkit.schema import N_SAMPLES, SAMPLING_RATE
from steadkit.transforms import normalize, place, places

PHASES = ("P", "S")
MIN_POSITION, MAX_POSITION = 100, 5500
"""Between what random positions lie: where the network sees some noise before P and some of S."""

BATCH_WINDOWS = 64
"""Windows that the network sees at a time."""


@dataclass(frozen=True, eq=False)
class PositionResult:
    """What came of a position test.

    Parameters
    ----------
    windows
        A row a window and phase: ``trace_name``, ``phase``, ``position`` (the sample at which P
        lies), ``arrival`` (the phase's own), ``pick`` (the most probable sample), ``probability``,
        ``residual`` (pick minus arrival) and ``hit``, whether it lies within the tolerance and
        above the threshold. All in samples.
    bias
        What the place explains of the errors of ``P`` and ``S``: by its place in the ``second`` and
        in the ``window``.
    left_out
        Events that could not be moved: too little noise before P.
    thresholds
        What counted.
    seed
        Of the positions and of the judgements.
    """

    windows: pd.DataFrame = field(repr=False)
    bias: Mapping[str, Mapping[str, Bias]]
    left_out: int
    thresholds: Thresholds
    seed: int

    def of(self, phase: str) -> pd.DataFrame:
        """Take the rows of a phase."""
        return self.windows[self.windows["phase"] == phase]

    def hits(self, phase: str) -> pd.DataFrame:
        """Take the rows of a phase's hits."""
        return self.windows[(self.windows["phase"] == phase) & self.windows["hit"]]


_PUBLISHED = Thresholds()


ROW_BYTES = 200
"""Of memory that a row takes at least."""

Row = tuple[str, str, int, float, int, float]
"""Name, phase, position, arrival, pick, probability."""


class Window(NamedTuple):
    """A trace with P at one of its positions."""

    name: str
    example: Example


def position_test(
    predict: Predict,
    batches: BatchLoader,
    positions: Sequence[int] = (),
    count: int = 8,
    seed: int = 0,
    thresholds: Thresholds = _PUBLISHED,
) -> PositionResult:
    """Cut every event anew, so that P comes at other samples, and see how well it is picked.

    Each window is that of `steadkit.transforms.place`: nothing of the event wraps. It goes with P
    wherever P and S fit, so a late one ends in the coda. The pick is the most probable sample,
    whatever detection says; a hit lies within half a second and above the threshold. Batches of
    windows are made as they are picked, so memory holds no more than a batch.

    Parameters
    ----------
    predict
        What gives probabilities, see `eqt.probabilities.predictor`.
    batches
        The traces, in their order and not augmented; noise is passed over.
    positions
        Where to put P, in samples; those where S would lie outside are left out for that event.
        Without any they are drawn.
    count
        How many positions to draw for each event, all being equally likely from `MIN_POSITION` to
        `MAX_POSITION` and as far as S fits.
    seed
        Selects the positions: a function of the seed and the trace's place in `batches`.
    thresholds
        Probabilities above which something counts.

    Raises
    ------
    InputError
        The batches are augmented or shuffled, hold no event that can be moved, a position cannot
        be, or the table of all windows does not fit into the memory.

    Notes
    -----
    That the published weights pick better on whole seconds than between was found with it.
    """
    _check(batches, positions, count)
    places_each, events = len(positions) or count, int(batches.records.is_event.sum())
    require_memory(
        ROW_BYTES * len(PHASES) * events * places_each,
        f"the position test of {events:,} events at {places_each:,} places each",
        "ask for fewer places",
    )
    rows: list[Row] = []
    left_out: list[str] = []
    windows = _windows(batches, positions, count, seed, left_out)
    mode = batches.config.normalization
    while some := list(islice(windows, BATCH_WINDOWS)):
        waveforms = np.stack([normalize(window.example.waveform, mode) for window in some])
        probabilities = predict(waveforms).mean
        rows += [row for pair in zip(some, probabilities, strict=True) for row in _rows(*pair)]
    if not rows:
        raise InputError(
            f"no event among the {len(batches.names)} traces that can be moved: the position test "
            "needs P arrivals with some noise before them"
        )
    return _position_result(_table(rows, thresholds), len(left_out), thresholds, seed)


def pooled(results: Sequence[PositionResult]) -> PositionResult:
    """Put the tests of several parts of a data set, of a cross-validation say, into one.

    The bias is judged anew, over all; thresholds and seed are those of the first.
    """
    table = pd.concat([result.windows for result in results], ignore_index=True)
    left_out = sum(result.left_out for result in results)
    return _position_result(table, left_out, results[0].thresholds, results[0].seed)


def _position_result(
    table: pd.DataFrame, left_out: int, thresholds: Thresholds, seed: int
) -> PositionResult:
    hits = {phase: table[(table["phase"] == phase) & table["hit"]] for phase in PHASES}
    found = {phase: position_biases(some, seed) for phase, some in hits.items()}
    return PositionResult(table, found, left_out, thresholds, seed)


def _check(batches: BatchLoader, positions: Sequence[int], count: int) -> None:
    if batches.config.augment is not None or batches.seed is not None:
        raise InputError("the position test moves traces itself: give batches without augmentation")
    if count < 1:
        raise InputError(f"{count} positions for each event show nothing: use 1 or more")
    for position in positions:
        if not 0 <= position < N_SAMPLES or position % 1:
            raise InputError(f"position {position} must be a whole sample, 0 to {N_SAMPLES - 1}")


def _windows(
    batches: BatchLoader, positions: Sequence[int], count: int, seed: int, left_out: list[str]
) -> Iterator[Window]:
    """Place every event at its positions; `left_out` gets the names of those that stay away."""
    number = 0
    for batch in progress(range(len(batches)), "moving", len(batches)):
        for example in batches.examples(batch):
            name = batches.names[number]
            if example.is_event:
                random = np.random.default_rng((seed, number))
                chosen = _draw_positions(example, positions, count, random)
                try:
                    placed = [Window(name, place(example, position)) for position in chosen]
                except InputError:
                    placed = []
                if not placed:
                    left_out.append(name)
                yield from placed
            number += 1


def _draw_positions(
    example: Example, positions: Sequence[int], count: int, random: np.random.Generator
) -> list[int]:
    least, most = places(example)
    if len(positions):
        return [int(position) for position in positions if least <= position <= most]
    low, high = max(least, MIN_POSITION), min(most, MAX_POSITION)
    # An S very late after its P leaves little choice, but some.
    low = min(low, high)
    return [int(position) for position in random.integers(low, high, count, endpoint=True)]


def _rows(window: Window, probabilities: np.ndarray) -> Iterator[Row]:
    """Give the row of each phase that the trace has."""
    (p,), (s,) = window.example.p, window.example.s
    for column, (phase, arrival) in enumerate(zip(PHASES, (p, s), strict=True), 1):
        if not np.isnan(arrival):
            pick = int(probabilities[:, column].argmax())
            yield window.name, phase, int(p), arrival, pick, float(probabilities[pick, column])


def _table(rows: list[Row], thresholds: Thresholds) -> pd.DataFrame:
    columns = ["trace_name", "phase", "position", "arrival", "pick", "probability"]
    table = pd.DataFrame(rows, columns=columns)
    residual = table["pick"] - table["arrival"]
    least = table["phase"].map({"P": thresholds.p, "S": thresholds.s})
    near = residual.abs() <= TOLERANCE * SAMPLING_RATE
    return table.assign(residual=residual, hit=near & (table["probability"] > least))
