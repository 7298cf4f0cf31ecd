"""The parts of the network: encoder, residual CNN, recurrent stack, transformer, decoder.

Each function adds its layers to the graph under names of its own and returns the new end of it.
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
    RecurrentPositions,
    ScaledDotProductAttention,
    SelfAttention,
    SinusoidalPositions,
    UpsampleConv1D,
    WideConv1D,
    hard_sigmoid,
)

_LAYER_NORM_EPSILON = 1e-14

TOGETHER = 8
"""Samples that a head convolves at a time: measured, of 1 to 8 the fastest."""

REGISTER = 16
"""Channels that a processor computes at once: fewer filters take several samples at a time."""

_RNN = {"lstm": LSTM, "gru": layers.GRU}

_BOTH_WAYS = {"lstm": BidirectionalLSTM, "gru": layers.Bidirectional}

_GATES = {"hard_sigmoid": hard_sigmoid, "sigmoid": keras.activations.sigmoid}

_ATTENTION: dict[str, Callable[..., SelfAttention]] = {
    "additive": lambda config, **shared: AdditiveAttention(config.attention_units, **shared),
    "dot": lambda config, seed, **shared: DotProductAttention(**shared),
    "scaled_dot": lambda config, seed, **shared: ScaledDotProductAttention(**shared),
    "multi_head": lambda config, **shared: MultiHeadAttention(config.heads, **shared),
}


def seed_of(seed: int, name: str) -> int:
    """Return a seed of its own for each named part, so that no part's draws move another's.

    Examples
    --------
    >>> seed_of(0, "encoder_1") == seed_of(0, "encoder_1") != seed_of(1, "encoder_1")
    True
    """
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    # 31 bits: some backends keep seeds as signed 32-bit integers.
    return int.from_bytes(digest[:4], "big") >> 1


def conv(name: str, filters: int, kernel: int, seed: int, **kwargs: Any) -> WideConv1D:
    """Return a convolution that keeps the length, with Glorot's uniform initial values."""
    return WideConv1D(
        filters,
        kernel,
        max(1, REGISTER // filters),
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
    """Shorten the trace: a convolution and a pooling by 2 for each of the filters."""
    for i, (filters, kernel) in enumerate(zip(config.filters, config.kernels, strict=True), 1):
        name = f"encoder_{i}"
        x = conv(name, filters, kernel, seed, activation="relu", **_penalties(config))(x)
        x = layers.MaxPooling1D(2, padding="same", name=f"{name}_pool")(x)
    return x


def residual(x: Any, y: Any, name: str) -> Any:
    """Add to a signal what its layers have made of it: x + f(x), where y is f(x).

    Each layer then has only the difference to learn, and the gradient a way past it.
    Source: He, Zhang, Ren and Sun (2016), Deep Residual Learning, arXiv:1512.03385.
    """
    return layers.Add(name=f"{name}_add")([x, y])


def residual_cnn(x: Any, config: EQTConfig, seed: int) -> Any:
    """Add to the signal, block after block, what two convolutions make of it.

    Normalisation and activation come before each convolution: He et al. (2016), Identity Mappings
    in Deep Residual Networks, arXiv:1603.05027.
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


def _recurrent(kind: str, name: str, config: EQTConfig, seed: int, **kwargs: Any) -> layers.Layer:
    """Return one recurrent layer, of one direction, with seeds of its own."""
    return _RNN[kind](
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


def recurrent(kind: str, name: str, config: EQTConfig, seed: int) -> layers.Layer:
    """Return the recurrent layer of that kind, in both directions if it starts with ``bi``."""
    one_way = kind.removeprefix("bi")
    if one_way == kind:
        return _recurrent(kind, name, config, seed)
    # Left to itself, Keras copies the forward layer with its seeds: both directions would start
    # from the same weights.
    forward = _recurrent(one_way, f"forward_{name}", config, seed)
    backward = _recurrent(one_way, f"backward_{name}", config, seed, go_backwards=True)
    return _BOTH_WAYS[one_way](forward, backward_layer=backward, name=name)


def network_in_network(x: Any, name: str, filters: int, seed: int) -> Any:
    """Mix the channels of each step alone: a convolution of width 1, y_t = x_t W + b.

    Source: Lin, Chen and Yan (2014), Network In Network, arXiv:1312.4400.
    """
    return conv(f"{name}_nin", filters, 1, seed)(x)


def recurrent_stack(x: Any, config: EQTConfig, seed: int) -> Any:
    """Carry along the trace; each recurrent layer ends in a network-in-network."""
    for i, kind in enumerate(config.encoder_rnn, 1):
        name = f"{kind}_{i}"
        x = recurrent(kind, name, config, seed)(x)
        x = network_in_network(x, name, config.rnn_units, seed)
        x = BatchNormalization(name=f"{name}_norm")(x)
    return x


def positions(x: Any, config: EQTConfig, seed: int) -> Any:
    """Add the positional encoding that the config names, if any."""
    name = "positions"
    match config.positional:
        case "sinusoidal":
            return SinusoidalPositions(name=name)(x)
        case "lstm":
            gate, own = _GATES[config.gate], seed_of(seed, name)
            return RecurrentPositions(gate, config.dropout, own, name=name)(x)
    return x


def attention(name: str, config: EQTConfig, seed: int, width: int | None = None) -> SelfAttention:
    """Return the layer of attention that the config names, to all steps or a band of them."""
    kind, own = _ATTENTION[config.attention], seed_of(seed, name)
    return kind(config, seed=own, width=width, causal=config.causal, name=name)


def transformer(x: Any, suffix: str, config: EQTConfig, seed: int) -> Any:
    """Attend to all steps, then feed forward; each is added to its input and normalised.

    x' = norm(x + attention(x)), then norm(x' + feed_forward(x')). The normalisation is over the
    channels of each step: Ba, Kiros and Hinton (2016), arXiv:1607.06450.

    Source: Vaswani et al. (2017), Attention Is All You Need, arXiv:1706.03762, section 3.1.
    """
    name = f"attention{suffix}"
    x = add_and_norm(x, attention(name, config, seed)(x), name)
    name = f"feed_forward{suffix}"
    fed = FeedForward(config.feed_forward, config.dropout, seed_of(seed, name), name=name)(x)
    return add_and_norm(x, fed, name)


def add_and_norm(x: Any, y: Any, name: str) -> Any:
    """Close a residual connection, and normalise each step over its channels."""
    total = residual(x, y, name)
    return layers.LayerNormalization(epsilon=_LAYER_NORM_EPSILON, name=f"{name}_norm")(total)


def picker(x: Any, phase: str, config: EQTConfig, seed: int) -> Any:
    """Turn the common signal to one phase: recurrent layers, then attention to the near steps."""
    for i, kind in enumerate(config.picker_rnn, 1):
        x = recurrent(kind, f"{kind}{phase}_{i}", config, seed)(x)
    return attention(f"attention{phase}", config, seed, config.attention_width)(x)


def decoder(x: Any, branch: str, config: EQTConfig, seed: int) -> Any:
    """Lengthen the signal to that of the input: an upsampling by 2 and a convolution at a time."""
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
    """Return a probability for each sample, which mixed precision does not round."""
    return WideConv1D(
        1,
        config.head_kernel,
        TOGETHER,
        activation="sigmoid",
        kernel_initializer=_glorot(seed, name),
        dtype=keras.config.dtype_policy().variable_dtype,
        name=name,
    )(x)
