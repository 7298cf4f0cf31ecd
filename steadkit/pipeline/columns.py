"""What is known of the traces of a stream, as columns of one table that processes share."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np

from steadkit.pipeline.memory import ALIGNMENT, Shared

ROWS_AT_ONCE = 65_536


def pack(names: Iterable[str]) -> np.ndarray:
    """Pack names into an array of bytes, UTF-8, each as long as the longest.

    >>> pack(["a_EV", "bc_NO"])
    array([b'a_EV', b'bc_NO'], dtype='|S5')
    """
    each, parts = iter(names), [np.empty(0, "S1")]
    while some := [name.encode() for name in islice(each, ROWS_AT_ONCE)]:
        parts.append(np.array(some))
    return np.concatenate(parts)


class Names(Sequence[str]):
    """Names that are packed (`pack`), and made text when they are asked for.

    A million take 30 MB, a list of them 80. They equal any sequence of the same names.

    >>> names = Names(pack(["a_EV", "bc_NO"]))
    >>> names[0], names[:], names == ["a_EV", "bc_NO"]
    ('a_EV', ['a_EV', 'bc_NO'], True)
    """

    def __init__(self, packed: np.ndarray):
        self.packed = packed

    def __len__(self) -> int:
        return len(self.packed)

    def __getitem__(self, index: Any) -> Any:
        found = self.packed[index]
        return found.decode() if isinstance(found, bytes) else _texts(found)

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), ROWS_AT_ONCE):
            yield from _texts(self.packed[start : start + ROWS_AT_ONCE])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


def _texts(packed: np.ndarray) -> list[str]:
    return [name.decode() for name in packed.tolist()]


class Columns:
    """Arrays in one piece of memory; pickled, they are the same memory in a process of ours.

    Parameters
    ----------
    arrays
        What is copied into it, by name.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]):
        layout, size = {}, 0
        for name, array in arrays.items():
            layout[name] = (size, array.dtype, array.shape)
            size += -(-array.nbytes // ALIGNMENT) * ALIGNMENT
        self.__setstate__((Shared(size), layout))
        for name, array in arrays.items():
            self._view(name)[:] = array

    def __getstate__(self) -> tuple[Shared, dict[str, tuple[int, np.dtype, tuple[int, ...]]]]:
        return self._shared, self._layout

    def __setstate__(self, state: tuple[Shared, dict[str, Any]]) -> None:
        self._shared, self._layout = state

    def __getitem__(self, name: str) -> np.ndarray:
        """Return a column, read-only."""
        column = self._view(name)
        column.flags.writeable = False
        return column

    def _view(self, name: str) -> np.ndarray:
        start, dtype, shape = self._layout[name]
        (block,) = self._shared.blocks(self._shared.size)
        stop = start + dtype.itemsize * int(np.prod(shape))
        column: np.ndarray = block[start:stop].view(dtype).reshape(shape)
        return column

    def take(self, rows: np.ndarray) -> "Columns":
        """Copy some rows of all columns."""
        return Columns({name: self[name][rows] for name in self._layout})

    @property
    def descriptor(self) -> int:
        """The open file that the memory is."""
        return self._shared.descriptor
