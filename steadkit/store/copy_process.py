"""Worker processes that copy batches of traces next to the threads of the main process."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from steadkit.errors import InputError
from steadkit.processes import Worker
from steadkit.store.async_writer import MAX_UNWRITTEN_BATCHES
from steadkit.store.copy_task import CopiedBatch, CopyWorker, Task
from steadkit.store.open import open_data
from steadkit.store.reader import Reader


class Setup(NamedTuple):
    """Arguments of a copy process."""

    sources: list[tuple[Path, tuple[int, int], int]]
    """The source files by the numbers that tasks use: path, device and inode, and how many traces
    are read of each."""
    descriptor: int
    """The file to write."""


class CopyProcess:
    """A process with the interface of a `steadkit.store.copy_task.CopyWorker`.

    Parameters
    ----------
    sources
        The source files by the numbers that tasks use.
    n_traces
        How many traces are read of each.
    descriptor
        The file to write.
    """

    def __init__(self, sources: Sequence[Path], n_traces: Sequence[int], descriptor: int):
        files = [
            (path.resolve(), _identity(path), number)
            for path, number in zip(sources, n_traces, strict=True)
        ]
        setup = Setup(files, descriptor)
        self._process = Worker(f"{__name__}:worker_main", setup, [descriptor])
        # A batch is answered before it is written, so the last ones are kept for a replacement.
        self.unflushed: deque[Task] = deque(maxlen=MAX_UNWRITTEN_BATCHES)
        """Most recent tasks: lost if the process dies before they are flushed."""

    def copy_batch(self, task: Task) -> CopiedBatch:
        """Copy a batch in the process, as `CopyWorker.copy_batch` does.

        Raises
        ------
        WorkerDiedError
            The process has ended.
        """
        copied: CopiedBatch = self._process.call(task)
        self.unflushed.append(task)
        return copied

    def flush(self) -> None:
        """Wait until the process has written all samples, as `CopyWorker.flush` does.

        Raises
        ------
        WorkerDiedError
            The process has ended.
        """
        self._process.call(None)
        self.unflushed.clear()

    def close(self) -> None:
        """End the process."""
        self._process.close()


@contextmanager
def worker_main(setup: Setup) -> Iterator[Callable[[Task | None], CopiedBatch | None]]:
    """Open the sources in the worker process; yields a function of a task, None for a flush."""
    with ExitStack() as stack:
        readers = [
            Reader(stack.enter_context(open_data(path)), number)
            for path, _, number in setup.sources
        ]
        # After opening, so that a file put in the place of a source is noticed in any case.
        for path, identity, _ in setup.sources:
            if _identity(path) != identity:
                raise InputError(f"{str(path)!r} was replaced meanwhile: run it again")
        worker = CopyWorker(readers, setup.descriptor)
        stack.callback(worker.close)
        yield lambda task: worker.flush() if task is None else worker.copy_batch(task)


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
