"""Global heap collections, where the texts of attributes lie."""

import struct
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Final

import numpy as np

from steadkit.hdf5.object_header import UNDEFINED, ByteReader, DamageError, UnsupportedError
from steadkit.hdf5.padding import WORD, n_words, padding_mask, ragged_arange

MIN_COLLECTION: Final = 4096
"""The least size of a collection."""

MAX_COLLECTION: Final = 1 << 24
MAX_INDEX: Final = 0xFFFF

REFERENCE = struct.Struct("<IQI")
"""A text: its length, the address of the collection that holds it, its index there."""

COLLECTION: Final = struct.Struct("<4sB3xQ")
OBJECT: Final = struct.Struct("<HH4xQ")
HEAD: Final = OBJECT.size // WORD
"""Words before the text of an object: its index, and the length of the text."""

MAX_CACHED: Final = 1024
MIN_COLUMN_TEXTS: Final = 1 << 16
"""Collections remembered, and their size up to which more than one is, or is read for many rows
at once. The texts of a trace lie in two, or three: those of a run of 256 are read once."""


class HeapCollection:
    """One collection.

    Parameters
    ----------
    words
        All of it, as words of 8 bytes.
    """

    def __init__(self, words: np.ndarray):
        self.words = words

    @cached_property
    def objects(self) -> dict[int, int]:
        """Walk from object to object; gives the word at which each begins, by index."""
        listed, found, at = self.words.tolist(), {}, COLLECTION.size // WORD
        while at < len(listed) - 1:
            index = listed[at] & MAX_INDEX
            if not index:  # what is left is free
                break
            following = at + HEAD + (listed[at + 1] + WORD - 1) // WORD
            if following > len(listed):
                raise DamageError("has an attribute whose text is longer than its heap")
            found[index], at = at, following
        return found

    def text(self, index: int, length: int) -> bytes:
        """Read a text, which must be as long as whoever points to it says."""
        at = self.objects.get(index)
        if at is None or self.words[at + 1] != length:
            raise DamageError("has an attribute whose text is missing")
        return self.words[at + HEAD : at + HEAD + -(-length // WORD)].tobytes()[:length]


EMPTY: Final = HeapCollection(np.zeros(HEAD, np.uint64))
"""A collection without texts."""


class GlobalHeap:
    """The global heap collections of a file, the last ones kept.

    Parameters
    ----------
    raw
        The file.
    """

    def __init__(self, raw: ByteReader):
        self._raw = raw
        self._kept: dict[int, HeapCollection] = {}

    def texts(self, references: Iterable[tuple[int, int, int]]) -> list[bytes]:
        """Read what references point to: bytes meant, address of the collection, index in it.

        Raises
        ------
        DamageError
            There is no such text.
        """
        found = []
        for length, address, index in references:
            is_none = not length and address in (0, UNDEFINED)
            found.append(b"" if is_none else self._collection(address).text(index, length))
        return found

    def words(
        self, lengths: np.ndarray, addresses: np.ndarray, indices: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Read the texts of many rows, given as three arrays of the shape (rows, texts).

        Returns
        -------
        whole : numpy.ndarray
            Which rows were found; the others may be damaged, or of unusual size.
        words : numpy.ndarray
            The texts of these rows as words, each filled up with zeros.
        """
        if not lengths.size:
            return np.ones(len(lengths), bool), np.empty(0, np.uint64)
        different, numbers = np.unique(addresses, return_inverse=True)
        collections = self._stacked(different.tolist())
        numbers = numbers.reshape(addresses.shape)
        none = (lengths == 0) & ((addresses == 0) | (addresses == UNDEFINED))
        sizes = np.where(none, 0, HEAD + n_words(lengths))
        # The texts of a row stand one behind the other, but where a new collection begins.
        goes_on = np.zeros(lengths.shape, bool)
        goes_on[:, 1:] = (numbers[:, 1:] == numbers[:, :-1]) & ~none[:, 1:] & ~none[:, :-1]
        goes_on[:, 1:] &= indices[:, 1:] == indices[:, :-1] + 1
        first = ~goes_on & ~none
        at = np.zeros(lengths.shape, np.int64)
        at[first] = _search(collections, numbers[first], indices[first], lengths[first])
        for column in range(1, lengths.shape[-1]):
            before = at[:, column - 1] + sizes[:, column - 1]
            at[:, column] = np.where(goes_on[:, column], before, at[:, column])
        ends = at + sizes
        sound = _are_sound(collections)
        for number in np.flatnonzero(~sound).tolist():
            sound[number] = self._is_sound(int(different[number]))
        inside = (at > 0) & (ends <= collections.shape[1]) & sound[numbers]
        at = np.where(inside, at, 0)
        heads = collections[numbers, at]
        there = inside & (heads & np.uint64(MAX_INDEX) == indices)
        there &= collections[numbers, at + 1] == lengths
        whole = (there | none).all(axis=1)
        flat = numbers[whole] * collections.shape[1] + at[whole] + HEAD
        lengths = lengths[whole].ravel()
        texts = collections.ravel()[ragged_arange(flat.ravel(), n_words(lengths))]
        # Whoever wrote the file may have left anything behind the end of a text.
        texts.view(np.uint8).reshape(-1, WORD)[~padding_mask(lengths)] = 0
        return whole, texts

    def _stacked(self, addresses: Sequence[int]) -> np.ndarray:
        """Give collections as rows, empty where one is damaged or too large."""
        found = []
        for address in addresses:
            try:
                words = self._collection(address).words
            except DamageError:
                words = EMPTY.words
            found.append(words if words.nbytes <= MIN_COLUMN_TEXTS else EMPTY.words)
        # Two words more, so that each has one behind its last object.
        stacked = np.zeros((len(found), max(map(len, found)) + HEAD), np.uint64)
        for row, words in zip(stacked, found, strict=True):
            row[: len(words)] = words
        return stacked

    def _is_sound(self, address: int) -> bool:
        """Walk through a collection."""
        try:
            return bool(self._collection(address).objects)
        except DamageError:
            return False

    def _collection(self, address: int) -> HeapCollection:
        found = self._kept.get(address)
        if found is None:
            found = _read_collection(self._raw, address)
            if len(self._kept) >= MAX_CACHED or found.words.nbytes > MIN_COLUMN_TEXTS:
                self._kept.clear()
            self._kept[address] = found
        return found


def _read_collection(raw: ByteReader, address: int) -> HeapCollection:
    # Nearly all collections have the least size, and some stand at the very end of the file.
    start = raw.read(address, min(MIN_COLLECTION, max(16, raw.size - raw.base - address)))
    signature, version, size = COLLECTION.unpack_from(start)
    if signature != b"GCOL" or version != 1 or not MIN_COLLECTION <= size <= raw.size:
        raise DamageError("has an attribute whose text is not where it should be")
    if size > MAX_COLLECTION:
        raise UnsupportedError(
            f"has texts of {size:,} bytes in its attributes: {MAX_COLLECTION:,} are read at most, "
            "remove some"
        )
    content = start if size == len(start) else raw.read(address, size)
    return HeapCollection(np.frombuffer(content[: size // WORD * WORD], "<u8"))


def _are_sound(collections: np.ndarray) -> np.ndarray:
    """Tell quickly which collections lead from object to object to their free space or their end.

    What looks like the head of an object, a small index and a length that fits, nearly always is
    one; then each must lead to the next. Where something else looks like one, it is not told.
    """
    width, first = collections.shape[1], COLLECTION.size // WORD
    # An object takes two words and more, and indices are given out one after another.
    may_be = (collections[:, :-1] - np.uint64(1)) < np.uint64(width // HEAD)
    may_be &= collections[:, 1:] <= np.uint64(width * WORD)
    may_be[:, :first] = False
    may_be[:, width - HEAD - 1 :] = False  # a head ends before the two words more of `_stacked`
    rows, places = np.nonzero(may_be)
    following = places + HEAD + n_words(collections[rows, places + 1].astype(np.int64))
    is_last = np.ones(len(rows), bool)
    is_last[:-1] = rows[:-1] != rows[1:]
    leads = np.ones(len(rows), bool)
    leads[:-1] = following[:-1] == places[1:]
    at_end = (following <= width) & (collections[rows, np.minimum(following, width - 1)] == 0)
    sound = may_be[:, first].copy()
    sound[rows[~np.where(is_last, at_end, leads)]] = False
    return sound


def _search(
    collections: np.ndarray, numbers: np.ndarray, indices: np.ndarray, lengths: np.ndarray
) -> np.ndarray:
    """Find objects by collection, index and length; 0 where there is not just one of each."""
    # By the lowest two bytes alone, and only which it may be: whoever asks looks at all of them.
    low = np.ascontiguousarray(collections.view("<u2")[:, ::4])[numbers]
    may_be = low[:, :-1] == indices[:, np.newaxis].astype(np.uint16)
    may_be &= low[:, 1:] == lengths[:, np.newaxis].astype(np.uint16)
    may_be[:, : COLLECTION.size // WORD] = False
    # On a plain array this takes a fifth of what it does on a table.
    rows, places = np.divmod(np.flatnonzero(may_be), may_be.shape[1])
    found = np.zeros(len(low), np.int64)
    found[rows] = places
    found[np.bincount(rows, minlength=len(low)) != 1] = 0
    return found
