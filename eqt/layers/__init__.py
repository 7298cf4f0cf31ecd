"""The layers that Keras does not have, or has with other numbers than the published network."""

from eqt.layers.attention import AdditiveAttention
from eqt.layers.feed_forward import FeedForward
from eqt.layers.gates import hard_sigmoid
from eqt.layers.monte_carlo import MonteCarloDropout
from eqt.layers.registry import registered
from eqt.layers.upsampling import UpsampleConv1D

__all__ = [
    "AdditiveAttention",
    "FeedForward",
    "MonteCarloDropout",
    "UpsampleConv1D",
    "hard_sigmoid",
    "registered",
]
