"""Commands that train and evaluate."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from eqt.cli.backend import load_tensorflow
from eqt.cli.options import FILE
from steadkit.console import table

if TYPE_CHECKING:
    from eqt.evaluate import Evaluation


@click.command()
@click.option("--data", type=FILE, required=True, help="STEAD file, its CSV beside it.")
@click.option("--model", default="EQT", show_default=True, help="One that eqt models lists.")
@click.option("--epochs", type=click.IntRange(1), default=200, show_default=True)
@click.option("--batch-size", type=click.IntRange(1), default=200, show_default=True)
@click.option("--learning-rate", type=float, default=1e-3, show_default=True)
@click.option(
    "--schedule",
    type=click.Choice(["published", "cosine"]),
    default="published",
    show_default=True,
    help="How the rate falls; cosine suits a few epochs.",
)
@click.option(
    "--labels",
    type=click.Choice(["gaussian", "triangle", "box"]),
    default="gaussian",
    show_default=True,
    help="Shape of the P and S targets.",
)
@click.option(
    "--augment",
    type=click.Choice(["none", "eqt", "uniform", "robust"]),
    default="none",
    show_default=True,
    help="How training traces are varied; eqt: as published, uniform: only where P lies.",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
@click.option("--split", type=FILE, help="Manifest with parts; by default the one beside DATA.")
@click.option("--out", type=FILE, help="Run folder to make; runs/eqt-<data> by default.")
def train(
    data: Path,
    model: str,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    schedule: str,
    labels: str,
    augment: str,
    seed: int,
    split: Path | None,
    out: Path | None,
) -> None:
    """Train a network on the training part of DATA; writes a run folder.

    The parts are those of --split, else of DATA.split.manifest (see steadkit split), else of
    DATA.manifest if it has any. Else 85 % of the traces are for training, split by earthquake.
    """
    from steadkit.sources import source_of

    source = source_of(data)  # a missing file should not wait for TensorFlow
    from eqt.presets import preset

    network = preset(model).config
    load_tensorflow()
    from eqt.config import TrainConfig
    from eqt.runs import default_folder
    from eqt.train import train as run_training

    config = TrainConfig(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        schedule=schedule,
        labels=labels,
        augment=augment,
        seed=seed,
    )
    folder = out or default_folder(source.hdf5, model)
    run = run_training(source.hdf5, folder, network, config, click.echo, split)
    click.echo(f"run: {run.folder}")


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
