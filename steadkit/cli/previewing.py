"""The command that shows training examples with their targets before anything is trained."""

from pathlib import Path
from typing import Any

import click

from steadkit.cli.looking import figure_options, write_figures
from steadkit.cli.options import FILE, seed_option

# Spelled out, for --help must load nothing; a test compares them with what there is.
AUGMENTATIONS = ("none", "eqt", "robust")
LABELS = ("gaussian", "triangle", "box")
NORMALIZATIONS = ("std", "max", "max_over_components", "none")


@click.command()
@click.argument("data", type=FILE, metavar="DATA.hdf5")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--augment", type=click.Choice(AUGMENTATIONS), default="eqt", show_default=True)
@click.option("--rows", type=click.IntRange(1, 30), default=4, show_default=True)
@seed_option
@click.option("--labels", type=click.Choice(LABELS), default="gaussian", show_default=True)
@click.option("--normalization", type=click.Choice(NORMALIZATIONS), default="std")
@figure_options
def preview(
    data: Path,
    names: tuple[str, ...],
    augment: str,
    rows: int,
    seed: int,
    labels: str,
    normalization: str,
    **options: Any,
) -> None:
    """Draw what training would see of DATA.hdf5: traces with their targets, a contact sheet.

    Left each trace as it is, right augmented; below, 1.5 s on either side of each arrival, where
    a label that is some samples off shows. Shows --rows traces of the seed's choice, or the
    traces NAME; one that is named twice is augmented twice.
    """
    from steadkit.labels import LabelConfig
    from steadkit.plots import contact_sheet
    from steadkit.preview import sheet_of
    from steadkit.transforms import PRESETS

    items = sheet_of(
        data, names, rows, seed, PRESETS[augment], normalization, LabelConfig(shape=labels)
    )
    heading = f"{data.name}, augmentation {augment}, labels {labels}, normalised by {normalization}"
    write_figures(
        [contact_sheet(items, f"{heading}, seed {seed}")], f"{data.stem}-preview", **options
    )
