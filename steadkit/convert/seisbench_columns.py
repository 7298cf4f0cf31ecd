"""A row of SeisBench's metadata as a row of STEAD's.

Arrivals must be readable, since they label the trace. Every other column is optional: what cannot
be read is left empty and counted.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final

from steadkit.convert.seisbench_names import ARRIVALS, FORMAT_COLUMNS, NAMES
from steadkit.convert.seisbench_sources import sources_of
from steadkit.errors import InputError
from steadkit.records.resample import UnusableError, pick_components
from steadkit.records.stead_text import bracketed, coda_text, is_known, sample_text, stead_time
from steadkit.schema import COLUMNS, COMPONENTS
from steadkit.types import is_numeric, parse_cell

_SAMPLE = re.compile(r"(trace|source)_\w+_sample")
_SAMPLE_LIST = re.compile(r"(trace|source)_\w+_sample_list")
_PLAIN = re.compile(r"[ -~]{1,100}")


def extras_of(columns: Iterable[str]) -> list[str]:
    """List the columns that STEAD has no place for.

    Raises
    ------
    InputError
        A column's name could not be written or read again.
    """
    taken = {*COLUMNS, *FORMAT_COLUMNS, *(names[0] for names in NAMES.values())}
    extras = [c for c in columns if c not in taken and not c.startswith("Unnamed:")]
    if odd := [column for column in extras if not _PLAIN.fullmatch(column)]:
        raise InputError(
            f"metadata column {odd[0][:60]!r} has a strange name: use 1 to 100 ASCII characters"
        )
    return extras


def to_stead(
    row: Mapping[str, str],
    extras: Sequence[str],
    unread: Counter[str] | None = None,
    components: Sequence[str] = COMPONENTS,
) -> dict[str, str]:
    """Rename a row's columns to STEAD's; the earliest P and S of several are taken.

    Parameters
    ----------
    row
        A row of SeisBench's metadata, as text.
    extras
        From `extras_of`.
    unread
        Counts, by SeisBench's name, the optional cells that could not be read and are left empty.
    components
        The letters of the record's components: a list of SNR may be in their order.

    Raises
    ------
    UnusableError
        An arrival is not a number.
    """
    unread = Counter() if unread is None else unread
    stead = {}
    for column, names in NAMES.items():
        present = {name: row[name] for name in (*names, column) if name in row}
        if column in ARRIVALS:
            stead[column] = _earliest(column, present)
        else:
            stead[column] = _first_readable(present, _writer(column, components), unread)
    if is_known(stead["source_id"]):
        stead["source_id"] = next(iter(sources_of(row)), "")
    if not is_known(stead["snr_db"]):
        stead["snr_db"] = _component_snr(row, unread)
    return stead | {column: row.get(column, "") for column in extras}


def _earliest(column: str, present: Mapping[str, str]) -> str:
    try:
        arrivals = {text: parse_cell(text) for text in present.values() if is_known(text)}
    except ValueError as error:
        raise UnusableError(f"a {column} that is not a number") from error
    return min(arrivals, key=arrivals.__getitem__) if arrivals else _first(present.values())


def _first(texts: Iterable[str]) -> str:
    return next(iter(texts), "")


def _first_readable(
    present: Mapping[str, str], write: Callable[[str], str], unread: Counter[str]
) -> str:
    """Write the first known cell as STEAD does; count those that cannot be read."""
    for name, text in present.items():
        if is_known(text):
            try:
                return write(text)
            except ValueError:
                unread[name] += 1
    return _first(text for text in present.values() if not is_known(text))


def _writer(column: str, components: Sequence[str]) -> Callable[[str], str]:
    """Choose how a cell is read, and written as STEAD does."""
    if column == "snr_db":
        return partial(_snr, components=components)
    return _WRITERS.get(column, _number if is_numeric(column) else _text)


def _number(text: str) -> str:
    parse_cell(text)
    return text


def _text(text: str) -> str:
    return text


def _snr(text: str, components: Sequence[str] = COMPONENTS) -> str:
    """Write the SNR of E, N and Z, or one for all three.

    STEAD's own lists, with spaces, are in that order. PNW's, with bars, and those of SeisBench's
    writer, with commas, are in the order of the record's components.
    """
    is_plain = not set("|,") & set(text)
    parts = text.strip("[] \t\r\n") if is_plain else re.sub(r"[|,\[\]]", " ", text)
    values = [parse_cell(part) for part in parts.split()]
    if not is_plain and len(values) == len(components):
        places = pick_components(list(components))
        values = [float("nan") if place is None else values[place] for place in places]
    if len(values) not in (1, len(COMPONENTS)):
        raise ValueError(f"{text[:60]!r} is not one SNR, nor one for each component")
    if len(values) == 1:
        values *= len(COMPONENTS)
    elif is_plain and "[" in text:
        return text
    return bracketed(values)


def _coda_end(text: str) -> str:
    sample = parse_cell(text)
    return text if "[" in text else coda_text(sample)


_WRITERS: Final[Mapping[str, Callable[[str], str]]] = {
    "coda_end_sample": _coda_end,
    "source_origin_time": stead_time,
    "trace_start_time": stead_time,
}
"""How a cell is read and written where it is more than a number or a text."""


def _component_snr(row: Mapping[str, str], unread: Counter[str]) -> str:
    """Put together the SNR that INSTANCE and others have in a column for each component."""
    values = []
    for name in (f"trace_{component}_snr_db" for component in COMPONENTS):
        try:
            values.append(parse_cell(row.get(name, "")))
        except ValueError:
            unread[name] += 1
            values.append(float("nan"))
    return "" if all(value != value for value in values) else bracketed(values)


def component_letters(text: str) -> list[str]:
    """List the letters of a component order in a cell; none where it is not known.

    >>> component_letters("ZNE"), component_letters("['E' 'N' 'Z']"), component_letters("None")
    (['Z', 'N', 'E'], ['E', 'N', 'Z'], [])
    """
    return [letter for letter in text if letter not in "[]()'\", "] if is_known(text) else []


def shift_arrivals(
    row: Mapping[str, str],
    ratio: float,
    start: int,
    last: int,
    unread: Counter[str] | None = None,
) -> dict[str, str]:
    """Move everything that counts samples along with the window.

    Parameters
    ----------
    row
        From `to_stead`.
    ratio
        100 Hz over the sampling rate of the record.
    start
        Where the window begins, in samples at 100 Hz.
    last
        The largest coda end there can be.
    unread
        Counts the cells that could not be read and are left empty: they could not be moved.
    """
    if ratio == 1 and start == 0:
        return dict(row)
    unread = Counter() if unread is None else unread

    def move(text: str) -> float:
        return parse_cell(text) * ratio - start

    def move_list(text: str) -> str:
        samples = re.sub(r"[\[\]|,]", " ", text).split()
        return f"[{' '.join(sample_text(move(sample)) for sample in samples)}]"

    shifted = {}
    for column, text in row.items():
        is_list = _SAMPLE_LIST.fullmatch(column)
        is_sample = _SAMPLE.fullmatch(column) or column.endswith("_arrival_sample")
        if not is_known(text) or not (is_list or is_sample):
            continue
        try:
            shifted[column] = move_list(text) if is_list else sample_text(move(text))
        except ValueError:
            unread[column] += 1
            shifted[column] = ""
    if is_known(row["coda_end_sample"]):
        shifted["coda_end_sample"] = coda_text(min(max(move(row["coda_end_sample"]), 0), last))
    return dict(row) | shifted


def seisbench_names(columns: Iterable[str]) -> dict[str, str]:
    """Name STEAD's columns as SeisBench does, where the name of a trace is the original one's.

    >>> seisbench_names(["network_code", "trace_name", "mine"])
    {'network_code': 'station_network_code', 'trace_name': 'trace_name_original', 'mine': 'mine'}
    """
    renamed = {column: names[0] for column, names in NAMES.items()}
    renamed["trace_name"] = "trace_name_original"
    return {column: renamed.get(column, column) for column in columns}
