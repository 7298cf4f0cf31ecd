"""Waveform files: which there are, their format by content, headers, and samples of a time span.

Formats are those of `FORMATS`, as ObsPy reads them. A format that can run code or that names other
files (PICKLE, CSS), and archives, are never tried.
"""

import glob
import os
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from obspy import Stream, Trace, UTCDateTime, read
from obspy.core.util.misc import buffered_load_entry_point

from steadkit.console import progress
from steadkit.errors import InputError
from steadkit.records.gapless import NANO, Piece
from steadkit.records.instruments import (
    Instrument,
    clean_location,
    reject_channel,
    split_channel,
)
from steadkit.records.miniseed import is_truncated_file
from steadkit.records.resample import UnusableError

FORMATS: Final = (
    "MSEED",
    "SAC",
    "GSE2",
    "GSE1",
    "SEISAN",
    "KNET",
    "WIN",
    "KINEMETRICS_EVT",
    "REFTEK130",
    "GCF",
    "AH",
    "Q",
    "SEG2",
    "SEGY",
    "SU",
)
"""ObsPy's names of the formats, in the order in which a file is tested for them.

SEG-Y and SU have no signature and come last: their tests accept what others have.
"""

NUMBERED_FORMATS: Final = ("KINEMETRICS_EVT", "WIN")
"""Formats whose channels have numbers alone; which component each is, they do not hold."""

REFTEK_COMPONENTS: Final = "ZNE"
"""Components of the first channels of REF TEK's recorders, which only number them.

By custom; those of a second seismometer are of no known component.
"""

EMPTY: Final = "empty files"
MARGIN_NS: Final = NANO
"""Time read on both sides of a span, so that none of its samples is lost to rounding."""


class RecordHeader(NamedTuple):
    """Continuous samples of one channel in one source; times in ns since 1970, UTC.

    `source` is the path of a file, or the address of a service, `source_format` one of `FORMATS` or
    the name of another reader. `trace` locates a trace in a data set of many.
    """

    source: str
    source_format: str
    instrument: Instrument
    component: str
    channel: str
    start: int
    end: int
    rate: float
    trace: str = ""


def list_waveform_files(inputs: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """List the files that inputs name.

    Parameters
    ----------
    inputs
        Files, folders (all files in them, at any depth, as in an SDS archive) and patterns such as
        ``2024/*/HHZ*``.

    Raises
    ------
    InputError
        An input names nothing.
    """
    return [*dict.fromkeys(file for path in expand_patterns(inputs) for file in _files_in(path))]


def expand_patterns(inputs: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """List the files and folders that names and patterns match, each once.

    Raises
    ------
    InputError
        An input names nothing.
    """
    paths: list[Path] = []
    for given in map(str, inputs):
        matches = [given] if os.path.lexists(given) else sorted(glob.glob(given, recursive=True))
        if not matches:
            raise InputError(f"no file, folder or pattern {given!r}: check the name")
        paths += map(Path, matches)
    return [*dict.fromkeys(paths)]


def _files_in(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(
        Path(folder) / name
        for folder, _, names in os.walk(path)
        for name in names
        if name[0] != "."
    )


def index_files(
    paths: Iterable[Path], skipped: Counter[str], failed: Counter[str]
) -> list[RecordHeader]:
    """Read the headers of files.

    Parameters
    ----------
    paths
        Files of any kind.
    skipped
        Counts files and channels that are passed over by rule, by reason.
    failed
        Counts files that could not be read, by reason.
    """
    paths = list(paths)
    headers = [
        header
        for path in progress(paths, "reading headers", len(paths))
        for header in _headers_in(path, skipped, failed)
    ]
    return sorted(headers, key=lambda header: (header.instrument, header.channel, header.start))


def _headers_in(path: Path, skipped: Counter[str], failed: Counter[str]) -> Iterator[RecordHeader]:
    try:
        file_format = _format_of(path)
    except UnusableError as error:
        counter = failed if str(error) == EMPTY else skipped
        counter[str(error)] += 1
        return
    try:
        # ObsPy loses pieces of REF TEK's files where it reads their headers alone.
        stream = _read(path, file_format, headonly=file_format != "REFTEK130")
    except UnusableError as error:
        failed[str(error)] += 1
        return
    if file_format == "MSEED" and is_truncated_file(path):
        failed["truncated files, used up to their end"] += 1
    for trace in stream:
        stats = trace.stats
        reason = reject_channel(stats.channel, stats.sampling_rate)
        if file_format in NUMBERED_FORMATS:
            reason = f"channels that are only numbered, as in {file_format}"
        if reason or not stats.npts:
            skipped[reason or "records without samples"] += 1
            continue
        yield RecordHeader(
            str(path),
            file_format,
            _instrument_of(trace),
            split_channel(stats.channel)[1],
            stats.channel.strip(),
            stats.starttime.ns,
            stats.endtime.ns,
            float(stats.sampling_rate),
        )


def _instrument_of(trace: Trace) -> Instrument:
    stats = trace.stats
    codes = (stats.network.strip(), stats.station.strip(), clean_location(stats.location))
    return Instrument(*codes, split_channel(stats.channel)[0])


def read_pieces(
    headers: Sequence[RecordHeader], start: int, end: int
) -> tuple[dict[str, list[Piece]], Counter[str]]:
    """Read the samples of one instrument in a span of time, each file once.

    Parameters
    ----------
    headers
        Of one instrument.
    start, end
        Limits in ns since 1970.

    Returns
    -------
    pieces
        By component letter.
    failed
        Number of files by the reason why they cannot be read.
    """
    pieces: dict[str, list[Piece]] = {}
    failed: Counter[str] = Counter()
    spans = [header for header in headers if header.start <= end and header.end >= start]
    limits = [UTCDateTime(ns=start - MARGIN_NS), UTCDateTime(ns=end + MARGIN_NS)]
    for source, source_format in dict.fromkeys(header[:2] for header in spans):
        try:
            stream = _read(Path(source), source_format, starttime=limits[0], endtime=limits[1])
        except UnusableError as reason:
            failed[str(reason)] += 1
            continue
        add_pieces(pieces, stream, spans)
    return pieces, failed


def add_pieces(
    pieces: dict[str, list[Piece]], stream: Iterable[Trace], headers: Iterable[RecordHeader]
) -> None:
    """Add the traces of a stream whose channels are those of some headers, by component letter."""
    channels = {(header.instrument, header.channel) for header in headers}
    for trace in stream:
        stats = trace.stats
        if stats.npts and (_instrument_of(trace), stats.channel.strip()) in channels:
            # Masked samples are missing ones, as NaN is.
            samples: np.ndarray = np.ma.filled(np.ma.asarray(trace.data, float), np.nan)
            piece = Piece(stats.starttime.ns, float(stats.sampling_rate), samples)
            pieces.setdefault(split_channel(stats.channel)[1], []).append(piece)


def _format_of(path: Path) -> str:
    """Return the format of a file by its content.

    Raises
    ------
    UnusableError
        It is none of `FORMATS`.
    """
    if not path.is_file():
        raise UnusableError("pipes, sockets, devices or dangling links")
    if not path.stat().st_size:
        raise UnusableError(EMPTY)
    for name in FORMATS:
        matches = buffered_load_entry_point("obspy", f"obspy.plugin.waveform.{name}", "isFormat")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if matches(str(path)):
                    return name
        except Exception:  # ObsPy's tests raise on some files of other formats
            continue
    raise UnusableError("files of no waveform format that is read")


def _read(path: Path, file_format: str, **options: Any) -> Stream:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # ObsPy expands patterns in names and unpacks archives; neither is wanted here.
            name = glob.escape(str(path.resolve()))
            stream = read(name, format=file_format, check_compression=False, **options)
            return _name_components(stream) if file_format == "REFTEK130" else stream
    except Exception as error:  # ObsPy raises whatever its readers meet
        raise UnusableError("files that cannot be read") from error


def _name_components(stream: Stream) -> Stream:
    """Name the components of REF TEK's channels where the file has only their numbers."""
    for trace in stream:
        number = int(trace.stats.reftek130["channel_number"])
        code = trace.stats.channel
        if code.endswith(str(number)):
            letter = REFTEK_COMPONENTS[number] if number < len(REFTEK_COMPONENTS) else "?"
            trace.stats.channel = code.removesuffix(str(number)) + letter
    return stream
