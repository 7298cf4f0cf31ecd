"""Layers that Keras lacks, or that differ from Keras's in results or in speed.

=====================  ==========================================================
`attention`            additive, dot-product, scaled dot-product and multi-head
`masks`                attention masks: full, banded, causal, padding
`positional_encoding`  sinusoidal and recurrent positional encoding
`feed_forward`         feed-forward layer of a transformer block
`recurrent`            LSTM and bidirectional LSTM as compiled kernels
`convolution`          convolution fused with its bias and its activation
`dropout`              dropout of channels
`normalization`        batch normalisation as one fused operation
`upsampling`           upsampling, cropping and convolution in one operation
`packed_conv`          convolution with several samples packed into one step
`monte_carlo`          dropout that is active in prediction too
`activations`          hard sigmoid of Keras 2
`xla`                  XLA compilation
`serialization`        registration with Keras
=====================  ==========================================================

They are written in `keras.ops`, for any backend of Keras; a TensorFlow operation has a fallback
for the others. `eqt.blocks` combines them into the blocks of the network.
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
