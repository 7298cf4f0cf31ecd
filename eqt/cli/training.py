"""Commands that train, and that show the whole road."""

from pathlib import Path

import click

from eqt.cli.backend import load_tensorflow
from eqt.cli.options import FILE


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
    type=click.Choice(["none", "eqt", "robust"]),
    default="none",
    show_default=True,
    help="How training traces are varied; eqt has the published rates.",
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
