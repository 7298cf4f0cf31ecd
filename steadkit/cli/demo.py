"""`steadkit demo`: a miniature STEAD, simulated from a seed."""

from pathlib import Path

import click

from steadkit.cli.options import FILE, WholeType, overwrite_option, print_dataset, seed_option
from steadkit.console import echo


@click.command()
@click.argument("folder", type=FILE, default=Path("demo"))
@click.option("--events", type=WholeType(0), default=2000, show_default=True)
@click.option("--noise", type=WholeType(0), default=500, show_default=True)
@seed_option
@overwrite_option
def demo(folder: Path, events: int, noise: int, seed: int, overwrite: bool) -> None:
    """Simulate a miniature STEAD in FOLDER: chunk1 is noise, chunk2.. events.

    FOLDER is `demo` by default. The same seed gives the same bytes on any machine.
    """
    from steadkit.demo import demo as make

    for manifest in make(folder, events, noise, seed, overwrite, log=echo):
        print_dataset(folder / f"{manifest.name}.hdf5", manifest.categories, manifest.digest)
