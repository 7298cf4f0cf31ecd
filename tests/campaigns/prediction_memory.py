"""Measure the memory of a prediction of one station-day and of many: it must not grow.

Run whole with ``python tests/campaigns/prediction_memory.py --weights FILE --units 30``: a day of
noise at 100 Hz, three components, in as many copies under other station codes. The most memory that
``eqt predict`` has held, in one process, must be the same within 10 %.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

# Run as a script, this file's folder is on the path, and not that of the tests.
sys.path.insert(0, str(Path(__file__).parents[1]))

from continuous_records import earthquake_times, record, write_mseed

DAY = "2024-02-03"


def write_days(folder: Path, n_units: int, hours: float) -> None:
    """Write the same hours of a day for several stations."""
    stream = record(DAY, hours * 3600, earthquake_times(DAY, *range(300, round(hours * 3600), 900)))
    for number in range(n_units):
        for trace in stream:
            trace.stats.station = f"S{number:03d}"
        write_mseed(stream, folder / f"{number:03d}.mseed")


def max_memory(records: Path, weights: Path, output: Path) -> float:
    """Return the most memory in bytes that a prediction has held."""
    code = (
        "import sys, resource; from eqt.cli import main; main(sys.argv[1:], standalone_mode=False);"
    )
    code += "print('kilobytes', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    arguments = ["predict", str(records), "--weights", str(weights), "-o", str(output)]
    command = [sys.executable, "-c", code, *arguments, "--workers", "1"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)
    return int(done.stdout.split()[-1]) * 1024.0


def campaign(weights: Path, units: tuple[int, ...], hours: float) -> list[float]:
    """Return the memory in bytes for each number of station-days."""
    found = []
    for n_units in units:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_days(folder / "records", n_units, hours)
            found.append(max_memory(folder / "records", weights, folder / "output"))
    return found


def main() -> None:
    """Print the memory of one station-day and of many."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--units", type=int, default=30)
    parser.add_argument("--hours", type=float, default=24.0, help="of each day")
    options = parser.parse_args()
    one, many = campaign(options.weights.absolute(), (1, options.units), options.hours)
    print(
        f"1 station-day: {one / 1e9:.2f} GB; {options.units}: {many / 1e9:.2f} GB; {many / one:.3f}"
    )


if __name__ == "__main__":
    main()
