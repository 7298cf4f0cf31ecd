"""Read-ahead of parts of a file: what lies close together is read by one system call."""

import os
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple, TypeVar

import numpy as np

from steadkit.hdf5.object_header import FileReader

Item = TypeVar("Item")

MERGE_DISTANCE: Final = 4096
"""Bytes between two parts up to which they are read as one."""

MAX_VIEWS: Final = 16
"""Buffers that one system call reads into: few enough that what was read is still in the cache of
a core when `on_read` checks it. The system allows 1024."""


class DirectRead(NamedTuple):
    """A part of a file that is read straight into a buffer of the caller."""

    address: int
    buffer: memoryview
    number: int


class ReadAhead:
    """A file of which some parts were read ahead; others are read when they are asked for.

    Parameters
    ----------
    raw
        The file.
    addresses
        Where the parts to read ahead begin, ascending.
    width
        Bytes of each.
    memory
        What to read into, uint8, where it is large enough: to allocate takes as long as to read.
    direct_addresses, buffers
        Addresses of parts that do not overlap, and the buffer into which each is read.
    on_read
        Called with each buffer, and its number, when it was read.
    """

    def __init__(
        self,
        raw: FileReader,
        addresses: Sequence[int],
        width: int,
        memory: np.ndarray | None = None,
        direct_addresses: Sequence[int] = (),
        buffers: Sequence[memoryview] = (),
        on_read: Callable[[memoryview, int], object] | None = None,
    ):
        self._raw, self._on_read = raw, on_read
        self.base, self.size = raw.base, raw.size
        self.direct_addresses = list(direct_addresses)
        """As given; -1 where the file ends before the part does."""
        reads = sorted(
            map(DirectRead, direct_addresses, buffers, range(len(self.direct_addresses)))
        )
        # Header addresses arrive in order; only samples, which may lie anywhere, make a sort
        # necessary.
        parts = [(address, width) for address in addresses]
        parts += [(read.address, len(read.buffer)) for read in reads]
        spans = list(_spans(sorted(parts) if reads else parts, raw.size - raw.base))
        needed = sum(end - start for start, end in spans)
        # Memory of an earlier batch is used again: the kernel maps and clears each page of a new
        # allocation.
        if memory is None or len(memory) < needed:
            memory = np.empty(needed, np.uint8)
        self._free = memory.data
        # Start and bytes of each piece that was read, ascending, for a bisection.
        self._starts: list[int] = []
        self._pieces: list[memoryview] = []
        for start, end in spans:
            self._read(start, end, reads)

    def _read(self, start: int, end: int, reads: list[DirectRead]) -> None:
        """Read a span, and remove the direct reads in it from the list."""
        position = start
        views: list[memoryview] = []
        numbers: list[int | None] = []
        while reads and reads[0].address < end:
            read = reads.pop(0)
            views += self._carve(read.address - position), read.buffer
            numbers += None, read.number
            position = read.address + len(read.buffer)
        # What lies between the samples is read too, as one `preadv` is cheaper than two; the
        # headers are in it.
        views.append(self._carve(end - position))
        numbers.append(None)
        for first in range(0, len(views), MAX_VIEWS):
            chunk = views[first : first + MAX_VIEWS]
            remaining = os.preadv(self._raw.descriptor, chunk, self._raw.base + start)
            for view, number in zip(chunk, numbers[first : first + MAX_VIEWS], strict=True):
                size = len(view)
                self._starts.append(start)
                # The file may have become shorter: only what was read counts, as the rest of the
                # memory still holds bytes of an earlier batch.
                self._pieces.append(view if size <= remaining else view[: max(0, remaining)])
                start, remaining = start + size, remaining - size
                if number is not None and remaining < 0:
                    self.direct_addresses[number] = -1
                elif number is not None and self._on_read is not None:
                    self._on_read(view, number)

    def _carve(self, size: int) -> memoryview:
        carved, self._free = self._free[:size], self._free[size:]
        return carved

    def view(self, address: int, length: int) -> memoryview | None:
        """Return bytes that were read ahead, None unless all lie in one piece."""
        view = self._view_from(address)[:length]
        # A piece boundary inside the range sends the caller to the file: the pieces are not
        # adjacent in memory, as samples went straight to the buffers of the caller.
        return view if len(view) == length else None

    def _view_from(self, address: int) -> memoryview:
        """Return what was read ahead from an address to the end of its piece."""
        number = bisect_right(self._starts, address) - 1
        if number < 0:
            return memoryview(b"")
        return self._pieces[number][address - self._starts[number] :]

    def read(self, address: int, length: int) -> bytes:
        """Read `length` bytes, as `FileReader.read` does."""
        view = self.view(address, length)
        return self._raw.read(address, length) if view is None else bytes(view)

    def read_up_to(self, address: int, length: int) -> bytes:
        """Read `length` bytes, or as many as were read ahead there, or as the file has."""
        view = self._view_from(address)[:length]
        return bytes(view) if view else self._raw.read_up_to(address, length)


def _spans(parts: Sequence[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    """Merge parts, address and bytes, that overlap or nearly do; clip them to the file's end."""
    # Before the file, so that the first part, even at address 0, opens a span.
    start = end = -MERGE_DISTANCE - 1
    for address, length in parts:
        if address > end + MERGE_DISTANCE:
            if end > start:
                yield start, end
            start = address
        end = max(end, min(address + length, size))
    if end > start:
        yield start, end


def consecutive_ranges(
    items: Sequence[Item], are_adjacent: Callable[[Item, Item], bool]
) -> Iterator[tuple[int, int]]:
    """Yield the start and stop of each range whose neighbours are all adjacent.

    >>> list(consecutive_ranges([3, 4, 5, 9, 2], lambda previous, item: item == previous + 1))
    [(0, 3), (3, 4), (4, 5)]
    """
    start = 0
    for stop, (previous, item) in enumerate(pairwise(items), 1):
        if not are_adjacent(previous, item):
            yield start, stop
            start = stop
    if items:
        yield start, len(items)


def expect_random_reads(descriptor: int) -> None:
    """Advise the system, where it can be, against reading ahead of a file."""
    # macOS has no such call.
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
