"""Figures of layers: filters, feature maps, attention, and attribution of picks.

Each function takes arrays and returns a `matplotlib.figure.Figure`; no window is opened.
"""

from eqt.visualize.figures.attention import attention_figure, average_figure, parameters_figure
from eqt.visualize.figures.attribution import attribution_figure
from eqt.visualize.figures.layers import filters_figure, maps_figure, strips_figure

__all__ = [
    "attention_figure",
    "attribution_figure",
    "average_figure",
    "filters_figure",
    "maps_figure",
    "parameters_figure",
    "strips_figure",
]
