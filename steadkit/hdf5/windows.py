"""Parts of a file read ahead, so that what lies close together is read at once."""

import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from steadkit.hdf5.messages import RawFile

GAP: Final = 4096
"""Bytes between two windows up to which they are read as one."""


class Windows:
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
    """

    def __init__(
        self,
        raw: RawFile,
        addresses: Sequence[int],
        width: int,
        memory: np.ndarray | None = None,
    ):
        self._raw = raw
        self.base, self.size = raw.base, raw.size
        spans = list(_spans(addresses, width, raw.size - raw.base))
        needed = sum(end - start for start, end in spans)
        if memory is None or len(memory) < needed:
            memory = np.empty(needed, np.uint8)
        rest = memory.data
        self._starts: list[int] = []
        self._pieces: list[memoryview] = []
        for start, end in spans:
            piece, rest = rest[: end - start], rest[end - start :]
            read = os.preadv(raw.descriptor, [piece], raw.base + start)
            self._starts.append(start)
            self._pieces.append(piece[:read])

    def view(self, address: int, length: int) -> memoryview | None:
        """Give bytes that were read ahead, or None."""
        number = bisect_right(self._starts, address) - 1
        if number < 0:
            return None
        first = address - self._starts[number]
        piece = self._pieces[number]
        return piece[first : first + length] if first + length <= len(piece) else None

    def read(self, address: int, length: int) -> bytes:
        """Read so many bytes, as `RawFile.read` does."""
        view = self.view(address, length)
        return self._raw.read(address, length) if view is None else bytes(view)

    def read_up_to(self, address: int, length: int) -> bytes:
        """Read so many bytes, or as many as there are, as `RawFile.read_up_to` does."""
        return self.read(address, max(0, min(length, self.size - self.base - address)))


def _spans(addresses: Sequence[int], width: int, size: int) -> Iterator[tuple[int, int]]:
    """Join windows that overlap or nearly do; what lies beyond the end of the file is left out."""
    start = end = -GAP - 1
    for address in addresses:
        if address > end + GAP:
            if end > start:
                yield start, end
            start = address
        end = max(end, min(address + width, size))
    if end > start:
        yield start, end
