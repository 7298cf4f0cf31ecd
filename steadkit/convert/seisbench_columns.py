"""Conversion of a row of SeisBench's metadata to a row of STEAD's.

Arrivals must be readable, since they label the trace. Every other column is optional: a cell that
cannot be read is left empty and counted.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final

from steadkit.convert.seisbench_names import ARRIVALS, FORMAT_COLUMNS, NAMES
from steadkit.convert.seisbench_sources import sources_of
from steadkit.errors import InputError
from steadkit.records.resample import UnusableError, component_indices
from steadkit.records.stead_text import bracketed, coda_text, is_known, sample_text, stead_time
from steadkit.schema import COLUMNS, COMPONENTS
from steadkit.types import is_numeric, parse_cell

_SAMPLE = re.compile(r"(trace|source)_\w+_sample")
_SAMPLE_LIST = re.compile(r"(trace|source)_\w+_sample_list")
_PLAIN = re.compile(r"[ -~]{1,100}")


def extra_columns(columns: Iterable[str]) -> list[str]:
    """List the columns that have no counterpart in STEAD.

    Raises
    ------
    InputError
        The name of a column cannot be an HDF5 attribute and a CSV heading.
    """
    counterparts = {*COLUMNS, *FORMAT_COLUMNS, *(names[0] for names in NAMES.values())}
    extras = [c for c in columns if c not in counterparts and not c.startswith("Unnamed:")]
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
    """Rename a row's columns to STEAD's; of several P or S arrivals the earliest is used.

    Parameters
    ----------
    row
        A row of SeisBench's metadata, as text.
    extras
        From `extra_columns`.
    unread
        Gets the counts, by SeisBench's name, of optional cells that cannot be read.
    components
        Letters of the record's components: a list of SNR may be in their order.

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
    """Return the first readable cell as STEAD writes it; count cells that cannot be read."""
    for name, text in present.items():
        if is_known(text):
            try:
                return write(text)
            except ValueError:
                unread[name] += 1
    return _first(text for text in present.values() if not is_known(text))


def _writer(column: str, components: Sequence[str]) -> Callable[[str], str]:
    """Return the function that converts a cell of a column to STEAD's text."""
    if column == "snr_db":
        return partial(_snr, components=components)
    return _WRITERS.get(column, _number if is_numeric(column) else _text)


def _number(text: str) -> str:
    parse_cell(text)
    return text


def _text(text: str) -> str:
    return text


def _snr(text: str, components: Sequence[str] = COMPONENTS) -> str:
    """Write the SNR of E, N and Z from one value per component, or one for all.

    STEAD's own lists, with spaces, are in that order. PNW's, with bars, and those of SeisBench's
    writer, with commas, are in the order of the record's components.
    """
    is_stead_list = not set("|,") & set(text)
    cells = text.strip("[] \t\r\n") if is_stead_list else re.sub(r"[|,\[\]]", " ", text)
    values = [parse_cell(cell) for cell in cells.split()]
    if not is_stead_list and len(values) == len(components):
        indices = component_indices(list(components))
        values = [float("nan") if index is None else values[index] for index in indices]
    if len(values) not in (1, len(COMPONENTS)):
        raise ValueError(f"{text[:60]!r} is not one SNR, nor one for each component")
    if len(values) == 1:
        values *= len(COMPONENTS)
    elif is_stead_list and "[" in text:
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
"""Conversions of cells that are neither a plain number nor a text."""


def _component_snr(row: Mapping[str, str], unread: Counter[str]) -> str:
    """Join the SNR that INSTANCE and others have in one column per component."""
    values = []
    for name in (f"trace_{component}_snr_db" for component in COMPONENTS):
        try:
            values.append(parse_cell(row.get(name, "")))
        except ValueError:
            unread[name] += 1
            values.append(float("nan"))
    return "" if all(value != value for value in values) else bracketed(values)


def component_letters(text: str) -> list[str]:
    """List the letters of a component order in a cell; empty where it is not known.

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
    """Shift and rescale all columns in samples to the window.

    Parameters
    ----------
    row
        From `to_stead`.
    ratio
        100 Hz over the sampling rate of the record.
    start
        Start of the window in the record, in samples at 100 Hz.
    last
        Largest coda end.
    unread
        Gets the counts of cells that cannot be read: they are left empty.
    """
    if ratio == 1 and start == 0:
        return dict(row)
    unread = Counter() if unread is None else unread

    def shift(text: str) -> float:
        return parse_cell(text) * ratio - start

    def shift_list(text: str) -> str:
        samples = re.sub(r"[\[\]|,]", " ", text).split()
        return f"[{' '.join(sample_text(shift(sample)) for sample in samples)}]"

    shifted = {}
    for column, text in row.items():
        is_list = _SAMPLE_LIST.fullmatch(column)
        is_sample = _SAMPLE.fullmatch(column) or column.endswith("_arrival_sample")
        if not is_known(text) or not (is_list or is_sample):
            continue
        try:
            shifted[column] = shift_list(text) if is_list else sample_text(shift(text))
        except ValueError:
            unread[column] += 1
            shifted[column] = ""
    if is_known(row["coda_end_sample"]):
        shifted["coda_end_sample"] = coda_text(min(max(shift(row["coda_end_sample"]), 0), last))
    return dict(row) | shifted


def seisbench_names(columns: Iterable[str]) -> dict[str, str]:
    """Map STEAD's columns to SeisBench's; the trace name becomes ``trace_name_original``.

    >>> seisbench_names(["network_code", "trace_name", "mine"])
    {'network_code': 'station_network_code', 'trace_name': 'trace_name_original', 'mine': 'mine'}
    """
    renamed = {column: names[0] for column, names in NAMES.items()}
    renamed["trace_name"] = "trace_name_original"
    return {column: renamed.get(column, column) for column in columns}
