"""The layers that Keras does not have, or has with other numbers than the published network."""

from collections.abc import Sequence
from typing import Any, Final

import keras
import numpy as np
from keras import ops

registered = keras.saving.register_keras_serializable(package="eqt")

_EPSILON: Final = 1e-7
"""What the published attention adds to the sum of its weights."""


@registered
def hard_sigmoid(x: Any) -> Any:
    """Return clip(0.2 x + 0.5, 0, 1), the hard sigmoid of Keras 2.

    Keras 3 has clip(x / 6 + 0.5, 0, 1) under the same name, which is another function: the
    weights of one give wrong probabilities with the other.
    """
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


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
        self.dropout = keras.layers.Dropout(dropout, seed=seed, name="dropout")

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
        own = {"units": self.units, "dropout": self.rate, "seed": self.seed}
        return {**super().get_config(), **own}


_FIXED: Final = {"padding": "same", "strides": 1, "dilation_rate": 1, "groups": 1}


@registered
class UpsampleConv1D(keras.layers.Conv1D):
    """Repeat each sample, cut ``crop`` samples from each end, convolve; for less work.

    Equal to UpSampling1D(2), Cropping1D(crop) and Conv1D(padding="same"), whose weights it has.
    A repeated sample meets an output through several taps, which can be summed before they are
    multiplied. With left = (width - 1) // 2, output 2 m + p (phase p, 0 or 1) is the sum over j of
    K[j] u[2 m + p + j - left], and since u[2 m] = u[2 m + 1] = x[m], tap j falls on
    x[m + (p + j - left) // 2]. So each phase is a convolution of x with a shorter kernel of its
    own, and both are one convolution with twice the channels.

    Where samples are cut, the zeros beyond the end may begin between the two copies of a sample;
    there the plain way is taken.

    The interleaving is the sub-pixel convolution's: Shi et al. (2016), arXiv:1609.05158.

    Parameters
    ----------
    filters, kernel_size
        As for Conv1D, like all other arguments except padding, strides, dilation and groups.
    crop
        Samples to cut from each end after repeating.
    """

    def __init__(self, filters: int, kernel_size: int, crop: int = 0, **kwargs: Any):
        super().__init__(filters, kernel_size, **_FIXED, **kwargs)
        self.crop = crop

    def call(self, inputs: Any) -> Any:
        """Return the convolved signal, 2 x (steps - crop) long."""
        if self.crop:
            return super().call(ops.repeat(inputs, 2, axis=1)[:, self.crop : -self.crop])
        before, fold = _fold(self.kernel_size[0])
        taps = fold.shape[1]
        _, steps, channels = ops.shape(inputs)
        kernel = ops.einsum("ptk,kio->tipo", ops.cast(fold, self.compute_dtype), self.kernel)
        kernel = ops.reshape(kernel, (taps, channels, 2 * self.filters))
        padded = ops.pad(inputs, ((0, 0), (before, taps - 1 - before), (0, 0)))
        phases = ops.conv(padded, kernel, padding="valid", data_format="channels_last")
        outputs = ops.reshape(phases, (-1, 2 * steps, self.filters))
        return self.activation(outputs + self.bias if self.use_bias else outputs)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """Return the shape of the output for that of the input."""
        batch, steps, _ = input_shape
        return batch, None if steps is None else 2 * (steps - self.crop), self.filters

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        own = {key: v for key, v in super().get_config().items() if key not in _FIXED}
        return {**own, "crop": self.crop}


def _fold(width: int) -> tuple[int, np.ndarray]:
    """Return how many inputs lie before, and 1 where tap j of phase p falls on input t: (p, t, j).

    Examples
    --------
    >>> before, fold = _fold(3)
    >>> before, fold.tolist()
    (1, [[[1, 0, 0], [0, 1, 1], [0, 0, 0]], [[0, 0, 0], [1, 1, 0], [0, 0, 1]]])
    """
    left = (width - 1) // 2
    before = (left + 1) // 2
    phase, tap = np.indices((2, width))
    meets = (phase + tap - left) // 2 + before
    fold = np.zeros((2, meets.max() + 1, width), dtype=int)
    fold[phase, meets, tap] = 1
    return before, fold
