"""Time how traces are copied with all their attributes: subset and merge against the usual ways.

Claims: subset and merge copy at twice the rate of one h5py group copy a trace and more, merge at
15 times that of STEAD's own merge recipe, and at 0.7 times that of ``cp``, which has nothing but
the bytes to care for. All ways end with the bytes on the disk (fsync) and read from a warm cache.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from steadkit import synthetic
from steadkit.atomic import sync
from steadkit.dataset_files import dataset_files
from steadkit.merge import merge
from steadkit.schema import COLUMNS
from steadkit.selection import Selection
from steadkit.sources import Source, source_from_path
from steadkit.store import TRACE_BYTES
from steadkit.subset import subset

MERGED = 43_542
"""As many traces as the study's merged data set has, but for one."""

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
    return source_from_path(path)


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


def warm_up(folder: Path, size: int) -> None:
    """Write and remove as many bytes as will be written.

    Virtual machines give memory back that is free for a moment; whoever writes next would pay
    for getting it again, and that would be chance.
    """
    scratch, piece = folder / "scratch", bytes(1 << 24)
    with scratch.open("wb") as file:
        for _ in range(size // len(piece) + 1):
            file.write(piece)
    scratch.unlink()


@dataclass(frozen=True)
class Way:
    """One way to copy: how many traces, how, and the files it makes, removed before each time."""

    traces: int
    act: Callable[[], object]
    made: Sequence[Path]


def rates(ways: dict[str, Way], rounds: int = 5) -> dict[str, float]:
    """Traces per second of each way, the best of some rounds; all ways take turns in each."""
    best = dict.fromkeys(ways, 0.0)
    for _ in range(rounds):
        for name, way in ways.items():
            for path in way.made:
                path.unlink(missing_ok=True)
            warm_up(way.made[0].parent, 2 * way.traces * TRACE_BYTES)
            began = time.perf_counter()
            way.act()
            best[name] = max(best[name], way.traces / (time.perf_counter() - began))
    return best


def main() -> None:
    """Print the rate of each way and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=int, default=MERGED)
    traces = parser.parse_args().traces
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        halves = [make(folder / f"chunk{i}.hdf5", traces // 2, i * traces // 2) for i in range(2)]
        chunks = [half.hdf5 for half in halves]
        merged, fifth = folder / "merged.hdf5", folder / "fifth.hdf5"
        wanted = Selection(fraction=Fraction(1, 5))
        names = merge(halves, dataset_files(merged)).traces
        chosen = subset(halves, dataset_files(fifth), wanted).traces
        recipe = names[: traces // 100]
        ours, others = [dataset_files(folder / f"ours{i}.hdf5") for i in range(2)], folder / "other"
        made = [[files.hdf5, files.csv, files.manifest] for files in ours]
        found = rates(
            {
                "steadkit merge": Way(traces, lambda: merge(halves, ours[0]), made[0]),
                "cp of the merged file": Way(traces, lambda: whole_file(merged, others), [others]),
                "h5py group copy of all": Way(
                    traces, lambda: group_copy(chunks, names, others), [others]
                ),
                "steadkit subset": Way(
                    len(chosen), lambda: subset(halves, ours[1], wanted), made[1]
                ),
                "cp of the subset": Way(len(chosen), lambda: whole_file(fifth, others), [others]),
                "h5py group copy of the same": Way(
                    len(chosen), lambda: group_copy(chunks, chosen, others), [others]
                ),
                "STEAD's merge recipe": Way(
                    len(recipe), lambda: stead_recipe(chunks[0], recipe, others), [others]
                ),
            }
        )
    for way, value in found.items():
        print(f"{way:28s}{value:9,.0f} traces/s")
    for ours_, theirs in (
        ("steadkit merge", "h5py group copy of all"),
        ("steadkit merge", "STEAD's merge recipe"),
        ("steadkit merge", "cp of the merged file"),
        ("steadkit subset", "h5py group copy of the same"),
        ("steadkit subset", "cp of the subset"),
    ):
        print(f"ratio {ours_} / {theirs}: {found[ours_] / found[theirs]:.2f}")


if __name__ == "__main__":
    main()
