"""Remove S labels, all or every second, and compare scores with those of complete labels.

Run it completely with ``PYTHONPATH=tests python -m campaigns.unknown_arrivals FOLDER``: 2,000
simulated events and 500 noise traces, three trainings of eight epochs and five evaluations, ten
minutes on two cores; the tests run a small one. An S that nobody has picked is neither hit nor
miss, and adds no loss: precision and recall of a network stay within their intervals when labels of
the test traces are removed, and one that is trained without every second S still finds S.
"""

import argparse
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

import steadkit
from eqt.config import EQTConfig, TrainConfig
from eqt.evaluation import evaluate, plan
from eqt.picking.picks import Thresholds
from eqt.runs import RunFolder
from eqt.training import train
from steadkit.catalog import read_table, write_csv
from steadkit.demo import chunk_files, demo
from steadkit.schema import EVENT

LABELS: Final = {"all": 0, "half": 2, "none": 1}
"""Every how manieth S label is removed, 0 for none of them."""

TRAINING: Final = TrainConfig(
    epochs=8, batch_size=24, learning_rate=2e-3, schedule="cosine", augment="none"
)

COMPARED: Final = (
    ("all", "all"),
    ("all", "half"),
    ("all", "none"),
    ("half", "all"),
    ("none", "all"),
)
"""Labels of the training traces, and of the test traces."""


def write_files(folder: Path, events: int, noise: int) -> dict[str, Path]:
    """Write one data set with all S labels, with half of them and with none."""
    complete = folder / "all.hdf5"
    if not complete.exists():
        demo(folder / "demo", events, noise, seed=0)
        steadkit.open_dataset(*chunk_files(folder / "demo", events)).save(complete)
    files = {name: folder / f"{name}.hdf5" for name in LABELS}
    table = read_table(complete.with_suffix(".csv"))
    of_event = np.flatnonzero(table["trace_category"] == EVENT)
    for name, every in LABELS.items():
        if every and not files[name].exists():
            changed = table.copy()
            column = changed.columns.get_loc("s_arrival_sample")
            changed.iloc[of_event[::every], column] = ""
            write_csv(files[name].with_suffix(".csv"), list(changed.columns), [changed])
            os.link(complete, files[name])
    return files


def campaign(
    files: dict[str, Path], network: EQTConfig, config: TrainConfig, thresholds: Thresholds
) -> pd.DataFrame:
    """Train with the labels of each file and evaluate; returns a row a pair of labels and kind."""
    return pd.DataFrame(list(_rows(files, network, config, thresholds)))


def _rows(
    files: dict[str, Path], network: EQTConfig, config: TrainConfig, thresholds: Thresholds
) -> Iterator[dict[str, object]]:
    folder = files["all"].parent
    for trained, evaluated in COMPARED:
        run = RunFolder(folder / f"run-{trained}")
        if not run.is_complete:
            train(files[trained], run.folder, network, config)
        out = folder / f"evaluation-{trained}-{evaluated}"
        task = plan(run.folder, files[evaluated], None, out)
        figures = evaluate(task, thresholds, overwrite=True).figures
        for phase, figures_of_phase in figures["honest"]["0.5"].items():
            row = {"trained with": trained, "evaluated with": evaluated, "kind": phase}
            for name in ("precision", "recall"):
                row[name] = figures_of_phase[name]
                row[f"{name} low"], row[f"{name} high"] = figures_of_phase["intervals"].get(
                    name, (None, None)
                )
            yield row | {"arrivals": figures_of_phase["tp"] + figures_of_phase["fn"]}


def main() -> None:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument("--noise", type=int, default=500)
    parser.add_argument("--epochs", type=int, default=TRAINING.epochs)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    files = write_files(options.folder, options.events, options.noise)
    config = replace(TRAINING, epochs=options.epochs)
    results = campaign(files, EQTConfig(), config, Thresholds())
    print(results.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
