"""Evaluate a trained network: one pass over its traces, then figures, tables, pictures, a page."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from eqt import plots, position_bias
from eqt.evaluation.detections import PHASES
from eqt.evaluation.examples import ExampleTraces, spaced_rows, example_traces, worst_traces
from eqt.evaluation.folder import files_of
from eqt.evaluation.inputs import TraceSubset, Task
from eqt.evaluation.report import SECTIONS, Section, report, residuals_figure
from eqt.evaluation.results import Evaluation, EvaluationResult, Protocol, evaluation_result
from eqt.evaluation.thresholds import NAMES, choose, describe_choice
from eqt.metrics import STUDY_COLUMNS, truth_of
from eqt.model_io import read
from eqt.picking.candidates import GRID, PickCandidates, collect_by_rules, collect_candidates
from eqt.picking.picks import Thresholds
from eqt.picking.refine import refine_detections
from eqt.picking.rules import CORRECTED, PUBLISHED
from eqt.probabilities import Predict, predictor
from eqt.sizes import check_prediction
from steadkit.atomic import atomic_folder, check_folder, write_text
from steadkit.catalog import read_table
from steadkit.errors import InputError
from steadkit.pipeline import BatchLoader
from steadkit.schema import COLUMNS, TRACE_SHAPE
from steadkit.sources import source_from_path


def evaluate(
    task: Task,
    thresholds: Thresholds,
    overwrite: bool = False,
    mc_samples: int = 0,
    *,
    choose_on_validation: Collection[str] = (),
    protocol: Protocol | None = None,
    sections: Collection[Section] = SECTIONS,
    positions: int = 0,
    refine: bool = False,
) -> Evaluation:
    """Pick every trace of a task and write tables, pictures and a report into its folder.

    With `mc_samples` the picks are those of the mean of so many runs with dropout, seeded by the
    training's seed, and have uncertainties; see `eqt.probabilities.predictor`.

    Writes ``X_test_results.csv`` (a row a trace, as EQTransformer's tester) and from it
    ``study.csv`` (the 25 columns), by the published rules of `eqt.picking.rules`. By the corrected
    rules it writes ``picks.csv`` (a row a trace), ``detections.csv`` (a row a detection),
    ``traces.csv`` (what figures are told apart by), ``metrics.json``, ``residuals.png``,
    ``examples.png``, ``worst.png`` where anything went wrong, and ``report.html``. The folder
    appears complete or not at all.

    Parameters
    ----------
    task
        What to evaluate.
    thresholds
        What counts as a detection and a pick.
    overwrite
        Whether an evaluation that exists may be replaced.
    mc_samples
        Runs with dropout, or 0.
    choose_on_validation
        Which of ``detection``, ``p`` and ``s`` to choose anew, by the best F1 on the validation
        part of the run; `thresholds` stand where nothing is right there.
    protocol
        How picks are judged.
    sections
        What the report shows, in order.
    positions
        To how many places each event is moved for the position test, see
        `eqt.position_bias.position_test`, whose section and files come besides; 0 for no test.
    refine
        Whether picks are moved to where the signal begins near them, see `eqt.picking.refine`.

    Raises
    ------
    InputError
        The data or weights cannot be used, there is no validation part, or the folder exists and
        may not be replaced.
    """
    protocol = protocol or Protocol()
    check_folder(task.out, overwrite, files_of)
    batches = BatchLoader(task.data, task.traces, task.training.batches)
    model, config = read(task.weights)
    if model.input_shape[1:] != TRACE_SHAPE:
        raise InputError(f"{str(task.weights)!r} takes {model.input_shape[1:]}, not {TRACE_SHAPE}")
    check_prediction(config, batches.config.batch_size, len(batches.names))

    without_chance = None if mc_samples else predictor(model)

    def predict() -> Predict:
        # Anew for each pass: what one draws, when it drops, does not depend on the others.
        of_network = without_chance or predictor(model, mc_samples, task.training.seed)
        return refine_detections(of_network) if refine else of_network

    thresholds, record = _thresholds(task, thresholds, choose_on_validation, protocol, predict)
    grids = {CORRECTED: GRID, PUBLISHED: ()}
    candidates = collect_by_rules(predict(), batches, thresholds, grids)
    table = read_table(source_from_path(task.data).csv).set_index("trace_name", drop=False)
    table = table.reindex(columns=list(COLUMNS), fill_value="").loc[list(batches.names)]
    besides: dict[str, Any] = {
        "thresholds": record,
        "mc_samples": mc_samples,
        "refined": refine,
    }
    moved = None
    if positions:
        seed = task.training.seed
        moved = position_bias.position_test(predict(), batches, (), positions, seed, thresholds)
        besides["position"] = position_bias.summary(moved).to_dict("records")
        sections = (*sections, lambda _: position_bias.section(moved))
    found = evaluation_result(task, batches, table, candidates, thresholds, protocol, besides)
    galleries = _galleries(found, batches, predict)
    with atomic_folder(task.out, overwrite, files_of) as folder:
        _write(found, galleries, folder, sections)
        if moved is not None:
            position_bias.write(moved, folder)
    return _summarize(found)


def _thresholds(
    task: Task,
    thresholds: Thresholds,
    which: Collection[str],
    protocol: Protocol,
    predict: Callable[[], Predict],
) -> tuple[Thresholds, dict[str, Any]]:
    """Choose what is to be chosen; returned with the record of it."""
    if unknown := set(which) - set(NAMES):
        raise InputError(f"threshold {min(unknown)!r} is none of {', '.join(NAMES)}")
    if not which:
        return thresholds, describe_choice(thresholds, None, "")
    part = _validation(task)
    batches = BatchLoader(part.data, part.traces, task.training.batches)
    candidates: PickCandidates = collect_candidates(predict(), batches, thresholds)
    truth = truth_of(batches.p, batches.s)
    chosen = choose(candidates, truth, thresholds, which, protocol.tolerances[0])
    where = f"{len(part.traces)} traces of {part.data}"
    return chosen.thresholds, describe_choice(chosen.thresholds, chosen, where)


def _validation(task: Task) -> TraceSubset:
    if task.validation is None:
        raise InputError(
            "no validation part to choose thresholds on: "
            "evaluate a run folder, or take the published ones with --thresholds published"
        )
    return task.validation


def _galleries(
    found: EvaluationResult, batches: BatchLoader, predict: Callable[[], Predict]
) -> dict[str, ExampleTraces]:
    """Run the network once more over the few traces that are shown."""
    bad = worst_traces(found.honest, found.found, found.candidates, found.tolerance)
    names, first = batches.names, spaced_rows(len(batches.names))
    titles = [names[row] for row in first] + [f"{names[one.row]}: {one.why}" for one in bad]
    every = example_traces(predict(), batches, [*first, *(one.row for one in bad)], titles)
    cut = len(first)
    galleries = {"examples": every.part(slice(cut))}
    return galleries | ({"worst": every.part(slice(cut, None))} if bad else {})


def _write(
    found: EvaluationResult,
    galleries: Mapping[str, ExampleTraces],
    folder: Path,
    sections: Collection[Section],
) -> None:
    study = pd.DataFrame([found.figures["study"]], columns=list(STUDY_COLUMNS))
    tables = {"picks": found.picks, "detections": found.detections, "traces": found.traces}
    tables |= {"study": study, "X_test_results": found.results}
    for name, table in tables.items():
        write_text(folder / f"{name}.csv", table.to_csv(index=False))
    figures = {"residuals": residuals_figure(found)}
    figures |= {name: plots.examples(*some) for name, some in galleries.items()}
    for name, figure in figures.items():
        plots.save(figure, folder / f"{name}.png")
    pictures = {name: (folder / f"{name}.png").read_bytes() for name in figures}
    write_text(folder / "report.html", report(replace(found, pictures=pictures), sections))
    write_text(folder / "metrics.json", json.dumps(found.figures, indent=2) + "\n")


def _summarize(found: EvaluationResult) -> Evaluation:
    picks = found.honest.picks[found.tolerance]
    return Evaluation(
        study=found.figures["study"],
        detection=found.honest.presence.score(),
        picks={phase: picks[phase].tally.score() for phase in PHASES},
        residuals={phase: picks[phase].matches.residuals for phase in PHASES},
        folder=found.task.out,
        figures=found.figures,
        seen=found.task.seen.summary(found.figures["traces"]),
    )
