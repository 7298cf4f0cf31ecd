"""Writes into an open file that bypass the page cache (O_DIRECT) where they are long enough.

A write through the cache takes a core 40 microseconds for the samples of a trace, and the system
some more to bring it to the disk; a direct one takes 3, and the core can do something else until
the disk is done. O_DIRECT needs whole pages of memory and of the file: the bytes must have the same
offset from a page boundary in memory as in the file (`aligned_empty`), and the incomplete pages at
both ends go through the cache.
"""

import errno
import os
from typing import Final

import numpy as np

PAGE: Final = 4096

MIN_DIRECT_BYTES: Final = 1 << 20
"""Bytes from which on writes are direct: each costs the latency of the disk."""

MAX_PARTS: Final = 64
"""Buffers of one system call."""

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


def allocate(descriptor: int, address: int, n_bytes: int) -> None:
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
