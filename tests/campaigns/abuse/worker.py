"""A process that runs each case in a child of its own, with a watchdog, and compares the files.

Everything heavy is imported once, TensorFlow too, and each child is a fork. Where a case needs
an interpreter of its own the child becomes one.
"""

import atexit
import fcntl
import gc
import importlib
import json
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from campaigns.abuse import sandbox
from campaigns.abuse.cases import Case, all_cases
from campaigns.abuse.judge import Ended, fault_of, harm_of
from campaigns.abuse.surroundings import in_absolute
from campaigns.process import Process, start_process

LONGER_S = 20.0
"""Seconds that a case may take longer than the undisturbed command."""

START_S = 20.0
"""Seconds that an interpreter of its own may take to start."""

MEMORY = 16 * 2**30
"""Bytes of address space that a command may use beyond what the worker has."""

SAID = 2**20
"""Bytes that a command may say; none says a tenth of it."""

LIGHT = ("h5py", "pandas", "obspy", "rich.progress", "rich.table", "matplotlib.figure")
HEAVY = ("tensorflow", "keras", "eqt.training", "eqt.evaluation", "eqt.visualize", "eqt.model_io")
STEPS = ("subset", "merge", "build", "verify", "check", "info", "split", "convert", "plots", "cli")


@dataclass(frozen=True)
class Outcome:
    """What became of a case."""

    fault: str | None
    code: int
    seconds: float
    said: str
    is_hung: bool = False


@dataclass(frozen=True)
class Worker:
    """A worker process as seen from outside."""

    process: Process

    def run(self, number: int, limit_s: float) -> Outcome:
        """Run a case, which may take so long."""
        return Outcome(*self.process.call(number, limit_s))


@contextmanager
def worker(inputs: Path, box: Path, is_heavy: bool) -> Iterator[Worker]:
    """Start a worker on a folder of inputs, and end it; `is_heavy` imports TensorFlow ahead."""
    box.mkdir()
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "HOME": str(box)}
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR", "STEAD_DIR", "EQT_CACHE"):
        environment.pop(name, None)
    arguments = (inputs, box, int(is_heavy))
    with start_process("campaigns.abuse.worker", *arguments, environment=environment) as process:
        yield Worker(process)


def serve(inputs: Path, box: Path, is_heavy: bool) -> None:
    """Run the cases whose numbers come in, a line each, until there is no more."""
    for module in (*LIGHT, *(f"steadkit.{step}" for step in STEPS), "eqt.cli"):
        importlib.import_module(module)
    if is_heavy:
        from eqt.backend import load_tensorflow

        load_tensorflow()
        for module in HEAVY:
            importlib.import_module(module)
    cases = all_cases()
    gc.freeze()  # or each child would spend most of its life on taking all that down
    answers = os.fdopen(os.dup(1), "w")
    for line in iter(sys.stdin.readline, ""):
        number, limit_s = json.loads(line)
        outcome = _meet(cases[number], inputs, box / "box", limit_s)
        answers.write(json.dumps(list(vars(outcome).values())) + "\n")
        answers.flush()


def _meet(case: Case, inputs: Path, box: Path, limit_s: float) -> Outcome:
    """Let a case happen, and compare what there is with what there was."""
    try:
        folder = sandbox.build(box, inputs, case.words, case.prepare)
    except Exception as error:
        return Outcome(f"cannot be prepared: {error!r}", -1, 0.0, "")
    before, places = sandbox.listing(box), sandbox.places_of(folder, case.targets)
    ended = _run(case, folder, limit_s)
    after = sandbox.listing(box)
    is_refused = ended.code not in (0, 1) or ended.stderr.lstrip().startswith(("Error", "Usage"))
    is_cut_off = case.may_be_cut_off or ended.is_hung
    is_mute = 2 in case.surroundings.closed and ended.code in (1, 2) and not ended.stderr
    fault = None if is_mute else fault_of(case.command, case.words, ended)
    fault = fault or harm_of(before, after, places, is_refused, is_cut_off)
    if fault is None and case.is_accepted_wrong and ended.code == 0:
        fault = "is accepted"
    if case.kind == "undisturbed" and ended.code:
        fault = fault or "the small call is refused"
    said = ended.stderr[-1500:] or ended.stdout[-200:]
    return Outcome(fault, ended.code, ended.seconds, said, ended.is_hung)


def _run(case: Case, folder: Path, limit_s: float) -> Ended:
    pipes = [_pipe(), _pipe()]
    beginning, held = os.pipe()  # the child's end is closed when a program takes its place
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            _be_command(case, folder, [writing for _, writing in pipes])
        except BaseException:
            # As an interpreter's last words: a bug of the command, or of this worker.
            import traceback

            traceback.print_exc()
            sys.stderr.flush()
            os._exit(70)
    os.close(held)
    if case.is_fresh:
        os.read(beginning, 1)
    os.close(beginning)
    code, is_hung = _watch(child, case.surroundings.interrupt_s, limit_s)
    for _, writing in pipes:
        os.close(writing)
    said = [_read(reading) for reading, _ in pipes]
    return Ended(code, *said, time.monotonic() - started, is_hung)


def _pipe() -> tuple[int, int]:
    """Make a pipe with room for all that a command says; files would count as its disk."""
    ends = os.pipe()
    fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, SAID)
    return ends


def _read(reading: int) -> str:
    with open(reading, "rb") as pipe:
        return pipe.read().decode("utf-8", "replace")


def _be_command(case: Case, folder: Path, streams: Sequence[int]) -> None:
    """Turn this child into the command; it ends as any interpreter does."""
    os.setsid()
    there = case.surroundings
    _set_streams(case, streams)
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (there.limit,) * 2)
    environment = _environment(case, folder.parent)
    os.chdir(folder)
    words = list(case.words)
    if there.is_cwd_removed:
        words = in_absolute(case.words, folder)
        os.mkdir("gone")
        os.chdir("gone")
        os.rmdir(folder / "gone")
    if case.is_fresh:
        program = [sys.executable, "-m", *words]
        os.execve(sys.executable, [os.fsencode(word) for word in program], environment)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    _main(words)


def _main(words: list[str]) -> None:
    """Run the command as its script would, and end."""
    main = importlib.import_module(f"{words[0]}.cli").main
    code: object = 0
    try:
        main(words[1:], prog_name=words[0])
    except SystemExit as ended:
        code = ended.code
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def _set_streams(case: Case, streams: Sequence[int]) -> None:
    for number, writing in enumerate(streams, start=1):
        os.dup2(writing, number)
    if case.surroundings.stdout:
        os.dup2(os.open(case.surroundings.stdout, os.O_WRONLY), 1)
    # As an interpreter that starts with these streams would have them.
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number in case.surroundings.closed:
        os.close(number)


def _environment(case: Case, box: Path) -> dict[str, str]:
    # No server answers: nothing may be fetched, and a download is refused at once.
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
    home = {"HOME": str(box / "home"), "XDG_CACHE_HOME": str(box / "home/.cache")}
    environment: dict[str, str | None] = {
        **os.environ,
        **proxies,
        **home,
        "TMPDIR": str(box / "tmp"),
        **case.surroundings.environment,
    }
    return {name: value for name, value in environment.items() if value is not None}


def _watch(child: int, interrupt_s: float | None, limit_s: float) -> tuple[int, bool]:
    """Wait for a child, but not longer than the limit; returns exit code and whether it hung."""
    started = time.monotonic()
    while (passed := time.monotonic() - started) < limit_s:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            _end_group(child)
            return os.waitstatus_to_exitcode(status), False
        if interrupt_s is not None and passed >= interrupt_s:
            os.kill(child, signal.SIGINT)
            interrupt_s = None
        time.sleep(0.002)
    _end_group(child)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), True


def _end_group(child: int) -> None:
    """End what a command has started and left."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "1")
