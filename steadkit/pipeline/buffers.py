"""Memory for batches that is used again once nobody holds them, for new memory costs as much.

A page that a process has never touched takes the system longer to give than a trace takes to be
normalised into it: half of the time of a plain stream would go there.
"""

import mmap
import os
import sys
import tempfile
import threading
from collections.abc import Sequence

import numpy as np

ALIGNMENT = 64
"""Bytes that TensorFlow wants arrays to begin at a multiple of; others it copies."""

MAX_FREE = 8
"""Blocks kept that nobody holds."""

Shape = tuple[int, ...]


def aligned_empty(shapes: Sequence[Shape]) -> int:
    """Tell how many bytes `split_buffer` needs for float32 arrays of these shapes."""
    return ALIGNMENT + sum(_padded(shape) for shape in shapes)


def split_buffer(block: np.ndarray, shapes: Sequence[Shape]) -> list[np.ndarray]:
    """Make float32 arrays in a block of bytes, each aligned."""
    position, arrays = -block.ctypes.data % ALIGNMENT, []
    for shape in shapes:
        segment = block[position : position + 4 * int(np.prod(shape))]
        arrays.append(segment.view(np.float32).reshape(shape))
        position += _padded(shape)
    return arrays


def _padded(shape: Shape) -> int:
    return -(-4 * int(np.prod(shape)) // ALIGNMENT) * ALIGNMENT


class BufferPool:
    """Blocks of memory, each free again when no array in it, nor a view or tensor of one, is left.

    Parameters
    ----------
    blocks
        The blocks there are, uint8, none of them a view of another array; by default they are
        made as they are needed.
    """

    def __init__(self, blocks: Sequence[np.ndarray] | None = None):
        self._blocks = list(blocks or [])
        self._is_fixed = blocks is not None
        self._lock = threading.Lock()

    def arrays(self, shapes: Sequence[Shape]) -> list[np.ndarray]:
        """Make float32 arrays, all in one block."""
        size = aligned_empty(shapes)
        with self._lock:
            free = self._free()
            for number in reversed(free[MAX_FREE:]):
                del self._blocks[number]
            for number in free[:MAX_FREE]:
                if len(self._blocks[number]) == size:
                    return split_buffer(self._blocks[number], shapes)
            self._blocks.append(np.empty(size, np.uint8))
            return split_buffer(self._blocks[-1], shapes)

    def take(self) -> tuple[int, np.ndarray] | None:
        """Give a free block and its number, or None; it is taken as long as it is held."""
        with self._lock:
            free = self._free()
            return (free[0], self._blocks[free[0]]) if free else None

    def _free(self) -> list[int]:
        # Held by the list, and while it is counted by the call; an array in it would hold it too.
        return [n for n in range(len(self._blocks)) if sys.getrefcount(self._blocks[n]) == 2]


class SharedBuffer:
    """Memory that processes of ours can share; pickled, it is the same memory in a child.

    Parameters
    ----------
    size
        Bytes.
    """

    def __init__(self, size: int):
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
        if hasattr(self, "_map"):  # the map goes when the last array in it does
            os.close(self.descriptor)

    def blocks(self, size: int) -> list[np.ndarray]:
        """See the memory as blocks of so many bytes."""
        return [
            np.frombuffer(self._map, np.uint8, size, start)
            for start in range(0, self.size - size + 1, size)
        ]
