"""Put samples where they belong in a new file, past the system's cache and in the background.

A write through the cache takes a core 40 microseconds a trace, and the system some more to bring it
to the disk; one past it takes 3, and the core can do something else until the disk is done. The
disk wants whole pages of memory and of the file for that: samples are read to where they will be
written from, and what of pages there is at the ends of a stretch goes through the cache.
"""

import errno
import mmap
import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import Final, NamedTuple

from steadkit.hdf5 import write_at

PAGE: Final = 4096

LONG: Final = 1 << 20
"""Bytes of a stretch from which on it goes past the cache: a disk takes long for each."""

UNABLE: Final = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS)


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
        self._file, self._past = descriptor, _past_the_cache(descriptor)
        self._size, self._most = size, most
        self._memory = mmap.mmap(-1, PAGE + most * size)
        if hasattr(mmap, "MADV_HUGEPAGE"):
            self._memory.madvise(mmap.MADV_HUGEPAGE)
        self._stretch = _Stretch(0, memoryview(b""))
        self._writer = ThreadPoolExecutor(1)
        self._writing: Future[None] | None = None

    def places(self, addresses: Sequence[int]) -> list[memoryview]:
        """Give room for parts that belong at these addresses; none where they are better written.

        That is where they are not one long stretch, or the file can only be written by the cache.
        """
        count = len(addresses)
        if self._past is None or count > self._most or count * self._size < LONG:
            return []
        if any(other - one != self._size for one, other in pairwise(addresses)):
            return []
        self.wait()
        first = addresses[0] % PAGE
        content = memoryview(self._memory)[first : first + count * self._size]
        self._stretch = _Stretch(addresses[0], content)
        return [content[at : at + self._size] for at in range(0, len(content), self._size)]

    def begin(self) -> None:
        """Begin to write what is in the places given last; it must stay until `wait` returns."""
        self._writing = self._writer.submit(self._write, self._stretch)

    def wait(self) -> None:
        """Wait until it is written.

        Raises
        ------
        OSError
            The disk is full or at fault.
        """
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def close(self) -> None:
        """Give back what this needs; what is being written will be."""
        self._writer.shutdown()
        if self._past is not None:
            os.close(self._past)

    def _write(self, stretch: _Stretch) -> None:
        address, content = stretch
        begin = -address % PAGE
        end = begin + (len(content) - begin) // PAGE * PAGE
        done = begin + self._write_pages(address + begin, content[begin:end])
        write_at(self._file, address, content[:begin])
        write_at(self._file, address + done, content[done:])

    def _write_pages(self, address: int, pages: memoryview) -> int:
        """Write whole pages; returns how many bytes, all or as many as this disk can."""
        if self._past is None:
            return 0
        try:
            return os.pwrite(self._past, pages, address)
        except OSError as error:
            if error.errno not in UNABLE:
                raise
            return 0


def _past_the_cache(descriptor: int) -> int | None:
    """Open the file once more for writes past the cache, where system and disk know how."""
    if not hasattr(os, "O_DIRECT"):
        return None
    try:
        # Not by its name, which may be another file's by now.
        return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_DIRECT | os.O_CLOEXEC)
    except OSError:
        return None
