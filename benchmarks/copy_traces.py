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
from contextlib import ExitStack
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
    sync(path)
    return source_of(path)


def group_copy(sources: list[Path], names: list[str], target: Path) -> None:
    """Copy each trace with HDF5's own object copy, what people do today."""
    with ExitStack() as stack:
        groups = [stack.enter_context(h5py.File(path))["data"] for path in sources]
        owner = {name: group for group in groups for name in group}
        new = stack.enter_context(h5py.File(target, "w")).create_group("data")
        for name in names:
            owner[name].copy(name, new)
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


def rates(ways: dict[str, tuple[int, Callable[[], object]]], rounds: int = 3) -> dict[str, float]:
    """Traces per second of each way, the best of some rounds; all ways take turns in each."""
    best = dict.fromkeys(ways, 0.0)
    for _ in range(rounds):
        for name, (count, act) in ways.items():
            began = time.perf_counter()
            act()
            best[name] = max(best[name], count / (time.perf_counter() - began))
    return best


def main() -> None:
    """Print the rate of each way and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=int, default=20_000)
    traces = parser.parse_args().traces
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        halves = [make(folder / f"chunk{i}.hdf5", traces // 2, i * traces // 2) for i in range(2)]
        chunks = [half.hdf5 for half in halves]
        both, fifth = dataset_files(folder / "both.hdf5"), dataset_files(folder / "fifth.hdf5")
        wanted = Selection(fraction=Fraction(1, 5))
        other = folder / "other.hdf5"
        names = merge(halves, both).traces
        chosen = subset(halves, fifth, wanted).traces
        recipe = names[: traces // 100]
        found = rates(
            {
                "steadkit merge": (traces, lambda: merge(halves, both, overwrite=True)),
                "cp of the merged file": (traces, lambda: whole_file(both.hdf5, other)),
                "h5py group copy of all": (traces, lambda: group_copy(chunks, names, other)),
                "steadkit subset": (
                    len(chosen),
                    lambda: subset(halves, fifth, wanted, overwrite=True),
                ),
                "cp of the subset": (len(chosen), lambda: whole_file(fifth.hdf5, other)),
                "h5py group copy of the same": (
                    len(chosen),
                    lambda: group_copy(chunks, chosen, other),
                ),
                "STEAD's merge recipe": (
                    len(recipe),
                    lambda: stead_recipe(chunks[0], recipe, other),
                ),
            }
        )
    for way, value in found.items():
        print(f"{way:28s}{value:9,.0f} traces/s")
    for ours, theirs in (
        ("steadkit merge", "h5py group copy of all"),
        ("steadkit merge", "STEAD's merge recipe"),
        ("steadkit merge", "cp of the merged file"),
        ("steadkit subset", "h5py group copy of the same"),
        ("steadkit subset", "cp of the subset"),
    ):
        print(f"ratio {ours} / {theirs}: {found[ours] / found[theirs]:.2f}")


if __name__ == "__main__":
    main()
