"""The layers that Keras does not have, or has with other numbers than the published network.

==============  ===============================================================
`attention`     additive, dot-product, scaled dot-product and multi-head
`masks`         which steps a step may see: all, a band, the past, the valid
`positions`     sinusoidal and recurrent positional encoding
`feed_forward`  the two dense layers of a transformer block
`recurrent`     LSTMs, all steps and both directions in one kernel
`convolution`   a convolution in one with its bias and its activation
`dropout`       dropout of whole channels
`normalization` batch normalisation in one operation
`upsampling`    upsampling and such a convolution in one
`wide`          one of few channels, several samples at a time
`monte_carlo`   dropout that acts also when predicting
`gates`         the hard sigmoid of Keras 2
`compiling`     functions of which XLA makes one kernel
`registry`      the names under which Keras saves them
==============  ===============================================================

They are written in `keras.ops` alone, for any backend of Keras. What joins them to blocks,
residual connections and networks-in-networks among them, is in `eqt.blocks`.
"""

from eqt.layers.activations import hard_sigmoid
from eqt.layers.attention import (
    AdditiveAttention,
    DotProductAttention,
    MultiHeadAttention,
    ScaledDotProductAttention,
    SelfAttention,
)
from eqt.layers.dropout import ChannelDropout
from eqt.layers.feed_forward import FeedForward
from eqt.layers.monte_carlo import MonteCarloDropout
from eqt.layers.normalization import BatchNormalization
from eqt.layers.packed_conv import WideConv1D
from eqt.layers.positional_encoding import RecurrentPositions, SinusoidalPositions
from eqt.layers.recurrent import LSTM, BidirectionalLSTM
from eqt.layers.serialization import registered
from eqt.layers.upsampling import UpsampleConv1D

__all__ = [
    "LSTM",
    "AdditiveAttention",
    "BatchNormalization",
    "BidirectionalLSTM",
    "ChannelDropout",
    "DotProductAttention",
    "FeedForward",
    "MonteCarloDropout",
    "MultiHeadAttention",
    "RecurrentPositions",
    "ScaledDotProductAttention",
    "SelfAttention",
    "SinusoidalPositions",
    "UpsampleConv1D",
    "WideConv1D",
    "hard_sigmoid",
    "registered",
]
