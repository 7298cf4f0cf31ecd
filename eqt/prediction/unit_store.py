"""Store of finished station-days: one compressed JSON file each, written completely or not at all.

A file holds the tables of its unit and a fingerprint of the records that they come from. A unit is
computed again when its records have changed since.
"""

import gzip
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from eqt.prediction.units import TABLE_TYPES, Unit, UnitTables, with_types
from steadkit.errors import InputError, printable
from steadkit.paths import MAX_JSON_BYTES

MAX_STORED_BYTES = 16 * MAX_JSON_BYTES
"""Bytes of a file once it is decompressed: more than the candidates of any day have."""


class StoredUnit(NamedTuple):
    """The tables of a unit, and the number of files by the reason why they could not be read."""

    tables: UnitTables
    failed: Counter[str]


def unit_name(unit: Unit) -> str:
    """Return the name of a unit, ``O2.WILZ..EH.2024-02-03`` for example."""
    day = np.datetime64(unit.day, "D")
    network, station, *others = (file_name(code) for code in unit.instrument)
    # A name that begins with a dot would be hidden.
    return ".".join((network or "-", station or "-", *others, str(day)))


def file_name(code: str) -> str:
    """Return a code as part of a file name: codes of hostile files may have any character."""
    return "".join(
        c if c.isascii() and (c.isalnum() or c in ".-") else f"%{ord(c):x}" for c in code
    )


def unit_path(folder: Path, unit: Unit) -> Path:
    """Return the file of a unit in the folder of a store."""
    return folder / f"{unit_name(unit)}.json.gz"


def fingerprint(unit: Unit) -> str:
    """Return a digest of the records of a unit: their headers, and size and time of their files."""
    digest = hashlib.sha256()
    for header in unit.headers:
        digest.update(
            repr((header.source_format, *header[2:], *_file_state(header.source))).encode()
        )
    return digest.hexdigest()


def _file_state(source: str) -> tuple[str, int, int]:
    try:
        status = os.stat(source)
    except OSError:  # the address of a service
        return source, 0, 0
    return Path(source).name, status.st_size, status.st_mtime_ns


def write_unit(folder: Path, unit: Unit, tables: UnitTables, failed: Counter[str]) -> None:
    """Write the file of a unit atomically.

    Two processes may write the same unit, as Dask runs a task again when it has lost a worker:
    both write the same bytes, each to a name of its own.
    """
    content = {
        "fingerprint": fingerprint(unit),
        "failed": dict(sorted(failed.items())),
        **{
            name: {column: _values(table[column]) for column in table}
            for name, table in tables._asdict().items()
        },
    }
    path = unit_path(folder, unit)
    partial = path.with_name(f".{path.name}.{os.uname().nodename}.{os.getpid()}.partial")
    # Without a time stamp: the bytes depend on the tables alone.
    partial.write_bytes(gzip.compress(json.dumps(content).encode(), compresslevel=1, mtime=0))
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(partial, path)


def _values(column: pd.Series) -> list[Any]:
    return [None if value is pd.NA else value for value in column.tolist()]


def read_unit(folder: Path, unit: Unit) -> StoredUnit | None:
    """Read the file of a unit; None if there is none, or its records have changed since.

    Raises
    ------
    InputError
        The file is not one of a store.
    """
    path = unit_path(folder, unit)
    try:
        content = _read(path)
    except FileNotFoundError:
        return None
    if content.get("fingerprint") != fingerprint(unit):
        return None
    try:
        tables = with_types(
            pd.DataFrame(content[name], columns=[*types]) for name, types in TABLE_TYPES.items()
        )
        failed = Counter({str(reason): int(count) for reason, count in content["failed"].items()})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(path) from error
    return StoredUnit(tables, failed)


def _read(path: Path) -> dict[str, Any]:
    try:
        with gzip.open(path, "rb") as file:
            content = json.loads(file.read(MAX_STORED_BYTES))
    except FileNotFoundError:
        raise
    except (OSError, EOFError, ValueError, RecursionError) as error:
        raise _damaged(path) from error
    if not isinstance(content, dict):
        raise _damaged(path)
    return content


def _damaged(path: Path) -> InputError:
    return InputError(f"{printable(path)!r} is damaged: remove it, and it is computed again")


def is_stored(folder: Path, unit: Unit) -> bool:
    """Return whether the store has a unit as it would be computed now."""
    try:
        return _read(unit_path(folder, unit)).get("fingerprint") == fingerprint(unit)
    except (FileNotFoundError, InputError):
        return False


def iter_stored(folder: Path, units: Sequence[Unit]) -> Iterator[StoredUnit]:
    """Read finished units, one at a time."""
    for unit in units:
        stored = read_unit(folder, unit)
        if stored is None:
            raise InputError(
                f"{printable(unit_path(folder, unit))!r} has gone while it was needed: run again"
            )
        yield stored
