"""Blocks of the network: encoder, residual CNN, recurrent stack, transformer, picker, decoder.

Each function appends its layers to the graph, under names that Keras saves, and returns the new
end of the graph.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import keras
from keras import layers

from eqt.config import EQTConfig
from eqt.layers import (
    LSTM,
    AdditiveAttention,
    BatchNormalization,
    BidirectionalLSTM,
    ChannelDropout,
    DotProductAttention,
    FeedForward,
    MultiHeadAttention,
    PackedConv1D,
    RecurrentPositions,
    ScaledDotProductAttention,
    SelfAttention,
    SinusoidalPositions,
    UpsampleConv1D,
    hard_sigmoid,
)

_LAYER_NORM_EPSILON = 1e-14

HEAD_PACK = 8
"""Samples that a head packs into one step: measured, the fastest of 1 to 8."""

SIMD_CHANNELS = 16
"""Channels in a processor's vector register: with fewer filters, samples are packed to fill it."""

_RNN = {"lstm": LSTM, "gru": layers.GRU}

_BIDIRECTIONAL = {"lstm": BidirectionalLSTM, "gru": layers.Bidirectional}

_GATES = {"hard_sigmoid": hard_sigmoid, "sigmoid": keras.activations.sigmoid}

_ATTENTION: dict[str, Callable[..., SelfAttention]] = {
    "additive": lambda config, **shared: AdditiveAttention(config.attention_units, **shared),
    "dot": lambda config, seed, **shared: DotProductAttention(**shared),
    "scaled_dot": lambda config, seed, **shared: ScaledDotProductAttention(**shared),
    "multi_head": lambda config, **shared: MultiHeadAttention(config.heads, **shared),
}


def seed_of(seed: int, name: str) -> int:
    """Derive a seed for each name, so that a change to one layer leaves the others' seeds alone.

    Examples
    --------
    >>> seed_of(0, "encoder_1") == seed_of(0, "encoder_1") != seed_of(1, "encoder_1")
    True
    """
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    # 31 bits: some backends keep seeds as signed 32-bit integers.
    return int.from_bytes(digest[:4], "big") >> 1


def conv(name: str, filters: int, kernel: int, seed: int, **kwargs: Any) -> PackedConv1D:
    """Return a length-preserving convolution with Glorot's uniform initial values."""
    return PackedConv1D(
        filters,
        kernel,
        max(1, SIMD_CHANNELS // filters),
        kernel_initializer=_glorot(seed, name),
        name=name,
        **kwargs,
    )


def _glorot(seed: int, name: str) -> keras.Initializer:
    return keras.initializers.GlorotUniform(seed=seed_of(seed, name))


def _penalties(config: EQTConfig) -> dict[str, Any]:
    return {
        "kernel_regularizer": keras.regularizers.L1L2(config.kernel_l1, config.kernel_l2),
        "bias_regularizer": keras.regularizers.L1(config.bias_l1),
    }


def encoder(x: Any, config: EQTConfig, seed: int) -> Any:
    """Add the encoder: a convolution and a pooling by 2 for each of the filters."""
    for i, (filters, kernel) in enumerate(zip(config.filters, config.kernels, strict=True), 1):
        name = f"encoder_{i}"
        x = conv(name, filters, kernel, seed, activation="relu", **_penalties(config))(x)
        x = layers.MaxPooling1D(2, padding="same", name=f"{name}_pool")(x)
    return x


def residual(x: Any, y: Any, name: str) -> Any:
    """Add a residual connection: x + y, where y is f(x).

    The layers of f then learn only the difference, and the gradient has a path past them.
    Source: He, Zhang, Ren and Sun (2016), Deep Residual Learning, arXiv:1512.03385.
    """
    return layers.Add(name=f"{name}_add")([x, y])


def residual_cnn(x: Any, config: EQTConfig, seed: int) -> Any:
    """Add the residual blocks, two convolutions each with pre-activation.

    Pre-activation, that is normalisation and activation before the convolution: He et al. (2016),
    Identity Mappings in Deep Residual Networks, arXiv:1603.05027.
    """
    for i, kernel in enumerate(config.residual_kernels, 1):
        y = x
        for part in "ab":
            name = f"residual_{i}_{{}}_{part}"
            y = BatchNormalization(name=name.format("norm"))(y)
            y = layers.ReLU(name=name.format("relu"))(y)
            drop = name.format("drop")
            y = ChannelDropout(config.dropout, seed=seed_of(seed, drop), name=drop)(y)
            y = conv(name.format("conv"), x.shape[-1], kernel, seed)(y)
        x = residual(x, y, f"residual_{i}")
    return x


def _recurrent(cell: str, name: str, config: EQTConfig, seed: int, **kwargs: Any) -> layers.Layer:
    """Return a recurrent layer of one direction, its seeds derived from its name."""
    return _RNN[cell](
        config.rnn_units,
        return_sequences=True,
        recurrent_activation=_GATES[config.gate],
        dropout=config.dropout,
        recurrent_dropout=config.dropout,
        kernel_initializer=_glorot(seed, f"{name}/kernel"),
        recurrent_initializer=keras.initializers.Orthogonal(seed=seed_of(seed, f"{name}/state")),
        seed=seed_of(seed, f"{name}/dropout"),
        name=name,
        **kwargs,
    )


def recurrent(layer_type: str, name: str, config: EQTConfig, seed: int) -> layers.Layer:
    """Return the recurrent layer of a type, one of `eqt.config.RECURRENT`."""
    cell = layer_type.removeprefix("bi")
    if cell == layer_type:
        return _recurrent(cell, name, config, seed)
    # By default Keras copies the forward layer with its seeds: both directions would start from
    # the same weights.
    forward = _recurrent(cell, f"forward_{name}", config, seed)
    backward = _recurrent(cell, f"backward_{name}", config, seed, go_backwards=True)
    return _BIDIRECTIONAL[cell](forward, backward_layer=backward, name=name)


def network_in_network(x: Any, name: str, filters: int, seed: int) -> Any:
    """Add a network in network: a convolution of width 1, y_t = x_t W + b at each step.

    Source: Lin, Chen and Yan (2014), Network In Network, arXiv:1312.4400.
    """
    return conv(f"{name}_nin", filters, 1, seed)(x)


def recurrent_stack(x: Any, config: EQTConfig, seed: int) -> Any:
    """Add the recurrent layers, each followed by a network in network and a normalisation."""
    for i, layer_type in enumerate(config.encoder_rnn, 1):
        name = f"{layer_type}_{i}"
        x = recurrent(layer_type, name, config, seed)(x)
        x = network_in_network(x, name, config.rnn_units, seed)
        x = BatchNormalization(name=f"{name}_norm")(x)
    return x


def positions(x: Any, config: EQTConfig, seed: int) -> Any:
    """Add the positional encoding that the configuration names, if any."""
    name = "positions"
    match config.positional:
        case "sinusoidal":
            return SinusoidalPositions(name=name)(x)
        case "lstm":
            gate, layer_seed = _GATES[config.gate], seed_of(seed, name)
            return RecurrentPositions(gate, config.dropout, layer_seed, name=name)(x)
    return x


def attention(name: str, config: EQTConfig, seed: int, width: int | None = None) -> SelfAttention:
    """Return the attention that the configuration names, over all steps or a band of them."""
    make_layer, layer_seed = _ATTENTION[config.attention], seed_of(seed, name)
    return make_layer(config, seed=layer_seed, width=width, causal=config.causal, name=name)


def transformer(x: Any, suffix: str, config: EQTConfig, seed: int) -> Any:
    """Add a transformer block: global attention, then feed-forward, each with add and norm.

    x' = norm(x + attention(x)), then norm(x' + feed_forward(x')). The layer normalisation is over
    the channels of each step: Ba, Kiros and Hinton (2016), arXiv:1607.06450.

    Source: Vaswani et al. (2017), Attention Is All You Need, arXiv:1706.03762, section 3.1.
    """
    name = f"attention{suffix}"
    x = add_and_norm(x, attention(name, config, seed)(x), name)
    name = f"feed_forward{suffix}"
    feed_forward = FeedForward(config.feed_forward, config.dropout, seed_of(seed, name), name=name)
    return add_and_norm(x, feed_forward(x), name)


def add_and_norm(x: Any, y: Any, name: str) -> Any:
    """Add a residual connection and a layer normalisation over the channels of each step."""
    summed = residual(x, y, name)
    return layers.LayerNormalization(epsilon=_LAYER_NORM_EPSILON, name=f"{name}_norm")(summed)


def picker(x: Any, phase: str, config: EQTConfig, seed: int) -> Any:
    """Add the branch of one phase: recurrent layers, then local attention."""
    for i, layer_type in enumerate(config.picker_rnn, 1):
        x = recurrent(layer_type, f"{layer_type}{phase}_{i}", config, seed)(x)
    return attention(f"attention{phase}", config, seed, config.attention_width)(x)


def decoder(x: Any, branch: str, config: EQTConfig, seed: int) -> Any:
    """Add a decoder: upsamplings by 2, cropped, each with a convolution, to the input's length."""
    filters = config.decoder_filters or config.filters[::-1]
    stack = zip(filters, config.kernels[::-1], config.crops, strict=True)
    for i, (channels, kernel, crop) in enumerate(stack, 1):
        name = f"decoder{branch}_{i}"
        x = UpsampleConv1D(
            channels,
            kernel,
            crop,
            activation="relu",
            kernel_initializer=_glorot(seed, name),
            name=name,
            **_penalties(config),
        )(x)
    return x


def head(x: Any, name: str, config: EQTConfig, seed: int) -> Any:
    """Add an output: a probability for each sample, never rounded by mixed precision."""
    return PackedConv1D(
        1,
        config.head_kernel,
        HEAD_PACK,
        activation="sigmoid",
        kernel_initializer=_glorot(seed, name),
        dtype=keras.config.dtype_policy().variable_dtype,
        name=name,
    )(x)
