"""`eqt experiment`: repeat the study's experiments."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from eqt.backend import load_tensorflow
from eqt.cli.options import AUGMENTATIONS, FILE, WholeType, output_option
from steadkit.console import echo, print_table

if TYPE_CHECKING:
    from eqt.experiments.results import ExperimentResult


@click.command()
@click.argument("suite", type=click.Choice(["merged", "micro", "mini"]))
@click.option("--data", type=FILE, help="STEAD file, its CSV beside it: the suite's subset.")
@click.option(
    "--quick",
    is_flag=True,
    help="Some minutes a network: 8 epochs on at most 4000 traces, batches of 24, a rate of "
    "0.002 that falls along a cosine; without --data they are simulated.",
)
@click.option(
    "--seeds",
    type=WholeType(1, 100),
    default=1,
    show_default=True,
    help="Trainings of each network; their spread goes into the intervals.",
)
@click.option("--epochs", type=WholeType(1), help="200 by default, 8 when quick.")
@click.option("--batch-size", type=WholeType(1), help="200 by default, 24 when quick.")
@click.option(
    "--augment",
    type=click.Choice(AUGMENTATIONS),
    help="eqt, as published, by default; none when quick.",
)
@click.option(
    "--seed",
    type=WholeType(0, 2**31 - 1),
    default=0,
    show_default=True,
    help="The first; also of subset, split and simulation.",
)
@output_option("Folder; experiments/SUITE by default, or SUITE-quick.")
def experiment(
    suite: str,
    data: Path | None,
    quick: bool,
    seeds: int,
    epochs: int | None,
    batch_size: int | None,
    augment: str | None,
    seed: int,
    output: Path | None,
) -> None:
    """Train and compare the networks of a SUITE of the study, and check what it claims of them.

    All are trained on the same traces and evaluated on the same others. A rerun goes on where
    one was cut off, and adds seeds where more are asked for.
    """
    from steadkit.sources import source_from_path

    if data is not None:
        source_from_path(data)  # a missing file should not wait for TensorFlow
    from eqt.experiments import default_folder, make_settings
    from eqt.experiments import experiment as run_experiment

    changes = {"epochs": epochs, "batch_size": batch_size, "augment": augment, "seed": seed}
    settings = make_settings(suite, data, quick, changes)
    load_tensorflow()
    folder = output or default_folder(settings)
    _report(run_experiment(folder, settings, seeds, echo), folder)


def _report(outcome: "ExperimentResult", folder: Path) -> None:
    from eqt.experiments.report import networks_table, scores_table, summary_lines
    from eqt.metrics import TOLERANCE

    for line in outcome.comparison.seen:
        echo(f"{line}.")
    for title, rows in (
        ("The study's columns, against EQT", networks_table(outcome)),
        (f"F1 of picks right within {TOLERANCE} s (95 % interval)", scores_table(outcome)),
    ):
        print_table(title, list(rows.columns), rows.to_numpy().tolist())
    for line in summary_lines(outcome):
        echo(line)
    echo(f"report: {folder / 'report.html'}, report.md, claims.csv and others beside it")
