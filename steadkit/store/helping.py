"""Processes that carry runs of traces beside this one, as Python lets one thread work at a time."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

from steadkit.errors import InputError
from steadkit.hdf5 import write_at
from steadkit.store.carrying import Carried, Task, carry, new_memory
from steadkit.store.reading import Reader, open_data

Source = tuple[Path, tuple[int, int]]
"""A file, and what tells it from one put in its place meanwhile."""


class HelperGoneError(Exception):
    """The process has ended, or could not begin; what it was asked for is not done."""


class Helper:
    """A process that carries runs; it ends with this one, however this one ends.

    Parameters
    ----------
    sources
        The files that tasks speak of, by number.
    descriptor
        The file to write.
    """

    def __init__(self, sources: Sequence[Path], descriptor: int):
        self._connection, theirs = Pipe()
        code = f"from {__name__} import help_out; help_out()"
        call = [sys.executable, "-P", "-c", code, str(theirs.fileno()), str(descriptor)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        with theirs:
            self._process = subprocess.Popen(
                call,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                pass_fds=(theirs.fileno(), descriptor),
            )
        self._connection.send([(path.resolve(), _identity(path)) for path in sources])

    def carry(self, task: Task) -> Carried:
        """Let the process do what `steadkit.store.carrying.carry` does.

        Raises
        ------
        InputError, OSError
            What it raised there.
        HelperGoneError
            The process has ended.
        """
        try:
            self._connection.send(task)
            answer = self._connection.recv()
        except (EOFError, OSError) as error:
            raise HelperGoneError from error
        if isinstance(answer, Exception):
            raise answer
        carried: Carried = answer
        return carried

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.kill()
        self._process.wait()


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def help_out() -> None:
    """Be the process: carry what is asked for until nobody is left to ask."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever is asked to stop ends this one too
    connection, descriptor = Connection(int(sys.argv[1])), int(sys.argv[2])
    write, memory = partial(write_at, descriptor), new_memory()
    sources: list[Source] = connection.recv()
    with ExitStack() as stack:
        readers = [Reader(stack.enter_context(open_data(path))) for path, _ in sources]
        if [_identity(path) for path, _ in sources] != [identity for _, identity in sources]:
            return
        while True:
            try:
                task: Task = connection.recv()
            except EOFError:
                return
            try:
                answer: object = carry(readers[task.source], write, task, memory)
            except (InputError, OSError) as error:
                answer = error
            connection.send(answer)
