"""Global heap collections, which hold the texts of attributes."""

import struct
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Final

import numpy as np

from steadkit.hdf5.object_header import UNDEFINED, ByteReader, DamageError, UnsupportedError

WORD: Final = 8
"""Bytes to whose multiples texts are padded."""

MIN_COLLECTION: Final = 4096
"""Bytes of the smallest collection that the format allows."""

MAX_COLLECTION: Final = 1 << 24
MAX_INDEX: Final = 0xFFFF

# Packed to 16 bytes, with an address of eight.
REFERENCE = struct.Struct("<IQI")
"""A text: its length, the address of the collection that holds it, its index there."""

# Section III.E: signature, version and size of the complete collection, this head included.
COLLECTION: Final = struct.Struct("<4sB3xQ")
# Index, reference count and bytes; the count is never used, as no text is shared.
OBJECT: Final = struct.Struct("<HH4xQ")
HEAD: Final = OBJECT.size // WORD
"""Words before the text of an object: its index, and the length of the text."""

MAX_CACHED_COLLECTIONS: Final = 1024
MAX_CACHED_BYTES: Final = 1 << 16
"""Collections in the cache, and their size up to which it holds more than one of them, or they are
read for many rows at once. The texts of a trace are in two or three: those of a batch of 256 traces
are read once."""


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
        """The word at which each object begins, by its index."""
        words, positions, position = self.words.tolist(), {}, COLLECTION.size // WORD
        while position < len(words) - 1:
            index = words[position] & MAX_INDEX
            if not index:  # object 0 is the free space that ends the collection
                break
            # Every object is padded to eight bytes, so that the next head begins on a word.
            next_position = position + HEAD + (words[position + 1] + WORD - 1) // WORD
            # Without this guard a hostile length would let a text continue into the next read.
            if next_position > len(words):
                raise DamageError("has an attribute whose text is longer than its heap")
            positions[index], position = position, next_position
        return positions

    def text(self, index: int, length: int) -> bytes:
        """Return a text, which must have the length that its reference states."""
        position = self.objects.get(index)
        if position is None or self.words[position + 1] != length:
            raise DamageError("has an attribute whose text is missing")
        return self.words[position + HEAD : position + HEAD + -(-length // WORD)].tobytes()[:length]


EMPTY: Final = HeapCollection(np.zeros(HEAD, np.uint64))
"""A collection without texts."""


class GlobalHeap:
    """The global heap collections of a file, with a cache of the last ones.

    Parameters
    ----------
    raw
        The file.
    """

    def __init__(self, raw: ByteReader):
        self._raw = raw
        self._cache: dict[int, HeapCollection] = {}

    def texts(self, references: Iterable[tuple[int, int, int]]) -> list[bytes]:
        """Read the texts of references: bytes, address of the collection, index in it.

        Raises
        ------
        DamageError
            There is no such text.
        """
        contents = []
        for length, address, index in references:
            # An empty text has no object: its address is 0 or undefined.
            is_empty = not length and address in (0, UNDEFINED)
            contents.append(b"" if is_empty else self._collection(address).text(index, length))
        return contents

    def words(
        self, lengths: np.ndarray, addresses: np.ndarray, indices: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Read the texts of many rows, from three arrays of the shape (rows, texts).

        Only the first text of a row in each collection is searched for; the next ones are expected
        behind it and verified. A row that does not fit is left to `texts`, which names the damage.

        Returns
        -------
        is_complete : numpy.ndarray
            Whether each row was read; the others may be damaged, or of unusual size.
        words : numpy.ndarray
            The texts of these rows as words, each padded with zeros.
        """
        if not lengths.size:
            return np.ones(len(lengths), bool), np.empty(0, np.uint64)
        # A collection of the smallest size holds the texts of several traces, so that a batch has
        # far fewer collections than references.
        unique_addresses, numbers = np.unique(addresses, return_inverse=True)
        collections = self._stack(unique_addresses.tolist())
        numbers = numbers.reshape(addresses.shape)
        is_empty = (lengths == 0) & ((addresses == 0) | (addresses == UNDEFINED))
        sizes = np.where(is_empty, 0, HEAD + n_words(lengths))
        positions = _find_texts(collections, numbers, indices, lengths, sizes)
        ends = positions + sizes
        # A match of index and length proves less than a walk does: in a heap with swapped blocks
        # both were right and the text was another trace's. So all objects of a collection must lead
        # to one another.
        is_valid = _are_valid(collections)
        for number in np.flatnonzero(~is_valid).tolist():
            is_valid[number] = self._is_valid(int(unique_addresses[number]))
        is_inside = (positions > 0) & (ends <= collections.shape[1]) & is_valid[numbers]
        # Position 0 can be read in any collection; `is_inside` keeps it from being a match.
        positions = np.where(is_inside, positions, 0)
        heads = collections[numbers, positions]
        # The upper bytes of a head are the reference count, which writers set as they like.
        is_match = is_inside & (heads & np.uint64(MAX_INDEX) == indices)
        is_match &= collections[numbers, positions + 1] == lengths
        is_complete = (is_match | is_empty).all(axis=1)
        starts = numbers[is_complete] * collections.shape[1] + positions[is_complete] + HEAD
        lengths = lengths[is_complete].ravel()
        texts = collections.ravel()[ragged_arange(starts.ravel(), n_words(lengths))]
        # Writers may leave anything in the padding; the bytes of a copy must not depend on it.
        texts.view(np.uint8).reshape(-1, WORD)[~padding_mask(lengths)] = 0
        return is_complete, texts

    def _stack(self, addresses: Sequence[int]) -> np.ndarray:
        """Return collections as rows of words, empty where one is damaged or too large."""
        rows = []
        for address in addresses:
            try:
                words = self._collection(address).words
            except DamageError:
                words = EMPTY.words
            rows.append(words if words.nbytes <= MAX_CACHED_BYTES else EMPTY.words)
        # Two words more, so that a head can be compared anywhere without leaving the array.
        stacked = np.zeros((len(rows), max(map(len, rows)) + HEAD), np.uint64)
        for row, words in zip(stacked, rows, strict=True):
            row[: len(words)] = words
        return stacked

    def _is_valid(self, address: int) -> bool:
        """Return whether the objects of a collection fill it without running out of it."""
        try:
            return bool(self._collection(address).objects)
        except DamageError:
            return False

    def _collection(self, address: int) -> HeapCollection:
        collection = self._cache.get(address)
        if collection is None:
            collection = _read_collection(self._raw, address)
            if (
                len(self._cache) >= MAX_CACHED_COLLECTIONS
                or collection.words.nbytes > MAX_CACHED_BYTES
            ):
                # The cache is emptied as a whole: traces are read front to back, so that old
                # collections are not asked for again.
                self._cache.clear()
            self._cache[address] = collection
        return collection


def _read_collection(raw: ByteReader, address: int) -> HeapCollection:
    # Nearly all collections have the smallest size, and some are at the very end of the file.
    start = raw.read(address, min(MIN_COLLECTION, max(16, raw.size - raw.base - address)))
    # The size counts the head as well, and is no larger than the file in any sound collection.
    signature, version, size = COLLECTION.unpack_from(start)
    if signature != b"GCOL" or version != 1 or not MIN_COLLECTION <= size <= raw.size:
        raise DamageError("has an attribute whose text is not where it should be")
    if size > MAX_COLLECTION:
        raise UnsupportedError(
            f"has texts of {size:,} bytes in its attributes: {MAX_COLLECTION:,} are read at most, "
            "remove some"
        )
    # A size that is no multiple of eight cannot hold a further object; the rest is ignored.
    content = start if size == len(start) else raw.read(address, size)
    return HeapCollection(np.frombuffer(content[: size // WORD * WORD], "<u8"))


def _are_valid(collections: np.ndarray) -> np.ndarray:
    """Return which collections are chains of objects up to their free space or end, vectorized.

    What looks like the head of an object, a small index and a length that fits, nearly always is
    one; then each must lead to the next. Where a text looks like a head, the collection is not
    recognized as valid, and the caller walks through it object by object.
    """
    width, first = collections.shape[1], COLLECTION.size // WORD
    # An object takes at least two words, and indices are assigned consecutively.
    # Index 0, the free space, wraps to 2**64 - 1 in the unsigned subtraction and is no head.
    is_head = (collections[:, :-1] - np.uint64(1)) < np.uint64(width // HEAD)
    is_head &= collections[:, 1:] <= np.uint64(width * WORD)
    is_head[:, :first] = False
    is_head[:, width - HEAD - 1 :] = False  # a head ends before the two words more of `_stack`
    rows, positions = np.nonzero(is_head)
    next_positions = positions + HEAD + n_words(collections[rows, positions + 1].astype(np.int64))
    is_last = np.ones(len(rows), bool)
    is_last[:-1] = rows[:-1] != rows[1:]
    leads_to_next = np.ones(len(rows), bool)
    leads_to_next[:-1] = next_positions[:-1] == positions[1:]
    ends_collection = (next_positions <= width) & (
        collections[rows, np.minimum(next_positions, width - 1)] == 0
    )
    is_valid = is_head[:, first].copy()
    is_valid[rows[~np.where(is_last, ends_collection, leads_to_next)]] = False
    return is_valid


def _find_texts(
    collections: np.ndarray,
    numbers: np.ndarray,
    indices: np.ndarray,
    lengths: np.ndarray,
    sizes: np.ndarray,
) -> np.ndarray:
    """Return the word at which the object of each text is expected; 0 where it is not found."""
    is_empty = sizes == 0
    # The texts of a row follow one another, but where a new collection begins.
    continues = np.zeros(lengths.shape, bool)
    continues[:, 1:] = (numbers[:, 1:] == numbers[:, :-1]) & ~is_empty[:, 1:] & ~is_empty[:, :-1]
    continues[:, 1:] &= indices[:, 1:] == indices[:, :-1] + 1
    is_first = ~continues & ~is_empty
    positions = np.zeros(lengths.shape, np.int64)
    # Texts are found by a search and not by a walk over all objects: nearly every collection
    # holds texts of traces that nobody asked for.
    positions[is_first] = _search(
        collections, numbers[is_first], indices[is_first], lengths[is_first]
    )
    for column in range(1, lengths.shape[-1]):
        previous_ends = positions[:, column - 1] + sizes[:, column - 1]
        positions[:, column] = np.where(continues[:, column], previous_ends, positions[:, column])
    return positions


def _search(
    collections: np.ndarray, numbers: np.ndarray, indices: np.ndarray, lengths: np.ndarray
) -> np.ndarray:
    """Find objects by collection, index and length; 0 where there is not exactly one match."""
    # By the lowest two bytes alone, a quarter of the memory: the caller compares complete heads.
    low_bytes = np.ascontiguousarray(collections.view("<u2")[:, ::4])[numbers]
    is_candidate = low_bytes[:, :-1] == indices[:, np.newaxis].astype(np.uint16)
    is_candidate &= low_bytes[:, 1:] == lengths[:, np.newaxis].astype(np.uint16)
    is_candidate[:, : COLLECTION.size // WORD] = False
    # `flatnonzero` takes a fifth of the time of `nonzero` on the two-dimensional array.
    rows, positions = np.divmod(np.flatnonzero(is_candidate), is_candidate.shape[1])
    matches = np.zeros(len(low_bytes), np.int64)
    matches[rows] = positions
    # Two candidates cannot be told apart by two bytes: such a row is read object by object.
    matches[np.bincount(rows, minlength=len(low_bytes)) != 1] = 0
    return matches


def n_words(lengths: np.ndarray) -> np.ndarray:
    """Return the number of words that texts of these lengths in bytes take.

    >>> n_words(np.array([0, 1, 8, 9])).tolist()
    [0, 1, 1, 2]
    """
    return (lengths + WORD - 1) // WORD


def ragged_arange(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the concatenated ranges of `counts` consecutive numbers from each start.

    >>> ragged_arange(np.array([5, 0, 9]), np.array([2, 0, 3])).tolist()
    [5, 6, 9, 10, 11]
    """
    # One `arange` over everything, shifted piece by piece: a loop over a million texts would take
    # seconds.
    before = np.cumsum(counts) - counts
    return np.repeat(starts - before, counts) + np.arange(counts.sum())


def padding_mask(lengths: np.ndarray) -> np.ndarray:
    """Return which bytes of padded texts are text, shape (words, 8); False is padding.

    >>> padding_mask(np.array([3, 0, 8])).astype(int).tolist()
    [[1, 1, 1, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1, 1]]
    """
    counts = n_words(lengths)
    ends = np.cumsum(counts)
    is_text = np.ones((int(ends[-1]) if len(ends) else 0, WORD), bool)
    # Only the last word of a text can be padded.
    used = lengths - (counts - 1) * WORD
    filled = counts > 0
    is_text[ends[filled] - 1] = np.arange(WORD) < used[filled, np.newaxis]
    return is_text
