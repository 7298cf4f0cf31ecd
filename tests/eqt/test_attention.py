"""Attention against its formulas in NumPy, what masks let through, and inputs that strain it."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eqt.layers import (
    AdditiveAttention,
    DotProductAttention,
    MultiHeadAttention,
    ScaledDotProductAttention,
    masks,
)

KINDS = {
    "additive": lambda **setting: AdditiveAttention(5, seed=7, published=False, **setting),
    "dot": DotProductAttention,
    "scaled_dot": ScaledDotProductAttention,
    "multi_head": lambda **setting: MultiHeadAttention(2, seed=7, **setting),
}
MASKS = {
    "full": {},
    "band": {"width": 3},
    "even band": {"width": 4},
    "causal": {"causal": True},
    "causal band": {"causal": True, "width": 3},
}
MASK = np.array([[True] * 9, [True] * 4 + [False] * 5, [False] * 9, [True, False] * 4 + [True]])

every_kind = pytest.mark.parametrize("attention_type", KINDS)
every_mask = pytest.mark.parametrize("setting", MASKS.values(), ids=MASKS)


def signal(shape=(4, 9, 4), seed=0):
    """Make a random signal."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def numpy(tensors):
    """Bring tensors to NumPy."""
    return [keras.ops.convert_to_numpy(tensor) for tensor in tensors]


def seen(steps, width=None, causal=False, mask=None):
    """Tell, pair by pair, what a step may see."""
    sees = np.zeros((steps, steps), bool)
    for t in range(steps):
        for u in range(steps):
            in_band = width is None or t - width // 2 <= u < t - width // 2 + width
            valid = mask is None or (mask[t] and mask[u])
            sees[t, u] = in_band and valid and not (causal and u > t)
    return sees


def softmax(scores, sees):
    """Take the softmax of each row over what it sees."""
    weights = np.zeros(scores.shape)
    for t, row in enumerate(sees):
        if row.any():
            e = np.exp(scores[t, row] - scores[t, row].max())
            weights[t, row] = e / e.sum()
    return weights


def additive(x, sees, Wt, Wx, bh, Wa, ba):
    scores = [[(np.tanh(t @ Wt + u @ Wx + bh) @ Wa + ba).item() for u in x] for t in x]
    weights = softmax(np.array(scores), sees)
    return weights @ x, weights


def dot(x, sees):
    weights = softmax(np.array([[t @ u for u in x] for t in x]), sees)
    return weights @ x, weights


def scaled_dot(x, sees):
    weights = softmax(np.array([[t @ u / np.sqrt(len(t)) for u in x] for t in x]), sees)
    return weights @ x, weights


def multi_head(x, sees, Wq, Wk, Wv, Wo):
    means, weights = [], []
    for head in np.split(np.arange(x.shape[1]), 2):
        query, key, value = (x @ W[:, head] for W in (Wq, Wk, Wv))
        weights.append(softmax(query @ key.T / np.sqrt(len(head)), sees))
        means.append(weights[-1] @ value)
    return np.concatenate(means, axis=1) @ Wo, np.array(weights)


FORMULAS = {"additive": additive, "dot": dot, "scaled_dot": scaled_dot, "multi_head": multi_head}


@pytest.mark.parametrize("mask", [None, MASK], ids=["valid", "padded"])
@every_mask
@every_kind
def test_attention_is_its_formula(attention_type, setting, mask):
    x = signal()
    layer = KINDS[attention_type](**setting)
    layer.build(x.shape)
    layer.set_weights([signal(w.shape, seed=i) for i, w in enumerate(layer.weights)])
    output, scores = numpy(layer(x, mask=mask, return_attention_scores=True))
    weights = [weight.astype(float) for weight in layer.get_weights()]
    for i, trace in enumerate(x.astype(float)):
        sees = seen(9, mask=None if mask is None else mask[i], **setting)
        expected_output, expected_scores = FORMULAS[attention_type](trace, sees, *weights)
        np.testing.assert_allclose(output[i], expected_output, atol=1e-5)
        np.testing.assert_allclose(scores[i], expected_scores, atol=1e-5)
    np.testing.assert_array_equal(output, *numpy([layer(x, mask=mask)]))


@every_mask
@every_kind
def test_rows_add_up_to_one_or_to_zero_where_nothing_is_seen(attention_type, setting):
    layer = KINDS[attention_type](**setting)
    output, scores = numpy(layer(signal(), mask=MASK, return_attention_scores=True))
    assert scores.shape == ((4, 2, 9, 9) if attention_type == "multi_head" else (4, 9, 9))
    sums = np.broadcast_to(MASK if scores.ndim == 3 else MASK[:, None], scores.shape[:-1])
    np.testing.assert_allclose(scores.sum(-1), sums, atol=1e-6)
    assert not output[~MASK].any()


@given(st.data())
@settings(max_examples=60, derandomize=True)
def test_what_a_step_may_not_see_does_not_move_it_by_a_bit(data):
    attention_type, setting = (
        data.draw(st.sampled_from([*KINDS])),
        data.draw(st.sampled_from([*MASKS])),
    )
    mask = data.draw(st.none() | st.lists(st.booleans(), min_size=6, max_size=6))
    step = data.draw(st.integers(0, 5))
    x = signal((1, 6, 4))
    changed = x.copy()
    changed[:, step] = data.draw(st.sampled_from([-1e4, -3.0, 0.0, 1e-6, 1e4]))
    layer = KINDS[attention_type](**MASKS[setting])
    batch = None if mask is None else np.array([mask])
    before, after = numpy(layer(inputs, mask=batch) for inputs in (x, changed))
    blind = ~seen(6, mask=mask, **MASKS[setting])[:, step]
    blind[step] &= mask is not None and not mask[step]
    np.testing.assert_array_equal(before[:, blind], after[:, blind])


@every_kind
def test_invalid_steps_may_hold_anything(attention_type):
    x = signal()
    spoilt = np.where(MASK[..., None], x, np.nan)
    layer = KINDS[attention_type]()
    np.testing.assert_array_equal(*numpy(layer(inputs, mask=MASK) for inputs in (x, spoilt)))


def test_the_published_band_leaks_as_much_as_it_says():
    weights = [np.zeros(shape, "f4") for shape in ((1, 1), (1, 1), (1,), (1, 1), (1,))]
    weights[1][:], weights[3][:] = 1, 10  # e = 10 tanh x_t': from -10 to 10
    x = np.full((1, 9, 1), -9, np.float32)
    outputs = []
    for far in (-9, 9):
        x[:, 8] = far
        for published in (True, False):
            layer = AdditiveAttention(1, width=3, published=published)
            layer.build(x.shape)
            layer.set_weights(weights)
            outputs.append(keras.ops.convert_to_numpy(layer(x))[0, 0, 0])
    before, exact, shrunk, exact_too = outputs
    assert exact == exact_too
    np.testing.assert_allclose(before, -9, rtol=1e-6)
    # Two steps in the first band, the highest score 20 above theirs.
    np.testing.assert_allclose(shrunk, -9 * 2 / (2 + 1e-7 * np.exp(20)), rtol=1e-4)


def gradients(layer, x, mask=None):
    """Return the gradients of a sum over a built layer's output, for the input and the weights."""
    if keras.backend.backend() == "jax":
        import jax

        def loss(x, weights):
            output, _ = layer.stateless_call(weights, layer.non_trainable_variables, x, mask=mask)
            return keras.ops.sum(keras.ops.sin(keras.ops.cast(output, "float32")))

        weights = [weight.value for weight in layer.trainable_variables]
        by_input, by_weights = jax.grad(loss, (0, 1))(keras.ops.convert_to_tensor(x), weights)
        return numpy([by_input, *by_weights])
    import tensorflow as tf

    x = tf.constant(x)
    weights = [weight.value for weight in layer.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(tf.sin(tf.cast(layer(x, mask=mask), "float32")))
    return numpy(tape.gradient(total, [x, *weights]))


STRAINS = {
    "ordinary": signal(),
    "large": 1e4 * signal(),
    "zero": np.zeros((4, 9, 4), np.float32),
    "constant": np.full((4, 9, 4), 1e4, np.float32),
}


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("x", STRAINS.values(), ids=STRAINS)
@every_kind
def test_outputs_and_gradients_are_finite(attention_type, x, dtype):
    for mask in (None, MASK):
        layer = KINDS[attention_type](causal=mask is not None, dtype=dtype)
        output, scores = layer(x, mask=mask, return_attention_scores=True)
        for tensor in (output, scores):
            assert keras.backend.standardize_dtype(tensor.dtype) == dtype.removeprefix("mixed_")
        arrays = [*numpy([keras.ops.cast(t, "float32") for t in (output, scores)])]
        arrays += gradients(layer, x, mask)
        assert all(np.isfinite(array).all() for array in arrays)


@every_kind
def test_lower_precision_is_near(attention_type):
    layer = KINDS[attention_type]()
    exact = numpy([layer(signal())])[0]
    for dtype in ("mixed_bfloat16", "mixed_float16", "bfloat16", "float16"):
        rounded = KINDS[attention_type](dtype=dtype)
        rounded.build((4, 9, 4))
        rounded.set_weights(layer.get_weights())
        output = keras.ops.cast(rounded(signal()), "float32")
        np.testing.assert_allclose(*numpy([output]), exact, atol=0.05)


@every_kind
def test_equal_steps_are_averaged(attention_type):
    x = np.ones((1, 9, 4), np.float32)
    _, scores = numpy(KINDS[attention_type]()(x, return_attention_scores=True))
    np.testing.assert_allclose(scores, 1 / 9, atol=1e-6)


@every_kind
def test_the_mask_goes_on_as_keras_has_it(attention_type):
    x = signal((2, 5, 4))
    x[:, 3:] = 0
    masked = keras.layers.Masking()(x)
    layer = KINDS[attention_type]()
    output = layer(masked)
    valid = np.arange(5) < 3
    np.testing.assert_array_equal(*numpy([output, layer(x, mask=np.stack([valid] * 2))]))
    np.testing.assert_array_equal(numpy([output._keras_mask])[0], np.stack([valid] * 2))


def test_one_head_without_projections_is_the_scaled_dot_product():
    x = signal()
    layer = MultiHeadAttention(1)
    layer.build(x.shape)
    layer.set_weights([np.eye(4)] * 4)
    output, plain = numpy([layer(x), ScaledDotProductAttention()(x)])
    np.testing.assert_allclose(output, plain, atol=1e-5)


def test_heads_that_do_not_divide_the_channels():
    with pytest.raises(ValueError, match="3 heads do not divide 4 channels"):
        MultiHeadAttention(3)(signal())


@pytest.mark.parametrize("width", range(1, 6))
def test_masks_are_what_they_say(width):
    made = numpy([masks.full(7), masks.causal(7), masks.banded(7, width), masks.padding(MASK)])
    np.testing.assert_array_equal(made[0], seen(7))
    np.testing.assert_array_equal(made[1], seen(7, causal=True))
    np.testing.assert_array_equal(made[2], seen(7, width))
    np.testing.assert_array_equal(made[3], [seen(9, mask=row) for row in MASK])
