"""Index of a folder of miniSEED and SAC records, and windows of one minute at 100 Hz from it.

Records of one channel are joined where they meet or overlap; where two overlapping records differ,
the later one counts. A gap of up to `MAX_GAP_S` is interpolated linearly; a longer gap makes the
window unusable.
"""

import glob
import os
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from obspy import Stream, Trace, UTCDateTime, read
from obspy.io.mseed.core import _is_mseed
from obspy.io.sac.core import _is_sac

from steadkit.console import progress
from steadkit.errors import InputError
from steadkit.records.resample import (
    UnusableError,
    component_indices,
    ratio_to_stead,
    resample_to_stead,
)
from steadkit.schema import COMPONENTS, N_SAMPLES, SAMPLING_RATE

FORMATS: Final = {"MSEED": _is_mseed, "SAC": _is_sac}
"""Formats that are read, with ObsPy's test of each.

No other format is tried: some of ObsPy's readers can run code that a file brings along.
"""

SEISMOMETER_CODES: Final = "HLNPGMJ"
"""Instrument codes of SEED, the second letter of a channel code, that measure ground motion."""

MAX_GAP_S: Final = 0.05
MARGIN_S: Final = 5.0
"""Seconds read on both sides of a window, where there are any, so that filters settle."""

NANO: Final = 1_000_000_000
"""Nanoseconds in a second."""


class Instrument(NamedTuple):
    """A seismometer by its SEED codes; `receiver_type` is the channel code without component."""

    network: str
    station: str
    location: str
    receiver_type: str


class Segment(NamedTuple):
    """Continuous samples of one channel in one file; times in ns since 1970, UTC."""

    path: Path
    file_format: str
    instrument: Instrument
    channel: str
    start: int
    end: int
    rate: float


Index = Mapping[Instrument, Sequence[Segment]]


@dataclass(frozen=True)
class RecordWindow:
    """Samples of one instrument on a grid of 100 Hz.

    Parameters
    ----------
    samples
        Shape (6000, 3), E, N, Z, zeros for a missing component.
    start
        Time of the first sample, in ns since 1970, UTC.
    """

    samples: np.ndarray
    start: int


def index_folder(folder: Path, skipped: Counter[str]) -> Index:
    """List the records of a folder and its subfolders by instrument; only headers are read.

    Parameters
    ----------
    folder
        Folder of miniSEED and SAC files, at any depth.
    skipped
        Gets the count of files and records that cannot be used, by reason.

    Raises
    ------
    InputError
        There is no such folder, or no record in it.
    """
    if not folder.is_dir():
        raise InputError(f"no folder {str(folder)!r}: name a folder of miniSEED or SAC files")
    segments_of: defaultdict[Instrument, list[Segment]] = defaultdict(list)
    paths = sorted(Path(parent) / name for parent, _, files in os.walk(folder) for name in files)
    for path in progress(paths, f"listing {folder.name}"):
        if not path.is_file():
            skipped["a pipe, a socket, a device or a dangling link among the records"] += 1
            continue
        for segment in _segments_in(path, skipped):
            segments_of[segment.instrument].append(segment)
    if not segments_of:
        reasons = "".join(f"; {count:,} x {reason}" for reason, count in skipped.most_common(3))
        raise InputError(
            f"{str(folder)!r} holds no miniSEED or SAC record of a seismometer{reasons}: "
            "name another folder"
        )
    return {
        instrument: sorted(segments_of[instrument], key=lambda segment: (segment.start, segment))
        for instrument in sorted(segments_of)
    }


def _segments_in(path: Path, skipped: Counter[str]) -> Iterator[Segment]:
    file_format = _format_of(path)
    if file_format is None:
        return
    try:
        stream = _read(path, file_format, headonly=True)
    except UnusableError as reason:
        skipped[str(reason)] += 1
        return
    for trace in stream:
        stats = trace.stats
        code = stats.channel
        if not (stats.npts and code and (len(code) < 3 or code[1] in SEISMOMETER_CODES)):
            skipped[_skip_reason(code, stats.npts)] += 1
            continue
        times = (stats.starttime.ns, stats.endtime.ns)
        rate = float(stats.sampling_rate)
        yield Segment(path, file_format, _instrument_of(trace), code, *times, rate)


def _skip_reason(code: str, n_samples: int) -> str:
    if not n_samples:
        return "a record without samples"
    if not code:
        return "a record without a channel code"
    codes = ", ".join(SEISMOMETER_CODES)
    return f"a record of channel {code!r}, whose second letter is none of {codes}"


def _instrument_of(trace: Trace) -> Instrument:
    stats = trace.stats
    return Instrument(stats.network, stats.station, stats.location, stats.channel[:-1])


def _format_of(path: Path) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return next((name for name, matches in FORMATS.items() if matches(str(path))), None)
    except Exception:  # ObsPy's tests raise on some files that are of neither format
        return None


def _read(path: Path, file_format: str, **options: Any) -> Stream:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # ObsPy expands patterns in names and unpacks archives; neither is wanted here.
            name = glob.escape(str(path.resolve()))
            return read(name, format=file_format, check_compression=False, **options)
    except Exception as error:  # ObsPy raises whatever its readers meet
        raise UnusableError("a file that cannot be read") from error


def read_window(
    segments: Sequence[Segment], start: int, band_pass: bool = False, min_components: int = 1
) -> RecordWindow:
    """Read one minute of one instrument at 100 Hz.

    Parameters
    ----------
    segments
        All records of the instrument, from `index_folder`.
    start
        Requested start in ns since 1970; the window begins at the nearest sample.
    band_pass
        Whether to filter to 1 to 45 Hz (`steadkit.records.resample`).
    min_components
        Minimum number of the components E, N and Z.

    Raises
    ------
    UnusableError
        The records do not cover the window, have a gap or too few components, or cannot be read.
    """
    overlapping = _overlapping(segments, start)
    if not overlapping:
        raise UnusableError("no records of the station at that time")
    letters = sorted({segment.channel[-1] for segment in overlapping})
    chosen = [None if i is None else letters[i] for i in component_indices(letters)]
    if sum(letter is not None for letter in chosen) < min_components:
        raise UnusableError(f"fewer components than asked for: there is {', '.join(letters)}")
    samples = np.zeros((N_SAMPLES, len(COMPONENTS)))
    begin: int | None = None
    # Z first: its sample times are the window's, because most stations have a Z.
    for column in reversed(range(len(COMPONENTS))):
        if chosen[column] is not None:
            channel = [segment for segment in overlapping if segment.channel[-1] == chosen[column]]
            samples[:, column], first = _read_channel(channel, start, band_pass)
            begin = first if begin is None else begin
    if begin is None:
        raise UnusableError("none of the components E, N and Z")
    return RecordWindow(samples, begin)


def count_components(segments: Sequence[Segment], start: int) -> int:
    """Count the components with at least one sample in the minute from `start` (ns since 1970)."""
    letters = {segment.channel[-1] for segment in _overlapping(segments, start)}
    return sum(index is not None for index in component_indices(sorted(letters)))


def _overlapping(segments: Sequence[Segment], start: int) -> list[Segment]:
    last = start + int(N_SAMPLES / SAMPLING_RATE * NANO)
    return [segment for segment in segments if segment.start < last and segment.end > start]


def _read_channel(
    segments: Sequence[Segment], start: int, band_pass: bool
) -> tuple[np.ndarray, int]:
    """Read a minute of one channel; return its samples and the time of the first."""
    rates = {round(segment.rate, 3) for segment in segments}
    if len(rates) > 1:
        raise UnusableError("records of different sampling rates")
    span = int((N_SAMPLES / SAMPLING_RATE + MARGIN_S) * NANO)
    begin, end = (UTCDateTime(ns=time) for time in (start - int(MARGIN_S * NANO), start + span))
    stream = Stream()
    for path, file_format, instrument, channel in sorted({segment[:4] for segment in segments}):
        records = _read(path, file_format, starttime=begin, endtime=end)
        # By all codes: a file may hold other stations, locations and channels.
        stream.traces += [
            trace
            for trace in records
            if _instrument_of(trace) == instrument and trace.stats.channel == channel
        ]
    samples, first = _join(stream.trim(begin, end))
    ratio = ratio_to_stead(segments[0].rate)
    resampled = resample_to_stead(samples[:, None], ratio, band_pass)[:, 0]
    offset = round((start - first) * SAMPLING_RATE / NANO)
    spare = len(resampled) - N_SAMPLES
    # A record of exactly one minute may begin half a sample off the requested start.
    if spare < 0 or not -1 <= offset <= spare + 1:
        raise UnusableError("records that do not reach over the minute")
    offset = min(max(offset, 0), spare)
    time = first + round(offset * NANO / SAMPLING_RATE)
    return resampled[offset : offset + N_SAMPLES], time


def _join(stream: Stream) -> tuple[np.ndarray, int]:
    """Join the records of one channel; return float64 samples and the time of the first."""
    for trace in stream:
        trace.data = np.asarray(trace.data, dtype=float)
        # ObsPy joins only records of equal calibration and rate. The calibration is not applied;
        # a rate written with other last digits (SAC stores float32) is the same rate.
        trace.stats.calib = 1.0
        trace.stats.sampling_rate = round(trace.stats.sampling_rate, 3)
    stream.sort(["starttime", "endtime"])
    try:
        stream.merge(method=1)
    except Exception as error:  # ObsPy raises a plain Exception
        raise UnusableError("records that cannot be joined") from error
    if len(stream) != 1 or not stream[0].stats.npts:
        raise UnusableError("no records of the station at that time")
    trace = stream[0]
    return _fill_gaps(trace.data, trace.stats.sampling_rate), trace.stats.starttime.ns


def _fill_gaps(samples: np.ndarray, rate: float) -> np.ndarray:
    """Interpolate short gaps linearly; refuse long gaps, NaN and infinity."""
    missing = np.ma.getmaskarray(samples)
    values = np.ma.getdata(samples)
    if not np.isfinite(values[~missing]).all():
        raise UnusableError("NaN or infinity among the samples")
    # Gaps begin at the even and end at the odd entries of the edges.
    edges = np.flatnonzero(np.diff(missing.astype(int), prepend=0, append=0))
    if len(edges) and np.diff(edges)[::2].max() > MAX_GAP_S * rate:
        raise UnusableError(f"a gap of more than {MAX_GAP_S} s in the records")
    indices = np.arange(len(values))
    return np.where(missing, np.interp(indices, indices[~missing], values[~missing]), values)
