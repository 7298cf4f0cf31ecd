"""Writes into an open file that bypass the page cache (O_DIRECT) where they are long enough.

A write through the cache takes a core 40 microseconds for the samples of a trace, and the system
some more to bring it to the disk; a direct one takes 3, and the core can do something else until
the disk is done. O_DIRECT needs whole pages of memory and of the file: the bytes must have the same
offset from a page boundary in memory as in the file (`aligned_empty`), and the incomplete pages at
both ends go through the cache.

`AsyncWriter` adds write-behind: samples are read into one of two buffers while the other is being
written.
"""

import errno
import mmap
import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, NamedTuple

import numpy as np

PAGE: Final = 4096

MIN_DIRECT_BYTES: Final = 1 << 20
"""Bytes from which on writes are direct: each costs the latency of the disk."""

MAX_PARTS: Final = 64
"""Buffers of one system call."""

MAX_WRITE_BYTES: Final = 4 << 20
"""Bytes of a batch that are written while the rest is still being filled in."""

MAX_UNWRITTEN_BATCHES: Final = 2
"""Batches that may be on their way to the disk: one in each of the two memories."""

UNSUPPORTED_ERRNOS: Final = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS)


class DirectWriter:
    """An open file that is written with O_DIRECT where system and disk support it.

    Parameters
    ----------
    descriptor
        The open file; it is not closed with this.
    """

    def __init__(self, descriptor: int):
        self._descriptor, self._direct = descriptor, _open_direct(descriptor)

    def write(self, address: int, content: memoryview) -> None:
        """Write bytes at an address: whole pages directly, the rest through the cache."""
        # Direct and cached writes never touch the same page, so their order does not matter.
        # O_DIRECT refuses what does not begin and end on a page, so both ends of the bytes are left
        # over.
        start = -address % PAGE
        end = start + (len(content) - start) // PAGE * PAGE
        written = start + self._write_pages(address + start, content[start:end])
        write_at(self._descriptor, address, content[:start])
        write_at(self._descriptor, address + written, content[written:])

    def close(self) -> None:
        """Close the descriptor of the direct writes."""
        if self._direct is not None:
            os.close(self._direct)

    def _write_pages(self, address: int, pages: memoryview) -> int:
        """Write whole pages directly; returns the bytes written, which may be fewer or none."""
        if self._direct is None or len(pages) < MIN_DIRECT_BYTES:
            return 0
        try:
            return os.pwrite(self._direct, pages, address)
        except OSError as error:
            if error.errno not in UNSUPPORTED_ERRNOS:
                raise
            return 0


def preallocate(descriptor: int, address: int, n_bytes: int) -> None:
    """Preallocate blocks of the disk for an open file, where the system can.

    Raises
    ------
    OSError
        The disk is full, or the file would be larger than a file may be.
    """
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, address, n_bytes)
        except OSError as error:
            if error.errno not in UNSUPPORTED_ERRNOS:
                raise


def aligned_empty(size: int, address: int) -> np.ndarray:
    """Return zeros in memory whose page offset is that of an address of the file."""
    # A page more than asked for, as an allocation may begin anywhere in a page.
    memory = np.zeros(size + PAGE, np.uint8)
    first = (address - memory.ctypes.data) % PAGE
    return memory[first : first + size]


def write_at(descriptor: int, address: int, *contents: bytes | memoryview) -> None:
    """Write buffers one after another into an open file, from an address on."""
    for start in range(0, len(contents), MAX_PARTS):
        parts = contents[start : start + MAX_PARTS]
        n_written = os.pwritev(descriptor, parts, address)
        for part in parts:
            # The system may write less than it was asked to, and end in the middle of a part.
            rest = memoryview(part)[max(0, min(n_written, len(part))) :]
            n_written -= len(part)
            address += len(part) - len(rest)
            while len(rest):
                written = os.pwrite(descriptor, rest, address)
                rest, address = rest[written:], address + written


def _open_direct(descriptor: int) -> int | None:
    """Open the file again with O_DIRECT; None where the system or the disk does not support it."""
    if not hasattr(os, "O_DIRECT"):
        return None
    try:
        # Not by its path, which may belong to another file by now.
        return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_DIRECT | os.O_CLOEXEC)
    except OSError:
        return None


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
            page_end = ready - (self._batch.address + ready) % PAGE
            if page_end - self._submitted_bytes >= MAX_WRITE_BYTES:
                self._submit(page_end)

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
