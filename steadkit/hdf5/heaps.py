"""Global heap collections, where the texts of attributes lie."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from steadkit.hdf5.messages import UNDEFINED, DamageError, Raw
from steadkit.hdf5.words import WORD, kept, spread, words_in

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

KEPT: Final = 64
SMALL: Final = 1 << 16
"""Collections remembered, and their size up to which more than one is, or is read for many rows
at once."""


NO_WORDS: Final = np.zeros(HEAD, np.uint64)


class Heaps:
    """The global heap collections of a file, the last ones kept.

    Parameters
    ----------
    raw
        The file.
    """

    def __init__(self, raw: Raw):
        self._raw = raw
        self._kept: dict[int, np.ndarray] = {}

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
            found.append(b"" if is_none else _text(self._collection(address), index, length))
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
        sizes = np.where(none, 0, HEAD + words_in(lengths))
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
        inside = (at > 0) & (ends <= collections.shape[1])
        at = np.where(inside, at, 0)
        there = inside & (collections[numbers, at] & np.uint64(MAX_INDEX) == indices)
        there &= collections[numbers, at + 1] == lengths
        whole = (there | none).all(axis=1)
        flat = numbers[whole] * collections.shape[1] + at[whole] + HEAD
        lengths = lengths[whole].ravel()
        texts = collections.ravel()[spread(flat.ravel(), words_in(lengths))]
        # Whoever wrote the file may have left anything behind the end of a text.
        texts.view(np.uint8).reshape(-1, WORD)[~kept(lengths)] = 0
        return whole, texts

    def _stacked(self, addresses: Sequence[int]) -> np.ndarray:
        """Give collections as rows, empty where one is damaged or too large."""
        found = []
        for address in addresses:
            try:
                words = self._collection(address)
            except DamageError:
                words = NO_WORDS
            found.append(words if words.nbytes <= SMALL else NO_WORDS)
        stacked = np.zeros((len(found), max(map(len, found))), np.uint64)
        for row, words in zip(stacked, found, strict=True):
            row[: len(words)] = words
        return stacked

    def _collection(self, address: int) -> np.ndarray:
        found = self._kept.get(address)
        if found is None:
            found = _read_collection(self._raw, address)
            if len(self._kept) >= KEPT or found.nbytes > SMALL:
                self._kept.clear()
            self._kept[address] = found
        return found


def _read_collection(raw: Raw, address: int) -> np.ndarray:
    # Nearly all collections have the least size, and some stand at the very end of the file.
    start = raw.read(address, min(MIN_COLLECTION, max(16, raw.size - raw.base - address)))
    signature, version, size = COLLECTION.unpack_from(start)
    if signature != b"GCOL" or version != 1 or not MIN_COLLECTION <= size <= MAX_COLLECTION:
        raise DamageError("has an attribute whose text is not where it should be")
    content = start if size == len(start) else raw.read(address, size)
    return np.frombuffer(content[: size // WORD * WORD], "<u8")


def _search(
    collections: np.ndarray, numbers: np.ndarray, indices: np.ndarray, lengths: np.ndarray
) -> np.ndarray:
    """Find objects by collection, index and length; 0 where there is not just one of each."""
    # By the lowest two bytes alone, and only which it may be: whoever asks looks at all of them.
    low = np.ascontiguousarray(collections.view("<u2")[:, ::4])[numbers]
    may_be = low[:, :-1] == indices[:, np.newaxis].astype(np.uint16)
    may_be &= low[:, 1:] == lengths[:, np.newaxis].astype(np.uint16)
    may_be[:, : COLLECTION.size // WORD] = False
    first, last = may_be.argmax(axis=1), may_be.shape[1] - 1 - may_be[:, ::-1].argmax(axis=1)
    return np.where(may_be.any(axis=1) & (first == last), first, 0)


def _text(words: np.ndarray, index: int, length: int) -> bytes:
    """Read the text of this index, which must be as long as whoever points to it says."""
    heads = np.flatnonzero((words[:-1] & np.uint64(MAX_INDEX) == index) & (words[1:] == length))
    places = heads[heads >= COLLECTION.size // WORD].tolist()
    if len(places) > 1:  # some are part of a text
        places = [at for at in _objects(words) if at in set(places)]
    for at in places:
        text = words[at + HEAD : at + HEAD + -(-length // WORD)].tobytes()[:length]
        if len(text) == length:
            return text
    raise DamageError("has an attribute whose text is missing")


def _objects(words: np.ndarray) -> Iterator[int]:
    """Walk from object to object; gives the word at which each begins."""
    listed, at = words.tolist(), COLLECTION.size // WORD
    while at < len(listed) - 1 and listed[at] & MAX_INDEX:  # what is left is free
        yield at
        at += HEAD + (listed[at + 1] + WORD - 1) // WORD
