"""Copy batches of traces: write samples at their final offsets, return headers and digests."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

import numpy as np

from steadkit.hdf5 import AttributeTable, ReadAhead
from steadkit.store.async_writer import AsyncWriter
from steadkit.store.journal import ROW
from steadkit.store.reader import MAX_GAP_BYTES, Reader, StoredBatch
from steadkit.store.samples import DTYPE, TRACE_BYTES, are_finite, not_finite, waveform_digest

TASK_TRACES: Final = 256
"""Traces of a batch."""

PREALLOC_BYTES: Final = 30 << 20
"""Bytes that a worker allocates and frees before it begins.

Linux's C library returns large blocks to the system when they are freed, and the next such block is
mapped and zeroed again, which took 9 us a trace. It keeps blocks up to the largest size that it has
seen freed, of at most 32 MB.
"""


class Task(NamedTuple):
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

    def copy_batch(self, task: Task) -> CopiedBatch:
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
        rows["waveform"] = [check.digest for check in _finite_checks(task, checks, self._readers)]
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
        self, task: Task, buffers: Sequence[memoryview], checks: list[SampleCheck | None]
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


def _finite_checks(
    task: Task, checks: Sequence[SampleCheck | None], readers: Sequence[Reader]
) -> Iterator[SampleCheck]:
    """Yield the check of each trace; refuse the first that is not finite."""
    for name, source, check in zip(task.names, task.sources, checks, strict=True):
        if check is None or not check.is_finite:
            raise not_finite(name, readers[source].path)
        yield check
