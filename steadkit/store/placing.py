"""Put samples where they belong in a new file, in the background, past the system's cache.

Samples are read to where they will be written from; see `steadkit.hdf5.disk` for why.
"""

import mmap
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import Final, NamedTuple

from steadkit.hdf5 import PAGE, Disk

PIECE: Final = 4 << 20
"""Bytes of a stretch that are written while the rest is still being filled in."""


class _Stretch(NamedTuple):
    """Bytes in memory, as far from the beginning of a page as they will be in the file."""

    address: int
    content: memoryview


class Placer:
    """Writes one stretch of an open file at a time.

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
        self._disk, self._size, self._most = Disk(descriptor), size, most
        self._memory = mmap.mmap(-1, PAGE + most * size)
        if hasattr(mmap, "MADV_HUGEPAGE"):
            self._memory.madvise(mmap.MADV_HUGEPAGE)
        self._stretch = _Stretch(0, memoryview(b""))
        self._filled = self._begun = 0
        self._writer = ThreadPoolExecutor(1)
        self._writing: list[Future[None]] = []

    def places(self, addresses: Sequence[int]) -> list[memoryview]:
        """Give room for parts that belong at these addresses; none where they are better written.

        That is where they are not one long stretch, or the file can only be written by the cache.
        """
        count = len(addresses)
        if count > self._most or not self._disk.takes(count * self._size):
            return []
        if any(other - one != self._size for one, other in pairwise(addresses)):
            return []
        self.wait()
        first = addresses[0] % PAGE
        content = memoryview(self._memory)[first : first + count * self._size]
        self._stretch = _Stretch(addresses[0], content)
        return [content[at : at + self._size] for at in range(0, len(content), self._size)]

    def fill(self, number: int) -> None:
        """Tell that the place of this number is filled; it must stay so until `wait` returns.

        As long as places are filled one after another, they are written meanwhile.
        """
        if number == self._filled:
            self._filled += 1
            ready = self._filled * self._size
            whole = ready - (self._stretch.address + ready) % PAGE  # pages
            if whole - self._begun >= PIECE:
                self._begin(whole)

    def begin(self) -> None:
        """Begin to write the rest: all places are filled; they must stay so until `wait` returns.

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
        """Wait until it is written.

        Raises
        ------
        OSError
            The disk is full or at fault.
        """
        writing, self._writing, self._filled, self._begun = self._writing, [], 0, 0
        for one in writing:
            one.result()

    def close(self) -> None:
        """Give back what this needs; what is being written will be."""
        self._writer.shutdown()
        self._disk.close()
