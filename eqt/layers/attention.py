"""Attention: the weighted mean of the steps, by weights that the steps themselves give."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import keras
from keras import ops

from eqt.layers import masks, xla
from eqt.layers.serialization import registered

_EPSILON: Final = 1e-7
"""What the published attention adds to the sum of its weights."""

_MASKED: Final = -1e30
"""A score below all others, that still has a difference from itself."""


class SelfAttention(keras.layers.Layer):
    """What all self-attention here shares: masks, softmax and the weighted mean.

    The weight of step t' for step t is a = exp(e - max e) / (sum + 1e-7), both taken over the
    steps that t may see, and the output is the mean of the steps by these weights. The 1e-7 is
    the published network's. A step that may see none has weights and an output of zero.

    What a step may not see does not move its output by a bit, as long as it is finite. Steps that
    the Keras mask calls invalid may even be NaN: they see nothing and nothing sees them.

    All of this is done in float32 at least, under mixed precision too, so that neither a score
    nor the sum overflows; only the result is rounded.

    Parameters
    ----------
    width
        Number of steps that each step sees, from t - width // 2 on; all when ``None``.
    causal
        Whether a step sees only itself and those before it.
    """

    def __init__(self, width: int | None = None, causal: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.width, self.causal = width, causal
        self.supports_masking = True

    def call(
        self, inputs: Any, mask: Any = None, return_attention_scores: bool = False
    ) -> Any | tuple[Any, Any]:
        """Return the attended inputs, and the weights if asked for.

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
        attended
            The shape of the inputs.
        weights
            Shape (batch, steps, steps), with several heads (batch, heads, steps, steps). Each row
            adds up to 1, or to 0 where nothing is seen.
        """
        x = ops.cast(inputs, keras.backend.result_type(self.variable_dtype, "float32"))
        steps = ops.shape(x)[1]
        seen = ops.expand_dims(masks.causal(steps) if self.causal else masks.full(steps), 0)
        if mask is not None:
            seen = ops.logical_and(seen, masks.padding(mask))
            x = ops.where(ops.expand_dims(ops.cast(mask, "bool"), 2), x, 0)
        near = masks.full(steps) if self.width is None else masks.banded(steps, self.width)
        attended, weights = self.attended(x, seen, ops.expand_dims(near, 0))
        attended = ops.cast(attended, self.compute_dtype)
        weights = ops.cast(weights, self.compute_dtype)
        return (attended, weights) if return_attention_scores else attended

    def attended(self, x: Any, seen: Any, near: Any) -> tuple[Any, Any]:
        """Return the means of the steps that are both seen and near, and their weights."""
        weights = self.weigh(self.score(x), seen, near)
        return self.attend(weights, x), weights

    def score(self, x: Any) -> Any:
        """Return how well each step (column) matches each step (row), before any mask."""
        raise NotImplementedError

    def weigh(self, scores: Any, seen: Any, near: Any) -> Any:
        """Return the weights for the scores of those steps that are both seen and near."""
        seen = ops.logical_and(seen, near)
        return _softmax(scores, seen, seen)

    def attend(self, weights: Any, x: Any) -> Any:
        """Return the mean of the steps by these weights."""
        return ops.matmul(weights, x)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {**super().get_config(), "width": self.width, "causal": self.causal}

    def _add_glorot(self, name: str, shape: tuple[int, ...], seed: int) -> Any:
        """Create a weight that mixed precision does not round."""
        glorot = keras.initializers.GlorotNormal(seed=seed)
        return self.add_weight(name=name, shape=shape, initializer=glorot, autocast=False)


def _softmax(scores: Any, seen: Any, ceiling: Any) -> Any:
    """Return exp(e - max e) / (sum + 1e-7), the sum over `seen`, the maximum over `ceiling`."""
    highest = ops.max(ops.where(ceiling, scores, _MASKED), axis=-1, keepdims=True)
    # Where nothing is seen, scores are far above the highest: exp must not meet them.
    weights = ops.exp(ops.where(ceiling, scores, highest) - highest)
    weights = ops.where(seen, weights, 0)
    return weights / (ops.sum(weights, axis=-1, keepdims=True) + _EPSILON)


@registered
class AdditiveAttention(SelfAttention):
    """Single-head additive self-attention, over all steps or a band of them.

    The score of step t for step t' is e = Wa tanh(x_t Wt + x_t' Wx + bh) + ba; the weights are
    exp(e - max e) / (sum + 1e-7), and the output is the weighted mean of the inputs themselves.

    Sources: Bahdanau, Cho and Bengio (2015), arXiv:1409.0473, and the equations in the methods of
    Mousavi et al. (2020), doi:10.1038/s41467-020-17591-w.

    Parameters
    ----------
    units
        Width of the hidden layer.
    width
        Number of steps that each step sees, from t - width // 2 on; all when ``None``.
    seed
        Seed of the kernels' initial values.
    causal
        Whether a step sees only itself and those before it.
    published
        Whether to take the maximum before the band is cut, as the published network does. A step
        outside the band can then move the output after all, through the 1e-7: if its score is
        higher than those in the band by d, the output shrinks by up to 1e-7 exp(d) of itself.
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

    def attended(self, x: Any, seen: Any, near: Any) -> tuple[Any, Any]:
        """Return the means of the steps that are both seen and near, and their weights."""
        # The biases may be stored in half precision, which would not join with x.
        weights = [
            ops.cast(weight, x.dtype) for weight in (self.Wt, self.Wx, self.bh, self.Wa, self.ba)
        ]
        both = ops.logical_and(seen, near)
        return _additive(self.width, x, both, seen if self.published else both, weights)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        own = {"units": self.units, "seed": self.seed, "published": self.published}
        return {**super().get_config(), **own}


def _additive(
    width: int | None, x: Any, seen: Any, ceiling: Any, weights: Sequence[Any]
) -> tuple[Any, Any]:
    """Return the means of the steps and their weights; see `AdditiveAttention`.

    The gradient computes the hidden layer anew, which is quicker than to read it from the memory:
    it is 47 times as large as all else. Of a band it needs what is in the band alone, as nothing
    else has a slope. It does not follow the maximum, which but for the 1e-7 moves nothing.
    """

    @ops.custom_gradient
    def attention(*inputs: Any) -> tuple[Any, Callable[..., Any]]:
        inputs = tuple(map(ops.stop_gradient, inputs))
        attended, weights = _attended(seen, ceiling, *inputs)

        def gradient(*given: Any, upstream: Any = None) -> Any:
            # One after the other, or both together, as the backend has it.
            slopes = given if upstream is None else (upstream,)
            slopes = slopes[0] if len(slopes) == 1 else slopes
            return _gradient(width, *slopes, weights, *inputs)

        return (attended, weights), gradient

    return attention(x, *weights)


@xla.xla_jit
def _attended(
    seen: Any, ceiling: Any, x: Any, Wt: Any, Wx: Any, bh: Any, Wa: Any, ba: Any
) -> tuple[Any, Any]:
    query, key = ops.expand_dims(ops.matmul(x, Wt) + bh, 2), ops.expand_dims(ops.matmul(x, Wx), 1)
    scores = ops.squeeze(ops.matmul(ops.tanh(query + key), Wa), -1) + ba
    weights = _softmax(scores, seen, ceiling)
    return ops.matmul(weights, x), weights


@xla.xla_jit
def _gradient(
    width: int | None,
    of_attended: Any,
    of_weights: Any,
    weights: Any,
    x: Any,
    Wt: Any,
    Wx: Any,
    bh: Any,
    Wa: Any,
    ba: Any,
) -> tuple[Any, ...]:
    """Return the slopes for x and the five weights, given those for what `_attended` gives."""
    slope = of_weights + ops.matmul(of_attended, _transposed(x))
    slope = weights * (slope - ops.sum(weights * slope, axis=-1, keepdims=True))
    query, key = ops.matmul(x, Wt) + bh, ops.matmul(x, Wx)
    if width is None:
        dquery, dkey, dWa = _score_gradients(slope, query, key, Wa)
    else:
        dquery, dkey, dWa = _score_gradients_in_band(width, slope, query, key, Wa)
    dx = ops.matmul(_transposed(weights), of_attended)
    dx = dx + ops.matmul(dquery, ops.transpose(Wt)) + ops.matmul(dkey, ops.transpose(Wx))
    dWt, dWx = (ops.einsum("btc,btu->cu", x, each) for each in (dquery, dkey))
    return dx, dWt, dWx, ops.sum(dquery, axis=(0, 1)), dWa, ops.reshape(ops.sum(slope), (1,))


def _transposed(matrices: Any) -> Any:
    return ops.swapaxes(matrices, -1, -2)


def _score_gradients(slope: Any, query: Any, key: Any, Wa: Any) -> tuple[Any, Any, Any]:
    """Return the slopes for query, key and Wa, given those for the scores.

    With r = 1 / (1 + exp(2 query) exp(2 key)), the hidden layer tanh(query + key) is 1 - 2 r and
    its slope 4 r (1 - r): an exponential for each step and no tanh for each pair of steps.

    Step after step, so that the hidden layer of one step stays in the cache, and with the traces
    side by side, so that no sum is over neighbours in the memory. Each sum has a loop of its own:
    r is then computed three times, but never stored, which takes longer.
    """
    query, key = (_powers(ops.transpose(each, (1, 2, 0))) for each in (query, key))
    slope = ops.transpose(slope, (1, 2, 0))[:, :, None]
    seen_by = ops.swapaxes(slope, 0, 1)

    def bent(powers: Any) -> Any:
        rest = 1 / (1 + powers)
        return 4 * rest * (1 - rest)

    to_key = _ordered_sum(lambda t: slope[t] * bent(query[t] * key), key)
    to_query = _ordered_sum(lambda t: seen_by[t] * bent(key[t] * query), key)
    rests = _ordered_sum(lambda t: slope[t] / (1 + query[t] * key), key)
    to_Wa = ops.sum(slope) - 2 * ops.sum(rests, axis=(0, 2))
    dquery, dkey = (ops.transpose(each, (2, 0, 1)) * Wa[:, 0] for each in (to_query, to_key))
    return dquery, dkey, to_Wa[:, None]


def _powers(x: Any) -> Any:
    """Return exp(2 x), for x up to 40: the product of zero and infinity would be no number."""
    return ops.exp(2 * ops.clip(x, -40, 40))


def _ordered_sum(term: Callable[[Any], Any], like: Any) -> Any:
    """Add up terms as large as an array, one for each of its first axis."""
    count, zeros = ops.shape(like)[0], ops.zeros_like(like)
    return ops.while_loop(lambda t, _: t < count, lambda t, x: (t + 1, x + term(t)), (0, zeros))[1]


def _score_gradients_in_band(
    width: int, slope: Any, query: Any, key: Any, Wa: Any
) -> tuple[Any, Any, Any]:
    """Return what `_score_gradients` does where all slopes outside the band are 0."""
    window = ops.cast(masks.windows(ops.shape(key)[1], width), key.dtype)
    slope = ops.einsum("bts,tjs->btj", slope, window)
    keys = ops.einsum("bsu,tjs->btju", key, window)
    hidden = ops.tanh(ops.expand_dims(query, 2) + keys)
    bent = ops.expand_dims(slope, 3) * (1 - hidden * hidden) * Wa[:, 0]
    dWa = ops.einsum("btj,btju->u", slope, hidden)
    return ops.sum(bent, axis=2), ops.einsum("btju,tjs->bsu", bent, window), dWa[:, None]


@registered
class DotProductAttention(SelfAttention):
    """Dot-product self-attention: e = x_t . x_t', with no weights at all.

    Source: Luong, Pham and Manning (2015), arXiv:1508.04025, section 3.1, "dot". Arguments, masks
    and weights are those of `SelfAttention`.
    """

    def score(self, x: Any) -> Any:
        """Return x_t . x_t': (batch, steps, steps)."""
        return ops.matmul(x, ops.transpose(x, (0, 2, 1)))


@registered
class ScaledDotProductAttention(DotProductAttention):
    """Scaled dot-product self-attention: e = x_t . x_t' / sqrt(channels), with no weights.

    Unscaled, the scores grow with the channels and the softmax falls to where it has hardly any
    gradient. Source: Vaswani et al. (2017), Attention Is All You Need, arXiv:1706.03762, section
    3.2.1. Arguments, masks and weights are those of `SelfAttention`.
    """

    def score(self, x: Any) -> Any:
        """Return x_t . x_t' / sqrt(channels): (batch, steps, steps)."""
        return super().score(x) / x.shape[-1] ** 0.5


@registered
class MultiHeadAttention(SelfAttention):
    """Multi-head self-attention: several scaled dot-products side by side.

    With d = channels / heads, head h has e = (x_t Wq_h) . (x_t' Wk_h) / sqrt(d) and gives the mean
    of x_t' Wv_h by the weights of e. The heads, side by side, are multiplied by Wo. No biases.

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
        query, key = (self._split(ops.matmul(x, kernel)) for kernel in (self.Wq, self.Wk))
        return ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) / query.shape[-1] ** 0.5

    def weigh(self, scores: Any, seen: Any, near: Any) -> Any:
        """Return the weights, with the same masks for all heads."""
        return super().weigh(scores, ops.expand_dims(seen, 1), ops.expand_dims(near, 1))

    def attend(self, weights: Any, x: Any) -> Any:
        """Return the heads' means of the values, side by side and projected."""
        means = ops.matmul(weights, self._split(ops.matmul(x, self.Wv)))
        joined = ops.reshape(ops.transpose(means, (0, 2, 1, 3)), ops.shape(x))
        return ops.matmul(joined, self.Wo)

    def _split(self, x: Any) -> Any:
        """Give each head its share of the channels: (batch, heads, steps, channels / heads)."""
        _, steps, channels = ops.shape(x)
        parts = ops.reshape(x, (-1, steps, self.heads, channels // self.heads))
        return ops.transpose(parts, (0, 2, 1, 3))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {**super().get_config(), "heads": self.heads, "seed": self.seed}
