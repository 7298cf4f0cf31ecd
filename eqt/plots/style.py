"""Colours and line styles of outputs, losses and scores."""

from steadkit.plots.style import BLACK, BLUE, GREEN, VERMILLION

COLOURS = {"detector": GREEN, "picker_P": BLUE, "picker_S": VERMILLION, "loss": BLACK}
TITLES = {"detector": "detection", "picker_P": "P", "picker_S": "S", "loss": "total"}

LABEL_COLOURS = {"detection": GREEN, "P": BLUE, "S": VERMILLION}
"""Colours of the scores of an evaluation."""

DASHES = {"detection": "-", "P": "--", "S": "-."}
"""Line styles, which distinguish the scores without colour too."""
