"""Pool of worker processes that make batches in memory shared with this process."""

import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import NamedTuple

import numpy as np

from steadkit.pipeline.batches import BatchConfig, BatchLoader, batch_shapes
from steadkit.pipeline.buffers import BufferPool, SharedBuffer, buffer_bytes, split_buffer
from steadkit.pipeline.data_source import TraceSource
from steadkit.processes import Worker, WorkerDiedError

MAX_BATCHES_AHEAD = 8
"""Finished batches in use at a time; beyond them, batches are made in this process."""


class BatchSetup(NamedTuple):
    """Arguments of a worker process."""

    data_source: TraceSource
    config: BatchConfig
    seed: int | None
    shard: tuple[int, int]
    shared: SharedBuffer
    block: int
    """Bytes of a block, which holds one batch."""


class WorkerPool:
    """Pool of processes that make batches, identical to those of the loader itself.

    Parameters
    ----------
    batches
        Loader whose batches to make.
    workers
        Number of processes.
    """

    def __init__(self, batches: BatchLoader, workers: int):
        size = buffer_bytes(batch_shapes(batches.config.batch_size))
        # Blocks of whole pages: no two processes write to the same page.
        block = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
        shared = SharedBuffer((workers + MAX_BATCHES_AHEAD) * block)
        self._buffers = BufferPool(shared.blocks(block))
        setup = BatchSetup(
            batches.data_source, batches.config, batches.seed, batches.shard, shared, block
        )
        # Descriptors are inherited, and memory mapped from them: an array is never pickled.
        descriptors = [shared.descriptor, *batches.data_source.descriptors]
        self._workers = [
            Worker(f"{__name__}:batch_main", setup, descriptors) for _ in range(workers)
        ]
        self._idle: SimpleQueue[Worker | None] = SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)

    def __len__(self) -> int:
        return len(self._workers)

    def arrays(self, number: int) -> list[np.ndarray] | None:
        """Return a batch made by a worker, or None if the caller has to make it.

        None means that all blocks are in use or that the worker has died.
        """
        free_block = self._buffers.take()
        # Waits for an idle worker. A dead one is put back as None, so that the queue never runs
        # dry: once all are dead, every call returns None at once.
        worker = self._idle.get()
        try:
            if free_block is None or worker is None:
                return None
            place, block = free_block
            return split_buffer(block, batch_shapes(worker.call((number, place))))
        except WorkerDiedError:
            worker = None
            return None
        finally:
            self._idle.put(worker)

    def close(self) -> None:
        """Stop the processes."""
        for worker in self._workers:
            worker.close()


@contextmanager
def batch_main(setup: BatchSetup) -> Iterator[Callable[[tuple[int, int]], int]]:
    """Run in a worker process: yield the function that makes a batch and returns its size."""
    data_source, config, seed, shard, shared, size = setup
    batches, blocks = BatchLoader(data_source, None, config, seed, shard), shared.blocks(size)

    def make(task: tuple[int, int]) -> int:
        number, place = task
        count = batches.size(number)
        # A mapping starts on a page in every process, so `split_buffer` finds the same offsets here
        # as in the process that reads the batch.
        batches.fill(number, split_buffer(blocks[place], batch_shapes(count)))
        return count

    yield make
