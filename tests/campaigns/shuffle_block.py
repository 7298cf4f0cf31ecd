"""Compare trainings that shuffle all traces with those that read the file front to back in blocks.

Run it completely with ``PYTHONPATH=tests python -m campaigns.shuffle_block FOLDER``: 5,000
simulated traces, augmentation none and eqt, three seeds, 16 trainings of six epochs, one hour on
two cores; the tests run one small training of each order. The same traces stand in two files: in a
random order, as `steadkit subset` writes them, and in that of a catalogue, as in STEAD's
``merge.hdf5``: noise first, then events, each sorted by name; the latter
with the first seed alone, as what it does is plain. Prints the losses and F1 of the
validation part after the last epoch, each with its mean and range over the seeds. FOLDER keeps
files, runs and ``results.csv``; a second run continues there.
"""

import argparse
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import keras
import numpy as np
import pandas as pd

import steadkit
from eqt.config import EQTConfig, TrainConfig
from eqt.runs import RunFolder
from eqt.training import train
from steadkit.demo import chunk_files, demo
from steadkit.schema import NOISE

TRAINING = TrainConfig(
    epochs=6,
    batch_size=64,
    learning_rate=2e-3,
    schedule="cosine",
    plateau=0,
    patience=0,
    train="0.80",
    validation="0.15",
    test="0.05",
)
BLOCK = 512
FIGURES = ("val_loss", "val_detection_f1", "val_P_f1", "val_S_f1")


@dataclass(frozen=True)
class Order:
    """An order in which traces are read: of which file, in blocks of how many, in which mix."""

    name: str
    file: str
    block: int = 0
    mix: str = "natural"


def orders(block: int) -> list[Order]:
    """List the orders that are compared, the full permutation first."""
    return [
        Order("all traces", "random"),
        Order("blocks, file in random order", "random", block),
        Order("blocks, file in catalogue order", "catalogue", block),
        Order("blocks, catalogue order, balanced", "catalogue", block, "balanced"),
    ]


def write_files(folder: Path, events: int, noise: int) -> dict[str, Path]:
    """Write the same simulated traces in a random order and in that of a catalogue."""
    files = {name: folder / f"{name}.hdf5" for name in ("random", "catalogue")}
    if not all(path.exists() for path in files.values()):
        demo(folder / "demo", events, noise, seed=0)
        traces = steadkit.open_dataset(*chunk_files(folder / "demo", events))
        table = traces.table(["trace_name", "trace_category"])
        names, is_event = table["trace_name"].to_numpy(str), table["trace_category"] != NOISE
        traces.subset(1, seed=0).save(files["random"], overwrite=True)
        traces[np.lexsort((names, is_event))].save(files["catalogue"], overwrite=True)
    return files


def trainings(
    files: dict[str, Path], base: TrainConfig, compared: Sequence[Order], seeds: int
) -> Iterator[tuple[Order, TrainConfig]]:
    """List the trainings, all orders and augmentations of a seed before the next seed."""
    for seed, augment, order in product(range(seeds), ("none", "eqt"), compared):
        if seed and order.file != "random":
            continue
        options = {"shuffle_block": order.block, "mix": order.mix}
        yield order, replace(base, seed=seed, augment=augment, **options)


def campaign(
    folder: Path,
    files: dict[str, Path],
    network: EQTConfig,
    base: TrainConfig,
    compared: Sequence[Order],
    seeds: int,
) -> pd.DataFrame:
    """Train, or take what was trained before; returns a row a training."""
    rows = []
    for order, config in trainings(files, base, compared, seeds):
        slug = order.name.replace(", ", "-").replace(" ", "-")
        run = RunFolder(folder / "runs" / f"{slug}-{config.augment}-{config.seed}")
        if not run.is_complete:
            shutil.rmtree(run.folder, ignore_errors=True)  # one that was cut off begins anew
            keras.utils.clear_session()  # else the graph of every network stays in memory
            train(files[order.file], run.folder, network, config, log=lambda _: None)
        last = pd.read_csv(run.history).iloc[-1]
        row = {"order": order.name, "augment": config.augment, "seed": config.seed}
        rows.append(row | last[[*FIGURES, "seconds"]].to_dict())
        print(pd.DataFrame(rows[-1:]).round(4).to_string(index=False, header=False), flush=True)
        pd.DataFrame(rows).to_csv(folder / "results.csv", index=False)
    return pd.DataFrame(rows)


def summary(results: pd.DataFrame) -> pd.DataFrame:
    """Return mean, lowest and highest of each figure over the seeds."""
    groups = results.groupby(["augment", "order"], sort=False)[[*FIGURES]]
    return groups.agg(["mean", "min", "max"]).round(3)


def main() -> None:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--events", type=int, default=4000)
    parser.add_argument("--noise", type=int, default=1000)
    parser.add_argument("--block", type=int, default=BLOCK)
    parser.add_argument("--epochs", type=int, default=TRAINING.epochs)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    files = write_files(options.folder, options.events, options.noise)
    base = replace(TRAINING, epochs=options.epochs)
    compared = orders(options.block)
    results = campaign(options.folder, files, EQTConfig(), base, compared, options.seeds)
    print(summary(results).to_string())


if __name__ == "__main__":
    main()
