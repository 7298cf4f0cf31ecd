"""Inputs of an evaluation: traces of a file, weights, and the output folder with its files."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from eqt.config import TrainConfig
from eqt.formats import keras_v3, weights_h5
from eqt.runs import RunFolder, load_setup
from eqt.seen import (
    NOTHING,
    TrainingOverlap,
    find_run,
    is_training_data,
    overlap_with_training,
    resolve_data,
)
from eqt.training import traces_of
from steadkit.catalog import read_table
from steadkit.errors import InputError, printable
from steadkit.manifest import load
from steadkit.sources import source_from_path


class TraceSubset(NamedTuple):
    """Selected traces of a STEAD file."""

    data: Path
    traces: list[str]


@dataclass(frozen=True)
class Task:
    """Traces, weights and output folder of an evaluation.

    `validation` are the traces on which thresholds can be chosen, None if there are none.
    """

    name: str
    data: Path
    traces: list[str]
    weights: Path
    training: TrainConfig
    out: Path
    validation: TraceSubset | None = None
    seen: TrainingOverlap = NOTHING
    """Overlap of the traces with the training and validation splits of the run."""


def plan(run: Path | None, data: Path | None, weights: Path | None, out: Path | None) -> Task:
    """Resolve the user's arguments into a task.

    A run is evaluated on its test split, which may have moved to `data`; with other `data`, on all
    of their traces. `weights` replace the run's best; without a run, traces are scaled as
    published.

    Raises
    ------
    InputError
        Neither a run nor data with weights are given, one of them cannot be used, or there is no
        trace to evaluate.
    """
    if run is None:
        if data is None or weights is None:
            raise InputError("nothing to evaluate: name a run folder, or both --data and --weights")
        traces, out = _all_traces(data), out or Path(f"evaluation-{data.stem}")
        seen = _seen(find_run(weights), data, traces)
        return Task(_weights_name(weights), data, traces, weights, TrainConfig(), out, seen=seen)
    setup = load_setup(RunFolder(run))
    data_file = resolve_data(RunFolder(run), setup, data)
    # Other data than the run's have no test split: all of their traces are evaluated.
    uses_all_traces = not is_training_data(RunFolder(run), setup, data_file)
    traces = _all_traces(data_file) if uses_all_traces else _test_split(RunFolder(run))
    validation = traces_of(load(RunFolder(run).split), "validation")
    return Task(
        name=printable(run.resolve().name, None),
        data=data_file,
        traces=traces,
        weights=weights or RunFolder(run).best,
        training=setup.training,
        out=out or run / (f"evaluation-{data_file.stem}" if uses_all_traces else "evaluation"),
        validation=TraceSubset(setup.data if uses_all_traces else data_file, validation)
        if validation
        else None,
        seen=_seen((weights and find_run(weights)) or RunFolder(run), data_file, traces),
    )


def _seen(run: RunFolder | None, data: Path, traces: list[str]) -> TrainingOverlap:
    """Count the traces on which the run of the weights was trained."""
    return NOTHING if run is None else overlap_with_training(run, load_setup(run), data, traces)


def _weights_name(weights: Path) -> str:
    """Return the name of a file of weights without its suffix; a run folder keeps its name."""
    name = printable(weights.resolve().name, None)
    return name.removesuffix(weights_h5.SUFFIX).removesuffix(keras_v3.SUFFIX)


def _all_traces(data: Path) -> list[str]:
    csv = source_from_path(data).csv
    names: list[str] = read_table(csv, ("trace_name", "trace_category"))["trace_name"].tolist()
    if not names:
        raise InputError(f"{str(csv)!r} lists no trace: there is nothing to evaluate")
    return names


def _test_split(run: RunFolder) -> list[str]:
    names = traces_of(load(run.split), "test")
    if not names:
        raise InputError(
            f"{str(run.split)!r} gives no trace to the test split: name other data with --data"
        )
    return names


PROOF = "metrics.json"
"""A folder with this file, and a ``study`` entry in it, is an evaluation."""

FILES = (
    *("X_test_results.csv", "picks.csv", "detections.csv", "traces.csv", "study.csv"),
    *("residuals.png", "examples.png", "worst.png", "report.html"),
    # Those of the position test; see `eqt.position_bias.write_position_test`.
    *("position_windows.csv", "position.csv", "position_second.csv", "position_summary.csv"),
    *("position_window.png", "position_second.png"),
    PROOF,
)
"""Files that an evaluation writes; any other file in the folder is foreign and is kept."""


def evaluation_files(folder: Path) -> tuple[str, ...] | None:
    """Return the names of the files of an evaluation; None if the folder is no evaluation."""
    try:
        content = json.loads((folder / PROOF).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return FILES if isinstance(content, dict) and "study" in content else None
