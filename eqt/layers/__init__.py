"""Layers that Keras lacks, or that differ from Keras's in results or in speed.

===================  ========================================================================
`attention`          additive, dot-product, scaled dot-product and multi-head self-attention
`masks`              attention masks: full, banded, causal, padding
`transformer_block`  sinusoidal and recurrent positional encoding; feed-forward layer
`recurrent`          LSTM and bidirectional LSTM; hard sigmoid of Keras 2
`convolution`        length-preserving convolution, also after upsampling
`regularization`     dropout of channels, Monte Carlo dropout, batch normalisation
===================  ========================================================================

Each is written in `keras.ops` or is Keras's own, for any backend. On TensorFlow most of them run
as kernels of `eqt.kernels`, which are equal to these plain layers. `eqt.blocks` combines them into
the blocks of the network.
"""

from eqt.layers.attention import (
    AdditiveAttention,
    DotProductAttention,
    MultiHeadAttention,
    ScaledDotProductAttention,
    SelfAttention,
)
from eqt.layers.convolution import PackedConv1D, UpsampleConv1D
from eqt.layers.recurrent import LSTM, BidirectionalLSTM, hard_sigmoid
from eqt.layers.regularization import (
    BatchNormalization,
    ChannelDropout,
    ChannelMask,
    MonteCarloDropout,
)
from eqt.layers.transformer_block import FeedForward, RecurrentPositions, SinusoidalPositions

__all__ = [
    "LSTM",
    "AdditiveAttention",
    "BatchNormalization",
    "BidirectionalLSTM",
    "ChannelDropout",
    "ChannelMask",
    "DotProductAttention",
    "FeedForward",
    "MonteCarloDropout",
    "MultiHeadAttention",
    "PackedConv1D",
    "RecurrentPositions",
    "ScaledDotProductAttention",
    "SelfAttention",
    "SinusoidalPositions",
    "UpsampleConv1D",
    "hard_sigmoid",
]
