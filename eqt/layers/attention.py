"""Attention: the weighted mean of the steps, by weights that the steps themselves give."""

from collections.abc import Sequence
from typing import Any, Final

import keras
from keras import ops

from eqt.layers.registry import registered

_EPSILON: Final = 1e-7
"""What the published attention adds to the sum of its weights."""


@registered
class AdditiveAttention(keras.layers.Layer):
    """Single-head additive self-attention, over all steps or a band of them.

    The score of step t for step t' is e = Wa tanh(x_t Wt + x_t' Wx + bh) + ba; the weights are
    exp(e - max e) / (sum + 1e-7), and the output is the weighted mean of the inputs themselves.
    With a width, step t sees the ``width`` steps from t - width // 2 on; the others' weights are
    set to zero before the sum is taken, after the maximum is.

    Sources: Bahdanau, Cho and Bengio (2015), arXiv:1409.0473, and the equations in the methods of
    Mousavi et al. (2020), doi:10.1038/s41467-020-17591-w.

    Parameters
    ----------
    units
        Width of the hidden layer.
    width
        Number of steps that each step sees; all when ``None``.
    seed
        Seed of the kernels' initial values.
    """

    def __init__(self, units: int = 32, width: int | None = None, seed: int = 0, **kwargs: Any):
        super().__init__(**kwargs)
        self.units, self.width, self.seed = units, width, seed

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Create the two projections, the score's weights and their biases."""
        glorot = [keras.initializers.GlorotNormal(seed=self.seed + i) for i in range(3)]
        channels = input_shape[-1]
        self.Wt = self.add_weight(name="Wt", shape=(channels, self.units), initializer=glorot[0])
        self.Wx = self.add_weight(name="Wx", shape=(channels, self.units), initializer=glorot[1])
        self.bh = self.add_weight(name="bh", shape=(self.units,), initializer="zeros")
        self.Wa = self.add_weight(name="Wa", shape=(self.units, 1), initializer=glorot[2])
        self.ba = self.add_weight(name="ba", shape=(1,), initializer="zeros")

    def call(self, inputs: Any, return_attention_scores: bool = False) -> Any:
        """Return the attended inputs, and the weights (batch, steps, steps) if asked for."""
        query = ops.expand_dims(ops.matmul(inputs, self.Wt), 2)
        key = ops.expand_dims(ops.matmul(inputs, self.Wx), 1)
        hidden = ops.tanh(query + key + self.bh)
        scores = ops.squeeze(ops.matmul(hidden, self.Wa) + self.ba, -1)
        weights = ops.exp(scores - ops.max(scores, axis=-1, keepdims=True))
        if self.width is not None:
            weights = weights * _band(ops.shape(inputs)[1], self.width, weights.dtype)
        weights = weights / (ops.sum(weights, axis=-1, keepdims=True) + _EPSILON)
        attended = ops.matmul(weights, inputs)
        return (attended, weights) if return_attention_scores else attended

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        own = {"units": self.units, "width": self.width, "seed": self.seed}
        return {**super().get_config(), **own}


def _band(steps: Any, width: int, dtype: str) -> Any:
    """Return 1 where step t (row) sees step t' (column), else 0."""
    first = ops.expand_dims(ops.arange(steps) - width // 2, 1)
    step = ops.expand_dims(ops.arange(steps), 0)
    return ops.cast(ops.logical_and(first <= step, step < first + width), dtype)
