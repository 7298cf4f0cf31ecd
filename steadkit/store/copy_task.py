"""Carry runs of traces: their samples to where they belong, all else back to who asked."""

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
"""Traces carried at once."""

PREALLOC_BYTES: Final = 30 << 20
"""Bytes that a hand takes and gives back before it begins.

Linux's C library returns large blocks to the system when they are freed, and the next such block is
mapped and filled with zeros anew, which took 9 us a trace. It keeps those up to the largest that it
has seen freed, of at most 32 MB.
"""


class Task(NamedTuple):
    """Traces to be carried, in the order in which they will stand in the new file."""

    names: Sequence[str]
    sources: Sequence[int]
    """The number of the source of each."""
    headers: Sequence[int]
    """The address of the object header of each in its source."""
    target: int
    """Where in the new file the samples of the first belong."""


class CopiedBatch(NamedTuple):
    """What is known of traces whose samples are in their place, or on their way there."""

    rows: np.ndarray
    """What the journal will say of each; where its header will be is not known yet."""
    attributes: list[tuple[np.ndarray, AttributeTable]]
    """Where the samples of some of them are, and their attributes."""


class SampleCheck(NamedTuple):
    """What is to be known of samples."""

    is_finite: bool
    digest: bytes


def _check_samples(samples: memoryview) -> SampleCheck:
    # One behind the other, while they are in the cache of the core.
    return SampleCheck(are_finite(np.frombuffer(samples, DTYPE)), waveform_digest(samples))


class _SourceTraces(NamedTuple):
    """Traces of a task that are in one source, in the order in which they lie in it."""

    reader: Reader
    numbers: np.ndarray
    """Of the traces in the task."""
    traces: list[tuple[str, int]]
    """Name and address of each."""
    windows: ReadAhead


class CopyWorker:
    """Carries one task at a time into a new file.

    Parameters
    ----------
    readers
        Of the sources, by number.
    descriptor
        The file to write.
    """

    def __init__(self, readers: Sequence[Reader], descriptor: int):
        self._readers = readers
        np.empty(PREALLOC_BYTES, np.uint8)
        self._memory = np.empty((TASK_TRACES, TRACE_BYTES + 2 * MAX_GAP_BYTES), np.uint8)
        self._placer = AsyncWriter(descriptor, TRACE_BYTES, TASK_TRACES)

    def carry(self, task: Task) -> CopiedBatch:
        """Bring the samples of some traces where they belong; read their attributes.

        They are being written while the next task is carried, see `settle`.

        Raises
        ------
        InputError
            A trace cannot be used; one that is not finite may have been written.
        OSError
            The disk was full or at fault when it wrote an earlier task's.
        """
        places = self._placer.places(task.target, len(task.names))
        looks: list[SampleCheck | None] = [None] * len(places)
        parts = self._read(task, places, looks)
        is_begun = None not in looks
        if is_begun:
            self._placer.begin()  # the disk is at work while the rest is looked at
        rows = np.empty(len(places), ROW)
        targets = task.target + TRACE_BYTES * np.arange(len(places))
        attributes = []
        for part in parts:
            found = part.reader.many(part.traces, part.windows)
            if not part.reader.are_in_place(found):
                self._bring(part, found, places, looks)
                is_begun = False
            for numbers, table in found.attributes:
                of_task = part.numbers[numbers]
                rows["attributes"][of_task] = table.digests()
                attributes.append((targets[of_task], table))
        if not is_begun:
            self._placer.begin()
        rows["waveform"] = [look.digest for look in _finite(task, looks, self._readers)]
        return CopiedBatch(rows, attributes)

    def settle(self) -> None:
        """Wait until all samples are written.

        Raises
        ------
        OSError
            The disk is full or at fault.
        """
        self._placer.wait()

    def _read(
        self, task: Task, places: Sequence[memoryview], looks: list[SampleCheck | None]
    ) -> list[_SourceTraces]:
        """Read what belongs to the traces of a task, each source in its own order.

        Samples go to their places, and looks at them to `looks`, as far as it can be told where
        they are before headers are understood.
        """
        parts, memory = [], self._memory
        in_order = sorted(zip(task.sources, task.headers, range(len(places)), strict=True))
        for source, some in groupby(in_order, key=itemgetter(0)):
            numbers = [number for _, _, number in some]

            def look(samples: memoryview, place: int, numbers: list[int] = numbers) -> None:
                self._placer.fill(numbers[place])
                looks[numbers[place]] = _check_samples(samples)

            traces = [(task.names[number], task.headers[number]) for number in numbers]
            windows = self._readers[source].ahead(
                traces,
                memory[: len(numbers)].reshape(-1),
                [places[number] for number in numbers],
                look,
            )
            parts.append(_SourceTraces(self._readers[source], np.array(numbers), traces, windows))
            memory = memory[len(numbers) :]
        return parts

    def _bring(
        self,
        part: _SourceTraces,
        found: StoredBatch,
        places: Sequence[memoryview],
        looks: list[SampleCheck | None],
    ) -> None:
        """Bring samples to their places that were not read there."""
        # Some may lie where others belong.
        apart = [*map(bytes, part.reader.samples(found))]
        self._placer.wait()
        for number, content in zip(part.numbers.tolist(), apart, strict=True):
            places[number][:] = content
            looks[number] = _check_samples(places[number])

    def close(self) -> None:
        """Give back what this needs."""
        self._placer.close()


def _finite(
    task: Task, looks: Sequence[SampleCheck | None], readers: Sequence[Reader]
) -> Iterator[SampleCheck]:
    """Give the look at each trace; refuse the first that is not finite."""
    for name, source, look in zip(task.names, task.sources, looks, strict=True):
        if look is None or not look.is_finite:
            raise not_finite(name, readers[source].path)
        yield look
