"""Resumable copy of traces into a new STEAD file, in batches that are read in file plan.

The samples come first, in the order of the plan, then the headers, block by block. The traces of a
batch are read in the order of their addresses, each to its position in the plan, and written at
once; so the bytes of the result do not depend on how the sources are arranged. When a block is
complete, the journal records it, and a later run continues behind it.
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
from steadkit.store.copy_worker import TASK_TRACES, CopiedBatch, CopyProcess, CopyTask, CopyWorker
from steadkit.store.journal import IDENTITY_BYTES, ROW, Record, make_record, resume_journal
from steadkit.store.open import TRACE_BYTES, open_data
from steadkit.store.reader import Reader
from steadkit.store.trace_index import find_headers

BLOCK_TRACES: Final = 4096
"""Traces of a block: their headers are written together, and a kill loses at most one block."""

THREADS: Final = 2
"""Threads that copy where no processes do; more would wait for the interpreter lock."""

MIN_TRACES_FOR_PROCESSES: Final = 1024
MAX_PROCESSES: Final = 3
"""Traces from which on processes, which take a moment to start, are used, and how many at most."""

FLUSH_EVERY: Final = 8
"""Batches between two calls of `fdatasync`; more frequent calls cost more than they save."""


@dataclass(frozen=True)
class CopyPlan:
    """Traces in the order of the new file, and the number of the source that holds each."""

    sources: Sequence[Path]
    names: Sequence[str]
    numbers: Sequence[int] | np.ndarray

    @property
    def n_traces(self) -> list[int]:
        """Number of traces that are copied from each source."""
        counts: list[int] = np.bincount(self.numbers, minlength=len(self.sources)).tolist()
        return counts

    def identity(self, block: int) -> bytes:
        """Return a digest of this copy: another plan or a changed source has another one."""
        hashed = hashlib.blake2b(str(block).encode(), digest_size=IDENTITY_BYTES)
        # Size and time notice a source that was changed between two runs; reading it would take as
        # long as the copy.
        for path in self.sources:
            status = path.stat()
            hashed.update(os.fsencode(path.resolve()))
            hashed.update(f"\n{status.st_size}\n{status.st_mtime_ns}\n".encode())
        # In pieces, as the names of all of STEAD are one text of 30 MB.
        for start in range(0, len(self.names), BLOCK_TRACES):
            hashed.update("\n".join(self.names[start : start + BLOCK_TRACES]).encode())
        hashed.update(np.asarray(self.numbers, "<i4").tobytes())
        return hashed.digest()


class CopyDigests(NamedTuple):
    """The digests of the copied traces in their order, concatenated."""

    waveforms: bytes
    attributes: bytes


@dataclass(frozen=True)
class _Copy:
    """The open files and workers of a copy."""

    plan: CopyPlan
    file: Hdf5Writer
    readers: Sequence[Reader]
    headers: np.ndarray
    """The address of the header of each trace in its source; 0 for those copied by earlier runs."""
    pool: ThreadPoolExecutor
    """A thread for each worker: a thread that drives a process only waits for it."""
    workers: SimpleQueue[CopyWorker | CopyProcess]
    """Idle workers."""
    bar: ProgressBar
    syncer: ThreadPoolExecutor
    syncing: list[Future[None]]
    """The call of `fdatasync` in progress, or the last one."""
    stack: ExitStack
    """Closes everything in the end, in reverse order: workers before readers and file."""


Check = Callable[[str, bytes, bytes], object]


def copy_traces(
    plan: CopyPlan,
    target: Path,
    journal: Path,
    check: Check | None = None,
    block: int = BLOCK_TRACES,
) -> CopyDigests:
    """Copy traces with all their attributes into a new file, or resume an interrupted copy.

    Parameters
    ----------
    plan
        Traces and their sources.
    target
        The file to write, a temporary one of `steadkit.atomic.atomic_write`.
    journal
        File next to the target that records complete blocks.
    check
        Called with name, waveform digest and attributes digest of every trace; may refuse it.
    block
        Traces of a block.

    Raises
    ------
    InputError
        A source or a trace in it cannot be used.
    """
    # Headers begin behind the samples of all traces, in every run alike.
    start = FIRST_BLOCK + len(plan.names) * TRACE_BYTES
    complete = resume_journal(journal, plan.identity(block), target, FIRST_BLOCK, start)
    blocks = [
        range(first, min(first + block, len(plan.names)))
        for first in range(0, len(plan.names), block)
    ]
    tables = [np.empty(0, ROW)]
    n_copied = sum(len(record.rows) for record in complete)
    resume_at = complete[-1].end if complete else None
    with _open_copy(plan, target, n_copied, resume_at) as copy, journal.open("ab") as log:
        copy.bar.step(count=n_copied)
        records = chain(complete, _copy_blocks(copy, blocks[len(complete) :]))
        for number, (block_indices, record) in enumerate(zip(blocks, records, strict=True)):
            # Blocks of earlier runs too: this caller has not seen their digests.
            if check is not None:
                for index, row in zip(block_indices, record.rows, strict=True):
                    digests = row["waveform"].tobytes(), row["attributes"].tobytes()
                    check(plan.names[index], *digests)
            if number >= len(complete):
                # Only after the check: a trace that it refuses must not count as copied.
                log.write(record.content)
                log.flush()
            tables.append(record.rows)
        table = np.concatenate(tables)
        # Last of all: what a killed run leaves is a copy to resume, and never an HDF5 file.
        copy.file.finalize(plan.names, table["header"])
    return CopyDigests(table["waveform"].tobytes(), table["attributes"].tobytes())


@contextmanager
def _open_copy(plan: CopyPlan, target: Path, n_done: int, resume_at: int | None) -> Iterator[_Copy]:
    """Open the files and start the workers of a copy."""
    with ExitStack() as stack:
        file = Hdf5Writer(target, TRACE_SHAPE, DATA_GROUP, resume_at)
        stack.callback(file.close)
        if resume_at is None:
            # All samples before all headers: so the offset of each trace follows from its index.
            file.reserve(len(plan.names))
        # The main process opens the sources too: it looks up names, and copies where a process has
        # died.
        readers = [
            Reader(stack.enter_context(open_data(path)), number)
            for path, number in zip(plan.sources, plan.n_traces, strict=True)
        ]
        headers = _header_addresses(plan, readers, n_done)
        workers: SimpleQueue[CopyWorker | CopyProcess] = SimpleQueue()
        # Two threads are worth little more than one: each holds the interpreter for half of its
        # work.
        n_processes = _n_processes(len(plan.names) - n_done)
        for _ in range(n_processes):
            process = CopyProcess(plan.sources, plan.n_traces, file.descriptor)
            stack.callback(process.close)
            workers.put(process)
        for _ in range(1 if n_processes else THREADS):
            workers.put(_new_worker(stack, file, readers))
        syncer, pool = ThreadPoolExecutor(1), ThreadPoolExecutor(workers.qsize())
        # Registered after the files, so shut down before: no task may run when these are closed.
        for executor in (syncer, pool):
            stack.callback(executor.shutdown, cancel_futures=True)
        # Last, so that an error before leaves no bar on the terminal.
        bar = ProgressBar()
        bar.start(f"copying to {target.name}", len(plan.names))
        stack.callback(bar.stop)
        yield _Copy(plan, file, readers, headers, pool, workers, bar, syncer, [], stack)


def _header_addresses(plan: CopyPlan, readers: Sequence[Reader], n_done: int) -> np.ndarray:
    """Look up all traces but the first `n_done`, which have been copied."""
    headers, numbers = np.zeros(len(plan.names), np.int64), np.asarray(plan.numbers)
    for number, reader in enumerate(readers):
        rows = n_done + np.flatnonzero(numbers[n_done:] == number)
        # One call for each source, in which many names are found by one pass through its symbol
        # table.
        headers[rows] = find_headers(reader, [plan.names[row] for row in rows.tolist()])
    return headers


def _n_processes(n_traces: int) -> int:
    # A core is left to this process, which copies too and writes the headers.
    return min(count_cores() - 1, MAX_PROCESSES) if n_traces >= MIN_TRACES_FOR_PROCESSES else 0


def _new_worker(stack: ExitStack, file: Hdf5Writer, readers: Sequence[Reader]) -> CopyWorker:
    worker = CopyWorker(readers, file.descriptor)
    stack.callback(worker.close)
    return worker


def _copy_blocks(copy: _Copy, blocks: Sequence[range]) -> Iterator[Record]:
    """Copy blocks one after another; each is read while the headers of the last one are made."""
    if not blocks:
        return
    next_futures = _start_block(copy, blocks[0])
    for block, next_block in zip(blocks, (*blocks[1:], range(0)), strict=True):
        # The next block is queued before this one is awaited, so that no worker is ever idle.
        futures, next_futures = next_futures, _start_block(copy, next_block)
        batches = []
        for number, future in enumerate(futures):
            batches.append(future.result())
            copy.bar.step(count=len(batches[-1].rows))
            if number % FLUSH_EVERY == 0:
                _sync(copy)
        # Earlier blocks need no flush: should the process be killed, a later run compares the
        # samples of each block with the digests of its record before it believes the journal.
        if not next_block:
            _flush_workers(copy)
        yield _write_headers(copy, block, batches)


def _sync(copy: _Copy) -> None:
    """Start `fdatasync` in the background, so that the disk does not begin only at the end."""
    # One call at a time: each covers all writes before it, so that a second one would only wait.
    if not copy.syncing or copy.syncing[0].done():
        for finished in copy.syncing:
            finished.result()  # raises the error of a disk that failed
        copy.syncing[:] = [copy.syncer.submit(os.fdatasync, copy.file.descriptor)]


def _start_block(copy: _Copy, block: range) -> list[Future[CopiedBatch]]:
    """Submit the batches of a block to the pool."""
    if not block:
        return []
    # Before any write of the block: extents laid out in one piece took 19 us a trace to write, not
    # 27, and a full disk is noticed at once.
    copy.file.allocate(_sample_offset(block[0]), len(block))
    names, numbers = copy.plan.names, copy.plan.numbers
    futures = []
    for first in range(block.start, block.stop, TASK_TRACES):
        last = min(first + TASK_TRACES, block.stop)
        # Python's integers, as a task is pickled for a process and NumPy's take more room.
        sources = [int(number) for number in numbers[first:last]]
        headers = copy.headers[first:last].tolist()
        task = CopyTask(names[first:last], sources, headers, _sample_offset(first))
        futures.append(copy.pool.submit(_copy_batch, copy, task))
    return futures


def _copy_batch(copy: _Copy, task: CopyTask) -> CopiedBatch:
    """Run a task on an idle worker; a process that died is replaced by a worker of this one."""
    worker = copy.workers.get()
    try:
        return worker.copy_batch(task)
    except WorkerDiedError:
        worker = _replace(copy, worker)
        return worker.copy_batch(task)
    finally:
        # Also after an error: a pool thread without a worker would wait for one for ever.
        copy.workers.put(worker)


def _replace(copy: _Copy, dead: CopyWorker | CopyProcess) -> CopyWorker:
    """Return a worker for a process that died, after it has copied its unflushed tasks again."""
    worker = _new_worker(copy.stack, copy.file, copy.readers)
    if isinstance(dead, CopyProcess):
        # These were answered, but the process may have died before their bytes reached the file.
        for task in dead.unflushed:
            worker.copy_batch(task)
    return worker


def _flush_workers(copy: _Copy) -> None:
    """Take every worker out of service once it has written all its samples."""
    # No task is left, so all workers are idle; none is put back.
    for _ in range(copy.workers.qsize()):
        worker = copy.workers.get()
        try:
            worker.flush()
        except WorkerDiedError:
            _replace(copy, worker).flush()
        if isinstance(worker, CopyProcess):
            copy.pool.submit(worker.close)  # it takes a moment


def _sample_offset(index: int) -> int:
    return FIRST_BLOCK + index * TRACE_BYTES


def _write_headers(copy: _Copy, block: range, batches: Sequence[CopiedBatch]) -> Record:
    rows = np.concatenate([batch.rows for batch in batches])
    # Once for the block and not for each batch: a table of each schema is laid out as arrays.
    datasets = group_by_schema([pair for batch in batches for pair in batch.attributes])
    content, rows["header"] = copy.file.layout(datasets)
    copy.file.append(content)
    # After the headers are written: the record must not exist before what it vouches for.
    return make_record(rows, copy.file.end, content)
