"""Kill subset and merge at random moments; what is left must be nothing or the whole.

Run whole with ``python tests/campaigns/kills.py --kills 100``; the tests run a few. Each kill
(SIGKILL, now and then SIGTERM) is checked three ways: the target is absent or identical to an
undisturbed run's, the sources are untouched, and a rerun succeeds with the same bytes.
"""

import argparse
import hashlib
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

COMMANDS = {
    "subset": ["subset", "source/chunk1.hdf5", "source/chunk2.hdf5", "--fraction", "0.8"],
    "merge": ["merge", "source/chunk1.hdf5", "source/chunk2.hdf5"],
}
TARGETS = ("out.hdf5", "out.csv", "out.manifest")


def start(command: list[str], folder: Path) -> subprocess.Popen[bytes]:
    """Start one command in its own process."""
    call = [sys.executable, "-m", "steadkit", *command, "-o", "out.hdf5"]
    return subprocess.Popen(call, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def digests(folder: Path) -> dict[str, str]:
    """Identify all visible files by their bytes."""
    return {
        str(path.relative_to(folder)): hashlib.blake2b(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.parts[-2:])
    }


def clear(folder: Path) -> None:
    """Take the targets away, but not what a kill has left behind besides."""
    for name in TARGETS:
        (folder / name).unlink(missing_ok=True)


def undisturbed(command: list[str], folder: Path) -> tuple[dict[str, str], float]:
    """Run a command whole; returns all files' digests and how long it took."""
    clear(folder)
    began = time.perf_counter()
    process = start(command, folder)
    output = process.communicate()[0].decode()
    assert process.returncode == 0, output
    return digests(folder), time.perf_counter() - began


def kill_once(command: list[str], folder: Path, moment: float, how: signal.Signals) -> str:
    """Kill one run after `moment` seconds; returns what was there then."""
    clear(folder)
    process = start(command, folder)
    time.sleep(moment)
    process.send_signal(how)
    process.communicate()
    present = [name for name in TARGETS if (folder / name).exists()]
    staging = any(folder.glob(".out.partial"))
    if process.returncode == 0:
        return "finished before"
    if "out.hdf5" in present:
        return "killed when complete"
    return "killed half way" if staging else "killed before or after writing"


def campaign(kills: int, seed: int, events: int) -> Counter[str]:
    """Kill `kills` runs of each command; an assertion fails where anything is lost."""
    chance = random.Random(seed)
    seen: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        demo = [sys.executable, "-m", "steadkit", "demo", "source", "--events", str(events)]
        subprocess.run([*demo, "--noise", str(events // 4)], cwd=folder, check=True)
        for operation, command in COMMANDS.items():
            whole, seconds = undisturbed(command, folder)
            sources = {path: digest for path, digest in whole.items() if path not in TARGETS}
            for _ in range(kills):
                how = chance.choice([signal.SIGKILL] * 4 + [signal.SIGTERM])
                what = kill_once(command, folder, chance.uniform(0, 1.1 * seconds), how)
                seen[f"{operation}: {what}"] += 1
                left = digests(folder)
                assert {path: left.get(path) for path in sources} == sources, "a source was lost"
                if "out.hdf5" in left:
                    assert left == whole, "the target is there but not whole"
                else:
                    output = start(command, folder).communicate()[0].decode()
                    assert digests(folder) == whole, f"the rerun did not recover: {output}"
                assert not any(folder.glob(".out*")), "something is left behind"
    return seen


def main() -> None:
    """Run the campaign and print what it met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--events", type=int, default=600)
    arguments = parser.parse_args()
    seen = campaign(arguments.kills, arguments.seed, arguments.events)
    for what, count in sorted(seen.items()):
        print(f"{count:5d}  {what}")
    print(f"{sum(seen.values()):5d}  kills, nothing lost, every rerun whole")


if __name__ == "__main__":
    main()
