"""Windows of a position test: every event with P at several samples, and the picks there."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import pandas as pd

from eqt.metrics import PHASES, TOLERANCE, is_within
from eqt.picking.picks import Thresholds
from eqt.position_bias.bias import PositionResult, position_biases
from eqt.probabilities import Predict
from steadkit.capacity import require_memory
from steadkit.console import progress
from steadkit.errors import InputError
from steadkit.example import Example
from steadkit.pipeline import BatchLoader
from steadkit.schema import N_SAMPLES, SAMPLING_RATE
from steadkit.transforms import normalize, place, places

MIN_POSITION, MAX_POSITION = 100, 5500
"""Range of random positions, in which a window has some noise before P and some of S."""

BATCH_WINDOWS = 64
"""Windows of a batch."""


_PUBLISHED = Thresholds()


ROW_BYTES = 200
"""Memory of a row, at least."""

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
    """Shift every event so that P lies at other samples, and measure how well it is picked.

    Each window is that of `steadkit.transforms.place`: nothing of the event wraps around. P may lie
    wherever P and S fit, so a late window ends in the coda. The pick is the most probable sample,
    independent of detection; a hit lies within half a second and above the threshold. Windows are
    generated in batches, so that memory holds the waveforms of one batch.

    Parameters
    ----------
    predict
        Computes probabilities, see `eqt.probabilities.predictor`.
    batches
        The traces, in file order and not augmented; noise is skipped.
    positions
        Positions of P, in samples; those where S would lie outside are skipped for that event.
        Empty: random positions.
    count
        Number of random positions of each event, uniform from ``MIN_POSITION`` to
        ``MAX_POSITION`` as far as S fits.
    seed
        Seed of the positions, which depend on it and on the trace's row in `batches`.
    thresholds
        Thresholds of a hit.

    Raises
    ------
    InputError
        The batches are augmented or shuffled, contain no event that can be shifted, a position is
        invalid, or the table of all windows does not fit into the memory.

    Notes
    -----
    The published weights pick better on whole seconds than between them by this test.
    """
    _check(batches, positions, count)
    places_each, events = len(positions) or count, int(batches.data_source.is_event.sum())
    require_memory(
        ROW_BYTES * len(PHASES) * events * places_each,
        f"the position test of {events:,} events at {places_each:,} places each",
        "ask for fewer places",
    )
    rows: list[Row] = []
    left_out: list[str] = []
    windows = _windows(batches, positions, count, seed, left_out)
    mode = batches.config.normalization
    while batch := list(islice(windows, BATCH_WINDOWS)):
        waveforms = np.stack([normalize(window.example.waveform, mode) for window in batch])
        probabilities = predict(waveforms).mean
        rows += [row for pair in zip(batch, probabilities, strict=True) for row in _rows(*pair)]
    if not rows:
        raise InputError(
            f"no event among the {len(batches.names)} traces that can be moved: the position test "
            "needs P arrivals with some noise before them"
        )
    return _position_result(_table(rows, thresholds), len(left_out), thresholds, seed)


def pooled(results: Sequence[PositionResult]) -> PositionResult:
    """Pool the tests of several subsets of a data set, for example of a cross-validation.

    The bias is computed again over all windows; thresholds and seed are those of the first.
    """
    table = pd.concat([result.windows for result in results], ignore_index=True)
    left_out = sum(result.left_out for result in results)
    return _position_result(table, left_out, results[0].thresholds, results[0].seed)


def _position_result(
    table: pd.DataFrame, left_out: int, thresholds: Thresholds, seed: int
) -> PositionResult:
    hits = {phase: table[(table["phase"] == phase) & table["hit"]] for phase in PHASES}
    biases = {phase: position_biases(phase_hits, seed) for phase, phase_hits in hits.items()}
    return PositionResult(table, biases, left_out, thresholds, seed)


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
    """Shift every event to its positions; `left_out` collects the names of those that cannot be."""
    number = 0
    for batch in progress(range(len(batches)), "moving", len(batches)):
        for example in batches.examples(batch):
            name = batches.names[number]
            if example.is_event:
                # Seeded by the row of the trace: positions do not depend on the batches.
                random = np.random.default_rng((seed, number))
                event_positions = _draw_positions(example, positions, count, random)
                try:
                    event_windows = [
                        Window(name, place(example, position)) for position in event_positions
                    ]
                # Too little noise before P: shifted to this position, the event would wrap around.
                except InputError:
                    event_windows = []
                if not event_windows:
                    left_out.append(name)
                yield from event_windows
            number += 1


def _draw_positions(
    example: Example, positions: Sequence[int], count: int, random: np.random.Generator
) -> list[int]:
    min_position, max_position = places(example)
    if len(positions):
        return [int(position) for position in positions if min_position <= position <= max_position]
    low, high = max(min_position, MIN_POSITION), min(max_position, MAX_POSITION)
    # With a large S - P time the latest possible position may lie before MIN_POSITION.
    low = min(low, high)
    return [int(position) for position in random.integers(low, high, count, endpoint=True)]


def _rows(window: Window, probabilities: np.ndarray) -> Iterator[Row]:
    """Yield the row of each phase that the trace has."""
    (p,), (s,) = window.example.p, window.example.s
    for column, (phase, arrival) in enumerate(zip(PHASES, (p, s), strict=True), 1):
        if not np.isnan(arrival):
            # Without detections and thresholds of peaks, only the position can make a difference.
            pick = int(probabilities[:, column].argmax())
            yield window.name, phase, int(p), arrival, pick, float(probabilities[pick, column])


def _table(rows: list[Row], thresholds: Thresholds) -> pd.DataFrame:
    columns = ["trace_name", "phase", "position", "arrival", "pick", "probability"]
    table = pd.DataFrame(rows, columns=columns)
    residual = table["pick"] - table["arrival"]
    threshold = table["phase"].map({"P": thresholds.p, "S": thresholds.s})
    is_near = is_within(residual.to_numpy() / SAMPLING_RATE, TOLERANCE)
    return table.assign(residual=residual, hit=is_near & (table["probability"] > threshold))
