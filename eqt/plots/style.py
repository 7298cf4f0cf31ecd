"""Colours of outputs, losses and scores, and writing of figures."""

from pathlib import Path

from matplotlib.figure import Figure

from steadkit.plots import style
from steadkit.plots.style import BLACK, BLUE, GREEN, VERMILLION

COLOURS = {"detector": GREEN, "picker_P": BLUE, "picker_S": VERMILLION, "loss": BLACK}
TITLES = {"detector": "detection", "picker_P": "P", "picker_S": "S", "loss": "total"}

LABEL_COLOURS = {"detection": GREEN, "P": BLUE, "S": VERMILLION}
"""Colours of the scores of an evaluation."""

DASHES = {"detection": "-", "P": "--", "S": "-."}
"""Line styles, which distinguish the scores without colour too."""


def save(figure: Figure, path: Path, overwrite: bool = False) -> None:
    """Write a figure atomically, with the same bytes for the same figure."""
    style.save([figure], path, overwrite)
