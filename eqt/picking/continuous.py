"""Windows of a continuous record and the probabilities stacked from them.

A window starts at a whole multiple of the step since 1970, so that probabilities do not depend on
where a record begins or how it is cut into files. What a window lacks is filled with the record
next to it, mirrored in time: zeros would be a step that looks like an onset. Nothing is picked
there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from eqt.probabilities import BATCH_SIZE, WindowPredict
from steadkit.errors import InputError
from steadkit.records.gapless import NANO, GaplessRecords
from steadkit.schema import COMPONENTS, N_SAMPLES, SAMPLING_RATE
from steadkit.transforms.normalization import normalize_batch_into

NS_PER_SAMPLE: Final = round(NANO / SAMPLING_RATE)

STACKINGS: Final = ("mean", "max")

MIN_WEIGHT: Final = 0.01
"""Weight of a window's first and last sample; those of its middle have 1."""

_PHASE = np.pi * (np.arange(N_SAMPLES) + 0.5) / N_SAMPLES
WEIGHTS: Final = (MIN_WEIGHT + (1 - MIN_WEIGHT) * np.sin(_PHASE) ** 2).astype(np.float32)[:, None]
"""Weights of a window's samples in a mean, shape (6000, 1): a raised sine."""

MIN_KNOWN: Final = 100
"""Samples of record that a window must have: one second."""

ComponentRecords = Mapping[str, GaplessRecords]
"""The records of one instrument by component."""


@dataclass(frozen=True)
class StackedProbabilities:
    """Probabilities of a continuous record, a sample every 10 ms since 1970.

    Attributes
    ----------
    first
        Number of the first sample: its time is ``first / 100`` s since 1970.
    mean
        Shape (n, 3), float32: detection, P and S; zero where there is no record.
    std
        Standard deviation over Monte Carlo samples, or None.
    is_recorded
        Shape (n,), bool.
    n_windows
        Number of windows that the network was run on.
    """

    first: int
    mean: np.ndarray
    std: np.ndarray | None
    is_recorded: np.ndarray
    n_windows: int


def step_samples(overlap: float) -> int:
    """Return the step between windows in samples, from the share by which they overlap.

    >>> step_samples(0.5), step_samples(0.3)
    (3000, 4200)
    """
    if not 0 <= overlap <= 0.99:
        raise InputError(f"an overlap of {overlap:g} of a window is not possible: use 0 to 0.99")
    return max(round(N_SAMPLES * (1 - overlap)), 1)


def stack_probabilities(
    predict: WindowPredict,
    records: ComponentRecords,
    limits: tuple[int, int],
    step: int,
    normalization: str,
    stacking: str = "mean",
) -> StackedProbabilities:
    """Run a network over all windows of a record and stack their probabilities.

    Parameters
    ----------
    predict
        Of one station, see `eqt.probabilities.window_predictor`.
    records
        Filtered records of one instrument, see `steadkit.records.gapless`.
    limits
        Numbers of the first sample and of the one after the last, in 10 ms since 1970.
    step
        Samples from window to window, see `step_samples`.
    normalization
        See `steadkit.transforms.normalize`: as the network was trained.
    stacking
        ``mean``: weighted, with weights that fall towards the edges of a window; ``max``.
    """
    if stacking not in STACKINGS:
        raise InputError(f"stacking {stacking!r} is unknown: use {' or '.join(STACKINGS)}")
    first, after = limits
    is_recorded = _recorded_samples(records, first, after - first)
    starts = _window_starts(is_recorded, first, step)
    total: np.ndarray | None = None
    weight = np.zeros((after - first, 1), np.float32)
    for batch, waveforms in _batches(records, starts, normalization):
        mean, std = predict(waveforms, batch)
        outputs = mean if std is None else np.concatenate([mean, std], axis=-1)
        if total is None:
            total = np.zeros((after - first, outputs.shape[-1]), np.float32)
        for values, start in zip(outputs, batch, strict=False):
            begin, stop = max(start, first) - first, min(start + N_SAMPLES, after) - first
            inside = slice(begin - start + first, stop - start + first)
            if stacking == "mean":
                total[begin:stop] += WEIGHTS[inside] * values[inside]
                weight[begin:stop] += WEIGHTS[inside]
            else:
                _keep_higher(total[begin:stop], values[inside])
    if total is None:
        total = np.zeros((after - first, 3), np.float32)
    if stacking == "mean":
        total /= np.maximum(weight, MIN_WEIGHT)
    total[~is_recorded] = 0
    std = total[:, 3:] if total.shape[1] > 3 else None
    return StackedProbabilities(first, total[:, :3], std, is_recorded, len(starts))


def _recorded_samples(records: ComponentRecords, first: int, n_samples: int) -> np.ndarray:
    """Return at which samples any component is recorded."""
    is_recorded = np.zeros(n_samples, bool)
    for record in chain.from_iterable(records.values()):
        start, end = (round(time / NS_PER_SAMPLE) - first for time in (record.start, record.end))
        is_recorded[max(start, 0) : max(end + 1, 0)] = True
    return is_recorded


def _keep_higher(total: np.ndarray, values: np.ndarray) -> None:
    """Replace, in place, what is exceeded; a standard deviation follows its mean."""
    is_higher = values[:, :3] > total[:, :3]
    np.copyto(total, values, where=np.tile(is_higher, values.shape[1] // 3))


def _window_starts(is_recorded: np.ndarray, first: int, step: int) -> np.ndarray:
    """List the windows that hold at least a second of record, by the number of their sample 0."""
    counts = np.concatenate(([0], np.cumsum(is_recorded)))
    start = -(-(first - N_SAMPLES + 1) // step) * step
    starts = np.arange(start, first + len(is_recorded), step)
    inside = (starts - first).clip(0), (starts - first + N_SAMPLES).clip(0, len(is_recorded))
    return starts[counts[inside[1]] - counts[inside[0]] >= MIN_KNOWN]


def _batches(
    records: ComponentRecords, starts: np.ndarray, normalization: str
) -> Iterator[tuple[list[int], np.ndarray]]:
    """Yield window starts and normalised waveforms, (BATCH_SIZE, 6000, 3), the last ones zeros."""
    for begin in range(0, len(starts), BATCH_SIZE):
        batch = starts[begin : begin + BATCH_SIZE].tolist()
        waveforms = np.zeros((BATCH_SIZE, N_SAMPLES, len(COMPONENTS)), np.float32)
        for number, start in enumerate(batch):
            _cut_components(waveforms[number], records, start)
        normalize_batch_into(waveforms, waveforms, normalization)
        yield batch, waveforms


def cut_waveform(records: ComponentRecords, start: int, length: int) -> np.ndarray:
    """Return samples of a record, shape (length, 3), E, N, Z; gaps are filled, see above.

    Parameters
    ----------
    records
        Filtered records of one instrument.
    start
        Number of the first sample, in 10 ms since 1970.
    length
        Number of samples.
    """
    waveform = np.zeros((length, len(COMPONENTS)), np.float32)
    _cut_components(waveform, records, start)
    return waveform


def cut_waveforms(records: ComponentRecords, starts: np.ndarray, length: int) -> np.ndarray:
    """Return several waveforms as `cut_waveform` does, shape (len(starts), length, 3)."""
    waveforms = np.zeros((len(starts), length, len(COMPONENTS)), np.float32)
    times = starts * NS_PER_SAMPLE
    is_cut = np.ones(len(starts), bool)
    for column, component in enumerate(COMPONENTS):
        if not records.get(component):
            continue
        numbers = records[component].number_at(times)
        for number in np.unique(numbers).tolist():
            record = records[component][number]
            rows = np.flatnonzero(numbers == number)
            first = record.indices(times[rows])
            is_inside = (first >= 0) & (first + length <= len(record.samples))
            is_cut[rows[~is_inside]] = False
            if is_inside.any():
                windows = sliding_window_view(record.samples, length)
                waveforms[rows[is_inside], :, column] = windows[first[is_inside]]
    # The others reach over an edge or lie in a gap.
    for row in np.flatnonzero(~is_cut).tolist():
        waveforms[row] = cut_waveform(records, int(starts[row]), length)
    return waveforms


def _cut_components(waveform: np.ndarray, records: ComponentRecords, start: int) -> None:
    """Copy into zeros, shape (n, 3), what records have from a sample on, and fill its gaps."""
    time = np.array([start * NS_PER_SAMPLE])
    # A sample more on both sides: a record's clock may be off by one from the nominal one.
    begin, end = int(time[0]) - NS_PER_SAMPLE, int(time[0]) + (len(waveform) + 1) * NS_PER_SAMPLE
    for column, component in enumerate(COMPONENTS):
        if component in records:
            _cut_window(
                waveform[:, column],
                [
                    (r.samples, int(r.indices(time)[0]))
                    for r in records[component].between(begin, end)
                ],
            )


def _cut_window(window: np.ndarray, records: Sequence[tuple[np.ndarray, int]]) -> None:
    """Copy into a window, shape (n,), what records have of it, and fill its gaps."""
    runs = []
    for samples, index in records:
        start, end = max(-index, 0), min(len(samples) - index, len(window))
        if start < end:
            window[start:end] = samples[index + start : index + end]
            runs.append((start, end))
    if runs:
        _fill_gaps(window, runs)


def _fill_gaps(window: np.ndarray, runs: Sequence[tuple[int, int]]) -> None:
    """Fill what lies between the runs of a window: the record on either side, mirrored in time.

    Across a gap the two sides are cross-faded, so that neither the samples nor their amplitude
    have a step.
    """
    gaps = [*zip([(0, 0), *runs], [*runs, (len(window), len(window))], strict=True)]
    known = window.copy()
    for (left_start, start), (end, right_end) in gaps:
        length = end - start
        if length <= 0:
            continue
        left = _mirrored(known[left_start:start][::-1], length)
        right = _mirrored(known[end:right_end], length)
        if left is None or right is None:
            window[start:end] = left if right is None else right[::-1]
            continue
        share = np.cos(np.pi / 2 * (np.arange(length) + 0.5) / length) ** 2
        window[start:end] = share * left + (1 - share) * right[::-1]


def _mirrored(run: np.ndarray, length: int) -> np.ndarray | None:
    """Return a run repeated forwards and backwards; None if there is none."""
    if not len(run):
        return None
    offset = np.arange(length) % (2 * len(run))
    return run[np.minimum(offset, 2 * len(run) - 1 - offset)]
