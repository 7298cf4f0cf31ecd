"""`steadkit preview`: a contact sheet of training examples with their targets."""

from pathlib import Path
from typing import Any

import click

from steadkit.cli.options import FILE, RenamedOption, WholeType, seed_option
from steadkit.cli.plot import figure_options, write_figures
from steadkit.errors import printable

# Spelled out, as --help must not import TensorFlow or pandas; a test compares them with the
# values of the library.
AUGMENTATIONS = ("none", "eqt", "uniform", "robust")
LABELS = ("gaussian", "triangle", "box")
NORMALIZATIONS = ("std", "max", "max_over_components", "none")


def _choice(name: str, choices: tuple[str, ...], default: str, help_text: str) -> Any:
    choice = click.Choice(choices)
    return click.option(
        f"--{name}", type=choice, default=default, show_default=True, help=help_text
    )


@click.command()
@click.argument("data", type=FILE, metavar="DATA.hdf5")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@_choice("augment", AUGMENTATIONS, "eqt", "How the traces on the right are augmented.")
@click.option(
    "--count",
    cls=RenamedOption,
    former=("--rows",),
    type=WholeType(1, 30),
    default=4,
    show_default=True,
    help="How many traces, where none is named.",
)
@seed_option
@_choice("labels", LABELS, "gaussian", "Shape of the targets.")
@_choice("normalization", NORMALIZATIONS, "std", "What brings all traces to one scale.")
@figure_options("preview")
def preview(
    data: Path,
    names: tuple[str, ...],
    augment: str,
    count: int,
    seed: int,
    labels: str,
    normalization: str,
    **options: Any,
) -> None:
    """Draw what training would see of DATA.hdf5: traces with their targets, a contact sheet.

    Left each trace as it is, right augmented; below, 1.5 s on either side of each arrival, where
    a label that is some samples off shows; what is found wrong stands in red. Shows --count traces
    of the seed's choice, a quarter of them noise, or the traces NAME; one that is named twice is
    augmented twice.
    """
    from steadkit.labels import LabelConfig
    from steadkit.plots import contact_sheet
    from steadkit.preview import sheet_rows
    from steadkit.transforms import PRESETS

    items = sheet_rows(
        data, names, count, seed, PRESETS[augment], normalization, LabelConfig(shape=labels)
    )
    settings = (
        f"augmentation {augment}, labels {labels}, normalised by {normalization}, seed {seed}"
    )
    figure = contact_sheet(items, f"{printable(data.name)}, {settings}")
    write_figures([figure], **options)
