"""Processes that work for this one: tasks, faults and ends."""

import os
import select
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from steadkit.errors import InputError
from steadkit.processes import Worker, WorkerDiedError


@contextmanager
def doubling(setup):
    """Double numbers, and fail in each possible way."""

    def work(task):
        if task == "wrong":
            raise InputError("task 'wrong' cannot be: use a number")
        if task == "full":
            raise OSError(28, "No space left on device")
        return setup * task

    yield work


@pytest.fixture
def worker():
    worker = Worker("test_processes:doubling", 2)
    yield worker
    worker.close()


def test_tasks_and_faults(worker):
    assert worker.call(21) == 42
    with pytest.raises(InputError, match="use a number"):
        worker.call("wrong")
    with pytest.raises(OSError, match="No space left") as caught:
        worker.call("full")
    assert caught.value.errno == 28
    assert worker.call(1) == 2


@pytest.mark.parametrize("entry_point", ["no.such:thing", "test_processes:nothing"])
def test_a_child_that_cannot_begin_is_gone(entry_point):
    worker = Worker(entry_point, 2)
    with pytest.raises(WorkerDiedError):
        worker.call(1)
    worker.close()


def test_a_fault_of_ours_ends_the_child(worker):
    with pytest.raises(WorkerDiedError):
        worker.call(None)  # cannot be multiplied
    with pytest.raises(WorkerDiedError):
        worker.call(1)


def test_a_child_ends_with_its_parent_however_that_ends():
    read_end, write_end = os.pipe()
    code = (
        f"import os, signal, sys; sys.path[:] = {sys.path}\n"
        "from steadkit.processes import Worker\n"
        f"Worker('test_processes:doubling', 2, [{write_end}]).call(1)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    parent = subprocess.run(
        [sys.executable, "-c", code], pass_fds=[write_end], stderr=subprocess.PIPE
    )
    assert parent.returncode == -signal.SIGKILL, parent.stderr
    os.close(write_end)
    # The end of the pipe is seen when nobody holds the other one any more.
    assert select.select([read_end], [], [], 60)[0]
    assert os.read(read_end, 1) == b""
    os.close(read_end)
