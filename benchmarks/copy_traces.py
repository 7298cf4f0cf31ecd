"""Time how traces are copied with all their attributes: subset and merge against the usual ways.

Claims: subset and merge copy at twice the rate of one h5py group copy a trace and more, merge at
15 times that of STEAD's own merge recipe, and both at 0.7 of the rate of ``cp`` of the same bytes
or more. All ways end with the bytes on the disk (fsync), and all read from a warm cache.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from itertools import islice
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from steadkit import synthetic
from steadkit.dataset import dataset_files
from steadkit.files import sync
from steadkit.merge import merge
from steadkit.schema import COLUMNS
from steadkit.selection import Selection
from steadkit.sources import Source, source_of
from steadkit.subset import subset

PATTERNS = 200
"""Traces simulated; the source repeats them under other names."""


def make(path: Path, traces: int, first: int) -> Source:
    """Write a file as STEAD's were: by h5py, a dataset a trace, 35 attributes each."""
    patterns = list(islice(synthetic.earthquakes(PATTERNS, seed=0), PATTERNS))
    rows = []
    with h5py.File(path, "w") as file:
        for number in range(first, first + traces):
            row, waveform = patterns[number % PATTERNS]
            row = row | {"trace_name": f"B{number:06d}.XX_20200101000000_EV"}
            dataset = file.create_dataset(f"data/{row['trace_name']}", data=waveform)
            for key, value in row.items():
                dataset.attrs[key] = value
            rows.append({key: str(value) for key, value in row.items()})
    pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(path.with_suffix(".csv"), index=False)
    return source_of(path)


def group_copy(source: Path, names: list[str], target: Path) -> None:
    """Copy each trace with HDF5's own object copy, what people do today."""
    with h5py.File(source) as old, h5py.File(target, "w") as new:
        group = new.create_group("data")
        for name in names:
            old["data"].copy(name, group)
    sync(target)


def stead_recipe(source: Path, names: list[str], target: Path) -> None:
    """Copy each trace as STEAD's notebook merges: array, dataset, attributes, flush, reopen."""
    h5py.File(target, "w").close()
    for name in names:
        with h5py.File(source) as old, h5py.File(target, "a") as new:
            dataset = old[f"data/{name}"]
            copy = new.create_dataset(f"data/{name}", data=np.array(dataset))
            for key, value in dataset.attrs.items():
                copy.attrs[key] = value
            new.flush()
    sync(target)


def whole_file(source: Path, target: Path) -> None:
    """Copy the file as it is."""
    shutil.copyfile(source, target)
    sync(target)


def rate(count: int, act: Callable[[], object], times: int = 3) -> float:
    """Traces per second, the best of some tries."""
    best = float("inf")
    for _ in range(times):
        began = time.perf_counter()
        act()
        best = min(best, time.perf_counter() - began)
    return count / best


def main() -> None:
    """Print the rate of each way and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=int, default=10_000)
    traces = parser.parse_args().traces
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        halves = [make(folder / f"chunk{i}.hdf5", traces // 2, i * traces // 2) for i in range(2)]
        both = dataset_files(folder / "both.hdf5")
        fifth = Selection(fraction=Fraction(1, 5))
        merged = rate(traces, lambda: merge(halves, both, overwrite=True))
        whole = source_of(both.hdf5)
        names = pd.read_csv(halves[0].csv)["trace_name"].tolist()
        some = names[: max(1, traces // 50)]
        other = folder / "other.hdf5"
        rates = {
            "cp of the whole file": rate(traces, lambda: whole_file(whole.hdf5, other)),
            "h5py group copy a trace": rate(
                len(names), lambda: group_copy(halves[0].hdf5, names, other)
            ),
            "STEAD's merge recipe": rate(
                len(some), lambda: stead_recipe(halves[0].hdf5, some, other), 1
            ),
            "steadkit merge": merged,
            "steadkit subset": rate(
                traces // 5,
                lambda: subset(halves, dataset_files(folder / "fifth.hdf5"), fifth, overwrite=True),
            ),
        }
    for way, value in rates.items():
        print(f"{way:26s}{value:9,.0f} traces/s")
    for ours in ("steadkit merge", "steadkit subset"):
        for theirs in ("h5py group copy a trace", "STEAD's merge recipe", "cp of the whole file"):
            print(f"ratio {ours} / {theirs}: {rates[ours] / rates[theirs]:.2f}")


if __name__ == "__main__":
    main()
