"""Table of trace metadata in shared memory, one array for each column."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from steadkit.pipeline.buffers import ALIGNMENT, SharedBuffer


class Columns:
    """Named arrays in one shared buffer; unpickled in a worker process, they map the same memory.

    Parameters
    ----------
    arrays
        Arrays by column name; they are copied.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]):
        layout, size = {}, 0
        for name, array in arrays.items():
            layout[name] = (size, array.dtype, array.shape)
            # Each column starts on a cache line, so that no element lies across two.
            size += -(-array.nbytes // ALIGNMENT) * ALIGNMENT
        self.__setstate__((SharedBuffer(size), layout))
        for name, array in arrays.items():
            self._view(name)[:] = array

    def __getstate__(self) -> tuple[SharedBuffer, dict[str, tuple[int, np.dtype, tuple[int, ...]]]]:
        return self._shared, self._layout

    def __setstate__(self, state: tuple[SharedBuffer, dict[str, Any]]) -> None:
        self._shared, self._layout = state

    def __getitem__(self, name: str) -> np.ndarray:
        """Return a column as a read-only view."""
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
        """Copy the given rows of all columns."""
        return Columns({name: self[name][rows] for name in self._layout})

    @property
    def descriptor(self) -> int:
        """File descriptor of the shared memory, which a worker process must inherit."""
        return self._shared.descriptor
