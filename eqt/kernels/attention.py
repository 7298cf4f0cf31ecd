"""Additive attention, compiled, with an explicit gradient that recomputes its hidden layer."""

from collections.abc import Callable, Sequence
from typing import Any

from keras import ops

from eqt.kernels import xla

Softmax = Callable[[Any, Any, Any], Any]


def additive_attention(
    softmax: Softmax, width: int | None, masks: tuple[Any, Any], x: Any, weights: Sequence[Any]
) -> tuple[Any, Any]:
    """Return output and weights of `eqt.layers.AdditiveAttention`.

    The gradient recomputes the hidden layer, which is faster than reading it from memory: it is 47
    times as large as all else. With a band it computes the hidden layer within the band only, as
    all other gradients are zero. It treats the maximum as a constant: but for the 1e-7, the
    weights do not depend on it.

    Parameters
    ----------
    softmax
        Returns the weights of scores, given the masks.
    width
        Width of the band; None without one.
    masks
        The steps to attend to, and those whose maximum is subtracted: (batch, steps, steps) each.
    x
        Shape (batch, steps, channels).
    weights
        Wt, Wx, bh, Wa and ba, of the type of x.
    """

    @ops.custom_gradient
    def attention(*inputs: Any) -> tuple[Any, Callable[..., Any]]:
        # Without this, TensorFlow's eager mode would ask for the gradient of the kernel itself.
        inputs = tuple(map(ops.stop_gradient, inputs))
        output, weights = _forward(softmax, masks, *inputs)

        def gradient(doutput: Any, dweights: Any) -> Any:
            return _backward(width, doutput, dweights, weights, *inputs)

        return (output, weights), gradient

    return attention(x, *weights)


@xla.jit
def _forward(
    softmax: Softmax, masks: Any, x: Any, Wt: Any, Wx: Any, bh: Any, Wa: Any, ba: Any
) -> tuple[Any, Any]:
    query, key = ops.expand_dims(ops.matmul(x, Wt) + bh, 2), ops.expand_dims(ops.matmul(x, Wx), 1)
    scores = ops.squeeze(ops.matmul(ops.tanh(query + key), Wa), -1) + ba
    weights = softmax(scores, *masks)
    return ops.matmul(weights, x), weights


@xla.jit
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
    window = ops.cast(_windows(ops.shape(key)[1], width), key.dtype)
    dscores = ops.einsum("bts,tjs->btj", dscores, window)
    keys = ops.einsum("bsu,tjs->btju", key, window)
    hidden = ops.tanh(ops.expand_dims(query, 2) + keys)
    dhidden = ops.expand_dims(dscores, 3) * (1 - hidden * hidden) * Wa[:, 0]
    dWa = ops.einsum("btj,btju->u", dscores, hidden)
    return ops.sum(dhidden, axis=2), ops.einsum("btju,tjs->bsu", dhidden, window), dWa[:, None]


def _windows(steps: int, width: int) -> Any:
    """Return one-hot vectors of the j-th step in the band of step t: (steps, width, steps).

    Beyond the ends of the trace they are zero.

    Examples
    --------
    >>> ops.convert_to_numpy(_windows(2, 3)).astype(int).tolist()
    [[[0, 0], [1, 0], [0, 1]], [[1, 0], [0, 1], [0, 0]]]
    """
    step, place = ops.arange(steps), ops.arange(width) - width // 2
    return ops.equal(step[:, None, None] + place[:, None], step)
