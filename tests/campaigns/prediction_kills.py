"""Kill predictions at random moments, continue them, and compare the bytes of their folders.

Run whole with ``python tests/campaigns/prediction_kills.py --kills 20``: three stations of two
days, made by code, and a small network. ``eqt predict`` is killed (SIGKILL) at random moments and
called again until it is done; then every file must be that of an undisturbed run, byte for byte,
and nothing else may be there.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

# Run as a script, this file's folder is on the path, and not that of the tests.
sys.path.insert(0, str(Path(__file__).parents[1]))

from continuous_records import earthquake_times, record, write_mseed
from loud_network import save_loud_network
from obspy import UTCDateTime

STATIONS = ("AAA", "BBB", "CCC")
DAYS = ("2024-02-03", "2024-02-04")
PATIENCE = 600.0


def prepare(folder: Path, hours: float) -> None:
    """Write the network and the records: the given hours around midnight."""
    save_loud_network(folder / "loud.keras")
    midnight, seconds = UTCDateTime(DAYS[1]), round(hours * 3600)
    times = earthquake_times(DAYS[1], -900, 600)
    for station in STATIONS:
        for day, begin in zip(DAYS, (midnight - seconds, midnight), strict=True):
            stream = record(begin, seconds, times, codes=f"XX.{station}.")
            write_mseed(stream, folder / "records" / station / f"{day}.mseed")


def start(folder: Path, name: str, workers: int) -> subprocess.Popen[str]:
    """Begin or continue a prediction."""
    return subprocess.Popen(
        [
            *[sys.executable, "-m", "eqt", "predict", "records", "--weights", "loud.keras"],
            *["-o", name, "--workers", str(workers), "--floor", "0.2"],
            *["--p-threshold", "0.3", "--s-threshold", "0.3"],
        ],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file, by its name in the folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def finish(process: subprocess.Popen[str]) -> None:
    """Wait for a prediction that must succeed."""
    _, errors = process.communicate(timeout=PATIENCE)
    if process.returncode:
        raise AssertionError(f"a prediction ended with {process.returncode}: {errors[-2000:]}")


def campaign(
    kills: int, seed: int, hours: float = 24.0, workers: Sequence[int] = (1, 2)
) -> Counter[str]:
    """Return how often what happened."""
    rng, seen = random.Random(seed), Counter[str]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, hours)
        began = time.perf_counter()
        finish(start(folder, "whole", 1))
        duration = time.perf_counter() - began
        expected, number = contents(folder / "whole"), 0
        while seen["killed"] < kills:
            number += 1
            target = f"killed{number}"
            while True:
                process = start(folder, target, rng.choice(workers))
                # Later than the start of TensorFlow in most cases, and some of them at the tables.
                moment = rng.uniform(0, duration)
                try:
                    process.wait(moment if seen["killed"] < kills else PATIENCE)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate()
                    n_units = len([*(folder / target / "units").glob("*.json.gz")])
                    seen["killed"] += 1
                    seen[f"killed with {n_units} units done"] += 1
                    continue
                finish(process)
                break
            if contents(folder / target) != expected:
                raise AssertionError(f"{target} differs from the undisturbed run")
            seen["ended with the undisturbed run's bytes"] += 1
    return seen


def main() -> None:
    """Print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hours", type=float, default=24.0, help="of each day")
    options = parser.parse_args()
    for what, count in sorted(campaign(options.kills, options.seed, options.hours).items()):
        print(f"{count:6d} {what}")


if __name__ == "__main__":
    main()
