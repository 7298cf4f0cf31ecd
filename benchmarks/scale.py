"""Run every command on files of 1,000 traces up to STEAD's 1,265,657, and print what each takes.

Each command runs in a process of its own on a file made by `scale_file.py`, with an index of places
in the user's cache and without one. From the sizes follows how time and memory grow: the exponent
of a power of the number of traces, fitted by least squares of the logarithms, beyond what the
command takes for 1,000 traces. Commands that write all traces, 91 GB, run on 300,000 at most; for
all of STEAD they are extrapolated, marked ``~``. Samples are holes in the file, read as zeros.

``subset 0.1`` is compared with ``cp`` of its output: as many bytes, dense, in the same run. The
first batch and the first step include importing TensorFlow; the former is also given without.
"""

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from scale_file import WAYS
from scale_growth import INDEX, WITH, Run, report
from scale_process import measure
from scale_rows import STEAD

SIZES: Final = (1_000, 10_000, 100_000, 300_000, STEAD)
MAX_WRITTEN: Final = 300_000
"""Traces up to which commands that write all of them are run."""

CACHE_VARIABLE: Final = "STEADKIT_CACHE"
"""Environment variable that names the folder of indexes; if it is empty, none are kept."""

STEADKIT: Final = (sys.executable, "-m", "steadkit")

INDEX_ALL = "import sys, steadkit; steadkit.open_dataset(sys.argv[1]).batches()"
FIRST_BATCH = """
import sys, time
import tensorflow
began = time.perf_counter()
import steadkit
next(iter(steadkit.open_dataset(sys.argv[1]).to_tf_dataset()))
print(f"\\nbeyond TensorFlow: {time.perf_counter() - began}")
"""


class Case(NamedTuple):
    """A file to run commands on, and an empty folder for what they write."""

    hdf5: Path
    manifest: Path
    out: Path


@dataclass(frozen=True)
class Command:
    """A command to measure.

    Parameters
    ----------
    call
        Makes its command line for a case.
    writes_all
        Whether it writes all traces.
    needs_tensorflow
        Whether it imports TensorFlow, which takes memory of its own.
    bars
        What it may take at STEAD's size, by quantity; of a pair the second is with an index.
    codes
        Exit codes that are no failure.
    is_enough
        Makes, for a case, what tells that the command can be interrupted.
    """

    call: Callable[[Case], Sequence[object]]
    writes_all: bool = False
    needs_tensorflow: bool = False
    bars: dict[str, tuple[float, float]] = field(default_factory=dict)
    codes: Sequence[int] = (0,)
    is_enough: Callable[[Case], Callable[[], bool]] | None = None


def is_first_step_done(case: Case) -> Callable[[], bool]:
    """Make what tells that a training has kept the state after its first batch."""
    state, first = case.out / "run" / "state.npz", []

    def is_done() -> bool:
        if state.is_file():
            first.append(state.stat().st_ino)
        return len(set(first)) > 1

    return is_done


def subset_call(case: Case, fraction: float) -> list[object]:
    """Make the command line of a subset."""
    return [*STEADKIT, "subset", case.hdf5, "--fraction", fraction, "-o", case.out / "o.hdf5"]


COMMANDS: Final = {
    "info": Command(lambda case: [*STEADKIT, "info", case.hdf5]),
    "subset 0.01": Command(
        lambda case: subset_call(case, 0.01),
        bars={"seconds": (7, 5), "read": (1.5e9, 1.5e9)},
    ),
    "subset 0.1": Command(
        lambda case: subset_call(case, 0.1),
        bars={"times cp": (1.5, 1.5)},
    ),
    "merge": Command(
        lambda case: [*STEADKIT, "merge", case.hdf5, "-o", case.out / "o.hdf5"], writes_all=True
    ),
    "build": Command(
        lambda case: [
            *(*STEADKIT, "build", case.manifest, "--source", case.hdf5, "-o", case.out / "o.hdf5")
        ],
        writes_all=True,
    ),
    "verify": Command(
        lambda case: [*STEADKIT, "verify", case.hdf5, "--manifest", case.manifest],
        bars={"processor": (240, 240)},
    ),
    # Holes are dead traces: to list them would take longer than to find them.
    "check": Command(
        lambda case: [*STEADKIT, "check", case.hdf5, "--ignore", "dead-trace"],
        bars={"processor": (900, 900)},
        codes=(0, 1),
    ),
    "to-seisbench": Command(
        lambda case: [*STEADKIT, "convert", "to-seisbench", case.hdf5, "-o", case.out / "bench"],
        writes_all=True,
    ),
    "split": Command(lambda case: [*STEADKIT, "split", case.hdf5, "-o", case.out / "o.manifest"]),
    "first batch": Command(
        lambda case: [sys.executable, "-c", FIRST_BATCH, case.hdf5],
        needs_tensorflow=True,
        bars={"beyond TensorFlow": (60, 10)},
    ),
    "eqt train": Command(
        lambda case: [
            *(sys.executable, "-m", "eqt", "train", "--data", case.hdf5),
            *("--output", case.out / "run", "--save-every", 1),
        ],
        needs_tensorflow=True,
        bars={"seconds": (60, 60)},
        is_enough=is_first_step_done,
    ),
}
"""As in a shell, but for the first batch of a stream; a training ends after its first step."""


def runs(
    sizes: Sequence[int],
    commands: Sequence[str],
    index: Sequence[str],
    folder: Path,
    way: str,
    max_written: int = MAX_WRITTEN,
    package: Path | None = None,
) -> Iterator[Run]:
    """Run commands on files of all sizes, which are made where they are not there yet.

    Parameters
    ----------
    sizes, commands, index
        Numbers of traces, names of ``COMMANDS``, and ``with`` or ``without`` an index.
    folder
        Where the files are, and stay.
    way
        How they are written, see `scale_file.make`.
    max_written
        Traces up to which commands that write all of them are run.
    package
        The folder of another version of steadkit and eqt, whose commands to run.
    """
    for size in sorted(sizes):
        home = folder / f"{way}-{size}"
        case = Case(home / "merge.hdf5", home / "all.manifest", home / "out")
        if not case.manifest.is_file():
            script = Path(__file__).with_name("scale_file.py")
            options = ["--count", size, "--way", way, "--out", home, "--manifest"]
            measure([sys.executable, *map(str, [script, *options])])
        for state in index:
            environment = {CACHE_VARIABLE: str(home / "cache") if state == WITH else ""}
            if package is not None:
                environment["PYTHONPATH"] = str(package)
            if state == WITH:
                call = [sys.executable, "-c", INDEX_ALL, str(case.hdf5)]
                yield Run("make an index", state, size, measure(call, environment))
            for name in commands:
                if size <= max_written or not COMMANDS[name].writes_all:
                    yield from _run(name, state, size, case, environment)


def _run(
    name: str, state: str, size: int, case: Case, environment: dict[str, str]
) -> Iterator[Run]:
    command = COMMANDS[name]
    shutil.rmtree(case.out, ignore_errors=True)
    case.out.mkdir()
    is_enough = command.is_enough and command.is_enough(case)
    call = [*map(str, command.call(case))]
    cost = measure(call, environment, is_enough, command.codes)
    yield Run(name, state, size, cost, command.needs_tensorflow)
    if "times cp" in command.bars:
        # GNU's sync of one file: both end with the bytes on the disk.
        script, copied = 'cp "$0" "$1" && sync "$1"', (case.out / "o.hdf5", case.out / "copy")
        yield Run(f"cp of {name}", state, size, measure(["sh", "-c", script, *map(str, copied)]))
    shutil.rmtree(case.out)


def main() -> None:
    """Print what every command takes, how it grows, and the bars."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--commands", nargs="+", choices=COMMANDS, default=list(COMMANDS))
    parser.add_argument("--index", nargs="+", choices=INDEX, default=INDEX)
    parser.add_argument("--way", choices=WAYS, default="h5py")
    parser.add_argument("--max-written", type=int, default=MAX_WRITTEN, help="traces")
    parser.add_argument("--files", type=Path, help="folder to keep the files in, and find them")
    parser.add_argument(
        "--package", type=Path, help="folder of another version, to run its commands"
    )
    options = parser.parse_args()
    # A shell that runs this in the background lets it ignore Ctrl-C, and so the commands.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.files or Path(scratch)
        measured = []
        for run in runs(
            *(options.sizes, options.commands, options.index, folder, options.way),
            *(options.max_written, options.package),
        ):
            measured.append(run)
            took = f"{run.cost.seconds:.1f} s, {run.cost.processor:.1f} s of processor"
            print(f"{run.traces:,} traces, {run.index} index: {run.command}: {took}", flush=True)
    report(measured, {name: command.bars for name, command in COMMANDS.items()})


if __name__ == "__main__":
    main()
