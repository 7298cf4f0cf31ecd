"""The CSV rows of chosen traces, written in another order than they are read, in flat memory."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from steadkit.catalog import columns_of, csv_text, in_order, rows_at, write_csv
from steadkit.errors import InputError


def write_rows(sources: Sequence[Path], chosen: pd.DataFrame, target: Path) -> None:
    """Write rows of several CSV files as one CSV.

    Parameters
    ----------
    sources
        The CSV files.
    chosen
        What to write, in the order wanted: ``source``, the number of the CSV, ``row``, the number
        of the row in it, and ``trace_name``.
    target
        The file to write; another file may stand beside it meanwhile.

    Raises
    ------
    InputError
        A row is not what it was when it was chosen.
    """
    columns = in_order(name for source in sources for name in columns_of(source))
    order = np.lexsort((chosen["row"].to_numpy(), chosen["source"].to_numpy()))
    parts = _parts(sources, chosen.iloc[order])
    if (order == np.arange(len(order))).all():
        write_csv(target, columns, parts)
        return
    spool = target.with_name(f"{target.name}.spool")
    try:
        ends = _write_spool(spool, columns, parts)
        write_csv(target, columns, [])
        _write_in_order(spool, ends, order, target)
    finally:
        spool.unlink(missing_ok=True)


def _parts(sources: Sequence[Path], chosen: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Read the chosen rows as they stand in the files, checked to be the ones meant."""
    for number, source in enumerate(sources):
        wanted = chosen[chosen["source"] == number]
        names = wanted["trace_name"].to_numpy(dtype=object)
        done = 0
        for part in rows_at(source, wanted["row"].to_numpy()):
            if not (part["trace_name"].to_numpy(object) == names[done : done + len(part)]).all():
                raise InputError(f"{str(source)!r} has changed while it was read: run it again")
            done += len(part)
            yield part
        if done < len(names):
            raise InputError(f"{str(source)!r} has become shorter while it was read: run it again")


def _write_spool(spool: Path, columns: list[str], parts: Iterable[pd.DataFrame]) -> np.ndarray:
    """Write rows as they come; returns where each ends."""
    lengths = [np.zeros(1, np.int64)]
    with spool.open("wb") as file:
        for part in parts:
            lines = _lines(part.reindex(columns=columns, fill_value=""))
            file.writelines(lines)
            lengths.append(np.fromiter(map(len, lines), np.int64, len(lines)))
    return np.cumsum(np.concatenate(lengths))


def _lines(table: pd.DataFrame) -> list[bytes]:
    """Write each row as the CSV has it."""
    lines = csv_text(table).encode().splitlines(keepends=True)
    # A field may hold the end of a line: then one row at a time.
    if len(lines) != len(table):
        lines = [csv_text(table.iloc[[number]]).encode() for number in range(len(table))]
    return lines


def _write_in_order(spool: Path, ends: np.ndarray, order: np.ndarray, target: Path) -> None:
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    descriptor = os.open(spool, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with target.open("ab") as file:
            for row in place.tolist():
                start, end = int(ends[row]), int(ends[row + 1])
                file.write(os.pread(descriptor, end - start, start))
    finally:
        os.close(descriptor)
