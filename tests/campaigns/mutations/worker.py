"""A process that runs each command in a child of its own, with a watchdog, and tells how it ended.

Everything heavy is imported once, and each child is a fork: a mutant that crashes or hangs the
interpreter, or leaves a file open, cannot spoil the next one.
"""

import gc
import importlib.util
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from campaigns.process import Process, start_process

HANG = 20.0
"""Seconds after which a command is taken to hang; all need less than one."""

MEMORY = 4 * 2**30
"""Bytes of address space that a command may use."""

STEPS = ("subset", "merge", "build", "verify", "check", "info", "split", "cli")
LIBRARIES = ("rich.console", "rich.table", "rich.markup", "rich.progress")
MODULES = (*(f"steadkit.{step}" for step in STEPS), *LIBRARIES, "campaigns.mutations.judge")


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code (negative: by a signal), and what it wrote."""

    code: int
    stdout: str
    stderr: str
    hung: bool = False


@dataclass(frozen=True)
class Worker:
    """A worker process as seen from outside."""

    process: Process

    def run(self, folder: Path, arguments: Sequence[str], judge: bool = False) -> Ended:
        """Run a steadkit command in a folder, or the judge on a case."""
        return Ended(*self.process.call(str(folder), list(arguments), judge))


@contextmanager
def worker() -> Iterator[Worker]:
    """Start a worker, and end it."""
    with start_process("campaigns.mutations.worker") as process:
        yield Worker(process)


def serve() -> None:
    """Run what comes in, a line of JSON each, until there is no more."""
    for module in MODULES:
        if importlib.util.find_spec(module):
            importlib.import_module(module)
    gc.freeze()  # or each child would spend most of its life on taking all that down
    for line in iter(sys.stdin.readline, ""):
        folder, arguments, judge = json.loads(line)
        outputs = [Path(folder) / "stdout", Path(folder) / "stderr"]
        child = os.fork()
        if child == 0:
            _be_command(Path(folder), arguments, judge, outputs)
        code, hung = _watch(child)
        told = [path.read_text(encoding="utf-8", errors="replace") for path in outputs]
        for path in outputs:
            path.unlink()
        print(json.dumps([code, *told, hung]), flush=True)


def _be_command(
    folder: Path, arguments: Sequence[str], judge: bool, outputs: Sequence[Path]
) -> None:
    """Turn this child into the command; it ends as any interpreter does."""
    os.setpgid(0, 0)
    for number, path in enumerate(outputs, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.chdir(folder)
    if judge:
        from campaigns.mutations.judge import judge_output

        print(judge_output(Path(folder), arguments))
        sys.exit(0)
    from steadkit.cli import main

    main(arguments)


def _watch(child: int) -> tuple[int, bool]:
    """Wait for a child, but no longer than `HANG`; returns its exit code and whether it hung."""
    deadline = time.monotonic() + HANG
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status), False
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), True


if __name__ == "__main__":
    serve()
