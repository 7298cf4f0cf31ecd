"""Gapless records of a channel: pieces joined, cleaned, resampled to 100 Hz and filtered.

Pieces whose samples follow each other to half a sample are one record, whatever file they come
from; overlaps that differ are decided for the piece that starts later, gaps of up to `MAX_GAP_S`
are interpolated. Anything that would be a step or a spike in the filtered signal ends the record,
as a gap does. Sample times are kept exact: a record of 99.9992 Hz is not resampled, and the time
of its samples follows its own clock, so that a sample at 100 Hz is never shifted.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise
from typing import Any, Final, NamedTuple

import numpy as np
from scipy import signal

from steadkit.records.resample import BAND, CORNERS, RATE_RANGE, low_pass
from steadkit.schema import SAMPLING_RATE

NANO: Final = 1_000_000_000
"""Nanoseconds in a second."""

MAX_GAP_S: Final = 0.05
MIN_SECONDS: Final = 1.0
"""Length of the shortest record that is used."""

MAX_RATIO_TERM: Final = 200
RATIO_TOLERANCE: Final = 2e-4
"""Relative error of the resampling ratio; times stay exact, a window of a minute is 0.6 samples
longer or shorter than it should be."""

EXTENSION_S: Final = 5.0
"""Seconds by which a record is extended at both ends before filtering."""

EDGE_S: Final = 0.3
"""Seconds at an end through which the line is drawn that leads to the point of reflection."""

DEAD_S: Final = 2.0
"""Seconds of one constant value that are no record of the ground."""

MIN_JUMP: Final = 8.0
"""Smallest spike or step, in the largest differences of samples in the seconds around it."""

JUMP_WIDTH: Final = 3
"""Samples on both sides of a jump that belong to it."""


class Piece(NamedTuple):
    """Samples of one channel as they stand in a file.

    Attributes
    ----------
    start
        Time of the first sample in ns since 1970, UTC.
    rate
        In Hz.
    samples
        Shape (n,), counts.
    """

    start: int
    rate: float
    samples: np.ndarray


class Unused(NamedTuple):
    """A stretch of record that is not used: its first and last time in ns, and the reason."""

    start: int
    end: int
    reason: str


@dataclass(frozen=True)
class GaplessRecord:
    """Filtered samples of one channel at about 100 Hz, without a gap.

    Attributes
    ----------
    samples
        Shape (n,), float32, counts, band-passed 1 to 45 Hz.
    index, time, rate
        The clock, an entry for each piece: index of its first sample, the time of that in ns since
        1970, and its rate in Hz.
    """

    samples: np.ndarray
    index: np.ndarray
    time: np.ndarray
    rate: np.ndarray

    @cached_property
    def start(self) -> int:
        """Time of the first sample in ns."""
        return int(self.time[0])

    @cached_property
    def end(self) -> int:
        """Time of the last sample in ns."""
        return int(self.times(np.array([len(self.samples) - 1]))[0])

    def times(self, indices: np.ndarray) -> np.ndarray:
        """Return the times of samples in ns since 1970."""
        piece = self._pieces(self.index, indices)
        offset = (indices - self.index[piece]) * (NANO / self.rate[piece])
        return self.time[piece] + np.rint(offset).astype(np.int64)

    def indices(self, times: np.ndarray) -> np.ndarray:
        """Return the indices of the samples nearest to times in ns; also outside the record."""
        piece = self._pieces(self.time, times)
        offset = (times - self.time[piece]) * (self.rate[piece] / NANO)
        return self.index[piece] + np.floor(offset + 0.5).astype(np.int64)

    def _pieces(self, starts: np.ndarray, places: np.ndarray) -> Any:
        """Return the number of the piece in which each place lies."""
        if len(starts) == 1:  # thousands of times, where a day is in fragments
            return 0
        return (np.searchsorted(starts, places, side="right") - 1).clip(0)


class GaplessRecords(Sequence[GaplessRecord]):
    """Records of one channel in the order of their starts, of which it finds those near a time."""

    def __init__(self, records: Iterable[GaplessRecord]) -> None:
        self._records = sorted(records, key=lambda record: record.start)
        self._starts = [record.start for record in self._records]
        # The latest end so far: records of two rates may overlap.
        self._ends = [*accumulate((record.end for record in self._records), max)]

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, number: Any) -> Any:
        return self._records[number]

    def between(self, start: int, end: int) -> list[GaplessRecord]:
        """Return the records that may have samples between two times in ns."""
        return self._records[bisect_left(self._ends, start) : bisect_right(self._starts, end)]

    def number_at(self, times: np.ndarray) -> np.ndarray:
        """Return the number of the last record that starts at each time or before, or 0."""
        return (np.searchsorted(self._starts, times, side="right") - 1).clip(0)


def gapless_records(
    pieces: Sequence[Piece], band_pass: bool = True
) -> tuple[GaplessRecords, list[Unused]]:
    """Join the pieces of one channel and bring them to 100 Hz.

    Parameters
    ----------
    pieces
        In any order; overlaps and repeats are allowed.
    band_pass
        Whether to filter to 1 to 45 Hz.

    Returns
    -------
    records
        In order of time.
    unused
        Stretches that are in none of them, with the reason.
    """
    records: list[GaplessRecord] = []
    unused: list[Unused] = []
    usable: dict[Fraction, list[Piece]] = {}
    for piece in pieces:
        if not len(piece.samples):
            continue
        if RATE_RANGE[0] <= piece.rate <= RATE_RANGE[1]:
            usable.setdefault(_ratio(piece.rate), []).append(piece)
        else:
            low, high = RATE_RANGE
            rejected = f"a sampling rate that is not {low:g} to {high:g} Hz"
            unused.append(Unused(*_limits(_one_piece(piece)), rejected))
    for ratio, group in usable.items():
        for joined in _join(group):
            for record, reason in _clean_runs(joined):
                if reason is None and len(record.samples) < MIN_SECONDS * record.rate[0]:
                    reason = "a record of less than a second"
                if reason is None:
                    records.append(_to_100_hz(record, ratio, band_pass))
                else:
                    unused.append(Unused(*_limits(record), reason))
    return GaplessRecords(records), sorted(unused)


def _limits(record: GaplessRecord) -> tuple[int, int]:
    return record.start, record.end


def _ratio(rate: float) -> Fraction:
    """Return 100 Hz over a rate, as the simplest ratio within the tolerance."""
    exact = SAMPLING_RATE / rate
    for max_term in (1, 10, 50, MAX_RATIO_TERM):
        ratio = Fraction(exact).limit_denominator(max_term)
        if ratio and abs(float(ratio) / exact - 1) <= RATIO_TOLERANCE:
            break
    return ratio


def _one_piece(piece: Piece) -> GaplessRecord:
    return GaplessRecord(
        piece.samples, np.array([0]), np.array([piece.start]), np.array([piece.rate])
    )


def _join(pieces: Sequence[Piece]) -> Iterator[GaplessRecord]:
    """Join pieces of about one rate; samples in float64, short gaps interpolated."""
    # Ties by content: the result must not depend on the order of the files.
    ordered = sorted(pieces, key=lambda p: (p.start, len(p.samples), float(np.nansum(p.samples))))
    group: list[tuple[int, Piece]] = []
    end = 0
    for piece in ordered:
        index = 0
        if group:
            # By the clock of the piece before, not of the first: small errors of many pieces,
            # or of a rate, do not add up.
            last_index, last = group[-1]
            index = last_index + round((piece.start - last.start) * last.rate / NANO)
            if index > end + MAX_GAP_S * last.rate:
                yield _paint(group, end)
                group, index, end = [], 0, 0
        group.append((index, piece))
        end = max(end, index + len(piece.samples))
    if group:
        yield _paint(group, end)


def _paint(group: Sequence[tuple[int, Piece]], length: int) -> GaplessRecord:
    samples = np.empty(length)
    is_missing = np.ones(length, bool)
    for index, piece in group:
        samples[index : index + len(piece.samples)] = piece.samples
        is_missing[index : index + len(piece.samples)] = False
    if is_missing.any():
        known = np.flatnonzero(~is_missing)
        missing = np.flatnonzero(is_missing)
        samples[missing] = np.interp(missing, known, samples[known])
    # Two pieces may begin at one sample: the clock is that of the later one.
    clocks = {index: (piece.start, piece.rate) for index, piece in group}
    times, rates = zip(*clocks.values(), strict=True)
    return GaplessRecord(
        samples, np.array([*clocks]), np.array(times, np.int64), np.array(rates, float)
    )


def _clean_runs(record: GaplessRecord) -> Iterator[tuple[GaplessRecord, str | None]]:
    """Cut a record where it holds no ground motion; yield each run with the reason against it."""
    reasons = [None, "NaN or infinity", "a constant value", "a spike", "a step"]
    code = np.zeros(len(record.samples), np.int8)
    finite = np.isfinite(record.samples)
    if finite.all():
        for first, after, is_step in _jumps(record.samples, record.rate[0]):
            code[first:after] = 4 if is_step else 3
    for first, after in _constant_runs(record.samples, record.rate[0]):
        code[first:after] = 2
    code[~finite] = 1
    edges = [0, *(np.flatnonzero(np.diff(code)) + 1).tolist(), len(code)]
    for first, after in pairwise(edges):
        yield _cut(record, first, after), reasons[code[first]]


def _constant_runs(samples: np.ndarray, rate: float) -> Iterator[tuple[int, int]]:
    still = np.concatenate(([False], samples[1:] == samples[:-1], [False]))
    edges = np.flatnonzero(still[1:] != still[:-1])
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if last - first + 1 >= DEAD_S * rate:
            yield first, last + 1


def _jumps(samples: np.ndarray, rate: float) -> Iterator[tuple[int, int, bool]]:
    """Find isolated jumps; yield the samples to leave out and whether the level has changed.

    A jump is far larger than all differences of neighbouring samples in the second before and in
    the second after. The onset of an earthquake is not: its differences go on.
    """
    second = max(round(rate), 2)
    steps = np.abs(np.diff(samples))
    n_blocks = len(steps) // second
    if n_blocks < 3:
        return
    highest = steps[: n_blocks * second].reshape(n_blocks, second).max(axis=1)
    previous = np.concatenate((highest[:1], highest[:-1]))
    following = np.concatenate((highest[1:], highest[-1:]))
    # Cheap and never too strict: only seconds that stick out from a neighbour are looked into.
    for block in np.flatnonzero(highest > MIN_JUMP * np.minimum(previous, following)).tolist():
        jump = block * second + int(steps[block * second : (block + 1) * second].argmax())
        before = steps[max(jump - second, 0) : max(jump - JUMP_WIDTH, 0)]
        after = steps[jump + JUMP_WIDTH + 1 : jump + second]
        if min(len(before), len(after)) < second // 4:
            continue
        usual = max(before.max(), after.max())
        if usual == 0 or steps[jump] <= MIN_JUMP * usual:
            continue
        first, last = max(jump - JUMP_WIDTH, 0), jump + JUMP_WIDTH + 2
        levels = samples[max(first - second // 4, 0) : first], samples[last : last + second // 4]
        change = abs(levels[1].mean() - levels[0].mean())
        yield first, last, bool(change > steps[jump] / 2)


def _cut(record: GaplessRecord, first: int, after: int) -> GaplessRecord:
    """Cut samples out of a record, with their clock."""
    begin = max(int(np.searchsorted(record.index, first, side="right")) - 1, 0)
    stop = max(int(np.searchsorted(record.index, after)), begin + 1)
    index = record.index[begin:stop].clip(first)
    return GaplessRecord(
        record.samples[first:after], index - first, record.times(index), record.rate[begin:stop]
    )


def _to_100_hz(record: GaplessRecord, ratio: Fraction, band_pass: bool) -> GaplessRecord:
    start, end = _limits(record)
    record = _extend(record)
    if ratio != 1:
        record = _resample(record, ratio)
    samples = record.samples
    if band_pass:
        samples = _filter_zero_phase(samples - samples.mean())
    record = replace(record, samples=samples.astype(np.float32))
    # Back to the samples within the record: a microsecond for the rounding of times.
    first, after = (_first_index(record, time) for time in (start - 1000, end + 1000))
    return _cut(record, first, max(after, first + 1))


def _first_index(record: GaplessRecord, time: int) -> int:
    """Return the index of the first sample at a time or later."""
    nearest = int(record.indices(np.array([time]))[0])
    near = np.arange(max(nearest - 2, 0), min(nearest + 3, len(record.samples)))
    return int(near[0] + np.searchsorted(record.times(near), time))


def _extend(record: GaplessRecord) -> GaplessRecord:
    """Extend a record at both ends by itself, reflected in a point, for the filters to settle in.

    The point is where a line through the samples next to the end leads, not the last sample: that
    one may be an outlier, and twice its distance from the mean would be a step.
    """
    samples, rate = record.samples, float(record.rate[0])
    n_extra = min(round(EXTENSION_S * rate), len(samples) - 1)
    n_edge = min(max(round(EDGE_S * rate), 2), len(samples))
    left = 2 * _edge_value(samples[:n_edge]) - samples[:n_extra][::-1]
    right = 2 * _edge_value(samples[::-1][:n_edge]) - samples[::-1][:n_extra]
    first_time = record.times(np.array([-n_extra]))
    return GaplessRecord(
        np.concatenate((left, samples, right)),
        np.concatenate(([0], record.index[1:] + n_extra)),
        np.concatenate((first_time, record.time[1:])),
        record.rate,
    )


def _edge_value(samples: np.ndarray) -> float:
    """Return the value half a sample before the first one of the line through some samples."""
    return float(_edge_weights(len(samples)) @ samples)


@lru_cache(maxsize=16)
def _edge_weights(n_samples: int) -> np.ndarray:
    """Return the weights of samples in the value of the line through them: least squares."""
    place = np.arange(n_samples) + 0.5
    if n_samples < 2:
        return np.ones(n_samples)
    weights: np.ndarray = np.linalg.pinv(np.stack([np.ones(n_samples), place], axis=1))[0]
    return weights


@lru_cache(maxsize=1)
def _band_pass() -> tuple[np.ndarray, np.ndarray]:
    """Return the filter and its steady state; a day of fragments needs them thousands of times."""
    sos = signal.butter(CORNERS, BAND, "bandpass", fs=SAMPLING_RATE, output="sos")
    return sos, signal.sosfilt_zi(sos)


def _filter_zero_phase(samples: np.ndarray) -> np.ndarray:
    """Filter forwards and backwards, as SciPy's ``sosfiltfilt`` without padding."""
    sos, steady_state = _band_pass()
    for _ in range(2):
        samples = signal.sosfilt(sos, samples, zi=steady_state * samples[0])[0][::-1]
    return samples


def _resample(record: GaplessRecord, ratio: Fraction) -> GaplessRecord:
    """Resample with a polyphase filter, at times that do not depend on where the record begins.

    Of the samples at ``numerator`` times the rate every ``denominator``-th is kept, those whose
    number since 1970 it divides: a record that begins later has the same samples.
    """
    up, down = ratio.numerator, ratio.denominator
    samples, n_samples = record.samples, len(record.samples)
    offset = -round(Fraction(record.start * round(SAMPLING_RATE) * down, NANO)) % down
    taps = low_pass(max(up, down)) * up
    half = len(taps) // 2
    # Zeros in front of the filter, so that an output of the decimation falls on the offset.
    padding = -(half + offset) % down
    filtered_start = (half + offset + padding) // down
    count = ((n_samples - 1) * up - offset) // down + 1
    # Without the line between its ends, so that neither end is a step to the filter.
    line = np.linspace(samples[0], samples[-1], n_samples)
    filtered = signal.upfirdn(np.concatenate((np.zeros(padding), taps)), samples - line, up, down)
    fine = offset + down * np.arange(count)
    resampled = filtered[filtered_start : filtered_start + count] + np.interp(
        fine / up, [0, max(n_samples - 1, 1)], [samples[0], samples[-1]]
    )
    index = -((offset - record.index * up) // down)
    late = (offset + index * down - record.index * up) / (up * record.rate) * NANO
    inside = index < max(count, 1)
    return GaplessRecord(
        resampled,
        index[inside],
        (record.time + np.rint(late).astype(np.int64))[inside],
        (record.rate * up / down)[inside],
    )
