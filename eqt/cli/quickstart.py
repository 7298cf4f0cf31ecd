"""`eqt quickstart`: run the complete workflow on simulated data."""

from pathlib import Path

import click

from eqt.cli.options import FILE, WholeType


@click.command()
@click.argument("folder", type=FILE, default=Path("quickstart"))
@click.option("--events", type=WholeType(1), default=2000, show_default=True)
@click.option("--noise", type=WholeType(1), default=500, show_default=True)
@click.option("--epochs", type=WholeType(1), default=8, show_default=True)
@click.option("--seed", type=WholeType(0, 2**31 - 1), default=0, show_default=True)
def quickstart(folder: Path, events: int, noise: int, epochs: int, seed: int) -> None:
    """Run the whole road in FOLDER on simulated data: demo, subset, merge, train, evaluate."""
    from eqt.cli import main
    from eqt.quickstart import Size
    from eqt.quickstart import quickstart as run_all
    from steadkit.cli import main as steadkit

    run_all(folder, Size(events, noise, epochs), seed, {"steadkit": steadkit, "eqt": main})
