"""Batch buffers that are reused, and memory and tables that processes share.

The first write to a page that a process has never touched makes the kernel map and clear it, which
takes longer than to normalise a trace into it: about half of the time of a plain stream. So a pool
hands out a block again once nothing refers to it.
"""

import mmap
import os
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

ALIGNMENT = 64
"""Alignment in bytes of arrays that TensorFlow uses in place; it copies any other."""

MAX_FREE = 8
"""Unused blocks that a pool keeps."""

Shape = tuple[int, ...]


def buffer_bytes(shapes: Sequence[Shape]) -> int:
    """Return the bytes that `split_buffer` needs for float32 arrays of these shapes."""
    return ALIGNMENT + sum(_padded(shape) for shape in shapes)


def split_buffer(block: np.ndarray, shapes: Sequence[Shape]) -> list[np.ndarray]:
    """Return aligned float32 views of a block of bytes, one for each shape."""
    # From the address and not from the start of the block, which NumPy aligns to 16 bytes only.
    position, arrays = -block.ctypes.data % ALIGNMENT, []
    for shape in shapes:
        segment = block[position : position + 4 * int(np.prod(shape))]
        arrays.append(segment.view(np.float32).reshape(shape))
        position += _padded(shape)
    return arrays


def _padded(shape: Shape) -> int:
    return -(-4 * int(np.prod(shape)) // ALIGNMENT) * ALIGNMENT


class BufferPool:
    """Pool of memory blocks; a block is free when no array, view or tensor refers to it.

    Parameters
    ----------
    blocks
        A fixed set of blocks, uint8, none of them a view of another array; by default blocks are
        allocated on demand.
    """

    def __init__(self, blocks: Sequence[np.ndarray] | None = None):
        self._blocks = list(blocks or [])
        self._lock = threading.Lock()

    def arrays(self, shapes: Sequence[Shape]) -> list[np.ndarray]:
        """Return float32 arrays, all in one block; their contents are undefined."""
        size = buffer_bytes(shapes)
        with self._lock:
            free = self._free()
            # From the end, so that the numbers of those still to be removed stay valid.
            for number in reversed(free[MAX_FREE:]):
                del self._blocks[number]
            for number in free[:MAX_FREE]:
                # Only equal sizes are used again: the last batch of an epoch is smaller, and has a
                # block to itself.
                if len(self._blocks[number]) == size:
                    return split_buffer(self._blocks[number], shapes)
            self._blocks.append(np.empty(size, np.uint8))
            return split_buffer(self._blocks[-1], shapes)

    def take(self) -> tuple[int, np.ndarray] | None:
        """Return a free block and its number, or None; it is in use as long as it is referenced."""
        with self._lock:
            free = self._free()
            return (free[0], self._blocks[free[0]]) if free else None

    def _free(self) -> list[int]:
        # Two references are those of the list and of the call of getrefcount. A view of a view
        # refers to the first array in NumPy, so every array in a block adds one, and so does a
        # tensor that TensorFlow made of it without a copy.
        return [n for n in range(len(self._blocks)) if sys.getrefcount(self._blocks[n]) == 2]


class SharedBuffer:
    """Anonymous shared memory; unpickled in a worker process, it maps the same memory.

    Parameters
    ----------
    size
        Bytes.
    """

    def __init__(self, size: int):
        # An anonymous file vanishes with the last process that has it open, also if all are killed.
        # Workers inherit the descriptor under the same number.
        if hasattr(os, "memfd_create"):
            descriptor = os.memfd_create("steadkit")
        else:
            with tempfile.TemporaryFile() as file:
                descriptor = os.dup(file.fileno())
        os.ftruncate(descriptor, size)
        self.__setstate__((descriptor, size))

    def __getstate__(self) -> tuple[int, int]:
        return self.descriptor, self.size

    def __setstate__(self, state: tuple[int, int]) -> None:
        self.descriptor, self.size = state
        self._map = mmap.mmap(self.descriptor, self.size)

    def __del__(self) -> None:
        # The mapping is not closed here: it lasts as long as an array in it does.
        if hasattr(self, "_map"):
            os.close(self.descriptor)

    def blocks(self, size: int) -> list[np.ndarray]:
        """Return the memory as uint8 blocks of `size` bytes, without a copy."""
        return [
            np.frombuffer(self._map, np.uint8, size, start)
            for start in range(0, self.size - size + 1, size)
        ]


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
