"""Put samples where they belong in a new file, in the background, past the system's cache.

Samples are read to where they will be written from; see `steadkit.hdf5.direct_io` for why.
"""

import mmap
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, NamedTuple

from steadkit.hdf5 import PAGE, DirectWriter

MAX_WRITE_BYTES: Final = 4 << 20
"""Bytes of a stretch that are written while the rest is still being filled in."""

MAX_UNWRITTEN_BYTES: Final = 2
"""Stretches that may be on their way to the disk: the last one, and the one before it."""


class _Write(NamedTuple):
    """Bytes in memory, as far from the beginning of a page as they will be in the file."""

    address: int
    content: memoryview


class AsyncWriter:
    """Writes stretches of an open file, each while the next is being filled in.

    Parameters
    ----------
    descriptor
        The open file.
    size
        Bytes of each part of a stretch.
    most
        Parts of the longest stretch.
    """

    def __init__(self, descriptor: int, size: int, most: int):
        self._disk, self._size, self._most = DirectWriter(descriptor), size, most
        self._memory, self._other = (_memory(PAGE + most * size) for _ in range(2))
        self._stretch = _Write(0, memoryview(b""))
        self._filled = self._begun = 0
        self._writer = ThreadPoolExecutor(1)
        self._writing: list[Future[None]] = []
        self._writing_other: list[Future[None]] = []

    def places(self, address: int, count: int) -> list[memoryview]:
        """Give room for so many parts that belong one behind the other, from an address on.

        Raises
        ------
        OSError
            The disk was full or at fault when it wrote the stretch before the last one.
        """
        if count > self._most:
            raise ValueError(f"{count} parts are more than {self._most}")
        self._memory, self._other = self._other, self._memory
        self._writing, self._writing_other = self._writing_other, self._writing
        self._end(self._writing)
        first = address % PAGE
        content = memoryview(self._memory)[first : first + count * self._size]
        self._stretch = _Write(address, content)
        return [content[at : at + self._size] for at in range(0, len(content), self._size)]

    def fill(self, number: int) -> None:
        """Tell that the place of this number is filled, and will stay so.

        As long as places are filled one after another, they are written meanwhile.
        """
        if number == self._filled:
            self._filled += 1
            ready = self._filled * self._size
            whole = ready - (self._stretch.address + ready) % PAGE  # pages
            if whole - self._begun >= MAX_WRITE_BYTES:
                self._begin(whole)

    def begin(self) -> None:
        """Begin to write the rest: all places are filled, and will stay so.

        After `wait` it writes all of them once more.
        """
        self._begin(len(self._stretch.content))

    def _begin(self, end: int) -> None:
        address, content = self._stretch
        begun, self._begun = self._begun, end
        self._writing.append(
            self._writer.submit(self._disk.write, address + begun, content[begun:end])
        )

    def wait(self) -> None:
        """Wait until all that was begun is written.

        Raises
        ------
        OSError
            The disk is full or at fault.
        """
        self._end(self._writing_other)
        self._end(self._writing)

    def _end(self, writing: list[Future[None]]) -> None:
        self._filled = self._begun = 0
        while writing:
            writing.pop(0).result()

    def close(self) -> None:
        """Give back what this needs; what is being written will be."""
        self._writer.shutdown()
        self._disk.close()


def _memory(size: int) -> mmap.mmap:
    memory = mmap.mmap(-1, size)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memory
