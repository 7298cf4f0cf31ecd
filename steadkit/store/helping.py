"""Processes that carry runs of traces beside this one."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from steadkit.children import Child
from steadkit.errors import InputError
from steadkit.store.carrying import Carried, Hand, Task
from steadkit.store.opening import open_data
from steadkit.store.reading import Reader


class Setup(NamedTuple):
    """What a helper works with."""

    sources: list[tuple[Path, tuple[int, int]]]
    """The files that tasks speak of, by number, and what tells each from one put in its place."""
    descriptor: int
    """The file to write."""


def new_helper(sources: Sequence[Path], descriptor: int) -> Child:
    """Start a process that works as a `steadkit.store.carrying.Hand`."""
    setup = Setup([(path.resolve(), _identity(path)) for path in sources], descriptor)
    return Child(f"{__name__}:helping", setup, [descriptor])


@contextmanager
def helping(setup: Setup) -> Iterator[Callable[[Task], Carried]]:
    """Open what a helper works with, in its own process."""
    with ExitStack() as stack:
        readers = [Reader(stack.enter_context(open_data(path))) for path, _ in setup.sources]
        for path, identity in setup.sources:
            if _identity(path) != identity:
                raise InputError(f"{str(path)!r} was replaced meanwhile: run it again")
        hand = Hand(readers, setup.descriptor)
        stack.callback(hand.close)
        yield hand.carry


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
