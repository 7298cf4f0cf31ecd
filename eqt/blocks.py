"""The parts of the network: encoder, residual CNN, recurrent stack, transformer, decoder.

Each function adds its layers to the graph under names of its own and returns the new end of it.
"""

import hashlib
from typing import Any

import keras
from keras import layers

from eqt.config import EQTConfig
from eqt.layers import AdditiveAttention, FeedForward, UpsampleConv1D, hard_sigmoid

_LAYER_NORM_EPSILON = 1e-14

_RNN = {"lstm": layers.LSTM, "gru": layers.GRU}


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


def conv(name: str, filters: int, kernel: int, seed: int, **kwargs: Any) -> layers.Conv1D:
    """Return a convolution that keeps the length, with Glorot's uniform initial values."""
    return layers.Conv1D(
        filters,
        kernel,
        padding="same",
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


def residual_cnn(x: Any, config: EQTConfig, seed: int) -> Any:
    """Add to the signal, block after block, what two convolutions make of it."""
    for i, kernel in enumerate(config.residual_kernels, 1):
        y = x
        for part in "ab":
            name = f"residual_{i}_{{}}_{part}"
            y = layers.BatchNormalization(name=name.format("norm"))(y)
            y = layers.ReLU(name=name.format("relu"))(y)
            drop = name.format("drop")
            y = layers.SpatialDropout1D(config.dropout, seed=seed_of(seed, drop), name=drop)(y)
            y = conv(name.format("conv"), x.shape[-1], kernel, seed)(y)
        x = layers.Add(name=f"residual_{i}_add")([x, y])
    return x


def _recurrent(kind: str, name: str, config: EQTConfig, seed: int, **kwargs: Any) -> layers.Layer:
    """Return one recurrent layer, of one direction, with seeds of its own."""
    return _RNN[kind](
        config.rnn_units,
        return_sequences=True,
        recurrent_activation=hard_sigmoid if config.gate == "hard_sigmoid" else config.gate,
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
    return layers.Bidirectional(forward, backward_layer=backward, name=name)


def recurrent_stack(x: Any, config: EQTConfig, seed: int) -> Any:
    """Carry along the trace; each recurrent layer ends in a network-in-network of width 1."""
    for i, kind in enumerate(config.encoder_rnn, 1):
        name = f"{kind}_{i}"
        x = recurrent(kind, name, config, seed)(x)
        x = conv(f"{name}_nin", config.rnn_units, 1, seed)(x)
        x = layers.BatchNormalization(name=f"{name}_norm")(x)
    return x


def transformer(x: Any, suffix: str, config: EQTConfig, seed: int) -> Any:
    """Attend to all steps, then feed forward; each is added to its input and normalised."""
    name = f"attention{suffix}"
    attended = AdditiveAttention(config.attention_units, seed=seed_of(seed, name), name=name)(x)
    x = _add_and_norm(x, attended, name)
    name = f"feed_forward{suffix}"
    fed = FeedForward(config.feed_forward, config.dropout, seed_of(seed, name), name=name)(x)
    return _add_and_norm(x, fed, name)


def _add_and_norm(x: Any, y: Any, name: str) -> Any:
    total = layers.Add(name=f"{name}_add")([x, y])
    return layers.LayerNormalization(epsilon=_LAYER_NORM_EPSILON, name=f"{name}_norm")(total)


def picker(x: Any, phase: str, config: EQTConfig, seed: int) -> Any:
    """Turn the common signal to one phase: recurrent layers, then attention to the near steps."""
    for i, kind in enumerate(config.picker_rnn, 1):
        x = recurrent(kind, f"{kind}{phase}_{i}", config, seed)(x)
    name = f"attention{phase}"
    own = seed_of(seed, name)
    return AdditiveAttention(config.attention_units, config.attention_width, own, name=name)(x)


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
    """Return a probability for each sample."""
    return conv(name, 1, config.head_kernel, seed, activation="sigmoid")(x)
