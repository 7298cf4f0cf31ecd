"""Self-attention: additive, dot-product, scaled dot-product and multi-head."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import keras
from keras import ops

from eqt.layers import masks, xla
from eqt.layers.serialization import registered

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


@registered
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
        # The biases may be stored in half precision, and the compiled kernel does not promote.
        weights = [
            ops.cast(weight, x.dtype) for weight in (self.Wt, self.Wx, self.bh, self.Wa, self.ba)
        ]
        band_mask = ops.logical_and(mask, band)
        max_mask = mask if self.published else band_mask
        return _additive(self.width, x, band_mask, max_mask, weights)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        arguments = {"units": self.units, "seed": self.seed, "published": self.published}
        return {**super().get_config(), **arguments}


def _additive(
    width: int | None, x: Any, mask: Any, max_mask: Any, weights: Sequence[Any]
) -> tuple[Any, Any]:
    """Return output and weights of `AdditiveAttention`, with a gradient of its own.

    The gradient recomputes the hidden layer, which is faster than reading it from memory: it is 47
    times as large as all else. With a band it computes the hidden layer within the band only, as
    all other gradients are zero. It treats the maximum as a constant: but for the 1e-7, the
    weights do not depend on it.
    """

    @ops.custom_gradient
    def attention(*inputs: Any) -> tuple[Any, Callable[..., Any]]:
        inputs = tuple(map(ops.stop_gradient, inputs))
        output, weights = _forward(mask, max_mask, *inputs)

        def gradient(*positional: Any, upstream: Any = None) -> Any:
            # Backends differ: TensorFlow passes the gradients as two arguments, JAX as one tuple,
            # PyTorch the keyword.
            grads = positional if upstream is None else (upstream,)
            grads = grads[0] if len(grads) == 1 else grads
            return _backward(width, *grads, weights, *inputs)

        return (output, weights), gradient

    return attention(x, *weights)


@xla.xla_jit
def _forward(
    mask: Any, max_mask: Any, x: Any, Wt: Any, Wx: Any, bh: Any, Wa: Any, ba: Any
) -> tuple[Any, Any]:
    query, key = ops.expand_dims(ops.matmul(x, Wt) + bh, 2), ops.expand_dims(ops.matmul(x, Wx), 1)
    scores = ops.squeeze(ops.matmul(ops.tanh(query + key), Wa), -1) + ba
    weights = _softmax(scores, mask, max_mask)
    return ops.matmul(weights, x), weights


@xla.xla_jit
def _backward(
    width: int | None,
    doutput: Any,
    dweights: Any,
    weights: Any,
    x: Any,
    Wt: Any,
    Wx: Any,
    bh: Any,
    Wa: Any,
    ba: Any,
) -> tuple[Any, ...]:
    """Backpropagate: return the gradients of x and the five weights, from those of `_forward`."""
    dscores = dweights + ops.matmul(doutput, _transpose(x))
    # The Jacobian of the softmax: de = a (da - sum(a da)). A masked step has a = 0, so that its
    # score has no gradient either.
    dscores = weights * (dscores - ops.sum(weights * dscores, axis=-1, keepdims=True))
    query, key = ops.matmul(x, Wt) + bh, ops.matmul(x, Wx)
    if width is None:
        dquery, dkey, dWa = _score_grads(dscores, query, key, Wa)
    else:
        dquery, dkey, dWa = _score_grads_in_band(width, dscores, query, key, Wa)
    dx = ops.matmul(_transpose(weights), doutput)
    dx = dx + ops.matmul(dquery, ops.transpose(Wt)) + ops.matmul(dkey, ops.transpose(Wx))
    dWt, dWx = (ops.einsum("btc,btu->cu", x, grad) for grad in (dquery, dkey))
    return dx, dWt, dWx, ops.sum(dquery, axis=(0, 1)), dWa, ops.reshape(ops.sum(dscores), (1,))


def _transpose(matrices: Any) -> Any:
    return ops.swapaxes(matrices, -1, -2)


def _score_grads(dscores: Any, query: Any, key: Any, Wa: Any) -> tuple[Any, Any, Any]:
    """Return the gradients of query, key and Wa, from those of the scores.

    With r = 1 / (1 + exp(2 query) exp(2 key)), the hidden layer tanh(query + key) is 1 - 2 r and
    its derivative 4 r (1 - r): an exponential for each step instead of a tanh for each pair of
    steps.

    The loops run over steps, so that the hidden layer of one step stays in the cache, and traces
    are the last axis, so that no sum is over neighbours in memory. Each sum has its own loop: r is
    then computed three times, but never stored, which would take longer. For 32 traces that is
    2.1 ms, where a stored tanh took 4.8 ms.
    """
    exp_query, exp_key = (_safe_exp(ops.transpose(x, (1, 2, 0))) for x in (query, key))
    dscores = ops.transpose(dscores, (1, 2, 0))[:, :, None]
    dscores_by_key = ops.swapaxes(dscores, 0, 1)

    def d_activation(exp_sum: Any) -> Any:
        r = 1 / (1 + exp_sum)
        return 4 * r * (1 - r)

    key_sums = _ordered_sum(lambda t: dscores[t] * d_activation(exp_query[t] * exp_key), exp_key)
    query_sums = _ordered_sum(
        lambda t: dscores_by_key[t] * d_activation(exp_key[t] * exp_query), exp_key
    )
    r_sums = _ordered_sum(lambda t: dscores[t] / (1 + exp_query[t] * exp_key), exp_key)
    dWa = ops.sum(dscores) - 2 * ops.sum(r_sums, axis=(0, 2))
    dquery, dkey = (ops.transpose(sums, (2, 0, 1)) * Wa[:, 0] for sums in (query_sums, key_sums))
    return dquery, dkey, dWa[:, None]


def _safe_exp(x: Any) -> Any:
    """Return exp(2 x), x clipped to 40: an overflow times a zero would be NaN."""
    return ops.exp(2 * ops.clip(x, -40, 40))


def _ordered_sum(term: Callable[[Any], Any], like: Any) -> Any:
    """Return the sum of a term for each entry of the first axis of `like`, of its shape."""
    count, zeros = ops.shape(like)[0], ops.zeros_like(like)
    return ops.while_loop(lambda t, _: t < count, lambda t, x: (t + 1, x + term(t)), (0, zeros))[1]


def _score_grads_in_band(
    width: int, dscores: Any, query: Any, key: Any, Wa: Any
) -> tuple[Any, Any, Any]:
    """Return the same as `_score_grads` where all gradients outside the band are 0."""
    # In einsum: b batch, t query step, s key step, j place in the band of t, u hidden unit.
    window = ops.cast(masks.windows(ops.shape(key)[1], width), key.dtype)
    dscores = ops.einsum("bts,tjs->btj", dscores, window)
    keys = ops.einsum("bsu,tjs->btju", key, window)
    hidden = ops.tanh(ops.expand_dims(query, 2) + keys)
    dhidden = ops.expand_dims(dscores, 3) * (1 - hidden * hidden) * Wa[:, 0]
    dWa = ops.einsum("btj,btju->u", dscores, hidden)
    return ops.sum(dhidden, axis=2), ops.einsum("btju,tjs->bsu", dhidden, window), dWa[:, None]


@registered
class DotProductAttention(SelfAttention):
    """Dot-product self-attention: e = x_t . x_t', without trainable weights.

    Source: Luong, Pham and Manning (2015), arXiv:1508.04025, section 3.1, "dot". Arguments, masks
    and weights are those of `SelfAttention`.
    """

    def score(self, x: Any) -> Any:
        """Return x_t . x_t': (batch, steps, steps)."""
        return ops.matmul(x, ops.transpose(x, (0, 2, 1)))


@registered
class ScaledDotProductAttention(DotProductAttention):
    """Scaled dot-product self-attention: e = x_t . x_t' / sqrt(channels), no trainable weights.

    Unscaled, the scores grow with the channels and the softmax saturates, so that its gradient
    vanishes. Source: Vaswani et al. (2017), Attention Is All You Need, arXiv:1706.03762, section
    3.2.1. Arguments, masks and weights are those of `SelfAttention`.
    """

    def score(self, x: Any) -> Any:
        """Return x_t . x_t' / sqrt(channels): (batch, steps, steps)."""
        return super().score(x) / x.shape[-1] ** 0.5


@registered
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
