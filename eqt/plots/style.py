"""The colours of outputs and losses, and how a figure is written."""

from pathlib import Path

from matplotlib.figure import Figure

from steadkit.plots import style
from steadkit.plots.style import BLACK, BLUE, GREEN, VERMILLION

COLOURS = {"detector": GREEN, "picker_P": BLUE, "picker_S": VERMILLION, "loss": BLACK}
TITLES = {"detector": "detection", "picker_P": "P", "picker_S": "S", "loss": "total"}

LABEL_COLOURS = {"detection": GREEN, "P": BLUE, "S": VERMILLION}
"""The colours of what is evaluated."""

DASHES = {"detection": "-", "P": "--", "S": "-."}
"""So that they are told apart without colour too."""


def save(figure: Figure, path: Path, overwrite: bool = False) -> None:
    """Write a figure, whole or not at all, the same bytes for the same figure."""
    style.save([figure], path, overwrite)
