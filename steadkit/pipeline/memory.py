"""Memory for batches that is used again once nobody holds them, for new memory costs as much.

A page that a process has never touched takes the system longer to give than a trace takes to be
normalised into it: half of the time of a plain stream would go there.
"""

import sys
import threading

import numpy as np

ALIGNMENT = 64
"""Bytes that TensorFlow wants arrays to begin at a multiple of; others it copies."""

MOST_FREE = 8
"""Blocks kept that nobody holds."""


class Memory:
    """Blocks of memory, given out as arrays and taken back by themselves."""

    def __init__(self) -> None:
        self._blocks: list[np.ndarray] = []
        self._lock = threading.Lock()

    def arrays(self, *shapes: tuple[int, ...]) -> list[np.ndarray]:
        """Make empty float32 arrays, each aligned, all in one block.

        The block is used again when none of them, nor a view or tensor of one, is left.
        """
        sizes = [-(-4 * int(np.prod(shape)) // ALIGNMENT) * ALIGNMENT for shape in shapes]
        with self._lock:
            block = self._block(sum(sizes) + ALIGNMENT)
            position, made = -block.ctypes.data % ALIGNMENT, []
            for shape, size in zip(shapes, sizes, strict=True):
                part = block[position : position + 4 * int(np.prod(shape))]
                made.append(part.view(np.float32).reshape(shape))
                position += size
        return made

    def _block(self, size: int) -> np.ndarray:
        free = [number for number in range(len(self._blocks)) if self._is_free(number)]
        for number in reversed(free[MOST_FREE:]):
            del self._blocks[number]
        for number in free[:MOST_FREE]:
            if len(self._blocks[number]) == size:
                return self._blocks[number]
        block = np.empty(size, np.uint8)
        self._blocks.append(block)
        return block

    def _is_free(self, number: int) -> bool:
        # Held by the list, and while it is counted by the call; a view would hold it too.
        return sys.getrefcount(self._blocks[number]) == 2
