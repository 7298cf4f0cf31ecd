"""Inputs of a prediction: waveform files, data sets and web services, and which records are used.

Codes are compared without regard to case, a blank location is ``--`` or nothing.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, NamedTuple

from eqt.prediction.dataset_records import (
    SEISBENCH,
    STEAD,
    dataset_format,
    index_dataset,
    read_dataset_pieces,
)
from steadkit.errors import InputError, printable
from steadkit.paths import require_file
from steadkit.records.fdsn import FDSN, ServiceRequest, download_pieces, list_channels
from steadkit.records.gapless import NANO, Piece
from steadkit.records.waveform_files import (
    RecordHeader,
    expand_patterns,
    index_files,
    list_waveform_files,
    read_pieces,
)
from steadkit.types import parse_nanoseconds

Pieces = tuple[dict[str, list[Piece]], Counter[str]]
"""Pieces by component letter, and the number of files that cannot be read by reason."""

READERS: Final[Mapping[str, Callable[[Sequence[RecordHeader], int, int], Pieces]]] = {
    STEAD: read_dataset_pieces,
    SEISBENCH: read_dataset_pieces,
    FDSN: download_pieces,
}
"""Readers of what is no waveform file, by the format of its headers."""

DAY_NS: Final = 86_400 * NANO

CONTEXT_NS: Final = DAY_NS
"""Time beyond the limits from which records are kept: windows near a limit reach over it."""

OTHER_TIMES: Final = "records outside of the limits of time"
OTHER_CODES: Final = "records of stations and channels not asked for"
EXCLUDED: Final = "records excluded by their codes"

_CODE = re.compile(r"[A-Za-z0-9*?\[\]!_-]*")
_LEAP_SECOND = re.compile(r"(\d\d:?\d\d:?)60(?=\D|$)", re.ASCII)


@dataclass(frozen=True)
class RecordFilter:
    """Which records are used.

    Parameters
    ----------
    start, end
        Limits in ns since 1970, or None; the end is not part of them.
    stations
        Patterns of which one must match: network and station, ``O2.WILZ`` or ``IU.*``, or location
        and channel too, ``*.*.00.HH?``. Without any, all do.
    channels
        Patterns of channel codes, ``HH?`` or ``*Z``, of which one must match.
    exclude
        Patterns like `stations`, of which none may match.
    """

    start: int | None = None
    end: int | None = None
    stations: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class FilterOptions(NamedTuple):
    """A user's texts for a `RecordFilter`; `exclude_list` is a file of patterns, one a line."""

    start: str | None = None
    end: str | None = None
    stations: Sequence[str] = ()
    exclude: Sequence[str] = ()
    channels: Sequence[str] = ()
    exclude_list: Path | None = None


def parse_filter(options: FilterOptions) -> RecordFilter:
    """Return the filter that a user's texts describe.

    Raises
    ------
    InputError
        A time or a pattern cannot be read, or there is no time between the limits.

    >>> parse_filter(FilterOptions(end="1970-01-02", channels=["HH?"]))
    RecordFilter(start=None, end=86400000000000, stations=(), channels=('HH?',), exclude=())
    """
    start, end = (None if text is None else parse_limit(text) for text in options[:2])
    if start is not None and end is not None and start >= end:
        raise InputError(f"{options.end!r} is not after {options.start!r}: give a later end")
    listed = [] if options.exclude_list is None else _read_list(options.exclude_list)
    stations, exclude = (*options.stations,), (*options.exclude, *listed)
    for pattern in (*stations, *exclude):
        _check_pattern(pattern, range(2, 5), "O2.WILZ, IU.* or *.*.00.HH?")
    for pattern in options.channels:
        _check_pattern(pattern, range(1, 2), "HH? or *Z")
    return RecordFilter(start, end, stations, (*options.channels,), exclude)


def parse_limit(text: str) -> int:
    """Parse a time as ns since 1970; UTC where it has no zone, a date is its first instant.

    A leap second is counted as POSIX does: it is the first second of the next day.

    Raises
    ------
    InputError
        It is no time.

    >>> parse_limit("1969-12-31"), parse_limit("2016-12-31T23:59:60Z") == parse_limit("2017-01-01")
    (-86400000000000, True)
    """
    try:
        time = parse_nanoseconds(_LEAP_SECOND.sub(r"\g<1>59", text))
        if _LEAP_SECOND.search(text):
            time += NANO
            if time % DAY_NS >= NANO:
                raise ValueError(f"{text[:60]!r} is no leap second: those end a day of UTC")
    except ValueError as error:
        raise InputError(str(error)) from error
    return time


def _read_list(path: Path) -> list[str]:
    require_file(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{str(path)!r} is not a text file: save it as UTF-8") from error
    return [pattern for line in lines if (pattern := line.partition("#")[0].strip())]


def _check_pattern(pattern: str, n_codes: range, example: str) -> None:
    codes = pattern.strip().split(".")
    if len(codes) not in n_codes or not codes[0] or not all(map(_CODE.fullmatch, codes)):
        raise InputError(f"{printable(pattern)!r} is no pattern of codes: write {example}")


def find_records(
    inputs: Sequence[str],
    record_filter: RecordFilter,
    skipped: Counter[str],
    failed: Counter[str] | None = None,
    service: ServiceRequest | None = None,
) -> list[RecordHeader]:
    """List the records of all inputs that a filter accepts.

    Parameters
    ----------
    inputs
        Waveform files, data sets, folders and patterns: a ``.hdf5`` is a STEAD file, a folder of
        ``metadata*.csv`` and ``waveforms*.hdf5`` a SeisBench data set, all else are waveform files.
    record_filter
        Limits and patterns.
    skipped, failed
        Count files, channels and traces that are passed over by rule, and files that cannot be
        read, by reason; without `failed`, `skipped` counts both.
    service
        A web service whose channels are listed too; the limits must be given.

    Raises
    ------
    InputError
        An input names nothing, a data set is damaged, or the service does not answer as it should.
    """
    headers: list[RecordHeader] = []
    files: list[Path] = []
    for path in expand_patterns(inputs):
        if dataset_format(path):
            headers += index_dataset(path, skipped)
        else:
            files += list_waveform_files([path])
    headers += index_files(dict.fromkeys(files), skipped, skipped if failed is None else failed)
    if service is not None:
        headers += list_channels(*service, record_filter.start, record_filter.end, skipped)
    return filter_records(headers, record_filter, skipped)


def filter_records(
    headers: Iterable[RecordHeader], record_filter: RecordFilter, skipped: Counter[str]
) -> list[RecordHeader]:
    """Return the records that a filter accepts, in the same order; count the others."""
    reasons: dict[tuple[str, ...], str | None] = {}
    first = -math.inf if record_filter.start is None else record_filter.start - CONTEXT_NS
    last = math.inf if record_filter.end is None else record_filter.end + CONTEXT_NS
    accepted = []
    for header in headers:
        codes = (*header.instrument[:3], header.channel)
        if codes not in reasons:
            reasons[codes] = _judge_codes(codes, record_filter)
        reason = reasons[codes]
        if reason is None and not (header.end >= first and header.start <= last):
            reason = OTHER_TIMES
        if reason is None:
            accepted.append(header)
        else:
            skipped[reason] += 1
    return accepted


def _judge_codes(codes: Sequence[str], record_filter: RecordFilter) -> str | None:
    """Return the reason why a channel is not used, by its four codes; None if it is."""
    if matches(codes, record_filter.exclude):
        return EXCLUDED
    is_named = not record_filter.stations or matches(codes, record_filter.stations)
    is_named &= not record_filter.channels or matches(codes[3:], record_filter.channels)
    return None if is_named else OTHER_CODES


def matches(codes: Sequence[str], patterns: Iterable[str]) -> bool:
    """Return whether codes match one of some patterns, in as many codes as it has.

    >>> codes = ("O2", "WILZ", "", "EHZ")
    >>> matches(codes, ["IU.*", "O2.W*"]), matches(codes, ["o2.wilz.--.eh?"])
    (True, True)
    >>> matches(codes, ["O2.WIL", "*.*.00"])
    False
    """
    return any(
        all(
            fnmatchcase(code.upper(), "" if part == "--" else part)
            for code, part in zip(codes, pattern.strip().upper().split("."), strict=False)
        )
        for pattern in patterns
    )


def read_records(headers: Sequence[RecordHeader], start: int, end: int) -> Pieces:
    """Read the records of one instrument in a span of time, from whatever sources they are.

    Parameters
    ----------
    headers
        From `find_records`, of one instrument.
    start, end
        Limits in ns since 1970.
    """
    by_reader: dict[Callable[..., Pieces], list[RecordHeader]] = {}
    for header in headers:
        reader = READERS.get(header.source_format, read_pieces)
        by_reader.setdefault(reader, []).append(header)
    pieces: dict[str, list[Piece]] = {}
    failed: Counter[str] = Counter()
    for reader, of_reader in by_reader.items():
        read, unreadable = reader(of_reader, start, end)
        failed += unreadable
        for component, of_component in read.items():
            pieces.setdefault(component, []).extend(of_component)
    return pieces, failed
