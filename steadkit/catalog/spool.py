"""The CSV rows of chosen traces, written in another order than they are read, in flat memory."""

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import pandas as pd

from steadkit.catalog import CellsDigest, columns_of, iter_lines_at, order_columns, write_csv
from steadkit.errors import InputError

BYTE_RANGE: Final = ("start", "end")
"""Columns of chosen rows that say which bytes of the CSV each is."""

BATCH_ROWS: Final = 1000
"""Written at once, where each is read from its own place."""


def write_rows(sources: Sequence[Path], chosen: pd.DataFrame, target: Path) -> str:
    """Write rows of several CSV files as one CSV.

    Parameters
    ----------
    sources
        The CSV files.
    chosen
        What to write, in the order wanted: ``source``, the number of the CSV, ``row``, the number
        of the row in it, and ``trace_name``; also ``start`` and ``end``, the bytes of its line,
        where they are known: then only these are read.
    target
        The file to write; another file may stand beside it meanwhile.

    Returns
    -------
    str
        The digest of the cells written, see `steadkit.catalog.CellsDigest`.

    Raises
    ------
    InputError
        A row is not what it was when it was chosen.
    """
    columns = order_columns(name for source in sources for name in columns_of(source))
    digest = CellsDigest(columns)
    write_csv(target, columns, [])
    if {*BYTE_RANGE} <= {*chosen} and all(columns_of(source) == columns for source in sources):
        with target.open("ab") as file:
            for lines in _iter_lines_at_offsets(sources, chosen, columns):
                _append(lines, file, digest)
        return digest.hexdigest()
    order = np.lexsort((chosen["row"].to_numpy(), chosen["source"].to_numpy()))
    parts = _iter_lines_in_file_order(sources, chosen.iloc[order], columns)
    if (order == np.arange(len(order))).all():
        with target.open("ab") as file:
            for lines in parts:
                _append(lines, file, digest)
        return digest.hexdigest()
    spool = target.with_name(f"{target.name}.spool")
    try:
        ends = _write_spool(spool, parts)
        _write_in_order(spool, ends, order, target, digest)
    finally:
        spool.unlink(missing_ok=True)
    return digest.hexdigest()


def _append(lines: Sequence[bytes], file: BinaryIO, digest: CellsDigest) -> None:
    content = b"".join(lines)
    file.write(content)
    digest.add(content)


def _iter_lines_at_offsets(
    sources: Sequence[Path], chosen: pd.DataFrame, columns: Sequence[str]
) -> Iterator[list[bytes]]:
    """Read the chosen rows as lines, each from its place, in their order."""
    name = columns.index("trace_name")
    with ExitStack() as stack:
        descriptors = [stack.enter_context(source.open("rb")).fileno() for source in sources]
        for first in range(0, len(chosen), BATCH_ROWS):
            some = chosen.iloc[first : first + BATCH_ROWS]
            lines = []
            for source, start, end, expected in some[
                ["source", *BYTE_RANGE, "trace_name"]
            ].to_numpy():
                line = os.pread(descriptors[source], end - start, start) + b"\n"
                is_plain = line.count(b",") == len(columns) - 1 and b'"' not in line
                if (
                    not is_plain
                    or _field(line.decode(errors="replace"), name, len(columns)) != expected
                ):
                    raise _changed(sources[source])
                lines.append(line)
            yield lines


def _changed(source: Path) -> InputError:
    return InputError(f"{str(source)!r} has changed while it was read: run it again")


def _iter_lines_in_file_order(
    sources: Sequence[Path], chosen: pd.DataFrame, columns: Sequence[str]
) -> Iterator[list[bytes]]:
    """Read the chosen rows as lines, in the order of the files, checked to be the ones meant."""
    name = columns.index("trace_name")
    for number, source in enumerate(sources):
        wanted = chosen[chosen["source"] == number]
        names = wanted["trace_name"].tolist()
        done = 0
        for lines in iter_lines_at(source, wanted["row"].to_numpy(), columns):
            found = [_field(line, name, len(columns)) for line in lines]
            if found != names[done : done + len(lines)]:
                raise _changed(source)
            done += len(lines)
            yield [line.encode() for line in lines]
        if done < len(names):
            raise InputError(f"{str(source)!r} has become shorter while it was read: run it again")


def _field(line: str, number: int, fields: int) -> str:
    """Take one field out of a line of a CSV, looking from the end that is nearer."""
    if '"' in line:
        return next(csv.reader([line]))[number]
    behind = fields - number
    if behind <= number:
        return line.rstrip("\n").rsplit(",", behind)[-behind]
    return line.rstrip("\n").split(",", number + 1)[number]


def _write_spool(spool: Path, parts: Iterable[list[bytes]]) -> np.ndarray:
    """Write lines as they come; returns where each ends."""
    lengths = [np.zeros(1, np.int64)]
    with spool.open("wb") as file:
        for lines in parts:
            file.writelines(lines)
            lengths.append(np.fromiter(map(len, lines), np.int64, len(lines)))
    return np.cumsum(np.concatenate(lengths))


def _write_in_order(
    spool: Path, ends: np.ndarray, order: np.ndarray, target: Path, digest: CellsDigest
) -> None:
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    parts = np.array_split(place, -(-len(place) // BATCH_ROWS) or 1)
    descriptor = os.open(spool, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with target.open("ab") as file:
            for rows in parts:
                spans = zip(ends[rows].tolist(), ends[rows + 1].tolist(), strict=True)
                lines = [os.pread(descriptor, end - start, start) for start, end in spans]
                _append(lines, file, digest)
    finally:
        os.close(descriptor)
