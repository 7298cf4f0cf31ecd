"""The commands that evaluate, and that show the whole road."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from eqt.cli.backend import load_tensorflow
from eqt.cli.options import FILE
from steadkit.console import table

if TYPE_CHECKING:
    from eqt.evaluate import Evaluation


@click.command()
@click.argument("run", type=FILE, required=False)
@click.option("--data", type=FILE, help="Another STEAD file; all of it is evaluated.")
@click.option("--weights", type=FILE, help="Other weights than the run's best: any that eqt reads.")
@click.option("--detection-threshold", type=float, default=0.2, show_default=True)
@click.option("--p-threshold", type=float, default=0.1, show_default=True)
@click.option("--s-threshold", type=float, default=0.1, show_default=True)
@click.option(
    "--mc-samples",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Runs with dropout, whose spread tells how sure picks are; 0: one, without.",
)
@click.option("--out", type=FILE, help="Folder to write; RUN/evaluation by default.")
@click.option("--overwrite", is_flag=True, help="Replace an evaluation that exists.")
def evaluate(
    run: Path | None,
    data: Path | None,
    weights: Path | None,
    detection_threshold: float,
    p_threshold: float,
    s_threshold: float,
    mc_samples: int,
    out: Path | None,
    overwrite: bool,
) -> None:
    """Pick the test part of RUN and tell how right the picks are.

    Without RUN, --data and --weights are needed.
    """
    load_tensorflow()
    from eqt.evaluate import evaluate as run_evaluation
    from eqt.evaluate import plan
    from eqt.picks import Thresholds

    thresholds = Thresholds(detection_threshold, p_threshold, s_threshold)
    outcome = run_evaluation(plan(run, data, weights, out), thresholds, overwrite, mc_samples)
    _report(outcome)


@click.command()
@click.argument("folder", type=FILE, default=Path("quickstart"))
@click.option("--events", type=click.IntRange(1), default=2000, show_default=True)
@click.option("--noise", type=click.IntRange(1), default=500, show_default=True)
@click.option("--epochs", type=click.IntRange(1), default=8, show_default=True)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
def quickstart(folder: Path, events: int, noise: int, epochs: int, seed: int) -> None:
    """Run the whole road in FOLDER on simulated data: demo, subset, merge, train, evaluate."""
    from eqt.cli import main
    from eqt.quickstart import Size
    from eqt.quickstart import quickstart as run_all
    from steadkit.cli import main as steadkit

    run_all(folder, Size(events, noise, epochs), seed, {"steadkit": steadkit, "eqt": main})


def _report(outcome: "Evaluation") -> None:
    from eqt.metrics import TOLERANCE, residual_figures

    title = f"{outcome.study['#events']} events, {outcome.study['#noise']} noise traces"
    rows: list[list[object]] = []
    for name, (long, short) in {
        "detection": ("det", "d"),
        "P": ("p", "p"),
        "S": ("s", "s"),
    }.items():
        columns = [f"{long}_recall", f"{long}_precision", f"{short}_mae", f"{short}_rmse"]
        columns += [f"{short}_{what}" for what in ("tp", "fp", "tn", "fn")]
        rows.append([name, *(outcome.study.get(column) for column in columns)])
    columns = ["recall", "precision", "mae (s)", "rmse (s)", "tp", "fp", "tn", "fn"]
    table(f"The study's columns, where any pick in an event counts: {title}", ["", *columns], rows)

    rows = []
    for name, score in {"detection": outcome.detection, **outcome.picks}.items():
        errors = outcome.residuals.get(name)
        sizes = residual_figures(errors) if errors is not None else {}
        figures = (score.precision, score.recall, score.f1, score.tp, score.fp, score.fn)
        rows.append([name, *figures, sizes.get("mean"), sizes.get("sigma"), sizes.get("mae")])
    columns = ["precision", "recall", "F1", "right", "wrong", "missed"]
    columns += ["mean (s)", "sigma (s)", "MAE (s)"]
    table(f"Picks right within {TOLERANCE} s: {title}", ["", *columns], rows)
    click.echo(f"tables: {outcome.folder / 'picks.csv'}, metrics.json and others beside it")
    click.echo(f"pictures: {outcome.folder / 'residuals.png'}, {outcome.folder / 'examples.png'}")
