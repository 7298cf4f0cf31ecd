"""Self-attention: additive, dot-product, scaled dot-product and multi-head."""

from collections.abc import Sequence
from typing import Any, Final

import keras
from keras import ops

from eqt.kernels import xla
from eqt.kernels.attention import additive_attention
from eqt.layers import masks

_EPSILON: Final = 1e-7
"""Added to the sum of the weights, as in the published attention."""

_MASKED_SCORE: Final = -1e30
"""Stands in for -inf: below every score, but finite, since -inf - (-inf) is NaN."""


class SelfAttention(keras.layers.Layer):
    """Base class of self-attention: masks, softmax and weighted mean; a subclass has the score.

    The weight of step t' for step t is a = exp(e - max e) / (sum + 1e-7), maximum and sum over the
    unmasked steps of t, and the output is the mean of the steps with these weights. The 1e-7 is
    the published network's. A step with every other masked has weights and an output of zero.

    A masked step does not change a bit of the output, as long as it is finite. Steps that are
    invalid by the Keras mask may even be NaN: they attend to nothing and are never attended to.

    All of this is computed in float32 or wider, under mixed precision too, so that neither a score
    nor the sum overflows; only the result is rounded.

    Parameters
    ----------
    width
        Number of steps that each step attends to, from t - width // 2 on; all when ``None``.
    causal
        Whether a step attends only to itself and earlier steps.
    """

    def __init__(self, width: int | None = None, causal: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.width, self.causal = width, causal
        self.supports_masking = True

    def call(
        self, inputs: Any, mask: Any = None, return_attention_scores: bool = False
    ) -> Any | tuple[Any, Any]:
        """Return the attention output, and the weights on request.

        Parameters
        ----------
        inputs
            Shape (batch, steps, channels).
        mask
            Shape (batch, steps), True where a step is valid; all are when ``None``.
        return_attention_scores
            Whether to return the weights too.

        Returns
        -------
        output
            The shape of the inputs.
        weights
            Shape (batch, steps, steps), with several heads (batch, heads, steps, steps). Each row
            adds up to 1, or to 0 where all is masked.
        """
        x = ops.cast(inputs, keras.backend.result_type(self.variable_dtype, "float32"))
        steps = ops.shape(x)[1]
        allowed = ops.expand_dims(masks.causal(steps) if self.causal else masks.full(steps), 0)
        if mask is not None:
            allowed = ops.logical_and(allowed, masks.padding(mask))
            # A weight of zero does not remove a NaN or infinity (0 x NaN is NaN): invalid steps
            # are set to zero first.
            x = ops.where(ops.expand_dims(ops.cast(mask, "bool"), 2), x, 0)
        band = masks.full(steps) if self.width is None else masks.banded(steps, self.width)
        output, weights = self.attention_output(x, allowed, ops.expand_dims(band, 0))
        output = ops.cast(output, self.compute_dtype)
        weights = ops.cast(weights, self.compute_dtype)
        return (output, weights) if return_attention_scores else output

    # Not `output`: Keras's Layer has a property of that name.
    def attention_output(self, x: Any, mask: Any, band: Any) -> tuple[Any, Any]:
        """Return the means of the steps within both mask and band, and their weights."""
        weights = self.attention_weights(self.score(x), mask, band)
        return self.apply_weights(weights, x), weights

    def score(self, x: Any) -> Any:
        """Return the score of each step (column) for each step (row), before any mask."""
        raise NotImplementedError

    def attention_weights(self, scores: Any, mask: Any, band: Any) -> Any:
        """Return the softmax of the scores within both mask and band."""
        mask = ops.logical_and(mask, band)
        return _softmax(scores, mask, mask)

    def apply_weights(self, weights: Any, x: Any) -> Any:
        """Return the mean of the steps with these weights."""
        return ops.matmul(weights, x)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {**super().get_config(), "width": self.width, "causal": self.causal}

    def _add_glorot(self, name: str, shape: tuple[int, ...], seed: int) -> Any:
        """Create a weight with Glorot's normal initial values, not rounded by mixed precision."""
        glorot = keras.initializers.GlorotNormal(seed=seed)
        return self.add_weight(name=name, shape=shape, initializer=glorot, autocast=False)


def _softmax(scores: Any, mask: Any, max_mask: Any) -> Any:
    """Return exp(e - max e) / (sum + 1e-7), the sum over `mask`, the maximum over `max_mask`."""
    max_score = ops.max(ops.where(max_mask, scores, _MASKED_SCORE), axis=-1, keepdims=True)
    # A masked score may lie far above the maximum, in a row that is masked throughout even by
    # 1e30: its exponential would overflow, and infinity times zero in the gradient is NaN.
    weights = ops.exp(ops.where(max_mask, scores, max_score) - max_score)
    weights = ops.where(mask, weights, 0)
    return weights / (ops.sum(weights, axis=-1, keepdims=True) + _EPSILON)


@keras.saving.register_keras_serializable("eqt")
class AdditiveAttention(SelfAttention):
    """Single-head additive self-attention, over all steps or a band of them.

    The score of step t for step t' is e = Wa tanh(x_t Wt + x_t' Wx + bh) + ba; the weights are
    exp(e - max e) / (sum + 1e-7), and the output is the weighted mean of the inputs.

    Sources: Bahdanau, Cho and Bengio (2015), arXiv:1409.0473, and the equations in the methods of
    Mousavi et al. (2020), doi:10.1038/s41467-020-17591-w.

    Parameters
    ----------
    units
        Width of the hidden layer.
    width
        Number of steps that each step attends to, from t - width // 2 on; all when ``None``.
    seed
        Seed of the kernels' initial values.
    causal
        Whether a step attends only to itself and earlier steps.
    published
        Whether the maximum is taken over the steps outside the band too, as in the published
        network. Such a step can then change the output after all, through the 1e-7: if its score
        is higher than those in the band by d, the output shrinks by a fraction of up to
        1e-7 exp(d).
    """

    def __init__(
        self,
        units: int = 32,
        width: int | None = None,
        seed: int = 0,
        causal: bool = False,
        published: bool = True,
        **kwargs: Any,
    ):
        super().__init__(width, causal, **kwargs)
        self.units, self.seed, self.published = units, seed, published

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Create the two projections, the score's weights and their biases."""
        channels = int(input_shape[-1] or 0)
        zeros: dict[str, Any] = {"initializer": "zeros", "autocast": False}
        self.Wt = self._add_glorot("Wt", (channels, self.units), self.seed)
        self.Wx = self._add_glorot("Wx", (channels, self.units), self.seed + 1)
        self.bh = self.add_weight(name="bh", shape=(self.units,), **zeros)
        self.Wa = self._add_glorot("Wa", (self.units, 1), self.seed + 2)
        self.ba = self.add_weight(name="ba", shape=(1,), **zeros)

    def attention_output(self, x: Any, mask: Any, band: Any) -> tuple[Any, Any]:
        """Return the means of the steps within both mask and band, and their weights."""
        if not xla.is_on():
            return super().attention_output(x, mask, band)
        # The biases may be stored in half precision, and the compiled kernel does not promote.
        weights = [
            ops.cast(weight, x.dtype) for weight in (self.Wt, self.Wx, self.bh, self.Wa, self.ba)
        ]
        return additive_attention(_softmax, self.width, self._masks(mask, band), x, weights)

    def score(self, x: Any) -> Any:
        """Return Wa tanh(x_t Wt + x_t' Wx + bh) + ba: (batch, steps, steps)."""
        query, key = ops.matmul(x, self.Wt) + self.bh, ops.matmul(x, self.Wx)
        hidden = ops.tanh(ops.expand_dims(query, 2) + ops.expand_dims(key, 1))
        return ops.squeeze(ops.matmul(hidden, self.Wa), -1) + self.ba

    def attention_weights(self, scores: Any, mask: Any, band: Any) -> Any:
        """Return the softmax of the scores within both mask and band."""
        return _softmax(scores, *self._masks(mask, band))

    def _masks(self, mask: Any, band: Any) -> tuple[Any, Any]:
        """Return the steps to attend to, and those over which the maximum is taken."""
        band_mask = ops.logical_and(mask, band)
        return band_mask, mask if self.published else band_mask

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        arguments = {"units": self.units, "seed": self.seed, "published": self.published}
        return {**super().get_config(), **arguments}


@keras.saving.register_keras_serializable("eqt")
class DotProductAttention(SelfAttention):
    """Dot-product self-attention: e = x_t . x_t', without trainable weights.

    Source: Luong, Pham and Manning (2015), arXiv:1508.04025, section 3.1, "dot". Arguments, masks
    and weights are those of `SelfAttention`.
    """

    def score(self, x: Any) -> Any:
        """Return x_t . x_t': (batch, steps, steps)."""
        return ops.matmul(x, ops.transpose(x, (0, 2, 1)))


@keras.saving.register_keras_serializable("eqt")
class ScaledDotProductAttention(DotProductAttention):
    """Scaled dot-product self-attention: e = x_t . x_t' / sqrt(channels), no trainable weights.

    Unscaled, the scores grow with the channels and the softmax saturates, so that its gradient
    vanishes. Source: Vaswani et al. (2017), Attention Is All You Need, arXiv:1706.03762, section
    3.2.1. Arguments, masks and weights are those of `SelfAttention`.
    """

    def score(self, x: Any) -> Any:
        """Return x_t . x_t' / sqrt(channels): (batch, steps, steps)."""
        return super().score(x) / x.shape[-1] ** 0.5


@keras.saving.register_keras_serializable("eqt")
class MultiHeadAttention(SelfAttention):
    """Multi-head self-attention: several scaled dot-products in parallel.

    With d = channels / heads, head h has e = (x_t Wq_h) . (x_t' Wk_h) / sqrt(d) and returns the
    mean of x_t' Wv_h with the weights of e. The concatenated heads are multiplied by Wo. No biases.

    Source: Vaswani et al. (2017), Attention Is All You Need, arXiv:1706.03762, section 3.2.2.

    Parameters
    ----------
    heads
        Number of heads, a divisor of the channels.
    width, causal
        As in `SelfAttention`.
    seed
        Seed of the kernels' initial values.

    Raises
    ------
    ValueError
        The heads do not divide the channels (when the layer is built).
    """

    def __init__(
        self,
        heads: int = 1,
        width: int | None = None,
        seed: int = 0,
        causal: bool = False,
        **kwargs: Any,
    ):
        super().__init__(width, causal, **kwargs)
        self.heads, self.seed = heads, seed

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Create the projections of query, key, value and output, each (channels, channels)."""
        channels = int(input_shape[-1] or 0)
        if channels % self.heads:
            raise ValueError(f"{self.heads} heads do not divide {channels} channels")
        self.Wq, self.Wk, self.Wv, self.Wo = (
            self._add_glorot(name, (channels, channels), self.seed + i)
            for i, name in enumerate(("Wq", "Wk", "Wv", "Wo"))
        )

    def score(self, x: Any) -> Any:
        """Return the heads' scores: (batch, heads, steps, steps)."""
        query, key = (self._split_heads(ops.matmul(x, kernel)) for kernel in (self.Wq, self.Wk))
        return ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) / query.shape[-1] ** 0.5

    def attention_weights(self, scores: Any, mask: Any, band: Any) -> Any:
        """Return the weights, with the same masks for all heads."""
        return super().attention_weights(scores, ops.expand_dims(mask, 1), ops.expand_dims(band, 1))

    def apply_weights(self, weights: Any, x: Any) -> Any:
        """Return the heads' means of the values, concatenated and projected."""
        means = ops.matmul(weights, self._split_heads(ops.matmul(x, self.Wv)))
        concatenated = ops.reshape(ops.transpose(means, (0, 2, 1, 3)), ops.shape(x))
        return ops.matmul(concatenated, self.Wo)

    def _split_heads(self, x: Any) -> Any:
        """Split the channels among the heads: (batch, heads, steps, channels / heads)."""
        _, steps, channels = ops.shape(x)
        by_head = ops.reshape(x, (-1, steps, self.heads, channels // self.heads))
        return ops.transpose(by_head, (0, 2, 1, 3))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {**super().get_config(), "heads": self.heads, "seed": self.seed}
