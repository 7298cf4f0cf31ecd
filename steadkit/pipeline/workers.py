"""Processes that make batches, into memory that they share with this one."""

import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import NamedTuple

import numpy as np

from steadkit.pipeline.batches import BatchLoader, batch_shapes
from steadkit.pipeline.buffers import BufferPool, SharedBuffer, aligned_empty, split_buffer
from steadkit.pipeline.config import BatchConfig
from steadkit.pipeline.data_source import TraceSource
from steadkit.processes import Worker, WorkerDiedError

MAX_BATCHES_AHEAD = 8
"""Batches that may be held by whoever takes them, before another has to be made elsewhere."""


class Setup(NamedTuple):
    """What a member works with."""

    data_source: TraceSource
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
        size = aligned_empty(batch_shapes(batches.config.batch_size))
        block = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
        shared = SharedBuffer((workers + MAX_BATCHES_AHEAD) * block)
        self._buffers = BufferPool(shared.blocks(block))
        setup = Setup(
            batches.data_source, batches.config, batches.seed, batches.shard, shared, block
        )
        descriptors = [shared.descriptor, *batches.data_source.descriptors]
        self._workers = [
            Worker(f"{__name__}:worker_main", setup, descriptors) for _ in range(workers)
        ]
        self._idle: SimpleQueue[Worker | None] = SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)

    def __len__(self) -> int:
        return len(self._workers)

    def arrays(self, number: int) -> list[np.ndarray] | None:
        """Let one of the team make a batch; None where nobody can: make it yourself."""
        free_block = self._buffers.take()
        worker = self._idle.get()
        try:
            if free_block is None or worker is None:
                return None
            place, block = free_block
            return split_buffer(block, batch_shapes(worker.ask((number, place))))
        except WorkerDiedError:
            worker = None
            return None
        finally:
            self._idle.put(worker)

    def close(self) -> None:
        """End the processes."""
        for worker in self._workers:
            worker.close()


@contextmanager
def worker_main(setup: Setup) -> Iterator[Callable[[tuple[int, int]], int]]:
    """Make batches for another process, in one of its own."""
    data_source, config, seed, shard, shared, size = setup
    batches, blocks = BatchLoader(data_source, None, config, seed, shard), shared.blocks(size)

    def make(task: tuple[int, int]) -> int:
        number, place = task
        count = batches.size(number)
        batches.fill(number, split_buffer(blocks[place], batch_shapes(count)))
        return count

    yield make
