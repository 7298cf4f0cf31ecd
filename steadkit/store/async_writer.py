"""Write-behind of samples: a double-buffered background writer that bypasses the page cache.

Samples are read into the buffers that they are written from; see `steadkit.hdf5.direct_io` for
why these are aligned as the file is.
"""

import mmap
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, NamedTuple

from steadkit.hdf5 import PAGE, DirectWriter

MAX_WRITE_BYTES: Final = 4 << 20
"""Bytes of a batch that are written while the rest is still being filled in."""

MAX_UNWRITTEN_BATCHES: Final = 2
"""Batches that may be on their way to the disk: one in each of the two memories."""


class _Batch(NamedTuple):
    """Bytes in memory, as far from the beginning of a page as they will be in the file."""

    address: int
    content: memoryview


class AsyncWriter:
    """Write batches of equal parts into an open file, each while the next is being filled in.

    Parameters
    ----------
    descriptor
        The open file.
    part_bytes
        Bytes of each part of a batch.
    max_parts
        Parts of the longest batch.
    """

    def __init__(self, descriptor: int, part_bytes: int, max_parts: int):
        self._disk, self._part_bytes, self._max_parts = (
            DirectWriter(descriptor),
            part_bytes,
            max_parts,
        )
        # A page more than the parts, as a batch may begin anywhere in a page of the file.
        self._memory, self._previous_memory = (
            _allocate(PAGE + max_parts * part_bytes) for _ in range(2)
        )
        self._batch = _Batch(0, memoryview(b""))
        self._n_filled = self._submitted_bytes = 0
        # One thread, so that the parts of a batch are written in the order of submission.
        self._executor = ThreadPoolExecutor(1)
        self._writes: list[Future[None]] = []
        self._previous_writes: list[Future[None]] = []

    def buffers(self, address: int, count: int) -> list[memoryview]:
        """Return the buffers of a new batch, one a part, that lies at an address of the file.

        Raises
        ------
        OSError
            The disk was full or failed when it wrote the batch before the last one.
        """
        if count > self._max_parts:
            raise ValueError(f"{count} parts are more than {self._max_parts}")
        self._memory, self._previous_memory = self._previous_memory, self._memory
        self._writes, self._previous_writes = self._previous_writes, self._writes
        # The memory may be filled again only when what it held two batches ago is written.
        self._finish(self._writes)
        first = address % PAGE
        # The same offset from a page boundary as in the file, which a direct write needs.
        content = memoryview(self._memory)[first : first + count * self._part_bytes]
        self._batch = _Batch(address, content)
        return [
            content[start : start + self._part_bytes]
            for start in range(0, len(content), self._part_bytes)
        ]

    def mark_filled(self, number: int) -> None:
        """Note that the buffer of this number holds its final bytes.

        As long as buffers are filled one after another, they are written meanwhile.
        """
        # Only the parts up to the first gap may be written: what lies behind is not final.
        if number == self._n_filled:
            self._n_filled += 1
            ready = self._n_filled * self._part_bytes
            # Up to the last page boundary of the file: both halves of a page that is written in
            # two would go through the cache.
            whole_pages = ready - (self._batch.address + ready) % PAGE
            if whole_pages - self._submitted_bytes >= MAX_WRITE_BYTES:
                self._submit(whole_pages)

    def submit(self) -> None:
        """Start to write the rest of the batch: all buffers hold their final bytes.

        After `wait` it writes all of them again.
        """
        self._submit(len(self._batch.content))

    def _submit(self, end: int) -> None:
        address, content = self._batch
        start, self._submitted_bytes = self._submitted_bytes, end
        self._writes.append(
            self._executor.submit(self._disk.write, address + start, content[start:end])
        )

    def wait(self) -> None:
        """Wait until everything submitted is written.

        Raises
        ------
        OSError
            The disk is full or failed.
        """
        self._finish(self._previous_writes)
        self._finish(self._writes)

    def _finish(self, writes: list[Future[None]]) -> None:
        # Nothing of the batch counts as written any more, so that after `wait` its buffers can be
        # corrected and submitted from their beginning.
        self._n_filled = self._submitted_bytes = 0
        while writes:
            # Removed before its result is asked for, so that an error is raised only once.
            writes.pop(0).result()

    def close(self) -> None:
        """Write what was submitted and release the thread and the descriptor."""
        # The thread first: a write that is still queued needs the descriptor.
        self._executor.shutdown()
        self._disk.close()


def _allocate(size: int) -> mmap.mmap:
    memory = mmap.mmap(-1, size)
    # 18 MB in pages of 4 kB would be 4,500 page faults for each of the two memories.
    if hasattr(mmap, "MADV_HUGEPAGE"):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memory
