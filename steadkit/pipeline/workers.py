"""Processes that make batches, into memory that they share with this one."""

import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import NamedTuple

import numpy as np

from steadkit.pipeline.batches import BatchLoader, shapes
from steadkit.pipeline.buffers import BufferPool, SharedBuffer, aligned_empty, split_buffer
from steadkit.pipeline.config import BatchConfig
from steadkit.pipeline.data_source import TraceSource
from steadkit.processes import Worker, WorkerDiedError

MAX_BATCHES_AHEAD = 8
"""Batches that may be held by whoever takes them, before another has to be made elsewhere."""


class Setup(NamedTuple):
    """What a member works with."""

    records: TraceSource
    config: BatchConfig
    seed: int | None
    shard: tuple[int, int]
    shared: SharedBuffer
    block: int
    """Bytes of a block, which holds a batch."""


class WorkerPool:
    """Some processes that make the batches that one would, the same.

    Parameters
    ----------
    batches
        What to make.
    workers
        How many processes.
    """

    def __init__(self, batches: BatchLoader, workers: int):
        size = aligned_empty(shapes(batches.config.batch_size))
        block = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
        shared = SharedBuffer((workers + MAX_BATCHES_AHEAD) * block)
        self._memory = BufferPool(shared.blocks(block))
        setup = Setup(batches.records, batches.config, batches.seed, batches.shard, shared, block)
        descriptors = [shared.descriptor, *batches.records.descriptors]
        self._children = [
            Worker(f"{__name__}:worker_main", setup, descriptors) for _ in range(workers)
        ]
        self._idle: SimpleQueue[Worker | None] = SimpleQueue()
        for child in self._children:
            self._idle.put(child)

    def __len__(self) -> int:
        return len(self._children)

    def arrays(self, number: int) -> list[np.ndarray] | None:
        """Let one of the team make a batch; None where nobody can: make it yourself."""
        taken = self._memory.take()
        child = self._idle.get()
        try:
            if taken is None or child is None:
                return None
            place, block = taken
            return split_buffer(block, shapes(child.call((number, place))))
        except WorkerDiedError:
            child = None
            return None
        finally:
            self._idle.put(child)

    def close(self) -> None:
        """End the processes."""
        for child in self._children:
            child.close()


@contextmanager
def worker_main(setup: Setup) -> Iterator[Callable[[tuple[int, int]], int]]:
    """Make batches for another process, in one of its own."""
    records, config, seed, shard, shared, size = setup
    batches, blocks = BatchLoader(records, None, config, seed, shard), shared.blocks(size)

    def make(task: tuple[int, int]) -> int:
        number, place = task
        count = batches.size(number)
        batches.fill(number, split_buffer(blocks[place], shapes(count)))
        return count

    yield make
