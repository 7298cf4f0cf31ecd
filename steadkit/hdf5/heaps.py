"""Global heap collections, where the texts of attributes lie: read, and laid out anew."""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from steadkit.hdf5.messages import UNDEFINED, DamageError, RawFile, up8

MIN_COLLECTION: Final = 4096
"""The least size of a collection."""

MAX_COLLECTION: Final = 1 << 24
MAX_INDEX: Final = 0xFFFF

REFERENCE = struct.Struct("<IQI")
"""A text: its length, the address of the collection that holds it, its index there."""

_COLLECTION = struct.Struct("<4sB3xQ")
_OBJECT = struct.Struct("<HH4xQ")
_PADDING = tuple(bytes(-length % 8) for length in range(8))
"""What fills a text up to a multiple of 8 bytes, by the last digit of its length in octal."""


@dataclass
class Heaps:
    """The global heap collections of a file, the last few kept."""

    raw: RawFile

    def __post_init__(self) -> None:
        self._kept: dict[int, dict[int, bytes]] = {}

    def texts(self, references: Iterable[tuple[int, int, int]]) -> list[bytes]:
        """Read what references point to: bytes meant, address of the collection, index in it."""
        found, at, collection = [], -1, {}
        for length, address, index in references:
            if not length and address in (0, UNDEFINED):
                found.append(b"")
                continue
            if address != at:
                at, collection = address, self._collection(address)
            text = collection.get(index)
            if text is None or len(text) != length:
                raise DamageError("has an attribute whose text is missing")
            found.append(text)
        return found

    def _collection(self, address: int) -> dict[int, bytes]:
        if address not in self._kept:
            if len(self._kept) >= 8:
                del self._kept[next(iter(self._kept))]
            self._kept[address] = _read_collection(self.raw, address)
        return self._kept[address]


def _read_collection(raw: RawFile, address: int) -> dict[int, bytes]:
    # Nearly all collections have the least size, and some stand at the very end of the file.
    start = raw.read(address, min(MIN_COLLECTION, max(16, raw.size - raw.base - address)))
    signature, version, size = _COLLECTION.unpack_from(start)
    if signature != b"GCOL" or version != 1 or not MIN_COLLECTION <= size <= MAX_COLLECTION:
        raise DamageError("has an attribute whose text is not where it should be")
    content = start if size == len(start) else raw.read(address, size)
    found: dict[int, bytes] = {}
    position, end = _COLLECTION.size, size - _OBJECT.size
    while position <= end:
        index, _, length = _OBJECT.unpack_from(content, position)
        if index == 0:  # what is left is free
            break
        position += _OBJECT.size
        if length > size - position:
            raise DamageError("has an attribute whose text is longer than its heap")
        found[index] = content[position : position + length]
        position += up8(length)
    return found


class NewHeaps:
    """Global heap collections inside the content being laid out, one open at a time."""

    def __init__(self, content: bytearray, start: int):
        self._content, self._start = content, start
        self._at = self._used = self._size = self._index = 0

    def put(self, texts: Sequence[bytes]) -> tuple[int, int]:
        """Add a trace's texts; returns the address of their collection and the first's index."""
        if len(texts) > MAX_INDEX:
            raise DamageError(f"has {len(texts)} texts in its attributes: too many")
        first = self._index + 1
        pieces: list[bytes] = []
        for index, text in enumerate(texts, first):
            pieces += (_OBJECT.pack(index, 0, len(text)), text, _PADDING[len(text) & 7])
        objects = b"".join(pieces)
        if self._used + len(objects) > self._size or first + len(texts) > MAX_INDEX:
            self._open(len(objects))
            return self.put(texts)
        position = self._at + self._used
        self._content[position : position + len(objects)] = objects
        self._used += len(objects)
        self._index += len(texts)
        return self._start + self._at, first

    def _open(self, needed: int) -> None:
        """Begin a new collection with room for so many bytes."""
        self.close()
        self._at, self._index = len(self._content), 0
        self._used = _COLLECTION.size
        self._size = max(MIN_COLLECTION, self._used + needed)
        self._content += _COLLECTION.pack(b"GCOL", 1, self._size)
        self._content += bytes(self._size - self._used)

    def close(self) -> None:
        """Mark what is left of the open collection as free."""
        free = self._size - self._used
        if free >= _OBJECT.size:
            _OBJECT.pack_into(self._content, self._at + self._used, 0, 0, free)
