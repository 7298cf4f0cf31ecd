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
from steadkit.hdf5 import Attributes, NewFile
from steadkit.hdf5.files import FIRST_BLOCK
from steadkit.schema import DATA_GROUP, TRACE_SHAPE
from steadkit.store.journal import IDENTITY_BYTES, ROW, Record, record_of, resume
from steadkit.store.reading import (
    DTYPE,
    TRACE_BYTES,
    Reader,
    Stored,
    are_finite,
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
"""Traces a thread takes at a time: few enough that their headers stay in the processor's cache."""

BATCH: Final = 16
"""Traces whose samples are read, checked and written at once."""


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


class _Trace(NamedTuple):
    """A trace whose samples are copied: its place in the order, and what else is known."""

    place: int
    attributes: Attributes
    digests: tuple[bytes, bytes]
    """Of the waveform and of the attributes."""


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
        pool = ThreadPoolExecutor(THREADS)
        stack.callback(pool.shutdown, cancel_futures=True)
        bar = Bar()
        bar.start(f"copying to {target.name}", len(order.names))
        stack.callback(bar.stop)
        yield _Copy(order, file, readers, pool, bar)


def _copy_blocks(copy: _Copy, blocks: Sequence[range]) -> Iterator[Record]:
    """Copy blocks one after another; the next is being read while one's headers are made."""
    if not blocks:
        return
    coming = _start(copy, blocks[0])
    for following in (*blocks[1:], range(0)):
        running, coming = coming, _start(copy, following)
        traces: list[_Trace] = []
        for future in running:
            traces += future.result()
            copy.bar.step(count=len(future.result()))
        yield _write_headers(copy, sorted(traces, key=lambda trace: trace.place))
        # The disk shall begin now, not when all is there.
        copy.pool.submit(os.fdatasync, copy.file.descriptor)


def _start(copy: _Copy, places: range) -> list[Future[list[_Trace]]]:
    """Let the pool copy some places of the order."""
    names, numbers = copy.order.names, copy.order.numbers
    # The header of a trace stands beside its samples: this is the order of the file.
    found = sorted((numbers[i], copy.readers[numbers[i]].address(names[i]), i) for i in places)
    return [
        copy.pool.submit(_copy_run, copy, found[i : i + RUN]) for i in range(0, len(found), RUN)
    ]


def _copy_run(copy: _Copy, run: Sequence[tuple[int, int, int]]) -> list[_Trace]:
    """Copy the samples of some traces, in file order, and read their attributes."""
    traces = []
    waveforms = np.empty((BATCH, *TRACE_SHAPE), DTYPE)
    for number, some in groupby(run, key=itemgetter(0)):
        reader, members = copy.readers[number], list(some)
        found = reader.many([(copy.order.names[place], address) for _, address, place in members])
        for first in range(0, len(members), BATCH):
            stored, attributes = zip(*found[first : first + BATCH], strict=True)
            places = [place for _, _, place in members[first : first + BATCH]]
            batch = waveforms[: len(places)]
            reader.read_all(stored, batch)
            _copy_samples(copy.file, reader, stored, places, batch)
            for place, one, waveform in zip(places, attributes, batch, strict=True):
                digests = waveform_digest(waveform.data), one.digest()
                traces.append(_Trace(place, one, digests))
    return traces


def _copy_samples(
    file: NewFile,
    reader: Reader,
    stored: Sequence[Stored],
    places: Sequence[int],
    waveforms: np.ndarray,
) -> None:
    """Write samples where their places in the order put them, if they are finite."""
    if not are_finite(waveforms):
        for one, waveform in zip(stored, waveforms, strict=True):
            check_finite(waveform, one.name, reader.path)
    for start, stop in runs(places, lambda place, following: following == place + 1):
        file.write(_data(places[start]), waveforms[start:stop].data)


def _data(place: int) -> int:
    return FIRST_BLOCK + place * TRACE_BYTES


def _write_headers(copy: _Copy, traces: Sequence[_Trace]) -> Record:
    content, headers = copy.file.lay_out((_data(trace.place), trace.attributes) for trace in traces)
    copy.file.append(content)
    rows = np.empty(len(traces), ROW)
    rows["header"] = headers
    for column, number in (("waveform", 0), ("attributes", 1)):
        digests = b"".join([trace.digests[number] for trace in traces])
        rows[column] = np.frombuffer(digests, rows.dtype[column])
    return record_of(rows, copy.file.end, content)
