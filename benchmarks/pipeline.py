"""Time how training is fed: our stream against an h5py loop and SeisBench's generator.

Claims: 10,000 traces a second fully augmented as published, with labels, and 25,000 plain, on two
cores; twenty times SeisBench's generator. All read the same file from a warm cache, and all end
with normalised waveforms and three targets, in batches of 200.

Where the time goes, in microseconds of one core for an example (its CPU time, shared out as a
profile has it):

==============  =====  ================  ===================
                plain  published halves  all fully augmented
==============  =====  ================  ===================
reading            17                 9                   17
augmentation        -                53                  103
normalisation      25                27                   29
targets             8                10                   12
the rest            5                15                   18
together           55               114                  179
==============  =====  ================  ===================

Two processes on two cores make twice as many as one. Threads do not: it is many short calls of
NumPy's, and between them a thread holds the interpreter. To copy an example's waveform and targets
from memory to memory takes a core 4 us, printed here as the rate of a copy. Nothing can be faster;
a plain example takes 14 times as long, for its samples go through the core several times.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from steadkit import synthetic
from steadkit.labels import LabelConfig, targets
from steadkit.pipeline import BatchConfig, Batches, Records, stream
from steadkit.schema import COLUMNS, TRACE_SHAPE
from steadkit.store import Writer
from steadkit.transforms import PRESETS

BATCH = 200
ROUNDS = 3


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


def rate(count: int, act: Callable[[], object]) -> float:
    """Traces per second, the best of some rounds; the first is a warm-up."""
    best = 0.0
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        act()
        best = max(best, count / (time.perf_counter() - began))
    return best


def consume(batches: Batches) -> None:
    """Take every batch of an epoch, as `fit` would."""
    for _ in stream(batches):
        pass


def h5py_loop(path: Path, records: Records) -> Iterator[np.ndarray]:
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


def seisbench_generator(source: Path, folder: Path, count: int) -> Callable[[], object] | None:
    """Set up SeisBench's generator with the usual augmentations; None where it is not there."""
    try:
        import seisbench.data as sbd
        import seisbench.generate as sbg
    except ImportError:
        return None
    from steadkit.convert import to_seisbench
    from steadkit.sources import source_of

    to_seisbench([source_of(source)], folder)
    generator = sbg.GenericGenerator(sbd.WaveformDataset(folder, component_order="ENZ"))
    generator.add_augmentations(
        [
            sbg.ChangeDtype(np.float32),
            sbg.Normalize(demean_axis=-1, amp_norm_axis=-1, amp_norm_type="std"),
            sbg.ProbabilisticLabeller(
                label_columns={"trace_p_arrival_sample": "P", "trace_s_arrival_sample": "S"},
                sigma=10,
                dim=0,
            ),
        ]
    )
    return lambda: [generator[number] for number in range(count)]


def memory_rate() -> float:
    """How many traces and their targets a second a core can copy, which nothing can exceed."""
    source = np.ones((64, 2, *TRACE_SHAPE), np.float32)
    target = np.empty_like(source)
    return rate(64 * 20, lambda: [np.copyto(target, source) for _ in range(20)])


def main() -> None:
    """Print the rate of each way and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=int, default=10_000)
    count = parser.parse_args().traces
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "a.hdf5"
        records = Records([path], make(path, count))
        configs = {
            "plain": BatchConfig(BATCH),
            "published halves": BatchConfig(BATCH, augment=PRESETS["eqt"], paired=True),
            "all fully augmented": BatchConfig(BATCH, augment=PRESETS["eqt"]),
        }
        found = {}
        for way, config in configs.items():
            batches = Batches(records, config=config, seed=0)
            examples = count * (2 if config.paired else 1)
            found[way] = rate(examples, partial(consume, batches))
        found["h5py loop, plain"] = rate(count, lambda: [*map(len, h5py_loop(path, records))])
        found["a copy in memory"] = memory_rate()
        some = min(count, 1000)
        theirs = seisbench_generator(path, folder / "seisbench", some)
        if theirs is not None:
            found["SeisBench's generator, plain"] = rate(some, theirs)
    for way, value in found.items():
        print(f"{way:30s}{value:10,.0f} traces/s")
    for way in configs:
        for other in list(found)[3:]:
            print(f"ratio {way} / {other}: {found[way] / found[other]:.2f}")


if __name__ == "__main__":
    main()
