"""Worker processes that run tasks sent over a pipe, one at a time, for CPU-bound Python code.

The interpreter runs one thread at a time, so that threads alone would not use more than one core.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from multiprocessing.connection import Connection, Pipe
from typing import Any

from steadkit.errors import InputError

SINGLE_THREADED = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""The other cores have processes of their own, and NumPy's threads would wait busily for work."""


class WorkerDiedError(Exception):
    """The process has ended, or could not start; the task sent to it is not done."""


class Worker:
    """A worker process; it ends with its parent, however the parent ends.

    Parameters
    ----------
    entry_point
        ``module:function``: a context manager that takes the setup and yields a function of a
        task.
    setup
        The argument of the entry point.
    descriptors
        Open files that it inherits, under the same numbers.
    """

    def __init__(self, entry_point: str, setup: object, descriptors: Sequence[int] = ()):
        self._connection, worker_end = Pipe()
        code = f"from {__name__} import worker_main; worker_main()"
        # -P: a module in the current folder must not be imported in place of an installed one.
        command = [sys.executable, "-P", "-c", code, str(worker_end.fileno()), entry_point]
        environment = (
            os.environ | SINGLE_THREADED | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        )
        # Once the parent has closed its copy of this end, the process holds the only one: its
        # death ends the parent's `recv`, and the parent's death ends the process's.
        with worker_end:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                pass_fds=(worker_end.fileno(), *descriptors),
            )
        self._connection.send(setup)

    def call(self, task: object) -> Any:
        """Send a task to the process and return its result.

        Raises
        ------
        InputError, OSError
            The error that the task raised in the process.
        WorkerDiedError
            The process has ended.
        """
        try:
            self._connection.send(task)
            result = self._connection.recv()
        except (EOFError, OSError) as error:
            raise WorkerDiedError from error
        if isinstance(result, Exception):
            raise result
        return result

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self.process.kill()
        self.process.wait()


def worker_main() -> None:
    """Run tasks in the worker process until the parent closes the pipe."""
    # Ctrl-C reaches the whole process group; the parent handles it and ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = Connection(int(sys.argv[1]))
    module, _, name = sys.argv[2].partition(":")
    entry_point = getattr(import_module(module), name)
    with entry_point(connection.recv()) as run_task:
        while True:
            try:
                task = connection.recv()
            except EOFError:
                return
            # Only errors that users can act on are sent back; any other one is a bug and ends the
            # process, whose parent then does the task itself and raises it where it can be seen.
            try:
                result = run_task(task)
            except (InputError, OSError) as error:
                result = error
            connection.send(result)


def count_cores() -> int:
    """Return the number of cores that this process may use."""
    available = getattr(os, "sched_getaffinity", None)
    return len(available(0)) if available else os.cpu_count() or 1
