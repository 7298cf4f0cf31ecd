"""Overlap of data with the training of a run: the run's data file, its traces and earthquakes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pandas as pd

from eqt.runs import RunFolder, Setup, load_setup
from steadkit.catalog import GROUP_COLUMNS, KEY_COLUMNS, columns_of, earthquakes_of, read_table
from steadkit.errors import InputError
from steadkit.manifest import load
from steadkit.paths import INTEGER, OBJECT, is_file, read_json, value_at
from steadkit.sampling import SPLITS
from steadkit.schema import EVENT
from steadkit.sources import source_from_path


class TrainingOverlap(NamedTuple):
    """Number of traces used for training or validation, and of others of the same earthquakes."""

    traces: int
    of_earthquakes: int

    def summary(self, n_traces: int, networks: Sequence[str] = ()) -> str:
        """Return one line of text, empty where none of the traces was seen.

        >>> TrainingOverlap(3, 0).summary(1200, ["EQT", "BO"])
        'Not independent for EQT, BO: of these 1,200 traces 3 were trained on or chosen by'
        """
        counts = [
            f"{self.traces:,} were trained on or chosen by" if self.traces else "",
            f"{self.of_earthquakes:,} are of earthquakes that were" if self.of_earthquakes else "",
        ]
        text = " and ".join(filter(None, counts))
        owners = f" for {', '.join(networks)}" if networks else ""
        return f"Not independent{owners}: of these {n_traces:,} traces {text}" if text else ""


NOTHING: Final = TrainingOverlap(0, 0)

METRICS: Final = "metrics.json"
"""File of the figures of an evaluation."""


def resolve_data(run: RunFolder, setup: Setup, data: Path | None) -> Path:
    """Return the given data, or else the path of the run's data.

    Raises
    ------
    InputError
        The run's data were moved.
    """
    if data is None and not setup.data.exists():
        raise InputError(
            f"{str(run.folder)!r} was trained on {str(setup.data)!r}, which is not there: "
            "say where it is now with --data"
        )
    return data or setup.data


def is_training_data(run: RunFolder, setup: Setup, data: Path) -> bool:
    """Return whether data are those of the run, possibly moved or copied."""
    if data.resolve() == setup.data.resolve():
        return True
    names = read_table(source_from_path(data).csv, KEY_COLUMNS)["trace_name"]
    trained = load(run.split).traces
    return len(names) == len(trained) and set(names) == set(trained)


def find_run(weights: Path) -> RunFolder | None:
    """Return the run of a folder or of a weights file in it; None if there is none."""
    runs = (RunFolder(folder) for folder in (weights, weights.parent))
    return next((run for run in runs if is_file(run.config) and is_file(run.split)), None)


def overlap_with_training(
    run: RunFolder, setup: Setup, data: Path, traces: list[str]
) -> TrainingOverlap:
    """Count the traces that overlap with the training of a run.

    The run's earthquakes follow from these data, and from its own data if they still exist.
    """
    trained, table = _trained_on(run), _earthquakes(data)
    earthquakes = _earthquakes_of_traces(table, trained)
    if setup.data.exists() and data.resolve() != setup.data.resolve():
        earthquakes |= _earthquakes_of_traces(_earthquakes(setup.data), trained)
    return _count(table[table["trace_name"].isin(set(traces))], trained, earthquakes)


def seen_in_evaluation(folder: Path, traces: pd.DataFrame) -> TrainingOverlap:
    """Count the traces of an evaluation that overlap with the training of its network.

    Parameters
    ----------
    folder
        Of the evaluation. Its ``metrics.json`` holds the counts; for one of an older version, in a
        folder inside a run, they follow from the split of the run.
    traces
        The evaluation's ``traces.csv``.

    Raises
    ------
    InputError
        ``metrics.json`` cannot be read.
    """
    metrics, run = folder / METRICS, RunFolder(folder.parent)
    figures = read_json(metrics) if is_file(metrics) else {}
    if "seen" in figures:
        counts = value_at(figures, "seen", OBJECT, repr(str(metrics)))
        return TrainingOverlap(
            *(
                value_at(counts, name, INTEGER, repr(str(metrics)))
                for name in TrainingOverlap._fields
            )
        )
    if not (is_file(run.config) and is_file(run.split)):
        return NOTHING
    trained, data = _trained_on(run), load_setup(run).data
    earthquakes = _earthquakes_of_traces(traces, trained)
    if data.exists():
        table = _earthquakes(data)
        # Evaluations store names of earthquakes without the prefix that names their column.
        earthquakes |= _earthquakes_of_traces(
            table.assign(earthquake=table["earthquake"].str.partition(" ")[2]), trained
        )
    return _count(traces, trained, earthquakes)


def _trained_on(run: RunFolder) -> set[str]:
    """Return the names of the traces that a run was trained on or chosen by."""
    manifest = load(run.split)
    pairs = zip(manifest.traces, manifest.splits, strict=True)
    return {name for name, split_name in pairs if split_name in SPLITS[:2]}


def _count(traces: pd.DataFrame, trained: set[str], earthquakes: set[str]) -> TrainingOverlap:
    is_trained = traces["trace_name"].isin(trained)
    is_same_earthquake = traces["earthquake"].isin(earthquakes) & ~is_trained
    return TrainingOverlap(int(is_trained.sum()), int(is_same_earthquake.sum()))


def _earthquakes(data: Path) -> pd.DataFrame:
    csv = source_from_path(data).csv
    present = columns_of(csv)
    table = read_table(csv, [*KEY_COLUMNS, *(c for c in GROUP_COLUMNS if c in present)])
    return table.assign(earthquake=earthquakes_of(table))


def _earthquakes_of_traces(table: pd.DataFrame, names: set[str]) -> set[str]:
    """Return the names of the earthquakes of some traces."""
    is_selected = table["trace_name"].isin(names) & (table["trace_category"] == EVENT)
    return set(table["earthquake"][is_selected])
