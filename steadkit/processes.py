"""Processes that work for this one, as Python lets one thread of a process work at a time."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from multiprocessing.connection import Connection, Pipe
from typing import Any

from steadkit.errors import InputError

ALONE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""The other cores have processes of their own, and NumPy's threads would wait busily for work."""

Work = Callable[[Any], object]
"""Does one task."""


class WorkerDiedError(Exception):
    """The process has ended, or could not begin; what it was asked for is not done."""


class Worker:
    """A process that does tasks; it ends with this one, however this one ends.

    Parameters
    ----------
    worker
        ``module:function``: a context manager that takes the setup and gives what does a task.
    setup
        What it takes.
    descriptors
        Open files that it uses, under the same numbers.
    """

    def __init__(self, worker: str, setup: object, descriptors: Sequence[int] = ()):
        self._connection, theirs = Pipe()
        code = f"from {__name__} import worker_main; worker_main()"
        call = [sys.executable, "-P", "-c", code, str(theirs.fileno()), worker]
        environment = os.environ | ALONE | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        with theirs:
            self.process = subprocess.Popen(
                call,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                pass_fds=(theirs.fileno(), *descriptors),
            )
        self._connection.send(setup)

    def ask(self, task: object) -> Any:
        """Let the process do a task.

        Raises
        ------
        InputError, OSError
            What was raised there.
        ChildGoneError
            The process has ended.
        """
        try:
            self._connection.send(task)
            answer = self._connection.recv()
        except (EOFError, OSError) as error:
            raise WorkerDiedError from error
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self.process.kill()
        self.process.wait()


def worker_main() -> None:
    """Be the process: do tasks until nobody is left to ask."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever is asked to stop ends this one too
    connection = Connection(int(sys.argv[1]))
    module, _, name = sys.argv[2].partition(":")
    worker = getattr(import_module(module), name)
    with worker(connection.recv()) as work:
        while True:
            try:
                task = connection.recv()
            except EOFError:
                return
            connection.send(_done(work, task))


def _done(work: Work, task: object) -> object:
    try:
        return work(task)
    except (InputError, OSError) as error:
        return error


def count_cores() -> int:
    """Tell how many cores this process may use."""
    available = getattr(os, "sched_getaffinity", None)
    return len(available(0)) if available else os.cpu_count() or 1
