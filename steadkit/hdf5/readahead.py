"""Parts of a file read ahead, so that what lies close together is read at once."""

import os
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from steadkit.hdf5.object_header import FileReader

MERGE_DISTANCE: Final = 4096
"""Bytes between two windows up to which they are read as one."""

MAX_VIEWS: Final = 16
"""Into how many pieces of memory is read at once: few enough that what was read is still in the
cache of a core when it is looked at. The system allows 1024."""


class DirectRead(NamedTuple):
    """A part of a file that is read to a place of its own."""

    address: int
    place: memoryview
    number: int


class ReadAhead:
    """A file of which some parts have been read already; what is asked of others is read then.

    Parameters
    ----------
    raw
        The file.
    addresses
        Where the windows begin, ascending.
    width
        Bytes of each.
    memory
        What to read into, uint8, where it is large enough: new memory takes as long as reading.
    holes, places
        Addresses of parts that are to be read to places of their own, which do not overlap.
    look
        Called with the bytes of each place, and its number, when they were read.
    """

    def __init__(
        self,
        raw: FileReader,
        addresses: Sequence[int],
        width: int,
        memory: np.ndarray | None = None,
        holes: Sequence[int] = (),
        places: Sequence[memoryview] = (),
        look: Callable[[memoryview, int], object] | None = None,
    ):
        self._raw, self._look = raw, look
        self.base, self.size = raw.base, raw.size
        self.holes = list(holes)
        inside = sorted(map(DirectRead, holes, places, range(len(self.holes))))
        parts = [(address, width) for address in addresses]
        parts += [(hole.address, len(hole.place)) for hole in inside]
        spans = list(_spans(sorted(parts) if inside else parts, raw.size - raw.base))
        needed = sum(end - start for start, end in spans)
        if memory is None or len(memory) < needed:
            memory = np.empty(needed, np.uint8)
        self._rest = memory.data
        self._starts: list[int] = []
        self._pieces: list[memoryview] = []
        for start, end in spans:
            self._read(start, end, inside)

    def _read(self, start: int, end: int, holes: list[DirectRead]) -> None:
        """Read a span, what lies in holes to its place; these are used up."""
        at = start
        views: list[memoryview] = []
        into: list[int | None] = []
        while holes and holes[0].address < end:
            hole = holes.pop(0)
            views += self._take(hole.address - at), hole.place
            into += None, hole.number
            at = hole.address + len(hole.place)
        views.append(self._take(end - at))
        into.append(None)
        for first in range(0, len(views), MAX_VIEWS):
            some = views[first : first + MAX_VIEWS]
            read = os.preadv(self._raw.descriptor, some, self._raw.base + start)
            for view, number in zip(some, into[first : first + MAX_VIEWS], strict=True):
                size = len(view)
                self._starts.append(start)
                self._pieces.append(view if size <= read else view[: max(0, read)])
                start, read = start + size, read - size
                if number is not None and read < 0:
                    self.holes[number] = -1  # the file ends before
                elif number is not None and self._look is not None:
                    self._look(view, number)

    def _take(self, size: int) -> memoryview:
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def view(self, address: int, length: int) -> memoryview | None:
        """Give bytes that were read ahead, or None."""
        view = self._from(address)[:length]
        return view if len(view) == length else None

    def _from(self, address: int) -> memoryview:
        """Give what was read ahead from an address on, in one piece."""
        number = bisect_right(self._starts, address) - 1
        if number < 0:
            return memoryview(b"")
        return self._pieces[number][address - self._starts[number] :]

    def read(self, address: int, length: int) -> bytes:
        """Read so many bytes, as `RawFile.read` does."""
        view = self.view(address, length)
        return self._raw.read(address, length) if view is None else bytes(view)

    def read_up_to(self, address: int, length: int) -> bytes:
        """Read so many bytes, or as many as were read ahead there, or as the file has."""
        window = self._from(address)[:length]
        return bytes(window) if window else self._raw.read_up_to(address, length)


def _spans(parts: Sequence[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    """Join parts, address and bytes, that overlap or nearly do; none goes beyond the file's end."""
    start = end = -MERGE_DISTANCE - 1
    for address, length in parts:
        if address > end + MERGE_DISTANCE:
            if end > start:
                yield start, end
            start = address
        end = max(end, min(address + length, size))
    if end > start:
        yield start, end
