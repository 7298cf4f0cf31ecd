"""Ragged arrays of texts padded to words of 8 bytes, as they are in a heap."""

from typing import Final

import numpy as np

WORD: Final = 8


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
