"""Evaluate a trained network: picks of every trace, tables and pictures."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from eqt import checkpoints, plots, saved
from eqt.config import TrainConfig
from eqt.loading import load_model
from eqt.metrics import (
    STUDY_COLUMNS,
    TOLERANCE,
    Score,
    presence,
    residual_figures,
    study_row,
    timely,
)
from eqt.picks import Detection, Thresholds, best, detect
from eqt.probabilities import Predict, predictor
from eqt.runs import Run, load_setup
from eqt.train import traces_of
from steadkit.catalog import read_table, tidy
from steadkit.console import progress
from steadkit.errors import InputError
from steadkit.manifest import load
from steadkit.pipeline import Batches, clear_faults, stream
from steadkit.schema import COLUMNS, EVENT, SAMPLING_RATE, TRACE_SHAPE
from steadkit.sources import source_of

EXAMPLES = 6

PICKS_COLUMNS = {
    "network_code": "network_code",
    "ID": "receiver_code",
    "earthquake_distance_km": "source_distance_km",
    "snr_db": "snr_db",
    "trace_name": "trace_name",
    "trace_category": "trace_category",
    "trace_start_time": "trace_start_time",
    "source_magnitude": "source_magnitude",
    "p_arrival_sample": "p_arrival_sample",
    "p_status": "p_status",
    "p_weight": "p_weight",
    "s_arrival_sample": "s_arrival_sample",
    "s_status": "s_status",
    "s_weight": "s_weight",
    "receiver_type": "receiver_type",
}
"""The first columns of ``picks.csv``, as EQTransformer's tester calls them, and STEAD's names."""


@dataclass(frozen=True)
class Task:
    """What to evaluate: which traces of which file, with which weights, and where to write."""

    name: str
    data: Path
    traces: list[str]
    weights: Path
    training: TrainConfig
    out: Path


@dataclass(frozen=True)
class Evaluation:
    """What came out: the study's row, the scores in time, and where the files are."""

    study: Mapping[str, object]
    detection: Score
    picks: Mapping[str, Score]
    residuals: Mapping[str, np.ndarray]
    folder: Path


def plan(run: Path | None, data: Path | None, weights: Path | None, out: Path | None) -> Task:
    """Work out what the user means.

    A run is evaluated on its own test part; with `data`, on the whole of another file. `weights`
    take the place of the run's best; without a run, traces are scaled as published.

    Raises
    ------
    InputError
        Neither a run, nor data with weights are named, or one of them cannot be used.
    """
    if run is None and (data is None or weights is None):
        raise InputError("nothing to evaluate: name a run folder, or both --data and --weights")
    if run is None:
        training, own_data, home = TrainConfig(), None, Path()
    else:
        setup = load_setup(Run(run))
        training, own_data, home = setup.training, setup.data, run
    file = data or own_data
    assert file is not None  # one of the two cases above
    whole = own_data is None or file.resolve() != own_data.resolve()
    traces = _all_traces(file) if whole or run is None else _test_part(Run(run))
    name = f"evaluation-{file.stem}" if whole else "evaluation"
    return Task(
        name=run.resolve().name if run else _bare(Path(str(weights))),
        data=file,
        traces=traces,
        weights=weights or Run(home).best,
        training=training,
        out=out or home / name,
    )


def _bare(weights: Path) -> str:
    """Name a file of weights without its ending; a run folder keeps its name."""
    name = weights.resolve().name
    return name.removesuffix(checkpoints.SUFFIX).removesuffix(saved.SUFFIX)


def _all_traces(data: Path) -> list[str]:
    names: list[str] = read_table(source_of(data).csv, ("trace_name", "trace_category"))[
        "trace_name"
    ].tolist()
    return names


def _test_part(run: Run) -> list[str]:
    return traces_of(load(run.split), "test")


def evaluate(
    task: Task, thresholds: Thresholds, overwrite: bool = False, mc_samples: int = 0
) -> Evaluation:
    """Pick every trace of a task and write tables and pictures into its folder.

    With `mc_samples` the picks are those of the mean of so many runs with dropout, seeded by the
    training's seed, and have uncertainties; see `eqt.probabilities.predictor`.

    Writes ``picks.csv`` (a row a trace, the 26 columns of EQTransformer's tester),
    ``detections.csv`` (a row a detection), ``study.csv`` (the 25 columns), ``metrics.json``,
    ``residuals.png`` and ``examples.png``.

    Raises
    ------
    InputError
        The data or weights cannot be used, or the folder holds an evaluation already.
    """
    if task.out.exists() and not overwrite:
        raise InputError(
            f"{str(task.out)!r} exists: choose another folder with --out, or use --overwrite"
        )
    batches = Batches(task.data, task.traces, task.training.batches)
    model = load_model(task.weights)
    if model.input_shape[1:] != TRACE_SHAPE:
        raise InputError(f"{str(task.weights)!r} takes {model.input_shape[1:]}, not {TRACE_SHAPE}")
    with clear_faults(batches):
        predict = predictor(model, mc_samples, task.training.seed)
        detections, shown = _pick_all(predict, batches, thresholds)
    table = read_table(source_of(task.data).csv).set_index("trace_name", drop=False)
    table = table.reindex(columns=list(COLUMNS), fill_value="").loc[batches.names]
    picks = picks_table(table, detections)
    found = detections_table(batches.names, detections)

    outcome = _score(task, batches, picks, found)
    task.out.mkdir(parents=True, exist_ok=True)
    _write(outcome, picks, found, thresholds, overwrite)
    plots.save(
        plots.residuals(
            outcome.residuals, {phase: _caption(score) for phase, score in outcome.picks.items()}
        ),
        task.out / "residuals.png",
        overwrite,
    )
    plots.save(plots.examples(*shown), task.out / "examples.png", overwrite)
    return outcome


Shown = tuple[list[str], np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _pick_all(
    predict: Predict, batches: Batches, thresholds: Thresholds
) -> tuple[list[list[Detection]], Shown]:
    """Pick every trace, batch by batch, and keep a few to show."""
    detections: list[list[Detection]] = []
    kept: list[tuple[int, np.ndarray, np.ndarray]] = []
    step = max(len(batches.names) // EXAMPLES, 1)
    for waveforms, _ in progress(stream(batches), "picking", len(batches)):
        probabilities, deviations = predict(waveforms)
        for row, waveform in enumerate(waveforms.numpy()):
            if len(detections) % step == 0 and len(kept) < EXAMPLES:
                kept.append((len(detections), waveform, probabilities[row]))
            strays = None if deviations is None else deviations[row]
            detections.append(detect(probabilities[row], thresholds, strays))
    rows = [row for row, *_ in kept]
    names = [batches.names[row] for row in rows]
    waveform_stack, probability_stack = (np.stack([item[i] for item in kept]) for i in (1, 2))
    return detections, (names, waveform_stack, probability_stack, batches.p[rows], batches.s[rows])


def picks_table(table: pd.DataFrame, detections: list[list[Detection]]) -> pd.DataFrame:
    """Make a row a trace, with its surest detection, in the tester's 26 columns.

    Picks are in samples, errors (pick minus arrival) in seconds. Without Monte Carlo dropout
    there is no uncertainty: those columns are empty.
    """
    typed = tidy(table)
    rows = {ours: table[theirs].to_numpy() for ours, theirs in PICKS_COLUMNS.items()}
    rows["number_of_detections"] = np.array([len(found) for found in detections])
    surest = [best(found) for found in detections]
    rows["detection_probability"] = _column(d.probability if d else None for d in surest)
    rows["detection_uncertainty"] = _column(d.uncertainty if d else None for d in surest)
    for phase, arrival in (("P", "p_arrival_sample"), ("S", "s_arrival_sample")):
        picks = [getattr(d, phase.lower()) if d else None for d in surest]
        samples = _column(pick.sample if pick else None for pick in picks)
        rows[f"{phase}_pick"] = samples
        rows[f"{phase}_probability"] = _column(pick.probability if pick else None for pick in picks)
        rows[f"{phase}_uncertainty"] = _column(pick.uncertainty if pick else None for pick in picks)
        rows[f"{phase}_error"] = (samples - typed[arrival].to_numpy()) / SAMPLING_RATE
    return pd.DataFrame(rows)


def _column(values: Any) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def detections_table(names: list[str], detections: list[list[Detection]]) -> pd.DataFrame:
    """Make a row a detection: its samples, its probability and its picks."""
    rows = [
        {
            "trace_name": name,
            "start": found.start,
            "end": found.end,
            "probability": found.probability,
            "P_pick": found.p.sample if found.p else np.nan,
            "P_probability": found.p.probability if found.p else np.nan,
            "S_pick": found.s.sample if found.s else np.nan,
            "S_probability": found.s.probability if found.s else np.nan,
        }
        for name, of_trace in zip(names, detections, strict=True)
        for found in of_trace
    ]
    columns = ["trace_name", "start", "end", "probability"]
    columns += [f"{phase}_{what}" for phase in "PS" for what in ("pick", "probability")]
    return pd.DataFrame(rows, columns=columns)


def _score(task: Task, batches: Batches, picks: pd.DataFrame, found: pd.DataFrame) -> Evaluation:
    event = (picks["trace_category"] == EVENT).to_numpy()
    scores, residuals = {}, {}
    for phase, samples in (("P", batches.p), ("S", batches.s)):
        known = ~np.isnan(samples)
        names = np.array(batches.names, dtype=object)[known]
        arrivals = dict(zip(names, samples[known] / SAMPLING_RATE, strict=True))
        of_phase = found[found[f"{phase}_pick"].notna()]
        in_time = pd.DataFrame(
            {
                "trace_name": of_phase["trace_name"],
                "seconds": of_phase[f"{phase}_pick"] / SAMPLING_RATE,
            }
        )
        scores[phase], residuals[phase] = timely(arrivals, in_time)
    return Evaluation(
        study=study_row(picks, task.name),
        detection=presence(event, (picks["number_of_detections"] > 0).to_numpy()),
        picks=scores,
        residuals=residuals,
        folder=task.out,
    )


def _write(
    outcome: Evaluation,
    picks: pd.DataFrame,
    found: pd.DataFrame,
    thresholds: Thresholds,
    overwrite: bool,
) -> None:
    from steadkit.files import write_text

    study = pd.DataFrame([outcome.study], columns=list(STUDY_COLUMNS))
    for name, table in (("picks", picks), ("detections", found), ("study", study)):
        write_text(outcome.folder / f"{name}.csv", table.to_csv(index=False), overwrite)
    text = json.dumps(_without_nan(figures(outcome, thresholds)), indent=2) + "\n"
    write_text(outcome.folder / "metrics.json", text, overwrite)


def figures(outcome: Evaluation, thresholds: Thresholds) -> dict[str, Any]:
    """Collect all figures of an evaluation under their names."""
    in_time = {
        phase: _of_score(score) | {"residual_s": residual_figures(outcome.residuals[phase])}
        for phase, score in outcome.picks.items()
    }
    return {
        "study": dict(outcome.study),
        "in_time": {
            "tolerance_s": TOLERANCE,
            "detection": _of_score(outcome.detection) | {"tn": outcome.detection.tn},
            **in_time,
        },
        "thresholds": vars(thresholds),
    }


def _of_score(score: Score) -> dict[str, Any]:
    return {
        "precision": score.precision,
        "recall": score.recall,
        "f1": score.f1,
        "tp": score.tp,
        "fp": score.fp,
        "fn": score.fn,
    }


def _without_nan(value: Any) -> Any:
    """JSON has no NaN: what is undefined is null."""
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def _caption(score: Score) -> str:
    return (
        f"{score.tp} right within {TOLERANCE} s, {score.fp} wrong, {score.fn} missed "
        f"(F1 {score.f1:.3f})"
    )
