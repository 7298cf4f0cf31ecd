"""Writer of selected CSV rows in any order, through a spool file, in constant memory."""

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
"""Columns of `selected_rows` with the byte range of each line in the CSV."""

BATCH_ROWS: Final = 1000
"""Rows read and written at once, where each is read from its own offset."""


def write_rows(sources: Sequence[Path], selected_rows: pd.DataFrame, target: Path) -> str:
    """Write rows of several CSV files as one CSV.

    Parameters
    ----------
    sources
        The CSV files.
    selected_rows
        Rows in the order of the output: ``source``, the number of the CSV, ``row``, the number of
        the row in it, and ``trace_name``; optionally ``start`` and ``end``, the byte range of the
        line: then only these bytes are read.
    target
        The file to write; a spool file may exist next to it meanwhile.

    Returns
    -------
    str
        The digest of the cells written, see `steadkit.catalog.CellsDigest`.

    Raises
    ------
    InputError
        A row has changed since it was selected.
    """
    columns = order_columns(name for source in sources for name in columns_of(source))
    digest = CellsDigest(columns)
    write_csv(target, columns, [])
    if {*BYTE_RANGE} <= {*selected_rows} and all(
        columns_of(source) == columns for source in sources
    ):
        with target.open("ab") as file:
            for lines in _iter_lines_at_offsets(sources, selected_rows, columns):
                _append(lines, file, digest)
        return digest.hexdigest()
    order = np.lexsort((selected_rows["row"].to_numpy(), selected_rows["source"].to_numpy()))
    chunks = _iter_lines_in_file_order(sources, selected_rows.iloc[order], columns)
    if (order == np.arange(len(order))).all():
        with target.open("ab") as file:
            for lines in chunks:
                _append(lines, file, digest)
        return digest.hexdigest()
    spool = target.with_name(f"{target.name}.spool")
    try:
        ends = _write_spool(spool, chunks)
        _write_in_order(spool, ends, order, target, digest)
    finally:
        spool.unlink(missing_ok=True)
    return digest.hexdigest()


def _append(lines: Sequence[bytes], file: BinaryIO, digest: CellsDigest) -> None:
    content = b"".join(lines)
    file.write(content)
    digest.add(content)


def _iter_lines_at_offsets(
    sources: Sequence[Path], selected_rows: pd.DataFrame, columns: Sequence[str]
) -> Iterator[list[bytes]]:
    """Read the selected rows as lines by their byte ranges, in the order of the output."""
    name = columns.index("trace_name")
    with ExitStack() as stack:
        descriptors = [stack.enter_context(source.open("rb")).fileno() for source in sources]
        for batch_start in range(0, len(selected_rows), BATCH_ROWS):
            batch = selected_rows.iloc[batch_start : batch_start + BATCH_ROWS]
            lines = []
            for source, start, end, expected in batch[
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
    sources: Sequence[Path], selected_rows: pd.DataFrame, columns: Sequence[str]
) -> Iterator[list[bytes]]:
    """Read the selected rows as lines, in the order of the files; check their names."""
    name = columns.index("trace_name")
    for number, source in enumerate(sources):
        source_rows = selected_rows[selected_rows["source"] == number]
        names = source_rows["trace_name"].tolist()
        n_checked = 0
        for lines in iter_lines_at(source, source_rows["row"].to_numpy(), columns):
            line_names = [_field(line, name, len(columns)) for line in lines]
            if line_names != names[n_checked : n_checked + len(lines)]:
                raise _changed(source)
            n_checked += len(lines)
            yield [line.encode() for line in lines]
        if n_checked < len(names):
            raise InputError(f"{str(source)!r} has become shorter while it was read: run it again")


def _field(line: str, number: int, fields: int) -> str:
    """Return a field of a CSV line, split from the nearer end."""
    if '"' in line:
        return next(csv.reader([line]))[number]
    n_from_end = fields - number
    if n_from_end <= number:
        return line.rstrip("\n").rsplit(",", n_from_end)[-n_from_end]
    return line.rstrip("\n").split(",", number + 1)[number]


def _write_spool(spool: Path, chunks: Iterable[list[bytes]]) -> np.ndarray:
    """Write lines in the order of the files; return the end offset of each."""
    lengths = [np.zeros(1, np.int64)]
    with spool.open("wb") as file:
        for lines in chunks:
            file.writelines(lines)
            lengths.append(np.fromiter(map(len, lines), np.int64, len(lines)))
    return np.cumsum(np.concatenate(lengths))


def _write_in_order(
    spool: Path, ends: np.ndarray, order: np.ndarray, target: Path, digest: CellsDigest
) -> None:
    # The inverse permutation: the row in the spool of each output row.
    spool_rows = np.empty(len(order), np.int64)
    spool_rows[order] = np.arange(len(order))
    batches = np.array_split(spool_rows, -(-len(spool_rows) // BATCH_ROWS) or 1)
    descriptor = os.open(spool, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with target.open("ab") as file:
            for batch in batches:
                spans = zip(ends[batch].tolist(), ends[batch + 1].tolist(), strict=True)
                lines = [os.pread(descriptor, end - start, start) for start, end in spans]
                _append(lines, file, digest)
    finally:
        os.close(descriptor)
