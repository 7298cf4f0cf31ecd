"""Time how training is fed: our stream against an h5py loop and SeisBench's generator.

Claims: 10,000 traces a second where every one is fully augmented, with labels, and 25,000 plain, on
two cores; twenty times SeisBench's generator, plain against plain and the published batches against
its own augmentations. All read the same file from a warm cache, and all end with normalised
waveforms and three targets, in batches of 200.

Where the time goes, in microseconds of one core for an example, in one thread:

==============  =====  ================  ===================
                plain  published halves  all fully augmented
==============  =====  ================  ===================
reading            25                13                   25
augmentation        -                48                   91
normalisation      32                32                   33
targets             6                 8                    9
the rest            6                18                   21
together           69               119                  179
==============  =====  ================  ===================

Two processes on two cores make twice as many as one. Threads do not: it is many short calls of
NumPy's, and between them a thread holds the interpreter. To copy an example's waveform and targets
from memory to memory takes a core 4 us, printed here as the rate of a copy. Nothing can be faster;
a plain example takes 17 times as long, for its samples go through the core several times.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from steadkit import synthetic
from steadkit.labels import LabelConfig, targets
from steadkit.pipeline import BatchConfig, BatchLoader, TraceSource, to_tf_dataset
from steadkit.schema import COLUMNS, TRACE_SHAPE
from steadkit.store import Writer
from steadkit.transforms import PRESETS

BATCH = 200
ROUNDS = 5


EVENTS, NOISE = 163, 37
"""Traces simulated, in STEAD's proportion; the file repeats them under other names."""


def make(path: Path, traces: int) -> list[str]:
    """Write a STEAD file; returns the names."""
    patterns = list(islice(synthetic.earthquakes(EVENTS, seed=0), EVENTS))
    patterns += list(islice(synthetic.noise(NOISE, seed=0), NOISE))
    rows = []
    with Writer(path) as writer:
        for number in range(traces):
            row, waveform = patterns[number % len(patterns)]
            end = row["trace_name"][-3:]
            row = row | {"trace_name": f"B{number:06d}.XX_20200101000000{end}"}
            writer.add(row["trace_name"], waveform, row)
            rows.append({key: str(value) for key, value in row.items()})
    pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(path.with_suffix(".csv"), index=False)
    return [row["trace_name"] for row in rows]


def rates(ways: dict[str, tuple[int, Callable[[], object]]]) -> dict[str, float]:
    """Traces per second of each way, the best of some rounds; all ways take turns in each."""
    best = dict.fromkeys(ways, 0.0)
    for _ in range(ROUNDS):
        for name, (count, act) in ways.items():
            began = time.perf_counter()
            act()
            best[name] = max(best[name], count / (time.perf_counter() - began))
    return best


def consume(batches: BatchLoader) -> None:
    """Take every batch of an epoch, as `fit` would."""
    for _ in to_tf_dataset(batches):
        pass


def h5py_loop(path: Path, records: TraceSource) -> Iterator[np.ndarray]:
    """Do the plain work as most people write it: a dataset at a time, NumPy's mean and std."""
    with h5py.File(path) as file:
        for start in range(0, len(records), BATCH):
            waveforms = np.array(
                [file[f"data/{name}"][()] for name in records.names[start : start + BATCH]]
            )
            waveforms -= waveforms.mean(axis=1, keepdims=True)
            waveforms /= np.where((std := waveforms.std(axis=1, keepdims=True)) > 0, std, 1)
            some = slice(start, start + BATCH)
            targets(records.p[some], records.s[some], LabelConfig())
            yield waveforms


def seisbench_generators(source: Path, folder: Path) -> dict[str, Callable[[int], object]]:
    """Set up SeisBench's generator, plain and augmented at EQT's rates; none where it is not there.

    What it offers nearest to EQT's augmentations; a second event it has not.
    """
    try:
        import seisbench.data as sbd
        import seisbench.generate as sbg
    except ImportError:
        return {}
    from steadkit.convert import to_seisbench
    from steadkit.sources import source_from_path

    def at(rate: float, *augmentations: object) -> object:
        share = rate / len(augmentations)
        nothing = sbg.NullAugmentation()
        return sbg.OneOf([*augmentations, nothing], [share] * len(augmentations) + [1 - rate])

    to_seisbench([source_from_path(source)], folder)
    data = sbd.WaveformDataset(folder, component_order="ENZ")
    p, s = {"trace_p_arrival_sample": "P"}, {"trace_s_arrival_sample": "S"}
    plain = [
        sbg.ChangeDtype(np.float32),
        sbg.Normalize(demean_axis=-1, amp_norm_axis=-1, amp_norm_type="std"),
        sbg.ProbabilisticLabeller(label_columns=p | s, sigma=10, dim=0),
    ]
    targets = [plain[-1], sbg.DetectionLabeller(p_phases=[*p], s_phases=[*s], key=("X", "d"))]
    shift = at(0.99, sbg.RandomArrayRotation(keys=["X", "y", "d"]))
    full = [at(0.3, sbg.GaussianNoise()), at(0.5, sbg.ChannelDropout()), at(0.2, sbg.AddGap())]
    generators = {"plain": sbg.GenericGenerator(data), "augmented": sbg.GenericGenerator(data)}
    generators["plain"].add_augmentations(plain)
    generators["augmented"].add_augmentations([plain[0], *targets, shift, *full, plain[1]])

    def taking(generator: Sequence[object], count: int) -> object:
        return [generator[number] for number in range(count)]

    return {way: partial(taking, generator) for way, generator in generators.items()}


def copies(count: int) -> Callable[[], object]:
    """Set up what nothing can exceed: a core copies traces and their targets."""
    source = np.ones((64, 2, *TRACE_SHAPE), np.float32)
    target = np.empty_like(source)
    return lambda: [np.copyto(target, source) for _ in range(count // len(source))]


def main() -> None:
    """Print the rate of each way and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=int, default=10_000)
    count = parser.parse_args().traces
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "a.hdf5"
        records = TraceSource([path], make(path, count))
        configs = {
            "plain": BatchConfig(BATCH),
            "published halves": BatchConfig(BATCH, augment=PRESETS["eqt"], paired=True),
            "all fully augmented": BatchConfig(BATCH, augment=PRESETS["eqt"]),
        }
        ways: dict[str, tuple[int, Callable[[], object]]] = {}
        for way, config in configs.items():
            batches = BatchLoader(records, config=config, seed=0)
            ways[way] = (count * (2 if config.paired else 1), partial(consume, batches))
        some = min(count, 1000)
        fewer = TraceSource([path], records.names[:some])
        ways["h5py loop, plain"] = some, lambda: [*map(len, h5py_loop(path, fewer))]
        ways["a copy in memory"] = 6400, copies(6400)
        for way, take in seisbench_generators(path, folder / "seisbench").items():
            ways[f"SeisBench's generator, {way}"] = some, partial(take, some)
        found = rates(ways)
    for way, value in found.items():
        print(f"{way:33s}{value:10,.0f} traces/s")
    for way, kind in zip(configs, ("plain", "augmented", "augmented"), strict=True):
        for other in ("h5py loop, plain", f"SeisBench's generator, {kind}", "a copy in memory"):
            if other in found:
                print(f"ratio {way} / {other}: {found[way] / found[other]:.2f}")


if __name__ == "__main__":
    main()
