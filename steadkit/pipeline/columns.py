"""What is known of the traces of a stream, as columns of one table that processes share."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from steadkit.pipeline.buffers import ALIGNMENT, SharedBuffer


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
        self.__setstate__((SharedBuffer(size), layout))
        for name, array in arrays.items():
            self._view(name)[:] = array

    def __getstate__(self) -> tuple[SharedBuffer, dict[str, tuple[int, np.dtype, tuple[int, ...]]]]:
        return self._shared, self._layout

    def __setstate__(self, state: tuple[SharedBuffer, dict[str, Any]]) -> None:
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
