"""A folder of miniSEED and SAC records: what is in it, and a stretch of it at 100 Hz.

Records of one channel are joined where they meet or overlap; where two that overlap differ, the
later one counts. A gap of up to `MAX_GAP_S` is filled along the line between its ends; a longer
one makes the stretch unusable.
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
    pick_components,
    ratio_to_stead,
    resample_to_stead,
)
from steadkit.schema import COMPONENTS, N_SAMPLES, SAMPLING_RATE

FORMATS: Final = {"MSEED": _is_mseed, "SAC": _is_sac}
"""What is read. No other format is tried: some of ObsPy's can run code that a file brings."""

SEISMOMETER_CODES: Final = "HLNPGMJ"
"""Second letters of the channel codes of what feels the ground move, as SEED has them."""

MAX_GAP_S: Final = 0.05
"""Seconds."""

MARGIN_S: Final = 5.0
"""Seconds read on both sides of a minute, where there are any, so that filters settle."""

NANO: Final = 1_000_000_000


class Instrument(NamedTuple):
    """A seismometer: the codes of SEED but for the component."""

    network: str
    station: str
    location: str
    receiver_type: str


class Segment(NamedTuple):
    """A continuous run of samples of one channel in one file; times in ns since 1970, UTC."""

    path: Path
    file_format: str
    instrument: Instrument
    channel: str
    start: int
    end: int
    rate: float


Index = Mapping[Instrument, Sequence[Segment]]


@dataclass(frozen=True)
class Window:
    """Samples of one instrument on a grid of 100 Hz.

    Parameters
    ----------
    samples
        Shape (6000, 3), E, N, Z, zeros for a missing component.
    start
        Time of the first one, in ns since 1970, UTC.
    """

    samples: np.ndarray
    start: int


def index_folder(folder: Path, skipped: Counter[str]) -> Index:
    """List the records of a folder and those within it, by instrument; only headers are read.

    Raises
    ------
    InputError
        There is no such folder, or no record in it.
    """
    if not folder.is_dir():
        raise InputError(f"no folder {str(folder)!r}: name a folder of miniSEED or SAC files")
    found: defaultdict[Instrument, list[Segment]] = defaultdict(list)
    paths = sorted(Path(parent) / name for parent, _, files in os.walk(folder) for name in files)
    for path in progress(paths, f"listing {folder.name}"):
        if not path.is_file():
            skipped["a pipe, a socket, a device or a dangling link among the records"] += 1
            continue
        for segment in _segments_in(path, skipped):
            found[segment.instrument].append(segment)
    if not found:
        reasons = "".join(f"; {count:,} x {reason}" for reason, count in skipped.most_common(3))
        raise InputError(
            f"{str(folder)!r} holds no miniSEED or SAC record of a seismometer{reasons}: "
            "name another folder"
        )
    return {
        instrument: sorted(found[instrument], key=lambda segment: (segment.start, segment))
        for instrument in sorted(found)
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
    """Return why a record is not taken."""
    if not n_samples:
        return "a record without samples"
    wanted = f"whose second letter is none of {', '.join(SEISMOMETER_CODES)}"
    return f"a record of channel {code!r}, {wanted}" if code else "a record without a channel code"


def _instrument_of(trace: Trace) -> Instrument:
    stats = trace.stats
    return Instrument(stats.network, stats.station, stats.location, stats.channel[:-1])


def _format_of(path: Path) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return next((name for name, fits in FORMATS.items() if fits(str(path))), None)
    except Exception:  # a file that even looking at upsets is not one of ours
        return None


def _read(path: Path, file_format: str, **options: Any) -> Stream:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # The name is no pattern, and an archive is not looked into.
            name = glob.escape(str(path.resolve()))
            return read(name, format=file_format, check_compression=False, **options)
    except Exception as error:  # ObsPy raises whatever its readers meet
        raise UnusableError("a file that cannot be read") from error


def read_window(
    segments: Sequence[Segment], start: int, band_pass: bool = False, min_components: int = 1
) -> Window:
    """Read one minute of one instrument at 100 Hz.

    Parameters
    ----------
    segments
        All records of the instrument, from `index_folder`.
    start
        About when it begins, in ns since 1970; it will begin at the sample nearest to it.
    band_pass
        Whether to filter (`steadkit.records.resample`).
    min_components
        With fewer of E, N and Z than this the minute is not taken.

    Raises
    ------
    UnusableError
        The records do not reach so far, have a gap, or cannot be read.
    """
    near = _overlapping(segments, start)
    if not near:
        raise UnusableError("no records of the station at that time")
    letters = sorted({segment.channel[-1] for segment in near})
    chosen = [None if i is None else letters[i] for i in pick_components(letters)]
    if sum(letter is not None for letter in chosen) < min_components:
        raise UnusableError(f"fewer components than asked for: there is {', '.join(letters)}")
    samples = np.zeros((N_SAMPLES, len(COMPONENTS)))
    begin: int | None = None
    # Z gives the grid, where there is one: it is what most stations have.
    for column in reversed(range(len(COMPONENTS))):
        if chosen[column] is not None:
            own = [segment for segment in near if segment.channel[-1] == chosen[column]]
            samples[:, column], first = _component(own, start, band_pass)
            begin = first if begin is None else begin
    if begin is None:
        raise UnusableError("none of the components E, N and Z")
    return Window(samples, begin)


def count_components(segments: Sequence[Segment], start: int) -> int:
    """Count the components of which there is something in the minute from `start` on."""
    letters = {segment.channel[-1] for segment in _overlapping(segments, start)}
    return sum(index is not None for index in pick_components(sorted(letters)))


def _overlapping(segments: Sequence[Segment], start: int) -> list[Segment]:
    last = start + int(N_SAMPLES / SAMPLING_RATE * NANO)
    return [segment for segment in segments if segment.start < last and segment.end > start]


def _component(segments: Sequence[Segment], start: int, band_pass: bool) -> tuple[np.ndarray, int]:
    """Read a minute of one channel; returns its samples and the time of the first."""
    rates = {round(segment.rate, 3) for segment in segments}
    if len(rates) > 1:
        raise UnusableError("records of different sampling rates")
    span = int((N_SAMPLES / SAMPLING_RATE + MARGIN_S) * NANO)
    begin, end = (UTCDateTime(ns=time) for time in (start - int(MARGIN_S * NANO), start + span))
    stream = Stream()
    for path, file_format, instrument, channel in sorted({segment[:4] for segment in segments}):
        part = _read(path, file_format, starttime=begin, endtime=end)
        # By all codes: a file may hold other stations, locations and channels.
        stream.traces += [
            trace
            for trace in part
            if _instrument_of(trace) == instrument and trace.stats.channel == channel
        ]
    samples, first = _join(stream.trim(begin, end))
    ratio = ratio_to_stead(segments[0].rate)
    resampled = resample_to_stead(samples[:, None], ratio, band_pass)[:, 0]
    offset = round((start - first) * SAMPLING_RATE / NANO)
    spare = len(resampled) - N_SAMPLES
    # A record of just one minute may begin half a sample beside what was asked for.
    if spare < 0 or not -1 <= offset <= spare + 1:
        raise UnusableError("records that do not reach over the minute")
    offset = min(max(offset, 0), spare)
    when = first + round(offset * NANO / SAMPLING_RATE)
    return resampled[offset : offset + N_SAMPLES], when


def _join(stream: Stream) -> tuple[np.ndarray, int]:
    """Join the records of one channel; returns float64 samples and the time of the first."""
    for trace in stream:
        trace.data = np.asarray(trace.data, dtype=float)
        trace.stats.calib = 1.0
        # A rate that differs in its last digits only must not keep records apart.
        trace.stats.sampling_rate = round(trace.stats.sampling_rate, 3)
    stream.sort(["starttime", "endtime"])
    try:
        stream.merge(method=1)
    except Exception as error:  # a plain Exception is what ObsPy raises
        raise UnusableError("records that cannot be joined") from error
    if len(stream) != 1 or not stream[0].stats.npts:
        raise UnusableError("no records of the station at that time")
    trace = stream[0]
    return _fill_gaps(trace.data, trace.stats.sampling_rate), trace.stats.starttime.ns


def _fill_gaps(samples: np.ndarray, rate: float) -> np.ndarray:
    """Fill short gaps along a line; refuse long ones, and what is not a number."""
    missing = np.ma.getmaskarray(samples)
    plain = np.ma.getdata(samples)
    if not np.isfinite(plain[~missing]).all():
        raise UnusableError("NaN or infinity among the samples")
    edges = np.flatnonzero(np.diff(missing.astype(int), prepend=0, append=0))
    if len(edges) and np.diff(edges)[::2].max() > MAX_GAP_S * rate:
        raise UnusableError(f"a gap of more than {MAX_GAP_S} s in the records")
    places = np.arange(len(plain))
    return np.where(missing, np.interp(places, places[~missing], plain[~missing]), plain)
