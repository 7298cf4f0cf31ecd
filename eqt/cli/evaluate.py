"""`eqt evaluate`: evaluate a network on the test split of a run or on other data."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from eqt.backend import load_tensorflow
from eqt.cli.options import FILE, NumberType, WholeType, output_option, refuse_existing
from steadkit.console import echo, print_table

if TYPE_CHECKING:
    from eqt.evaluation import Evaluation


@click.command()
@click.argument("run", type=FILE, required=False)
@click.option("--data", type=FILE, help="Where the run's data are now; or another file: all of it.")
@click.option("--weights", type=FILE, help="Other weights than the run's best: any that eqt reads.")
@click.option(
    "--thresholds",
    "how",
    type=click.Choice(["validation", "published"]),
    help="Chosen by F1 on the run's validation split, the default where it has one; or published.",
)
@click.option("--detection-threshold", type=NumberType(), help="Instead of that; published: 0.2.")
@click.option("--p-threshold", type=NumberType(), help="Instead of that; published: 0.1.")
@click.option("--s-threshold", type=NumberType(), help="Instead of that; published: 0.1.")
@click.option(
    "--tolerance",
    "tolerances",
    type=NumberType(),
    multiple=True,
    default=(0.5, 0.1, 0.2),
    show_default=True,
    help="Seconds that a right pick may be off; repeatable, the first is the main one.",
)
@click.option(
    "--resamples",
    type=WholeType(0, 100_000),
    default=2000,
    show_default=True,
    help="Draws of earthquakes that intervals come from; 0: no intervals.",
)
@click.option(
    "--mc-samples",
    type=WholeType(0, 10_000),
    default=0,
    show_default=True,
    help="Monte Carlo passes with dropout, whose spread is the uncertainty of picks; 0: a single "
    "pass without dropout. 5 with published thresholds: EQTransformer's tester.",
)
@click.option(
    "--refine",
    is_flag=True,
    help="Move picks to where the signal begins near them, by Akaike's information criterion.",
)
@click.option(
    "--positions",
    type=WholeType(0, 6000),
    default=0,
    show_default=True,
    help="Places that each event is moved to, to see whether picks depend on where P lies.",
)
@output_option("Folder to write; RUN/evaluation by default.")
@click.option("--overwrite", is_flag=True, help="Replace an evaluation that exists.")
def evaluate(
    run: Path | None,
    data: Path | None,
    weights: Path | None,
    how: str | None,
    detection_threshold: float | None,
    p_threshold: float | None,
    s_threshold: float | None,
    tolerances: tuple[float, ...],
    resamples: int,
    mc_samples: int,
    refine: bool,
    positions: int,
    output: Path | None,
    overwrite: bool,
) -> None:
    """Pick the test split of RUN and measure how right the picks are, by two protocols.

    The study's counts any pick in an earthquake's trace, by the rules of EQTransformer's tester,
    whose table X_test_results.csv is; the honest one counts a pick within a tolerance and a
    detection where the earthquake is. Thresholds are chosen on the validation
    split, never on the test split. Without RUN, --data and --weights are needed.
    """
    if output or (run and not data):
        refuse_existing(output or Path(run or ".") / "evaluation", overwrite)
    if run is not None:
        from eqt.runs import RunFolder, load_setup

        load_setup(RunFolder(run))  # a wrong folder should not wait for TensorFlow
    load_tensorflow()
    from eqt.evaluation import Protocol, plan, to_choose
    from eqt.evaluation import evaluate as run_evaluation
    from eqt.picking.picks import Thresholds
    from eqt.threads import configure_threads

    if not mc_samples:
        # Monte Carlo passes are not divided among the cores: each of their operations needs all.
        configure_threads()
    options = {"detection": detection_threshold, "p": p_threshold, "s": s_threshold}
    explicit = {name: value for name, value in options.items() if value is not None}
    thresholds, protocol = Thresholds(**explicit), Protocol(tolerances, resamples)
    task = plan(run, data, weights, output)
    outcome = run_evaluation(
        task,
        thresholds,
        overwrite,
        mc_samples,
        choose_on_validation=to_choose(task, how, explicit),
        protocol=protocol,
        positions=positions,
        refine=refine,
    )
    _report(outcome)


def _report(outcome: "Evaluation") -> None:
    from eqt.evaluation import residual_rows, tester_default, tolerance_rows, unknown_summary

    figures, study = outcome.figures, outcome.study
    if outcome.seen:
        echo(outcome.seen)
    title = f"{study['#events']} events, {study['#noise']} noise traces"
    _print_study(study, title)
    # So that it fits 120 columns; the report has all.
    left_out = ("AUC", "wrong in noise")
    rows = [
        {key: row[key] for key in row if key not in left_out} for row in tolerance_rows(figures)
    ]
    _print_table(f"What is found where it belongs, with 95 % intervals: {title}", rows)
    _print_table(
        "How far right picks are off (s), and the share further off", residual_rows(figures)
    )
    if "position" in figures:
        rows = [
            {key.replace("_", " "): row[key] for key in POSITION_COLUMNS}
            for row in figures["position"]
        ]
        _print_table("Wherever P lies, errors in samples", rows)
    for line in unknown_summary(figures):
        echo(line)
    thresholds = figures["thresholds"]
    values = ", ".join(f"{name} {thresholds[name]:g}" for name in ("detection", "p", "s"))
    sources = {"validation": f"chosen on {thresholds.get('validation')}"}
    source = sources.get(thresholds["from"], thresholds["from"])
    echo(f"thresholds: {values}: {source}")
    for line in tester_default(figures):
        echo(line)
    echo(f"tables: {outcome.folder / 'picks.csv'}, metrics.json and others beside it")
    echo(f"report: {outcome.folder / 'report.html'}")


POSITION_COLUMNS: Final = (
    "phase",
    "windows",
    "hit_rate",
    "mean_error",
    "on_seconds",
    "between",
    "snapped",
)
"""Columns of the position test that are printed; the report has all."""


def _print_study(study: Mapping[str, object], title: str) -> None:
    scores, counts = ("recall", "precision"), ("mae", "rmse", "tp", "fp", "tn", "fn")
    rows = []
    # The study's table abbreviates detection in two ways.
    for name, long, short in (("detection", "det", "d"), ("P", "p", "p"), ("S", "s", "s")):
        columns = [*(f"{long}_{score}" for score in scores), *(f"{short}_{c}" for c in counts)]
        rows.append([name, *(study.get(column) for column in columns)])
    print_table(
        f"The study's columns, where any pick in an event counts, errors in samples: {title}",
        ["", *scores, *counts],
        rows,
    )


def _print_table(title: str, rows: list[dict[str, object]]) -> None:
    print_table(title, list(rows[0]), [list(row.values()) for row in rows])
