"""A process that answers requests, a line of JSON each, with one core for NumPy."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any


@dataclass(frozen=True)
class Process:
    """A worker process as seen from outside."""

    process: subprocess.Popen[str]

    def call(self, *request: object) -> Any:
        """Send a request, and wait for its answer."""
        requests: IO[str] = self.process.stdin  # type: ignore[assignment]
        answers: IO[str] = self.process.stdout  # type: ignore[assignment]
        requests.write(json.dumps(request) + "\n")
        requests.flush()
        return json.loads(answers.readline())


@contextmanager
def start_process(
    module: str, *arguments: object, environment: Mapping[str, str] = os.environ
) -> Iterator[Process]:
    """Start a module as a worker, and end it."""
    one_core = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**environment, **one_core, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with process:
        yield Process(process)
        process.stdin.close()  # type: ignore[union-attr]
