"""Measure a command in a process of its own: time, processor, memory and bytes read, of its tree.

Bytes read are those that processes asked the system for, from the disk or its cache. Memory is the
greatest sum over the tree of proportional set sizes, in which what processes share counts once,
sampled ten times a second, or the largest resident set of one process, if that is more. Where the
system does not tell, it is the latter alone, which a small process may have from its parent.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

INTERVAL_S: Final = 0.1
RSS_BYTES: Final = 1 if sys.platform == "darwin" else 1024
"""In what a resident set is counted."""


class Cost(NamedTuple):
    """What a command took."""

    seconds: float
    processor: float
    """Seconds of all cores."""
    memory: int
    """Bytes at the peak."""
    read: int | None
    """Bytes, where the system counts them."""
    output: str
    """What it printed."""


def measure(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    is_enough: Callable[[], bool] | None = None,
    codes: Sequence[int] = (0,),
) -> Cost:
    """Run a command.

    Parameters
    ----------
    command
        Program and arguments.
    environment
        Variables to set, besides those of this process.
    is_enough
        Asked ten times a second; the command is interrupted, as by Ctrl-C, once it says so.
    codes
        Exit codes that are no failure.

    Raises
    ------
    RuntimeError
        The command fails.
    """
    with tempfile.TemporaryFile("w+") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        watch = _Watch(process.pid, began, is_enough)
        watch.start()
        try:
            # It is not waited for yet: what it and its children have read can still be asked.
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        except BaseException:  # Ctrl-C, which a process in a session of its own does not get
            watch.has_ended.set()
            os.kill(process.pid, signal.SIGINT)
            raise
        seconds = time.perf_counter() - began
        read = _bytes_read(process.pid)
        watch.has_ended.set()
        watch.join()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    is_failure = process.returncode not in codes if is_enough is None else watch.seconds is None
    if is_failure:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{text[-2000:]}")
    memory = watch.memory or usage.ru_maxrss * RSS_BYTES
    processor = usage.ru_utime + usage.ru_stime
    return Cost(watch.seconds or seconds, processor, memory, read, text)


class _Watch(threading.Thread):
    """Sample the memory of a process and its descendants, and interrupt it once it is enough."""

    def __init__(self, process: int, began: float, is_enough: Callable[[], bool] | None):
        super().__init__()
        self.has_ended = threading.Event()
        self.memory = 0
        self.seconds: float | None = None
        self._process, self._began, self._is_enough = process, began, is_enough

    def run(self) -> None:
        """Look ten times a second, until it has ended."""
        while not self.has_ended.wait(INTERVAL_S):
            self.memory = max(self.memory, *_tree_bytes(self._process))
            if self.seconds is None and self._is_enough is not None and self._is_enough():
                self.seconds = time.perf_counter() - self._began
                os.kill(self._process, signal.SIGINT)


def _tree_bytes(root: int) -> tuple[int, int]:
    """Return the bytes of a process and its descendants, and the most that one of them had yet."""
    together, largest, processes = 0, 0, [root]
    while processes:
        folder = Path("/proc") / str(processes.pop())
        try:
            together += _field(folder / "smaps_rollup", "Pss:")
            largest = max(largest, _field(folder / "status", "VmHWM:"))
            for thread in (folder / "task").iterdir():
                processes += map(int, (thread / "children").read_text().split())
        except OSError:  # it has ended, or the system has no such files
            continue
    return together, largest


def _field(path: Path, name: str) -> int:
    """Read a number of kilobytes, in bytes."""
    lines = [line.split() for line in path.read_text().splitlines()]
    return sum(int(words[1]) << 10 for words in lines if words and words[0] == name)


def _bytes_read(process: int) -> int | None:
    """Return what a process that has ended, and the children that it waited for, have read."""
    try:
        lines = Path(f"/proc/{process}/io").read_text().splitlines()
    except OSError:
        return None
    return next(int(line.split()[1]) for line in lines if line.startswith("rchar:"))
