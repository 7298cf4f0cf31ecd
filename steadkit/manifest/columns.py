"""Packed columns of a manifest: names and digests of a million traces in little memory."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

UNKNOWN: Final = "-"
"""Represents a split or a digest that is not known."""

SEPARATOR: Final = "\t"
"""Terminator of a name in a `NameTable`; no name contains it."""

BATCH_ROWS: Final = 10_000


class _Column(Sequence[str]):
    """Sequence of texts decoded on access; equal to any sequence of the same texts."""

    def _cut(self, start: int, stop: int) -> list[str]:
        """Return the texts of consecutive rows."""
        raise NotImplementedError

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            # Decoded in one call; a column is nearly always read in consecutive rows.
            if step == 1:
                return self._cut(start, max(start, stop))
            return [self[row] for row in range(start, stop, step)]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        row = index % len(self)
        return self._cut(row, row + 1)[0]

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), BATCH_ROWS):
            yield from self._cut(start, min(start + BATCH_ROWS, len(self)))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Sequence)
            and len(self) == len(other)
            and all(
                own_text == other_text for own_text, other_text in zip(self, other, strict=True)
            )
        )

    __hash__ = None  # type: ignore[assignment]


class NameTable(_Column):
    r"""Names as one text and their offsets: a million take 40 MB, not 90.

    Parameters
    ----------
    text
        The names, UTF-8, each followed by a tab.
    starts
        Offset of each name, and the end of the last, int64.

    >>> list(NameTable(b"a_EV\tb_NO\t", np.array([0, 5, 10])))
    ['a_EV', 'b_NO']
    """

    def __init__(self, text: bytes, starts: np.ndarray):
        self._text, self._starts = text, starts

    def __len__(self) -> int:
        return len(self._starts) - 1

    def _cut(self, start: int, stop: int) -> list[str]:
        names = self._text[self._starts[start] : self._starts[stop]]
        return names.decode().split(SEPARATOR)[:-1]


class Digests(_Column):
    """Packed digests of one size, read as hexadecimal text: a million take 16 MB, not 80.

    Parameters
    ----------
    packed
        The digests one after another.
    size
        Bytes of each.
    is_known
        Whether each is known, bool; all by default. Unknown ones read as ``-``.

    >>> list(Digests(bytes(range(4)), 2)), list(Digests(bytes(4), 2, np.array([True, False])))
    (['0001', '0203'], ['0000', '-'])
    """

    def __init__(self, packed: bytes, size: int, is_known: np.ndarray | None = None):
        self._packed, self._size, self._known = packed, size, is_known

    def __len__(self) -> int:
        return len(self._packed) // self._size

    def _cut(self, start: int, stop: int) -> list[str]:
        text, size = self._packed[start * self._size : stop * self._size].hex(), 2 * self._size
        texts = [text[offset : offset + size] for offset in range(0, len(text), size)]
        if self._known is not None and not self._known[start:stop].all():
            for row in np.flatnonzero(~self._known[start:stop]).tolist():
                texts[row] = UNKNOWN
        return texts
