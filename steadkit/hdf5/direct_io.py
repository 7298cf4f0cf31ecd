"""Write bytes into an open file; long stretches past the system's cache, where that can be.

A write through the cache takes a core 40 microseconds for the samples of a trace, and the system
some more to bring it to the disk; one past it takes 3, and the core can do something else until the
disk is done. The disk wants whole pages of memory and of the file for that: what is written must
lie as far from the beginning of a page in memory as it will in the file (`aligned_empty`), and what
of pages there is at its ends goes through the cache.
"""

import errno
import os
from typing import Final

import numpy as np

PAGE: Final = 4096

MIN_DIRECT_BYTES: Final = 1 << 20
"""Bytes from which on pages go past the cache: a disk takes long for each stretch of them."""

MAX_PARTS: Final = 64
"""Parts written at once."""

UNSUPPORTED_ERRNOS: Final = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS)


class DirectWriter:
    """An open file to be written past the cache.

    Parameters
    ----------
    descriptor
        The open file; it is not closed with this.
    """

    def __init__(self, descriptor: int):
        self._descriptor, self._direct = descriptor, _open_direct(descriptor)

    def write(self, address: int, content: memoryview) -> None:
        """Write a stretch, through the cache what is short or cannot go past it."""
        start = -address % PAGE
        end = start + (len(content) - start) // PAGE * PAGE
        written = start + self._write_pages(address + start, content[start:end])
        write_at(self._descriptor, address, content[:start])
        write_at(self._descriptor, address + written, content[written:])

    def close(self) -> None:
        """Give back what this needs."""
        if self._direct is not None:
            os.close(self._direct)

    def _write_pages(self, address: int, pages: memoryview) -> int:
        """Write whole pages; returns how many bytes, all or as many as this disk can."""
        if self._direct is None or len(pages) < MIN_DIRECT_BYTES:
            return 0
        try:
            return os.pwrite(self._direct, pages, address)
        except OSError as error:
            if error.errno not in UNSUPPORTED_ERRNOS:
                raise
            return 0


def allocate(descriptor: int, address: int, n_bytes: int) -> None:
    """Let the disk set apart room in an open file, where the system can.

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
    """Make room, zeros, for bytes that belong at an address of the file."""
    memory = np.zeros(size + PAGE, np.uint8)
    first = (address - memory.ctypes.data) % PAGE
    return memory[first : first + size]


def write_at(descriptor: int, address: int, *contents: bytes | memoryview) -> None:
    """Write bytes one behind the other into an open file, from an address on."""
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
    """Open the file once more for writes past the cache, where system and disk know how."""
    if not hasattr(os, "O_DIRECT"):
        return None
    try:
        # Not by its name, which may be another file's by now.
        return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_DIRECT | os.O_CLOEXEC)
    except OSError:
        return None
