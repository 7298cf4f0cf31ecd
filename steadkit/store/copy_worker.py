"""Copy batches of traces: write samples at their final offsets, return headers and digests.

A `CopyWorker` copies in the process that calls it, a `CopyProcess` in a worker process.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from steadkit.errors import InputError
from steadkit.hdf5 import AttributeTable, ReadAhead
from steadkit.hdf5.direct_io import MAX_UNWRITTEN_BATCHES, AsyncWriter
from steadkit.processes import Worker
from steadkit.store.journal import ROW
from steadkit.store.open import (
    DTYPE,
    TRACE_BYTES,
    are_finite,
    nonfinite_error,
    open_data,
    waveform_digest,
)
from steadkit.store.reader import MAX_GAP_BYTES, Reader, StoredBatch

TASK_TRACES: Final = 256
"""Traces of a batch."""

PREALLOC_BYTES: Final = 30 << 20
"""Bytes that a worker allocates and frees before it begins.

Linux's C library returns large blocks to the system when they are freed, and the next such block is
mapped and zeroed again, which took 9 us a trace. It keeps blocks up to the largest size that it has
seen freed, of at most 32 MB.
"""


class CopyTask(NamedTuple):
    """Traces to copy, in their order in the new file."""

    names: Sequence[str]
    sources: Sequence[int]
    """The number of the source of each."""
    headers: Sequence[int]
    """The address of the object header of each in its source."""
    target: int
    """Offset in the new file of the samples of the first."""


class CopiedBatch(NamedTuple):
    """The digests and attributes of traces whose samples are written or submitted."""

    rows: np.ndarray
    """Their rows of the journal; the addresses of their headers are not known yet."""
    attributes: list[tuple[np.ndarray, AttributeTable]]
    """The addresses of the samples of some of them, and their attributes."""


class SampleCheck(NamedTuple):
    """Whether the samples of a trace are finite, and their digest."""

    is_finite: bool
    digest: bytes


def _check_samples(samples: memoryview) -> SampleCheck:
    # Both in a row for each trace, while its samples are in the cache of the core.
    return SampleCheck(are_finite(np.frombuffer(samples, DTYPE)), waveform_digest(samples))


class _SourceTraces(NamedTuple):
    """Traces of a task that are in one source, in their order in it."""

    reader: Reader
    numbers: np.ndarray
    """Numbers of the traces in the task."""
    traces: list[tuple[str, int]]
    """Name and header address of each."""
    read_ahead: ReadAhead


class CopyWorker:
    """Copy one batch at a time into a new file; not safe from several threads.

    Parameters
    ----------
    readers
        Of the sources, by number.
    descriptor
        The file to write.
    """

    def __init__(self, readers: Sequence[Reader], descriptor: int):
        self._readers = readers
        # Freed at once, which is the purpose; two thirds of the page faults of a copy are gone.
        np.empty(PREALLOC_BYTES, np.uint8)
        # For the samples of each trace and what lies close before and behind them.
        self._memory = np.empty((TASK_TRACES, TRACE_BYTES + 2 * MAX_GAP_BYTES), np.uint8)
        self._writer = AsyncWriter(descriptor, TRACE_BYTES, TASK_TRACES)

    def copy_batch(self, task: CopyTask) -> CopiedBatch:
        """Copy the samples of some traces and read their attributes.

        The samples are being written while the next batch is copied, see `flush`.

        Raises
        ------
        InputError
            A trace cannot be used; one that is not finite may have been written.
        OSError
            The disk was full or failed when it wrote an earlier batch.
        """
        buffers = self._writer.buffers(task.target, len(task.names))
        # None until the samples of a trace are in their buffer.
        checks: list[SampleCheck | None] = [None] * len(buffers)
        parts = self._read(task, buffers, checks)
        # Written before headers are parsed: the disk works meanwhile. Should a header then show
        # that its samples are elsewhere, the batch is corrected and written again.
        is_submitted = None not in checks
        if is_submitted:
            self._writer.submit()
        rows = np.empty(len(buffers), ROW)
        targets = task.target + TRACE_BYTES * np.arange(len(buffers))
        attributes = []
        for part in parts:
            batch = part.reader.read_batch(part.traces, part.read_ahead)
            # The predicted address was not that of the parsed header: what was read there are no
            # samples of it.
            if not part.reader.all_prefilled(batch):
                self._fill_buffers(part, batch, buffers, checks)
                is_submitted = False
            for numbers, table in batch.attributes:
                task_numbers = part.numbers[numbers]
                rows["attributes"][task_numbers] = table.digests()
                attributes.append((targets[task_numbers], table))
        if not is_submitted:
            self._writer.submit()
        for name, source, check in zip(task.names, task.sources, checks, strict=True):
            if check is None or not check.is_finite:
                raise nonfinite_error(name, self._readers[source].path)
        rows["waveform"] = [check.digest for check in checks if check is not None]
        return CopiedBatch(rows, attributes)

    def flush(self) -> None:
        """Wait until all samples are written.

        Raises
        ------
        OSError
            The disk is full or failed.
        """
        self._writer.wait()

    def _read(
        self, task: CopyTask, buffers: Sequence[memoryview], checks: list[SampleCheck | None]
    ) -> list[_SourceTraces]:
        """Read ahead for the traces of a task, each source in its own order.

        Samples go to their buffers and their checks to `checks`, as far as their addresses can be
        predicted before headers are parsed.
        """
        parts, memory = [], self._memory
        # Ascending addresses: the disk reads each source from front to back, in whatever order it
        # is written.
        by_address = sorted(zip(task.sources, task.headers, range(len(buffers)), strict=True))
        for source, rows in groupby(by_address, key=itemgetter(0)):
            numbers = [number for _, _, number in rows]

            def on_read(samples: memoryview, index: int, numbers: list[int] = numbers) -> None:
                self._writer.mark_filled(numbers[index])
                checks[numbers[index]] = _check_samples(samples)

            traces = [(task.names[number], task.headers[number]) for number in numbers]
            read_ahead = self._readers[source].read_ahead(
                traces,
                memory[: len(numbers)].reshape(-1),
                [buffers[number] for number in numbers],
                on_read,
            )
            parts.append(
                _SourceTraces(self._readers[source], np.array(numbers), traces, read_ahead)
            )
            # The next source must not overwrite what this one has read ahead.
            memory = memory[len(numbers) :]
        return parts

    def _fill_buffers(
        self,
        part: _SourceTraces,
        batch: StoredBatch,
        buffers: Sequence[memoryview],
        checks: list[SampleCheck | None],
    ) -> None:
        """Copy the samples of a source to their buffers, as not all were read there."""
        # Copies: the samples of one trace may lie in the buffer of another one.
        samples = [*map(bytes, part.reader.samples(batch))]
        # The buffers may be being written; changed now, old and new bytes would mix in the file.
        self._writer.wait()
        for number, content in zip(part.numbers.tolist(), samples, strict=True):
            buffers[number][:] = content
            checks[number] = _check_samples(buffers[number])

    def close(self) -> None:
        """Write what was submitted and release the writer."""
        self._writer.close()


class CopySetup(NamedTuple):
    """Arguments of a copy process."""

    sources: list[tuple[Path, tuple[int, int], int]]
    """The source files by the numbers that tasks use: path, device and inode, and how many traces
    are read of each."""
    descriptor: int
    """The file to write."""


class CopyProcess:
    """A process with the interface of a `steadkit.store.copy_worker.CopyWorker`.

    Parameters
    ----------
    sources
        The source files by the numbers that tasks use.
    n_traces
        How many traces are read of each.
    descriptor
        The file to write.
    """

    def __init__(self, sources: Sequence[Path], n_traces: Sequence[int], descriptor: int):
        files = [
            (path.resolve(), _identity(path), number)
            for path, number in zip(sources, n_traces, strict=True)
        ]
        setup = CopySetup(files, descriptor)
        self._process = Worker(f"{__name__}:copy_main", setup, [descriptor])
        # A batch is answered before it is written, so the last ones are kept for a replacement.
        self.unflushed: deque[CopyTask] = deque(maxlen=MAX_UNWRITTEN_BATCHES)
        """Most recent tasks: lost if the process dies before they are flushed."""

    def copy_batch(self, task: CopyTask) -> CopiedBatch:
        """Copy a batch in the process, as `CopyWorker.copy_batch` does.

        Raises
        ------
        WorkerDiedError
            The process has ended.
        """
        copied: CopiedBatch = self._process.call(task)
        self.unflushed.append(task)
        return copied

    def flush(self) -> None:
        """Wait until the process has written all samples, as `CopyWorker.flush` does.

        Raises
        ------
        WorkerDiedError
            The process has ended.
        """
        self._process.call(None)
        self.unflushed.clear()

    def close(self) -> None:
        """End the process."""
        self._process.close()


@contextmanager
def copy_main(setup: CopySetup) -> Iterator[Callable[[CopyTask | None], CopiedBatch | None]]:
    """Open the sources in the worker process; yields a function of a task, None for a flush."""
    with ExitStack() as stack:
        readers = [
            Reader(stack.enter_context(open_data(path)), number)
            for path, _, number in setup.sources
        ]
        # After opening, so that a file put in the place of a source is noticed in any case.
        for path, identity, _ in setup.sources:
            if _identity(path) != identity:
                raise InputError(f"{str(path)!r} was replaced meanwhile: run it again")
        worker = CopyWorker(readers, setup.descriptor)
        stack.callback(worker.close)
        yield lambda task: worker.flush() if task is None else worker.copy_batch(task)


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
