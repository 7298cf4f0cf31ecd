"""A new STEAD file out of the traces of others: read in file order, many at once, resumable.

The samples come first, in the order wanted, then the headers, block by block. Within a block
traces are read in the order in which they lie in their files and written where the order wanted
puts them, so that the result does not depend on how the sources are arranged. When a block is
whole, the journal records it, and a later run goes on behind it.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from steadkit.console import Bar
from steadkit.hdf5 import NewFile, Table
from steadkit.hdf5.files import FIRST_BLOCK
from steadkit.schema import DATA_GROUP, TRACE_SHAPE
from steadkit.store.journal import IDENTITY_BYTES, ROW, Record, record_of, resume
from steadkit.store.reading import (
    DTYPE,
    NEAR,
    TRACE_BYTES,
    Reader,
    check_finite,
    open_data,
    waveform_digest,
)
from steadkit.store.runs import runs

BLOCK: Final = 4096
"""Traces in a block: what is read in one sweep over the sources, and lost at most by a kill."""

THREADS: Final = 2
"""More would wait for one another: for the interpreter, and to write to one file."""

RUN: Final = 64
"""Traces a thread takes at a time: read, checked and written at once."""


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
        for start in range(0, len(self.names), BLOCK):
            hashed.update("\n".join(self.names[start : start + BLOCK]).encode())
        hashed.update(np.asarray(self.numbers, "<i4").tobytes())
        return hashed.digest()


class Copied(NamedTuple):
    """The digests of the traces copied, in their order, as bytes one behind the other."""

    waveforms: bytes
    attributes: bytes


class _Run(NamedTuple):
    """Traces whose samples are copied, and what else is known of them."""

    places: list[int]
    """Where in the order they stand."""
    attributes: list[tuple[np.ndarray, Table]]
    """The addresses of the samples of some of them, and their attributes."""
    rows: np.ndarray
    """What the journal will say of each; where its header will be is not known yet."""


@dataclass(frozen=True)
class _Copy:
    """What a copy works with."""

    order: Order
    file: NewFile
    readers: Sequence[Reader]
    pool: ThreadPoolExecutor
    bar: Bar
    flusher: ThreadPoolExecutor
    flushing: list[Future[None]]
    """What the flusher is at."""
    memory: list[np.ndarray]
    """What threads read into, free to be used by the next."""


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
    start = FIRST_BLOCK + len(order.names) * TRACE_BYTES
    done = resume(journal, order.identity(block), target, FIRST_BLOCK, start)
    blocks = [
        range(first, min(first + block, len(order.names)))
        for first in range(0, len(order.names), block)
    ]
    tables = [np.empty(0, ROW)]
    with _working(order, target, done[-1].end if done else None) as copy, journal.open("ab") as log:
        for record in done:
            copy.bar.step(count=len(record.rows))
        records = chain(done, _copy_blocks(copy, blocks[len(done) :]))
        for number, (places, record) in enumerate(zip(blocks, records, strict=True)):
            if check is not None:
                for place, row in zip(places, record.rows, strict=True):
                    digests = row["waveform"].tobytes(), row["attributes"].tobytes()
                    check(order.names[place], *digests)
            if number >= len(done):
                log.write(record.written)
                log.flush()
            tables.append(record.rows)
        table = np.concatenate(tables)
        copy.file.finish(order.names, table["header"])
    return Copied(table["waveform"].tobytes(), table["attributes"].tobytes())


@contextmanager
def _working(order: Order, target: Path, resume_at: int | None) -> Iterator[_Copy]:
    """Open all that a copy works with."""
    with ExitStack() as stack:
        file = NewFile(target, TRACE_SHAPE, DATA_GROUP, resume_at)
        stack.callback(file.close)
        if resume_at is None:
            file.reserve(len(order.names))
        readers = [Reader(stack.enter_context(open_data(path))) for path in order.sources]
        flusher, pool = ThreadPoolExecutor(1), ThreadPoolExecutor(THREADS)
        for one in (flusher, pool):
            stack.callback(one.shutdown, cancel_futures=True)
        bar = Bar()
        bar.start(f"copying to {target.name}", len(order.names))
        stack.callback(bar.stop)
        yield _Copy(order, file, readers, pool, bar, flusher, [], [])


def _copy_blocks(copy: _Copy, blocks: Sequence[range]) -> Iterator[Record]:
    """Copy blocks one after another; the next is being read while one's headers are made."""
    if not blocks:
        return
    coming = _start(copy, blocks[0])
    for block, following in zip(blocks, (*blocks[1:], range(0)), strict=True):
        running, coming = coming, _start(copy, following)
        copied: list[_Run] = []
        for future in running:
            copied.append(future.result())
            copy.bar.step(count=len(copied[-1].places))
            _flush(copy)
        yield _write_headers(copy, block, copied)


def _flush(copy: _Copy) -> None:
    """Let the disk begin now, not when all is there."""
    if not copy.flushing or copy.flushing[0].done():
        for done in copy.flushing:
            done.result()  # a disk at fault says so here
        copy.flushing[:] = [copy.flusher.submit(os.fdatasync, copy.file.descriptor)]


def _start(copy: _Copy, places: range) -> list[Future[_Run]]:
    """Let the pool copy some places of the order."""
    if not places:
        return []
    copy.file.allocate(_data(places[0]), len(places))
    names, numbers = copy.order.names, copy.order.numbers
    # The header of a trace stands beside its samples: this is the order of the file.
    found = sorted((numbers[i], copy.readers[numbers[i]].address(names[i]), i) for i in places)
    running = []
    for number, some in groupby(found, key=itemgetter(0)):
        traces = [(place, address) for _, address, place in some]
        for first in range(0, len(traces), RUN):
            run = traces[first : first + RUN]
            running.append(copy.pool.submit(_copy_run, copy, copy.readers[number], run))
    return running


def _copy_run(copy: _Copy, reader: Reader, run: Sequence[tuple[int, int]]) -> _Run:
    """Copy the samples of some traces of one source, in file order, and read their attributes."""
    places = [place for place, _ in run]
    memory = (
        copy.memory.pop() if copy.memory else np.empty(RUN * (TRACE_BYTES + 2 * NEAR), np.uint8)
    )
    found = reader.many([(copy.order.names[place], address) for place, address in run], memory)
    samples = reader.samples(found)
    for one, waveform in zip(found.stored, samples, strict=True):
        check_finite(np.frombuffer(waveform, DTYPE), one.name, reader.path)
    for start, stop in runs(places, lambda place, following: following == place + 1):
        copy.file.write(_data(places[start]), *samples[start:stop])
    rows = np.empty(len(run), ROW)
    rows["waveform"] = [waveform_digest(waveform) for waveform in samples]
    attributes = []
    for numbers, table in found.attributes:
        rows["attributes"][numbers] = table.digests()
        attributes.append((np.array([_data(places[number]) for number in numbers]), table))
    copy.memory.append(memory)
    return _Run(places, attributes, rows)


def _data(place: int) -> int:
    return FIRST_BLOCK + place * TRACE_BYTES


def _write_headers(copy: _Copy, block: range, copied: Sequence[_Run]) -> Record:
    rows = np.empty(len(block), ROW)
    for run in copied:
        rows[np.array(run.places) - block.start] = run.rows
    content, rows["header"] = copy.file.lay_out([pair for run in copied for pair in run.attributes])
    copy.file.append(content)
    return record_of(rows, copy.file.end, content)
