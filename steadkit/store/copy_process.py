"""Processes that carry runs of traces beside this one."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from steadkit.errors import InputError
from steadkit.processes import Worker
from steadkit.store.async_writer import MAX_UNWRITTEN_BYTES
from steadkit.store.copy_task import CopiedBatch, CopyWorker, Task
from steadkit.store.open import open_data
from steadkit.store.reader import Reader


class Setup(NamedTuple):
    """What a helper works with."""

    sources: list[tuple[Path, tuple[int, int], int]]
    """The files that tasks speak of, by number; what tells each from one put in its place; and how
    many traces are read of each."""
    descriptor: int
    """The file to write."""


class CopyProcess:
    """A process that works as a `steadkit.store.copy_task.CopyWorker`.

    Parameters
    ----------
    sources
        The files that tasks speak of, by number.
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
        self._child = Worker(f"{__name__}:worker_main", setup, [descriptor])
        self.unsettled: deque[Task] = deque(maxlen=MAX_UNWRITTEN_BYTES)
        """What it carried last: if the process goes, this may not be written."""

    def carry(self, task: Task) -> CopiedBatch:
        """Let it carry, and raise what was raised there.

        Raises
        ------
        ChildGoneError
            The process has ended.
        """
        carried: CopiedBatch = self._child.ask(task)
        self.unsettled.append(task)
        return carried

    def settle(self) -> None:
        """Let it write all, and raise what was raised there.

        Raises
        ------
        ChildGoneError
            The process has ended.
        """
        self._child.ask(None)
        self.unsettled.clear()

    def close(self) -> None:
        """End the process."""
        self._child.close()


@contextmanager
def worker_main(setup: Setup) -> Iterator[Callable[[Task | None], CopiedBatch | None]]:
    """Open what a helper works with, in its own process."""
    with ExitStack() as stack:
        readers = [
            Reader(stack.enter_context(open_data(path)), number)
            for path, _, number in setup.sources
        ]
        for path, identity, _ in setup.sources:
            if _identity(path) != identity:
                raise InputError(f"{str(path)!r} was replaced meanwhile: run it again")
        hand = CopyWorker(readers, setup.descriptor)
        stack.callback(hand.close)
        yield lambda task: hand.settle() if task is None else hand.carry(task)


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
