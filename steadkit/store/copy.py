"""A new STEAD file out of the traces of others: a run at a time, read in file order, resumable.

The samples come first, in the order wanted, then the headers, block by block. Within a run of
neighbours traces are read in the order in which they lie in their files, each to where the order
wanted has it, and written as one; so the result does not depend on how the sources are arranged.
When a block is whole, the journal records it, and a later run goes on behind it.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from queue import SimpleQueue
from typing import Final, NamedTuple

import numpy as np

from steadkit.console import ProgressBar
from steadkit.hdf5 import Hdf5Writer, group_by_schema
from steadkit.hdf5.writer import FIRST_BLOCK
from steadkit.processes import WorkerDiedError, count_cores
from steadkit.schema import DATA_GROUP, TRACE_SHAPE
from steadkit.store.copy_process import CopyProcess
from steadkit.store.copy_task import TASK_TRACES, CopiedBatch, CopyWorker, Task
from steadkit.store.journal import IDENTITY_BYTES, ROW, Record, record_of, resume
from steadkit.store.open import open_data
from steadkit.store.reader import Reader
from steadkit.store.samples import TRACE_BYTES
from steadkit.store.trace_index import find_headers

BLOCK_TRACES: Final = 4096
"""Traces in a block: those whose headers are written together, and lost at most by a kill."""

THREADS: Final = 2
"""That carry where no process helps: more would wait for the interpreter and for one another."""

MIN_TRACES_FOR_PROCESSES: Final = 1024
MAX_PROCESSES: Final = 3
"""Traces from which on processes help, which take a moment to begin, and how many at most."""


FLUSH_EVERY: Final = 8
"""Runs after which the disk is told to go on; oftener costs more than it gives."""


@dataclass(frozen=True)
class CopyPlan:
    """What to copy: traces in the order wanted, and which of the sources holds each."""

    sources: Sequence[Path]
    names: Sequence[str]
    numbers: Sequence[int] | np.ndarray

    @property
    def n_traces(self) -> list[int]:
        """How many traces each of the sources gives."""
        counts: list[int] = np.bincount(self.numbers, minlength=len(self.sources)).tolist()
        return counts

    def identity(self, block: int) -> bytes:
        """Tell this copy from any other one, also from one of sources changed since."""
        hashed = hashlib.blake2b(str(block).encode(), digest_size=IDENTITY_BYTES)
        for path in self.sources:
            status = path.stat()
            hashed.update(os.fsencode(path.resolve()))
            hashed.update(f"\n{status.st_size}\n{status.st_mtime_ns}\n".encode())
        for start in range(0, len(self.names), BLOCK_TRACES):
            hashed.update("\n".join(self.names[start : start + BLOCK_TRACES]).encode())
        hashed.update(np.asarray(self.numbers, "<i4").tobytes())
        return hashed.digest()


class CopyDigests(NamedTuple):
    """The digests of the traces copied, in their order, as bytes one behind the other."""

    waveforms: bytes
    attributes: bytes


@dataclass(frozen=True)
class _Copy:
    """What a copy works with."""

    order: CopyPlan
    file: Hdf5Writer
    readers: Sequence[Reader]
    headers: np.ndarray
    """The address of the header of each trace in its source; of those copied before it is 0."""
    pool: ThreadPoolExecutor
    hands: SimpleQueue[CopyWorker | CopyProcess]
    """Who carries, a thread of the pool each."""
    bar: ProgressBar
    flusher: ThreadPoolExecutor
    flushing: list[Future[None]]
    """What the flusher is at."""
    stack: ExitStack
    """What is given back in the end."""


Check = Callable[[str, bytes, bytes], object]


def copy_traces(
    order: CopyPlan,
    target: Path,
    journal: Path,
    check: Check | None = None,
    block: int = BLOCK_TRACES,
) -> CopyDigests:
    """Copy traces with all their attributes into a new file, or go on where a copy was cut off.

    Parameters
    ----------
    order
        What to copy.
    target
        The file to write, where `steadkit.atomic.atomic_write` says.
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
    copied = sum(len(record.rows) for record in done)
    resume_at = done[-1].end if done else None
    with _working(order, target, copied, resume_at) as copy, journal.open("ab") as log:
        copy.bar.step(count=copied)
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
    return CopyDigests(table["waveform"].tobytes(), table["attributes"].tobytes())


@contextmanager
def _working(order: CopyPlan, target: Path, done: int, resume_at: int | None) -> Iterator[_Copy]:
    """Open all that a copy works with."""
    with ExitStack() as stack:
        file = Hdf5Writer(target, TRACE_SHAPE, DATA_GROUP, resume_at)
        stack.callback(file.close)
        if resume_at is None:
            file.reserve(len(order.names))
        readers = [
            Reader(stack.enter_context(open_data(path)), number)
            for path, number in zip(order.sources, order.n_traces, strict=True)
        ]
        headers = _headers(order, readers, done)
        hands: SimpleQueue[CopyWorker | CopyProcess] = SimpleQueue()
        helpers = _helpers(len(order.names) - done)
        for _ in range(helpers):
            helper = CopyProcess(order.sources, order.n_traces, file.descriptor)
            stack.callback(helper.close)
            hands.put(helper)
        for _ in range(1 if helpers else THREADS):
            hands.put(_own_hand(stack, file, readers))
        flusher, pool = ThreadPoolExecutor(1), ThreadPoolExecutor(hands.qsize())
        for one in (flusher, pool):
            stack.callback(one.shutdown, cancel_futures=True)
        bar = ProgressBar()
        bar.start(f"copying to {target.name}", len(order.names))
        stack.callback(bar.stop)
        yield _Copy(order, file, readers, headers, pool, hands, bar, flusher, [], stack)


def _headers(order: CopyPlan, readers: Sequence[Reader], done: int) -> np.ndarray:
    """Look up all traces but the first, which have been copied."""
    headers, numbers = np.zeros(len(order.names), np.int64), np.asarray(order.numbers)
    for number, reader in enumerate(readers):
        rows = done + np.flatnonzero(numbers[done:] == number)
        headers[rows] = find_headers(reader, [order.names[row] for row in rows.tolist()])
    return headers


def _helpers(traces: int) -> int:
    """Tell how many processes shall help to copy so many traces."""
    return min(count_cores() - 1, MAX_PROCESSES) if traces >= MIN_TRACES_FOR_PROCESSES else 0


def _own_hand(stack: ExitStack, file: Hdf5Writer, readers: Sequence[Reader]) -> CopyWorker:
    hand = CopyWorker(readers, file.descriptor)
    stack.callback(hand.close)
    return hand


def _copy_blocks(copy: _Copy, blocks: Sequence[range]) -> Iterator[Record]:
    """Copy blocks one after another; the next is being read while one's headers are made."""
    if not blocks:
        return
    coming = _start(copy, blocks[0])
    for block, following in zip(blocks, (*blocks[1:], range(0)), strict=True):
        running, coming = coming, _start(copy, following)
        carried = []
        for number, future in enumerate(running):
            carried.append(future.result())
            copy.bar.step(count=len(carried[-1].rows))
            if number % FLUSH_EVERY == 0:
                _flush(copy)
        if not following:
            _settle(copy)
        yield _write_headers(copy, block, carried)


def _flush(copy: _Copy) -> None:
    """Let the disk begin now, not when all is there."""
    if not copy.flushing or copy.flushing[0].done():
        for done in copy.flushing:
            done.result()  # a disk at fault says so here
        copy.flushing[:] = [copy.flusher.submit(os.fdatasync, copy.file.descriptor)]


def _start(copy: _Copy, places: range) -> list[Future[CopiedBatch]]:
    """Let the pool carry the traces of some places of the order."""
    if not places:
        return []
    copy.file.allocate(_data(places[0]), len(places))
    names, numbers = copy.order.names, copy.order.numbers
    running = []
    for first in range(places.start, places.stop, TASK_TRACES):
        last = min(first + TASK_TRACES, places.stop)
        sources = [int(number) for number in numbers[first:last]]
        headers = copy.headers[first:last].tolist()
        task = Task(names[first:last], sources, headers, _data(first))
        running.append(copy.pool.submit(_carry, copy, task))
    return running


def _carry(copy: _Copy, task: Task) -> CopiedBatch:
    """Give a task to a hand that is free; a helper that is gone is replaced by ourselves."""
    hand = copy.hands.get()
    try:
        return hand.carry(task)
    except WorkerDiedError:
        hand = _in_place_of(copy, hand)
        return hand.carry(task)
    finally:
        copy.hands.put(hand)


def _in_place_of(copy: _Copy, gone: CopyWorker | CopyProcess) -> CopyWorker:
    """Take over from a helper that is gone, with what it may not have written."""
    hand = _own_hand(copy.stack, copy.file, copy.readers)
    if isinstance(gone, CopyProcess):
        for task in gone.unsettled:
            hand.carry(task)
    return hand


def _settle(copy: _Copy) -> None:
    """Let every hand write all that it has carried; the helpers may go then."""
    for _ in range(copy.hands.qsize()):
        hand = copy.hands.get()
        try:
            hand.settle()
        except WorkerDiedError:
            _in_place_of(copy, hand).settle()
        if isinstance(hand, CopyProcess):
            copy.pool.submit(hand.close)  # it takes a moment


def _data(place: int) -> int:
    return FIRST_BLOCK + place * TRACE_BYTES


def _write_headers(copy: _Copy, block: range, carried: Sequence[CopiedBatch]) -> Record:
    rows = np.concatenate([one.rows for one in carried])
    datasets = group_by_schema([pair for one in carried for pair in one.attributes])
    content, rows["header"] = copy.file.lay_out(datasets)
    copy.file.append(content)
    return record_of(rows, copy.file.end, content)
