"""Layers of a transformer block besides attention: positional encoding and feed-forward layer.

Attention ignores the order of steps unless a positional encoding is added to its inputs.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from eqt.layers.recurrent import LSTM


@keras.saving.register_keras_serializable("eqt")
class SinusoidalPositions(keras.layers.Layer):
    """Sinusoidal encoding: add sines and cosines of the step, x + PE, with no weights.

    PE[t, 2 i] = sin(t / 10000^(2 i / channels)) and PE[t, 2 i + 1] is the cosine of the same; an
    odd number of channels ends in a sine. A shift by k steps is the same rotation of the encoding
    at every t.

    Source: Vaswani et al. (2017), Attention Is All You Need, arXiv:1706.03762, section 3.5.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """Return the inputs, (batch, steps, channels), with the encoding added."""
        dtype = keras.backend.result_type(self.variable_dtype, "float32")
        step = ops.expand_dims(ops.arange(ops.shape(inputs)[1], dtype=dtype), 1)
        channel = np.arange(inputs.shape[-1])
        angle = step * ops.cast(10000.0 ** -(channel // 2 * 2 / len(channel)), dtype)
        encoding = ops.where(channel % 2 == 0, ops.sin(angle), ops.cos(angle))
        return inputs + ops.cast(encoding, inputs.dtype)


@keras.saving.register_keras_serializable("eqt")
class RecurrentPositions(keras.layers.Layer):
    """Recurrent encoding: add the output of an LSTM over the steps so far, x + LSTM(x).

    The LSTM has as many units as the inputs have channels, and its state encodes the position. It
    reads forwards only, so the encoding is causal. It skips steps that the Keras mask marks
    invalid.

    Sources: Sperber et al. (2018), Self-Attentional Acoustic Models, arXiv:1803.09519; Hochreiter
    and Schmidhuber (1997), doi:10.1162/neco.1997.9.8.1735.

    Parameters
    ----------
    gate
        Activation of the gates, by name or as a function.
    dropout
        Rate of the dropouts of the LSTM's inputs and of its state.
    seed
        Seed of the kernels' initial values and of the dropouts.
    """

    def __init__(self, gate: Any = "sigmoid", dropout: float = 0.0, seed: int = 0, **kwargs: Any):
        super().__init__(**kwargs)
        self.gate, self.dropout, self.seed = keras.activations.get(gate), dropout, seed
        self.supports_masking = True

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Create the LSTM."""
        self.lstm = LSTM(
            input_shape[-1],
            return_sequences=True,
            recurrent_activation=self.gate,
            dropout=self.dropout,
            recurrent_dropout=self.dropout,
            kernel_initializer=keras.initializers.GlorotUniform(seed=self.seed),
            recurrent_initializer=keras.initializers.Orthogonal(seed=self.seed + 1),
            seed=self.seed + 2,
            dtype=self.dtype_policy,
            name="lstm",
        )
        self.lstm.build(input_shape)

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """Return the inputs, (batch, steps, channels), with the LSTM's outputs added."""
        return inputs + self.lstm(inputs, mask=mask, training=training)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        gate = keras.activations.serialize(self.gate)
        arguments = {"gate": gate, "dropout": self.dropout, "seed": self.seed}
        return {**super().get_config(), **arguments}


@keras.saving.register_keras_serializable("eqt")
class FeedForward(keras.layers.Layer):
    """The same two dense layers at every step: dropout(relu(x W1 + b1)) W2 + b2.

    Source: Vaswani et al. (2017), Attention Is All You Need, arXiv:1706.03762, section 3.3.

    Parameters
    ----------
    units
        Width of the hidden layer; the output is as wide as the input.
    dropout
        Rate of the dropout between the two.
    seed
        Seed of the kernels' initial values and of the dropout.
    """

    def __init__(self, units: int = 128, dropout: float = 0.0, seed: int = 0, **kwargs: Any):
        super().__init__(**kwargs)
        self.units, self.rate, self.seed = units, dropout, seed
        # A sublayer does not inherit the dtype policy: its float32 would undo mixed precision.
        policy = self.dtype_policy
        self.dropout = keras.layers.Dropout(dropout, seed=seed, dtype=policy, name="dropout")
        self.supports_masking = True

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Create the two dense layers' weights."""
        glorot = [keras.initializers.GlorotNormal(seed=self.seed + i) for i in range(2)]
        channels = input_shape[-1]
        self.W1 = self.add_weight(name="W1", shape=(channels, self.units), initializer=glorot[0])
        self.b1 = self.add_weight(name="b1", shape=(self.units,), initializer="zeros")
        self.W2 = self.add_weight(name="W2", shape=(self.units, channels), initializer=glorot[1])
        self.b2 = self.add_weight(name="b2", shape=(channels,), initializer="zeros")

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return an output of the inputs' shape."""
        hidden = ops.relu(ops.matmul(inputs, self.W1) + self.b1)
        return ops.matmul(self.dropout(hidden, training=training), self.W2) + self.b2

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        arguments = {"units": self.units, "dropout": self.rate, "seed": self.seed}
        return {**super().get_config(), **arguments}
