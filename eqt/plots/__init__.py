"""Figures of training and evaluation, drawn without opening a window."""

from eqt.plots.figures import (
    breakdown,
    curves,
    examples,
    loss_curves,
    reliability,
    residuals,
    uncertainty,
)
from eqt.plots.style import COLOURS, TITLES, save

__all__ = [
    "COLOURS",
    "TITLES",
    "breakdown",
    "curves",
    "examples",
    "loss_curves",
    "reliability",
    "residuals",
    "save",
    "uncertainty",
]
