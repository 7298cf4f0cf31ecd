"""A new STEAD file out of the traces of others: read in file order, many at once, resumable.

Traces are copied in blocks. Within a block they are read in the order in which they lie in their
files and written where the order wanted puts them, so that the result does not depend on how the
sources are arranged. When a block is whole, the journal records it; a later run that finds the
journal checks the blocks it names by their digests and goes on behind them.
"""

import hashlib
import os
import struct
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import numpy as np

from steadkit.console import Bar
from steadkit.hdf5 import ATTRIBUTES_DIGEST, Attributes, NewFile, Written
from steadkit.hdf5.files import FIRST_BLOCK
from steadkit.schema import DATA_GROUP, TRACE_SHAPE
from steadkit.store.reading import (
    DTYPE,
    TRACE_BYTES,
    WAVEFORM_DIGEST,
    Reader,
    check_finite,
    open_data,
    waveform_digest,
)

BLOCK: Final = 8192
"""Traces in a block: what is read in one sweep over the sources, and lost at most by a kill."""

RUN: Final = 64
"""Traces a thread takes at a time."""

IDENTITY_BYTES: Final = 32
CHECK_BYTES: Final = 16

_ROW = np.dtype(
    [
        ("header", "<u8"),
        ("waveform", f"V{WAVEFORM_DIGEST}"),
        ("attributes", f"V{ATTRIBUTES_DIGEST}"),
    ]
)
_HEAD = struct.Struct(f"<QQ{CHECK_BYTES}s")
"""A journal record begins so: traces, end of the block, digest of its headers. Then come its
rows, and a digest of all that."""


@dataclass(frozen=True)
class Order:
    """What to copy: traces in the order wanted, and which of the sources holds each."""

    sources: Sequence[Path]
    names: Sequence[str]
    numbers: Sequence[int] | np.ndarray

    def identity(self, block: int) -> bytes:
        """Tell this copy from any other one, also from one of sources changed since."""
        hashed = hashlib.blake2b(str(block).encode(), digest_size=IDENTITY_BYTES)
        for path in self.sources:
            status = path.stat()
            hashed.update(f"{path.resolve()}\n{status.st_size}\n{status.st_mtime_ns}\n".encode())
        hashed.update("\n".join(self.names).encode())
        hashed.update(np.asarray(self.numbers, "<i4").tobytes())
        return hashed.digest()


class Copied(NamedTuple):
    """The digests of the traces copied, in their order, as bytes one behind the other."""

    waveforms: bytes
    attributes: bytes


class _Record(NamedTuple):
    """A block that is whole: its rows, where it ends, and all that as the journal has it."""

    rows: np.ndarray
    end: int
    written: bytes


class _Trace(NamedTuple):
    """A trace whose samples are copied: its place in the order, and its header to be."""

    place: int
    data: int
    attributes: Attributes
    digest: bytes


@dataclass(frozen=True)
class _Copy:
    """What a copy works with."""

    order: Order
    file: NewFile
    readers: Sequence[Reader]
    pool: ThreadPoolExecutor
    bar: Bar


Check = Callable[[str, bytes, bytes], object]


def copy_traces(
    order: Order, target: Path, journal: Path, check: Check | None = None, block: int = BLOCK
) -> Copied:
    """Copy traces with all their attributes into a new file, or go on where a copy was cut off.

    Parameters
    ----------
    order
        What to copy.
    target
        The file to write, where `steadkit.files.staged` says.
    journal
        Where to record what is done, beside the target.
    check
        Called with name, waveform digest and attributes digest of every trace; may refuse it.
    block
        Traces in a block.

    Raises
    ------
    InputError
        A source or a trace in it cannot be used.
    """
    done = _resume(order, target, journal, block)
    with ExitStack() as stack:
        file = NewFile(target, TRACE_SHAPE, DATA_GROUP, done[-1].end if done else None)
        stack.callback(file.close)
        log = stack.enter_context(journal.open("ab"))
        readers = [Reader(stack.enter_context(open_data(path))) for path in order.sources]
        pool = ThreadPoolExecutor(min(4, os.cpu_count() or 1))
        stack.callback(pool.shutdown, cancel_futures=True)
        bar = Bar()
        bar.start(f"copying to {target.name}", len(order.names))
        stack.callback(bar.stop)
        copy = _Copy(order, file, readers, pool, bar)
        rows = []
        for start in range(0, len(order.names), block):
            stop = min(start + block, len(order.names))
            rows.append(done.pop(0).rows if done else _copy_block(copy, start, stop, log))
            if check is not None:
                for name, row in zip(order.names[start:stop], rows[-1], strict=True):
                    check(name, row["waveform"].tobytes(), row["attributes"].tobytes())
        table = np.concatenate([np.empty(0, _ROW), *rows])
        file.finish(map(Written, order.names, table["header"].tolist()))
    return Copied(table["waveform"].tobytes(), table["attributes"].tobytes())


def _copy_block(copy: _Copy, start: int, stop: int, log: BinaryIO) -> np.ndarray:
    """Copy the traces from `start` to `stop`; returns their rows, which are in the journal too."""
    names, numbers = copy.order.names, copy.order.numbers
    first = copy.file.reserve(stop - start)
    # The header of a trace stands beside its samples: this is the order of the file.
    found = sorted(
        (numbers[i], copy.readers[numbers[i]].address(names[i]), i) for i in range(start, stop)
    )
    runs = [found[i : i + RUN] for i in range(0, len(found), RUN)]
    traces: list[_Trace] = []
    for some in copy.pool.map(lambda run: _copy_run(copy, run, first, start), runs):
        traces += some
        copy.bar.step(count=len(some))
    traces.sort(key=lambda trace: trace.place)
    content, headers = copy.file.lay_out(
        [(names[trace.place], trace.data, trace.attributes) for trace in traces]
    )
    copy.file.append(content)
    rows = np.empty(len(traces), _ROW)
    rows["header"] = [written.header for written in headers]
    rows["waveform"] = [np.void(trace.digest) for trace in traces]
    rows["attributes"] = [np.void(trace.attributes.digest()) for trace in traces]
    _record(log, rows, copy.file.end, content)
    return rows


def _copy_run(
    copy: _Copy, run: Sequence[tuple[int, int, int]], first: int, start: int
) -> list[_Trace]:
    """Copy the samples of some traces, in file order, and read their attributes."""
    waveform = np.empty(TRACE_SHAPE, DTYPE)
    heaps = [reader.heaps() for reader in copy.readers]
    traces = []
    for number, address, place in run:
        reader, name = copy.readers[number], copy.order.names[place]
        stored = reader.stored(name, address)
        reader.read_into(stored, waveform)
        check_finite(waveform, name, reader.path)
        data = first + (place - start) * TRACE_BYTES
        copy.file.write(data, waveform.data)
        attributes = reader.attributes(stored, heaps[number])
        traces.append(_Trace(place, data, attributes, waveform_digest(waveform.data)))
    return traces


def _record(log: BinaryIO, rows: np.ndarray, end: int, headers: bytes) -> None:
    record = _HEAD.pack(len(rows), end, _check(headers)) + rows.tobytes()
    log.write(record + _check(record))
    log.flush()


def _check(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=CHECK_BYTES).digest()


def _resume(order: Order, target: Path, journal: Path, block: int) -> list[_Record]:
    """Find the blocks that a run cut off has left whole, and clear away the rest."""
    identity = order.identity(block)
    records = []
    if target.exists() and journal.exists():
        content = journal.read_bytes()
        if content[:IDENTITY_BYTES] == identity:
            records = list(_whole_blocks(content[IDENTITY_BYTES:], target))
    if not records:
        target.unlink(missing_ok=True)
    journal.write_bytes(identity + b"".join(record.written for record in records))
    return records


def _whole_blocks(content: bytes, target: Path) -> Iterator[_Record]:
    """Read the journal as far as the blocks it names are in the target as they should be."""
    position, start = 0, FIRST_BLOCK
    with target.open("rb") as file:
        while len(content) - position >= _HEAD.size:
            count, end, headers = _HEAD.unpack_from(content, position)
            length = _HEAD.size + count * _ROW.itemsize
            record = content[position : position + length]
            position += length + CHECK_BYTES
            if content[position - CHECK_BYTES : position] != _check(record):
                return
            rows = np.frombuffer(record[_HEAD.size :], _ROW)
            if not _is_whole(file, rows, start, end, headers):
                return
            yield _Record(rows, end, record + _check(record))
            start = end


def _is_whole(file: BinaryIO, rows: np.ndarray, start: int, end: int, headers: bytes) -> bool:
    """Compare the samples of a block with their digests, and its headers with theirs."""
    file.seek(start)
    for row in rows:
        samples = file.read(TRACE_BYTES)
        if waveform_digest(samples) != row["waveform"].tobytes():
            return False
    return _check(file.read(max(0, end - file.tell()))) == headers
