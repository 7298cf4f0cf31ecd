"""Inputs of a prediction: waveform files, data sets and web services, with what is left out."""

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
from steadkit.records.gapless import Piece
from steadkit.records.waveform_files import (
    RecordHeader,
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


@dataclass(frozen=True)
class RecordFilter:
    """Which records are used.

    Parameters
    ----------
    start, end
        Limits in ns since 1970, or None; the end is not part of them.
    include, exclude
        Patterns of codes, ``O2.WILZ``, ``IU.*`` or ``*.*.00.HH?``: network, station, location and
        channel, as many as are given. Without `include` all are used.
    channels
        Patterns of channel codes, ``HH?``; all without any.
    """

    start: int | None = None
    end: int | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()

    def accepts(self, header: RecordHeader) -> bool:
        """Return whether a record is used, at least in part."""
        codes = (*header.instrument[:3], header.channel)
        return (
            (self.start is None or header.end >= self.start)
            and (self.end is None or header.start < self.end)
            and (not self.include or matches(codes, self.include))
            and not matches(codes, self.exclude)
            and (not self.channels or matches(codes[3:], self.channels))
        )


def matches(codes: Sequence[str], patterns: Iterable[str]) -> bool:
    """Return whether codes match one of some patterns, in as many codes as it has.

    >>> matches(("O2", "WILZ", "", "EHZ"), ["O2.W*"]), matches(("O2", "WILZ", "", "EHZ"), ["*.A"])
    (True, False)
    >>> matches(("O2", "WILZ", "", "EHZ"), ["O2.WILZ.--.EH?"])
    True
    """
    for pattern in patterns:
        parts = pattern.upper().replace("--", "").split(".")
        if len(parts) <= len(codes) and all(
            fnmatchcase(code.upper(), part) for code, part in zip(codes, parts, strict=False)
        ):
            return True
    return False


class FilterOptions(NamedTuple):
    """A user's texts for `RecordFilter`."""

    start: str | None = None
    end: str | None = None
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    channels: Sequence[str] = ()
    exclude_list: Path | None = None
    """File of further patterns to exclude, one a line; ``#`` begins a comment."""


def parse_filter(options: FilterOptions) -> RecordFilter:
    """Return the filter that a user's texts describe.

    Raises
    ------
    InputError
        A time or pattern cannot be read, or there is no time between the limits.
    """
    start, end = (None if text is None else _time(text) for text in options[:2])
    if start is not None and end is not None and end <= start:
        raise InputError(f"--to {options.end} is not after --from {options.start}: swap them")
    listed = _read_list(options.exclude_list) if options.exclude_list else []
    patterns = [tuple(options.include), (*options.exclude, *listed), tuple(options.channels)]
    for pattern, n_codes in ((p, n) for ps, n in zip(patterns, (4, 4, 1), strict=True) for p in ps):
        if not pattern.strip() or pattern.count(".") >= n_codes:
            expected = (
                "NET.STA.LOC.CHA, HH? for a channel" if n_codes > 1 else "a channel such as HH?"
            )
            raise InputError(f"{printable(pattern)!r} is no pattern of codes: write {expected}")
    include, exclude, channels = patterns
    return RecordFilter(start, end, include, exclude, channels)


def _time(text: str) -> int:
    try:
        # A leap second is the first one of the next minute, as in POSIX time.
        if text.strip().rstrip("Z").endswith(":60"):
            return parse_nanoseconds(text.replace(":60", ":59")) + 10**9
        return parse_nanoseconds(text)
    except ValueError as error:
        raise InputError(str(error)) from error


def _read_list(path: Path) -> list[str]:
    require_file(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{str(path)!r} is not a text file: save it as UTF-8") from error
    return [pattern for line in lines if (pattern := line.partition("#")[0].strip())]


def find_records(
    inputs: Sequence[str],
    record_filter: RecordFilter,
    skipped: Counter[str],
    failed: Counter[str],
    service: ServiceRequest | None = None,
) -> list[RecordHeader]:
    """List the records of all inputs that a filter accepts.

    Parameters
    ----------
    inputs
        Waveform files, data sets, folders of them and patterns.
    record_filter
        Limits and patterns.
    skipped, failed
        Count files, channels and traces that are passed over by rule, and files that cannot be
        read, by reason.
    service
        A web service to ask for channels too.

    Raises
    ------
    InputError
        An input names nothing, a data set is damaged, or the service does not answer.
    """
    headers = []
    files = []
    for given in inputs:
        if dataset_format(Path(given)) and Path(given).exists():
            headers += index_dataset(Path(given), skipped)
        else:
            files += list_waveform_files([given])
    headers += index_files(dict.fromkeys(files), skipped, failed)
    if service is not None:
        headers += list_channels(service, record_filter.start, record_filter.end, skipped)
    accepted = [header for header in headers if record_filter.accepts(header)]
    if len(accepted) < len(headers):
        skipped["channels of files outside of the limits and patterns"] += len(headers) - len(
            accepted
        )
    return accepted


def read_records(headers: Sequence[RecordHeader], start: int, end: int) -> Pieces:
    """Read the records of one instrument in a span of time, of whatever sources they are.

    Parameters
    ----------
    headers
        From `find_records`, of one instrument.
    start, end
        Limits in ns since 1970.
    """
    pieces: dict[str, list[Piece]] = {}
    failed: Counter[str] = Counter()
    by_reader: dict[Callable[..., Pieces], list[RecordHeader]] = {}
    for header in headers:
        reader = READERS.get(header.source_format, read_pieces)
        by_reader.setdefault(reader, []).append(header)
    for reader, of_reader in by_reader.items():
        of_sources, unreadable = reader(of_reader, start, end)
        failed += unreadable
        for component, of_component in of_sources.items():
            pieces.setdefault(component, []).extend(of_component)
    return pieces, failed
