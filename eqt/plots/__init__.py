"""Figures of training and evaluation, drawn without opening a window."""

from eqt.plots.figures import (
    draw_breakdown,
    draw_curves,
    draw_examples,
    draw_reliability,
    draw_residuals,
    draw_uncertainty,
    loss_curves,
)
from eqt.plots.style import COLOURS, TITLES

__all__ = [
    "COLOURS",
    "TITLES",
    "draw_breakdown",
    "draw_curves",
    "draw_examples",
    "draw_reliability",
    "draw_residuals",
    "draw_uncertainty",
    "loss_curves",
]
