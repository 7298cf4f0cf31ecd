"""Feed-forward layer of a transformer block."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from eqt.layers.serialization import registered


@registered
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
