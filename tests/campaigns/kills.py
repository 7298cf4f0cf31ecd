"""Disturb subset, merge and build at random; what is left must be nothing or the whole.

Run whole with ``python tests/campaigns/kills.py --kills 100``; the tests run a few. A run is
killed (SIGKILL, now and then SIGTERM) after a random time, when the staged file has a random size,
or between any two of its last renames; or its disk fills up: a limit on the size of its files, or
a small tmpfs where this script may mount one. Now and then the rerun is disturbed too, and in
between, or while a run is at work, a file of the user's appears at one of its targets: it must
survive every run but one with --overwrite. Then it is checked that the target is absent or
identical to an undisturbed run's, that the sources are untouched, and that a last rerun gives the
same bytes and leaves nothing behind. The copy works in blocks of 16 traces here, so that
there is something to resume from, and it is counted how often that was done.
"""

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from steadkit.atomic import staging_folder

CHUNKS = ("source/chunk1.hdf5", "source/chunk2.hdf5")
COMMANDS = {
    "subset": ("subset", *CHUNKS, "--fraction", "0.8"),
    "merge": ("merge", *CHUNKS),
    "build": ("build", "source/wanted.manifest", "--source", CHUNKS[0], "--source", CHUNKS[1]),
}
TARGETS = ("out.hdf5", "out.csv", "out.manifest")
BLOCK = 16
"""Traces that are copied between two records in the journal."""

USERS_FILES = {
    "out.hdf5": b"\x89HDF\r\n\x1a\n the user's data\0",
    "out.csv": b"trace_name,trace_category\nthe user's,noise\n",
    "out.manifest": b"# steadkit manifest 1\n# name: the user's\n",
}
"""Of the kind that is written there, so that --overwrite may replace them."""

INTRUSIONS = 0.35
"""Share of the disturbances after which a file of the user's appears."""

WAYS = {
    "killed at a time": 4,
    "killed at a size": 8,
    "killed at a move": 6,
    "met by the user": 3,
    "file limit": 3,
    "full tmpfs": 3,
}
"""How a run is disturbed, and how often in proportion."""

PROMPTLY = 60.0
"""Seconds within which an undisturbed run must end; all are far quicker."""


@dataclass(frozen=True)
class Run:
    """One command that writes ``out.hdf5`` into a folder, and what it makes undisturbed."""

    command: Sequence[str]
    folder: Path
    target: Path
    seconds: float = PROMPTLY
    whole: frozenset[tuple[str, str]] = frozenset()

    @property
    def staging(self) -> Path:
        """Where the files stand while they are made."""
        return staging_folder(self.target / "out.csv")

    def start(
        self, limit: int = 0, move: int = -1, overwrite: bool = False
    ) -> subprocess.Popen[str]:
        """Start it in its own process."""
        arguments = [str(limit), str(move), *self.command, "-o", str(self.target / "out.hdf5")]
        if overwrite:
            arguments.append("--overwrite")
        return subprocess.Popen(
            [sys.executable, __file__, "--child", *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def child(limit: int, move: int, arguments: Sequence[str]) -> None:
    """Be steadkit with small blocks, with room for files of `limit` bytes, dead at a `move`."""
    import resource

    import steadkit.dataset_files as dataset
    from steadkit.cli import main
    from steadkit.store import copy_traces

    dataset.copy_traces = partial(copy_traces, block=BLOCK)  # type: ignore[attr-defined]
    if limit:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    if move >= 0:
        die_at(move)
    main(list(arguments))


def die_at(move: int) -> None:
    """Kill this process before a move of a complete file to its place, or in the middle of it."""
    from steadkit.atomic.stage import StagingFolder

    moves, done = StagingFolder.move, []

    def killing(stage: StagingFolder, name: str, may_replace: bool) -> None:
        if len(done) == move // 2:
            if move % 2 and not may_replace:
                os.link(stage.folder / name, stage.folder.parent / name)
            os.kill(os.getpid(), signal.SIGKILL)
        done.append(name)
        moves(stage, name, may_replace)

    StagingFolder.move = killing  # type: ignore[method-assign]


def digests(folder: Path) -> frozenset[tuple[str, str]]:
    """Identify all visible files in a folder by their bytes."""
    return frozenset(
        (path.name, hashlib.blake2b(path.read_bytes()).hexdigest())
        for path in folder.iterdir()
        if path.is_file() and not path.name.startswith(".")
    )


def clear(target: Path) -> None:
    """Take the targets away."""
    for name in TARGETS:
        (target / name).unlink(missing_ok=True)


def undisturbed(command: Sequence[str], folder: Path) -> Run:
    """Run a command whole, to know what it makes and how long it takes."""
    target = folder / "target"
    target.mkdir(exist_ok=True)
    clear(target)
    began = time.perf_counter()
    process = Run(command, folder, target).start()
    _, stderr = process.communicate(timeout=PROMPTLY)
    assert process.returncode == 0, stderr
    seconds = time.perf_counter() - began
    return Run(command, folder, target, seconds, digests(target))


def kill(run: Run, at_size: bool, chance: random.Random) -> str:
    """Kill one run at a random moment; returns how far it was."""
    signal_number = chance.choice([signal.SIGKILL] * 4 + [signal.SIGTERM])
    process = run.start()
    if at_size:
        _wait_for_size(run, process, chance.random())
        time.sleep(chance.uniform(0, 0.02))
    else:
        time.sleep(chance.uniform(0, 1.1 * run.seconds))
    process.send_signal(signal_number)
    process.communicate()
    if process.returncode == 0:
        return "finished before"
    assert process.returncode in (-signal_number, 1, 128 + signal_number), (
        f"exit code {process.returncode}"
    )
    if (run.target / "out.hdf5").exists():
        return "killed when complete"
    return "killed half way" if run.staging.exists() else "killed before writing"


def kill_at_move(run: Run, chance: random.Random) -> str:
    """Kill a run between its last renames; returns how many files were in place."""
    process = run.start(move=chance.randrange(2 * len(TARGETS)))
    process.communicate(timeout=PROMPTLY)
    assert process.returncode == -signal.SIGKILL, f"exit code {process.returncode}"
    return f"{len(digests(run.target))} of {len(TARGETS)} in place"


def meet(run: Run, chance: random.Random) -> str:
    """Let a file of the user's appear while a run is at work; it must be refused and kept."""
    process = run.start()
    _wait_for_size(run, process, chance.random())
    name = intrude(run, chance)
    _, stderr = process.communicate(timeout=PROMPTLY)
    if not name:
        assert process.returncode == 0, stderr
        return "finished before"
    refused(run, name, process.returncode, stderr)
    return settle(run, name, chance)


def intrude(run: Run, chance: random.Random) -> str:
    """Put a file of the user's at a target, now and then over one that a kill has left there."""
    name = chance.choice(TARGETS)
    path = run.target / name
    if not (run.target / "out.hdf5").exists() and chance.random() < 0.5:
        path.unlink(missing_ok=True)
    try:
        with path.open("xb") as file:
            file.write(USERS_FILES[name])
    except FileExistsError:
        return ""
    return name


def refused(run: Run, name: str, code: int | None, stderr: str) -> None:
    """Assert that a run was refused in one line because of a file of the user's, which is left."""
    assert code == 1 and "exists" in stderr and len(stderr.splitlines()) == 1, stderr
    assert (run.target / name).read_bytes() == USERS_FILES[name], "the user's file was altered"
    remaining = {entry for entry in digests(run.target) if entry[0] != name}
    assert remaining <= run.whole, "a file is in place that is not whole"


def settle(run: Run, name: str, chance: random.Random) -> str:
    """Run again over a file of the user's: refused, until it is moved away or --overwrite given."""
    for _ in range(chance.choice((1, 2))):
        process = run.start()
        _, stderr = process.communicate(timeout=PROMPTLY)
        refused(run, name, process.returncode, stderr)
    if chance.random() < 0.5:
        (run.target / name).unlink()
        return "user's file kept, then moved away"
    process = run.start(overwrite=True)
    _, stderr = process.communicate(timeout=PROMPTLY)
    assert process.returncode == 0, stderr
    assert digests(run.target) == run.whole, "--overwrite made other files"
    return "user's file kept, then overwritten"


def _wait_for_size(run: Run, process: subprocess.Popen[str], share: float) -> None:
    """Wait until the staged HDF5 file has a share of the size that it will have."""
    sizes = [path.stat().st_size for path in (run.folder / "source").glob("chunk*.hdf5")]
    staged = run.staging / "out.hdf5"
    while process.poll() is None:
        try:
            if staged.stat().st_size >= share * sum(sizes):
                return
        except FileNotFoundError:
            pass
        time.sleep(0.001)


def fill_up(run: Run, tmpfs: bool, chance: random.Random) -> str:
    """Let the disk be full at a random size; the fault must be told in one line."""
    size = sum(path.stat().st_size for path in (run.folder / "source").glob("chunk*"))
    room = int(size * chance.random() ** 2) + 4096
    if tmpfs:
        # What is there already stays: a tmpfs cannot shrink below it.
        existing_bytes = sum(
            path.stat().st_size for path in run.target.rglob("*") if path.is_file()
        )
        _mount(run.target, room + existing_bytes, "remount,")
    process = run.start(0 if tmpfs else room)
    _, stderr = process.communicate(timeout=PROMPTLY)
    if tmpfs:
        _mount(run.target, 4 * size, "remount,")
    if process.returncode == 0:
        return "had room"
    lines = stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("Error: "), stderr
    assert not any((run.target / name).exists() for name in TARGETS), "half of it is in place"
    return "full"


def _mount(folder: Path, size: int, mount_options: str = "") -> bool:
    call = ["mount", "-t", "tmpfs", "-o", f"{mount_options}size={size}", "tmpfs", str(folder)]
    try:
        return subprocess.run(call, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """Mount a tmpfs as `folder`; yields None where this is not allowed."""
    folder.mkdir()
    if not (sys.platform == "linux" and os.geteuid() == 0 and _mount(folder, 2**30)):
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def disturb(run: Run, way: str, chance: random.Random) -> str:
    """Disturb one run; nothing but nothing or the whole may be in place then."""
    if way in ("file limit", "full tmpfs"):
        outcome = f"{way}: {fill_up(run, way == 'full tmpfs', chance)}"
    elif way == "killed at a move":
        outcome = f"{way}: {kill_at_move(run, chance)}"
    elif way == "met by the user":
        outcome = f"{way}: {meet(run, chance)}"
    else:
        outcome = f"{way}: {kill(run, way == 'killed at a size', chance)}"
    files = digests(run.target)
    assert files <= run.whole, "a file is in place that is not whole"
    if (run.target / "out.hdf5").exists():
        assert files == run.whole, "the HDF5 file is there, but not what belongs to it"
    return outcome


def recover(run: Run) -> str:
    """Run it again, undisturbed; returns whether it went on from what was there."""
    staged, journal = run.staging / "out.hdf5", run.staging / "out.hdf5.journal"
    # An open file keeps its number, so that a new one cannot be taken for it.
    staged_file = staged.open("rb") if staged.exists() else None
    blocks = journal.exists() and journal.stat().st_size > 32
    process = run.start()
    _, stderr = process.communicate(timeout=PROMPTLY)
    assert process.returncode == 0, f"the rerun failed: {stderr}"
    assert digests(run.target) == run.whole, "the rerun made other files"
    if staged_file is None:
        return "rerun from the start"
    with staged_file:
        same = os.path.samestat(os.fstat(staged_file.fileno()), (run.target / "out.hdf5").stat())
    if not blocks:
        return "rerun from the start, no block was whole"
    return "rerun resumed" if same else "rerun from the start, though blocks were whole"


def sweep(run: Run) -> None:
    """Run it again where everything is in place: it may refuse, and clears up behind a kill."""
    process = run.start()
    _, stderr = process.communicate(timeout=PROMPTLY)
    assert process.returncode == 0 or "exists" in stderr, stderr
    assert digests(run.target) == run.whole, "what was whole is so no longer"


def campaign(kills: int, seed: int, events: int) -> Counter[str]:
    """Disturb each command `kills` times; an assertion fails where anything is lost."""
    chance = random.Random(seed)
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name, small_disk(Path(name) / "small") as small:
        folder = Path(name)
        prepare(folder, events)
        sources = digests(folder / "source")
        ways = {way: weight for way, weight in WAYS.items() if small or way != "full tmpfs"}
        for operation, command in COMMANDS.items():
            run = undisturbed(command, folder)
            for _ in range(kills):
                (way,) = chance.choices(list(ways), list(ways.values()))
                target = small if small and way == "full tmpfs" else run.target
                attempt = Run(command, folder, target, run.seconds, run.whole)
                clear(target)
                for _ in range(chance.choice((1, 1, 1, 2, 3))):
                    outcomes[f"{operation}, {disturb(attempt, way, chance)}"] += 1
                    if chance.random() < INTRUSIONS and (name := intrude(attempt, chance)):
                        outcomes[f"{operation}, between: {settle(attempt, name, chance)}"] += 1
                    if (target / "out.hdf5").exists():
                        sweep(attempt)
                        break
                else:
                    outcomes[f"{operation}, {recover(attempt)}"] += 1
                assert digests(folder / "source") == sources, "a source was altered"
                assert not any(target.glob(".*")), "something is left behind"
    return outcomes


def prepare(folder: Path, events: int) -> None:
    """Make the sources, and the manifest for build."""
    call = [sys.executable, "-m", "steadkit"]
    demo = ["demo", "source", "--events", str(events), "--noise", str(events // 4)]
    subset = ["subset", *CHUNKS, "--fraction", "0.8", "--seed", "7", "-o", "source/wanted.hdf5"]
    for arguments in (demo, subset):
        subprocess.run([*call, *arguments], cwd=folder, check=True, capture_output=True)
    for suffix in ("hdf5", "csv"):
        (folder / f"source/wanted.{suffix}").unlink()


def is_disturbance(outcome: str) -> bool:
    """Tell what disturbed a run from what came of it."""
    return "rerun" not in outcome and ", between" not in outcome


def main() -> None:
    """Run the campaign and print what it met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="of each command")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--events", type=int, default=400)
    arguments = parser.parse_args()
    outcomes = campaign(arguments.kills, arguments.seed, arguments.events)
    for outcome, count in sorted(outcomes.items()):
        print(f"{count:5d}  {outcome}")
    disturbed = sum(
        n
        for outcome, n in outcomes.items()
        if "rerun" not in outcome and ", between" not in outcome
    )
    met = sum(count for outcome, count in outcomes.items() if "user's file" in outcome)
    print(f"{disturbed:5d}  disturbances, nothing lost, every rerun whole")
    print(f"{met:5d}  files of the user's in between, none altered")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
    else:
        main()
