"""Evaluation of a trained network: one pass over its traces, then figures, tables and a report."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from eqt import plots, position_bias
from eqt.evaluation.examples import ExampleTraces, example_traces, spaced_rows, worst_traces
from eqt.evaluation.inputs import Task, evaluation_files
from eqt.evaluation.report import SECTIONS, Section, report_page, residuals_figure
from eqt.evaluation.results import Evaluation, EvaluationResult, Protocol, evaluation_result
from eqt.evaluation.thresholds import NAMES, choose, describe_choice
from eqt.metrics import PHASES, STUDY_COLUMNS, list_earthquakes
from eqt.model_io import load_model
from eqt.picking.candidates import GRID, collect_by_rules
from eqt.picking.picks import Thresholds
from eqt.picking.refine import refine_detections
from eqt.picking.rules import CORRECTED, PUBLISHED
from eqt.probabilities import Predict, predictor
from eqt.sizes import check_prediction
from steadkit.atomic import atomic_folder, check_folder, write_text
from steadkit.catalog import read_table
from steadkit.errors import InputError
from steadkit.pipeline import BatchLoader
from steadkit.plots import save
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

    With `mc_samples` the picks are those of the mean of n passes with dropout, seeded by the
    training's seed, and have uncertainties; see `eqt.probabilities.predictor`.

    Writes ``X_test_results.csv`` (a row per trace, as EQTransformer's tester) and from it
    ``study.csv`` (the 25 columns), by the published rules of `eqt.picking.rules`. By the corrected
    rules it writes ``picks.csv`` (a row per trace), ``detections.csv`` (a row per detection),
    ``traces.csv`` (the attributes of the breakdown), ``metrics.json``, ``residuals.png``,
    ``examples.png``, ``worst.png`` where anything went wrong, and ``report.html``. The folder
    is replaced atomically.

    Parameters
    ----------
    task
        Traces, weights and output folder.
    thresholds
        Thresholds of detection, P and S.
    overwrite
        Whether an existing evaluation may be replaced.
    mc_samples
        Runs with dropout, or 0.
    choose_on_validation
        Which of ``detection``, ``p`` and ``s`` to choose by the best F1 on the validation split of
        the run; `thresholds` are kept where no threshold gives a right pick.
    protocol
        Tolerances and bootstrap settings.
    sections
        Sections of the report, in order.
    positions
        Number of positions to which each event is shifted for the position test, see
        `eqt.position_bias.position_test`, which adds a section and files; 0 for no test.
    refine
        Whether picks are refined by the Akaike information criterion, see `eqt.picking.refine`.

    Raises
    ------
    InputError
        The data or weights cannot be used, there is no validation split, or the folder exists and
        may not be replaced.
    """
    protocol = protocol or Protocol()
    check_folder(task.out, overwrite, evaluation_files)
    batches = BatchLoader(task.data, task.traces, task.training.batches)
    new_predictor = _predictors(task, batches, mc_samples, refine)
    thresholds, record = _thresholds(
        task, thresholds, choose_on_validation, protocol, new_predictor
    )
    grids = {CORRECTED: GRID, PUBLISHED: ()}
    candidates = collect_by_rules(new_predictor(), batches, thresholds, grids)
    extra_figures: dict[str, Any] = {
        "thresholds": record,
        "mc_samples": mc_samples,
        "refined": refine,
    }
    position_result = None
    if positions:
        seed = task.training.seed
        position_result = position_bias.position_test(
            new_predictor(), batches, (), positions, seed, thresholds
        )
        extra_figures["position"] = position_bias.summary(position_result).to_dict("records")
        sections = (*sections, lambda _: position_bias.position_section(position_result))
    table = read_table(source_from_path(task.data).csv).set_index("trace_name", drop=False)
    table = table.reindex(columns=list(COLUMNS), fill_value="").loc[list(batches.names)]
    result = evaluation_result(
        task, batches, table, candidates, thresholds, protocol, extra_figures
    )
    galleries = _galleries(result, batches, new_predictor())
    with atomic_folder(task.out, overwrite, evaluation_files) as folder:
        _write(result, galleries, folder, sections)
        if position_result is not None:
            position_bias.write_position_test(position_result, folder)
    return _summarize(result)


def _predictors(
    task: Task, batches: BatchLoader, mc_samples: int, refine: bool
) -> Callable[[], Predict]:
    """Read the network, and return a function that makes a predictor for one pass over traces."""
    model = load_model(task.weights)
    if model.input_shape[1:] != TRACE_SHAPE:
        raise InputError(f"{str(task.weights)!r} takes {model.input_shape[1:]}, not {TRACE_SHAPE}")
    check_prediction(model.config, batches.config.batch_size, len(batches.names))
    deterministic = None if mc_samples else predictor(model)

    def new_predictor() -> Predict:
        # Dropout is drawn anew for each pass: its random state then depends only on the seed, not
        # on how many passes were made before.
        predict = deterministic or predictor(model, mc_samples, task.training.seed)
        return refine_detections(predict) if refine else predict

    return new_predictor


def _thresholds(
    task: Task,
    thresholds: Thresholds,
    names: Collection[str],
    protocol: Protocol,
    new_predictor: Callable[[], Predict],
) -> tuple[Thresholds, dict[str, Any]]:
    """Choose thresholds on the validation split; returned with the record of the choice."""
    if unknown := set(names) - set(NAMES):
        raise InputError(f"threshold {min(unknown)!r} is none of {', '.join(NAMES)}")
    if not names:
        return thresholds, describe_choice(thresholds, None, "")
    if task.validation is None:
        raise InputError(
            "no validation split to choose thresholds on: "
            "evaluate a run folder, or take the published ones with --thresholds published"
        )
    data, traces = task.validation
    batches = BatchLoader(data, traces, task.training.batches)
    candidates = collect_by_rules(new_predictor(), batches, thresholds, {CORRECTED: GRID})
    truth = list_earthquakes(batches.p, batches.s)
    chosen = choose(candidates[CORRECTED], truth, thresholds, names, protocol.tolerances[0])
    where = f"{len(traces)} traces of {data}"
    return chosen.thresholds, describe_choice(chosen.thresholds, chosen, where)


def _galleries(
    result: EvaluationResult, batches: BatchLoader, predict: Predict
) -> dict[str, ExampleTraces]:
    """Run the network again over the few traces that are drawn.

    Which are the worst is known after the pass over all traces, and to keep the outputs of all of
    them until then would take 72 kB for each: 9 GB for a tenth of STEAD.
    """
    worst = worst_traces(
        result.tolerance_scores, result.columns, result.candidates, result.tolerance
    )
    spaced = spaced_rows(len(batches.names))
    titles = [batches.names[row] for row in spaced]
    titles += [f"{batches.names[trace.row]}: {trace.reason}" for trace in worst]
    rows = [*spaced, *(trace.row for trace in worst)]
    examples = example_traces(predict, batches, rows, titles)
    galleries = {"examples": examples.subset(slice(len(spaced)))}
    return galleries | ({"worst": examples.subset(slice(len(spaced), None))} if worst else {})


def _write(
    result: EvaluationResult,
    galleries: Mapping[str, ExampleTraces],
    folder: Path,
    sections: Collection[Section],
) -> None:
    study = pd.DataFrame([result.figures["study"]], columns=list(STUDY_COLUMNS))
    tables = {"picks": result.picks, "detections": result.detections, "traces": result.traces}
    tables |= {"study": study, "X_test_results": result.results}
    for name, table in tables.items():
        write_text(folder / f"{name}.csv", table.to_csv(index=False))
    figures = {"residuals": residuals_figure(result)}
    figures |= {name: plots.draw_examples(*traces) for name, traces in galleries.items()}
    for name, figure in figures.items():
        save([figure], folder / f"{name}.png")
    pictures = {name: (folder / f"{name}.png").read_bytes() for name in figures}
    write_text(folder / "report.html", report_page(replace(result, pictures=pictures), sections))
    write_text(folder / "metrics.json", json.dumps(result.figures, indent=2) + "\n")


def _summarize(result: EvaluationResult) -> Evaluation:
    picks = result.tolerance_scores.picks[result.tolerance]
    return Evaluation(
        study=result.figures["study"],
        detection=result.tolerance_scores.presence.score(),
        picks={phase: picks[phase].counts.score() for phase in PHASES},
        residuals={phase: picks[phase].matches.residuals for phase in PHASES},
        folder=result.task.out,
        figures=result.figures,
        seen=result.task.seen.summary(result.figures["traces"]),
    )
