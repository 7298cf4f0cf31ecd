"""Figures of training and evaluation, drawn without opening a window."""

from eqt.plots.evaluation import breakdown, curves, reliability, residuals, uncertainty
from eqt.plots.examples import examples
from eqt.plots.style import COLOURS, TITLES, save
from eqt.plots.training import loss_curves

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
