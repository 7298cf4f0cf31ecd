"""Select STEADmicro's and STEADmini's traces from a table of STEAD's true size.

Compares `steadkit subset --manifest-only` with what people do today: read the whole CSV with
pandas and draw a sample of each category. The table is made here: 1,030,231 events and 235,426
noise traces, 35 columns, some 400 MB.
"""

import tempfile
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd

from steadkit.dataset_files import dataset_files
from steadkit.schema import COLUMNS, EVENT, NOISE
from steadkit.selection import Selection
from steadkit.sources import source_from_path
from steadkit.subset import subset

EVENTS, NOISES = 1_030_231, 235_426


def write_table(path: Path) -> None:
    """Write a table of STEAD's true size, its columns filled as STEAD's are."""
    random = np.random.default_rng(0)
    with path.open("w") as file:
        file.write(",".join(COLUMNS) + "\n")
        for category, suffix, count in ((NOISE, "NO", NOISES), (EVENT, "EV", EVENTS)):
            columns = {name: random.choice(["ml", "12.5", "None"], count) for name in COLUMNS}
            columns |= {"source_id": (10**7 + np.arange(count)).astype(str)}
            columns |= {"snr_db": np.full(count, "[ 56.79999924  55.40000153  47.40000153]")}
            columns |= {"trace_start_time": np.full(count, "2006-07-23 15:59:00.960000")}
            names = [f"S{i % 2600}.XX_{20000101000000 + i}_{suffix}" for i in range(count)]
            columns |= {"trace_category": np.full(count, category), "trace_name": names}
            pd.DataFrame(columns).to_csv(file, header=False, index=False)


def with_pandas(path: Path, fraction: float) -> int:
    """Do as people do: read everything, sample each category."""
    table = pd.read_csv(path, low_memory=False)
    return len(table.groupby("trace_category").sample(frac=fraction, random_state=0))


def with_steadkit(path: Path, fraction: str, folder: Path) -> str:
    """Write the manifest; tell its counts."""
    files = dataset_files(folder / f"of{fraction}")
    selection = Selection(Fraction(fraction))
    chosen = subset(
        [source_from_path(path, require_hdf5=False)], files, selection, manifest_only=True
    )
    events, noise = chosen.categories[EVENT], chosen.categories[NOISE]
    return f"{events + noise:,} = {events:,} + {noise:,}"


def main() -> None:
    """Print a row for each fraction, and the ratio."""
    with tempfile.TemporaryDirectory() as name:
        table = Path(name) / "merge.csv"
        write_table(table)
        print(f"table: {table.stat().st_size / 1e6:.0f} MB, {EVENTS + NOISES:,} rows")
        for fraction in ("0.01", "0.1"):
            began = time.perf_counter()
            rows = with_pandas(table, float(fraction))
            middle = time.perf_counter()
            counts = with_steadkit(table, fraction, Path(name))
            end = time.perf_counter()
            print(
                f"fraction {fraction}: steadkit {counts} in {end - middle:.1f} s; pandas {rows:,} "
                f"in {middle - began:.1f} s; ratio {(middle - began) / (end - middle):.1f}"
            )


if __name__ == "__main__":
    main()
