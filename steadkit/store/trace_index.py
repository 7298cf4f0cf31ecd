"""Addresses of headers and offsets of samples of many traces, with an index on disk.

`find_headers` reads the file alone. `find_offsets` keeps the offsets of a large file as an index
in the user's cache, 24 bytes a trace: to find the 1.27 million traces of STEAD in its headers
takes minutes and 10 GB from a cold disk. An index is used while size, modification time and inode
of the file and a digest of its superblock, B-tree root and heap of names are what they were; one
that is stale, torn or absent is made again. Its content is checked like any untrusted input.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from blake3 import blake3
from platformdirs import user_cache_dir

from steadkit.atomic import write_one
from steadkit.atomic.kinds import ANY
from steadkit.errors import InputError
from steadkit.hdf5 import DamageError, NewStyleError
from steadkit.hdf5.data_addresses import data_addresses
from steadkit.hdf5.readahead import expect_random_reads
from steadkit.hdf5.symbol_table import (
    SUPERBLOCK,
    TREE_NODE,
    Group,
    SymbolTable,
    names_at,
    read_group,
    read_heap,
    read_symbol_table,
)
from steadkit.schema import DATA_GROUP
from steadkit.store.open import LIBRARY_ERRORS, TRACE_BYTES
from steadkit.store.reader import Reader, is_waveform

CACHE_VARIABLE: Final = "STEADKIT_CACHE"
"""Environment variable that names the folder of the indexes; if it is empty, none are kept."""

MIN_SHARE: Final = 16
"""Names of the symbol table that are read in the time of one look-up by h5py."""

MIN_LOADED: Final = 1000
"""Traces that must be asked for before an index is looked for: to load STEAD's takes a second."""

MIN_INDEXED: Final = 20_000
INDEXED_SHARE: Final = 4
"""Traces, and one in how many of a file's, that must be asked for before an index is made."""

MIN_DISTANCE_BYTES: Final = 1 << 14
"""Bytes from header to header beyond which the system's read-ahead would only waste time."""

_FIRST_LINE: Final = b"steadkit index of places 1\n"
_DIGEST: Final = 32
_COLUMNS: Final = 3


class TraceOffsets(NamedTuple):
    """Header addresses and sample offsets of some traces."""

    headers: np.ndarray
    """Address of each object header, int64; -1 where it is not known."""
    samples: np.ndarray
    """Offset of the samples in the file, int64; -1 where they are not contiguous."""


class Index(NamedTuple):
    """Names, header addresses and sample offsets of all traces of a file."""

    table: SymbolTable
    samples: np.ndarray


def find_headers(reader: Reader, names: Sequence[str]) -> np.ndarray:
    """Return the address of the object header of each trace, int64.

    Parameters
    ----------
    reader
        An open file.
    names
        The traces.

    Raises
    ------
    InputError
        A trace is missing or is a link.
    """
    return _complete_headers(reader, names, known_headers(reader, names))


def known_headers(reader: Reader, names: Sequence[str]) -> np.ndarray:
    """Return the address of the header of each trace, -1 where h5py has to look it up.

    Names are looked up in the symbol table once their number makes it worth to read it.
    """
    # Counted over all calls: many small requests repay the reading of the table as well as a large
    # one.
    reader.n_looked_up += len(names)
    if reader.table is None and reader.n_looked_up * MIN_SHARE * TRACE_BYTES > reader.raw.size:
        reader.table = _read_table(reader)
    if reader.table is None:
        return np.full(len(names), -1)
    return _take_rows(reader.table.headers, reader.table.find(names))


def find_offsets(reader: Reader, names: Sequence[str]) -> TraceOffsets:
    """Return header addresses and sample offsets, from the index of the file if there is one.

    An index is made where many traces are requested.

    Raises
    ------
    InputError
        A trace is missing, is a link, or is not what STEAD promises.
    """
    # Without an index, offsets are in the headers alone, which a cold disk reads for minutes.
    index = _index(reader, len(names))
    if index is None:
        headers = find_headers(reader, names)
        samples = _samples_in_one_piece(reader, headers)
    else:
        rows = index.table.find(names)
        headers = _complete_headers(reader, names, _take_rows(index.table.headers, rows))
        samples = _take_rows(index.samples, rows)
    # One by one, which raises an error for what is no trace.
    for row in np.flatnonzero(samples < 0).tolist():
        offset = reader.locate(names[row], int(headers[row])).offset
        samples[row] = -1 if offset is None else offset
    return TraceOffsets(headers, samples)


def _index(reader: Reader, n_names: int) -> Index | None:
    """Load the index of a file, or make it; None where that costs more than it saves."""
    path, group = index_file(reader.path), _group(reader)
    is_worth_making = (
        n_names >= MIN_INDEXED and n_names * INDEXED_SHARE * TRACE_BYTES >= reader.raw.size
    )
    if path is None or group is None or n_names < MIN_LOADED:
        return None
    if not path.is_file() and not is_worth_making:
        return None
    key = _key(reader, group)
    index = None if key is None else _load(reader, path, group, key)
    if index is None and key is not None and is_worth_making:
        table = _read_table(reader)
        if table is not None:
            index = Index(table, _samples_in_one_piece(reader, table.headers))
            _save(path, index, key)
    return index


def _take_rows(column: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return rows of a column as int64; -1 for the row -1."""
    return np.where(rows < 0, -1, column.astype(np.int64)[rows])


def _complete_headers(reader: Reader, names: Sequence[str], headers: np.ndarray) -> np.ndarray:
    """Look up missing addresses with h5py, which raises an error for an absent trace."""
    for row in np.flatnonzero(headers < 0).tolist():
        headers[row] = reader.address(names[row])
    return headers


def _group(reader: Reader) -> Group | None:
    """Return the addresses of the group of traces; None if that is left to h5py."""
    try:
        # By its link: H5Oget_info would walk through all nodes of the group to tell their size.
        link = reader.group.file.id.links.get_info(DATA_GROUP.encode())
        return read_group(reader.raw, int(link.u))
    except (NewStyleError, DamageError, *LIBRARY_ERRORS):
        return None


def _read_table(reader: Reader) -> SymbolTable | None:
    """Read the names of a file; None if that is left to h5py, which reports damage."""
    group = _group(reader)
    try:
        return None if group is None else read_symbol_table(reader.raw, group)
    except (NewStyleError, DamageError):
        return None


def _samples_in_one_piece(reader: Reader, headers: np.ndarray) -> np.ndarray:
    """Return sample offsets from headers read in ascending order; -1 where not contiguous."""
    order = np.argsort(headers, kind="stable")
    if len(headers) > 1 and np.median(np.diff(headers[order])) > MIN_DISTANCE_BYTES:
        expect_random_reads(reader.raw.descriptor)
    addresses = np.empty(len(headers), np.int64)
    addresses[order] = data_addresses(
        reader.raw,
        headers[order],
        lambda storage: is_waveform(storage) and storage.bytes_stored == TRACE_BYTES,
    )
    last = reader.raw.size - reader.raw.base - TRACE_BYTES
    return np.where((addresses >= 0) & (addresses <= last), addresses + reader.raw.base, -1)


def _key(reader: Reader, group: Group) -> bytes | None:
    """Return a digest of the present state of a file; None if its parts cannot be read."""
    status = os.fstat(reader.raw.descriptor)
    identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    try:
        heap = read_heap(reader.raw, group)
        root = reader.raw.read(group.tree, TREE_NODE.size)
        superblock = reader.raw.read(0, SUPERBLOCK.size)
    except DamageError:
        return None
    # The identity alone is not enough: a file may be changed in place and its time set back.
    hashed = blake3(repr((identity, group)).encode() + superblock + root)
    return hashed.update(heap).digest(_DIGEST)


def index_file(path: Path) -> Path | None:
    """Return the path of the index of a file, or None if indexes are not kept."""
    folder = os.environ.get(CACHE_VARIABLE)
    if folder is None:
        folder = user_cache_dir("steadkit", appauthor=False)
    if not os.path.isabs(folder):  # empty, or a home directory that cannot be determined
        return None
    name = blake3(os.fsencode(path.resolve())).hexdigest(16)
    return Path(folder) / "places" / f"{name}.index"


def _save(path: Path, index: Index, key: bytes) -> None:
    """Write an index; an error of the cache is ignored, as the index only saves time."""
    columns = (index.table.name_offsets, index.table.headers, index.samples)
    body = key + b"".join(column.astype("<i8").tobytes() for column in columns)
    # The digest detects a write that the disk lost part of; the rename is atomic, but the cache is
    # not synced for it.
    content = _FIRST_LINE + blake3(body).digest(_DIGEST) + body
    with suppress(OSError, InputError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_one(path, lambda temporary: temporary.write_bytes(content), overwrite=True, kind=ANY)


def _load(reader: Reader, path: Path, group: Group, key: bytes) -> Index | None:
    """Read the index of a file; None if there is none that is valid."""
    try:
        content = path.read_bytes() if path.is_file() else b""
    except OSError:
        return None
    start = len(_FIRST_LINE) + _DIGEST
    body = memoryview(content)[start:]
    rows, rest = divmod(len(body) - _DIGEST, 8 * _COLUMNS)
    # Checked by its length before a view of rows is made.
    is_complete = content.startswith(_FIRST_LINE) and not rest and rows >= 0
    if not is_complete or content[len(_FIRST_LINE) : start] != blake3(body).digest(_DIGEST):
        return None
    # An index of an earlier state of the file.
    if body[:_DIGEST] != key:
        return None
    offsets, headers, samples = np.frombuffer(body[_DIGEST:], "<i8").reshape(_COLUMNS, rows)
    return _bounded(reader, group, offsets, headers, samples)


def _bounded(
    reader: Reader, group: Group, offsets: np.ndarray, headers: np.ndarray, samples: np.ndarray
) -> Index | None:
    """Return an index if all its offsets are inside the file."""
    size = reader.raw.size
    # A digest proves that the index is complete, and not that nobody has written it by hand.
    inside = (offsets >= 0).all() and (headers >= 0).all() and (headers < size).all()
    inside &= ((samples == -1) | ((samples >= 0) & (samples <= size - TRACE_BYTES))).all()
    if not inside:
        return None
    try:
        names = names_at(read_heap(reader.raw, group), offsets.astype(np.uint64))
    except (DamageError, NewStyleError):
        return None
    # The binary search needs them in order, as in a table read from the file.
    if not (names[:-1] < names[1:]).all():
        return None
    return Index(SymbolTable(names, offsets.astype(np.uint64), headers), samples)
