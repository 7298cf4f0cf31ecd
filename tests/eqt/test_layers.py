"""The layers against the same formulas in NumPy, and against Keras where it has the layer."""

import keras
import numpy as np
import pytest

from eqt.layers import (
    AdditiveAttention,
    BatchNormalization,
    ChannelDropout,
    DotProductAttention,
    FeedForward,
    MultiHeadAttention,
    PackedConv1D,
    RecurrentPositions,
    ScaledDotProductAttention,
    SinusoidalPositions,
    UpsampleConv1D,
    hard_sigmoid,
)

LAYERS = {
    "attention": AdditiveAttention(5, width=3, seed=7, name="attention"),
    "other attention": AdditiveAttention(5, causal=True, published=False, dtype="mixed_bfloat16"),
    "dot-product": DotProductAttention(width=3, causal=True),
    "scaled dot-product": ScaledDotProductAttention(width=3),
    "multi-head": MultiHeadAttention(2, width=3, seed=7, causal=True),
    "sinusoids": SinusoidalPositions(name="positions"),
    "recurrence": RecurrentPositions(hard_sigmoid, dropout=0.2, seed=7),
    "feed forward": FeedForward(9, dropout=0.2, seed=7, name="feed_forward"),
    "normalization": BatchNormalization(momentum=0.9, name="norm"),
    "dropout": ChannelDropout(0.2, seed=7, name="drop"),
    "wide": PackedConv1D(
        4, 3, 3, kernel_initializer=keras.initializers.GlorotUniform(0), name="wide"
    ),
    "upsampling": UpsampleConv1D(
        3, 4, crop=1, activation="relu", kernel_initializer=keras.initializers.HeNormal(7)
    ),
}


def signal(shape=(2, 9, 4), seed=0):
    """Make a random signal."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def attend(x, weights, width):
    """Transcribe the attention's formula, one pair of steps at a time."""
    Wt, Wx, bh, Wa, ba = weights
    steps = len(x)
    score = np.array([[(np.tanh(t @ Wt + u @ Wx + bh) @ Wa + ba).item() for u in x] for t in x])
    weight = np.exp(score - score.max(axis=1, keepdims=True))
    for t in range(steps):
        for u in range(steps):
            if width and not t - width // 2 <= u < t - width // 2 + width:
                weight[t, u] = 0
    weight /= weight.sum(axis=1, keepdims=True) + 1e-7
    return weight @ x, weight


@pytest.mark.parametrize("width", [None, 1, 2, 3, 5])
def test_attention_is_its_formula(width):
    x = signal()
    layer = AdditiveAttention(5, width)
    layer.build(x.shape)
    layer.set_weights([signal(w.shape, seed=i) for i, w in enumerate(layer.weights)])
    output, weights = map(np.asarray, layer(x, return_attention_scores=True))
    for i in range(len(x)):
        expected_output, expected_weights = attend(x[i], layer.get_weights(), width)
        np.testing.assert_allclose(output[i], expected_output, atol=1e-5)
        np.testing.assert_allclose(weights[i], expected_weights, atol=1e-5)
    np.testing.assert_array_equal(output, layer(x))


def test_a_band_lets_nothing_through():
    x = signal()
    layer = AdditiveAttention(5, width=3)
    before, weights = map(np.asarray, layer(x, return_attention_scores=True))
    far = np.abs(np.subtract.outer(range(9), range(9))) > 1
    assert (weights[:, far] == 0).all()
    x[:, 6] += 1
    after = np.asarray(layer(x))
    # The 1e-7 in the denominator is all that a distant step can move.
    np.testing.assert_allclose(after[:, :5], before[:, :5], atol=1e-5)
    assert (np.abs(after - before)[:, 5:8].max(axis=(0, 2)) > 1e-2).all()


def test_feed_forward_is_its_formula():
    x = signal()
    layer = FeedForward(9, dropout=0.5)
    layer.build(x.shape)
    W1, b1, W2, b2 = arrays = [signal(w.shape, seed=i) for i, w in enumerate(layer.weights)]
    layer.set_weights(arrays)
    np.testing.assert_allclose(layer(x), np.maximum(x @ W1 + b1, 0) @ W2 + b2, atol=1e-4)
    assert np.abs(np.asarray(layer(x, training=True)) - layer(x)).max() > 1e-2


def test_feed_forward_hands_the_mask_on():
    x = signal()
    x[:, 5:] = 0
    valid = FeedForward(9)(keras.layers.Masking()(x))._keras_mask
    np.testing.assert_array_equal(valid, np.arange(9)[None].repeat(2, 0) < 5)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_layers_in_mixed_precision(layer, dtype):
    rounded = type(layer).from_config({**layer.get_config(), "dtype": dtype})
    output = rounded(signal())
    assert keras.backend.standardize_dtype(output.dtype) == dtype.removeprefix("mixed_")
    exact = type(layer).from_config({**layer.get_config(), "dtype": "float32"})
    exact.build((2, 9, 4))
    exact.set_weights(rounded.get_weights())
    np.testing.assert_allclose(keras.ops.cast(output, "float32"), exact(signal()), atol=0.1)


def test_hard_sigmoid_is_the_one_of_keras_2():
    x = np.linspace(-4, 4, 81, dtype=np.float32)
    np.testing.assert_allclose(hard_sigmoid(x), np.clip(0.2 * x + 0.5, 0, 1), atol=1e-6)
    assert np.abs(np.asarray(hard_sigmoid(x)) - keras.activations.hard_sigmoid(x)).max() > 0.05


def plainly(fast, x):
    """Convolve with the weights of a fast layer as Keras does."""
    width, activation = fast.kernel_size[0], fast.activation
    plain = keras.layers.Conv1D(fast.filters, width, padding="same", activation=activation)
    plain.build(x.shape)
    plain.set_weights(fast.get_weights())
    return plain(x)


@pytest.mark.parametrize("crop", [0, 1, 2, 3, 6])
@pytest.mark.parametrize("width", range(1, 13))
def test_upsampling_convolution_is_the_plain_one(width, crop):
    x = signal((2, 7, 5))
    fast = UpsampleConv1D(4, width, crop, activation="relu", bias_initializer="ones")
    output = np.asarray(fast(x))
    repeated = np.asarray(keras.layers.UpSampling1D(2)(x))[:, crop : 14 - crop]
    np.testing.assert_allclose(output, plainly(fast, repeated), atol=1e-5)
    assert fast.compute_output_shape(x.shape) == output.shape


@pytest.mark.parametrize("together", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("width", range(1, 13))
def test_a_wide_convolution_is_the_plain_one(width, together):
    x = signal((2, 24, 5))
    fast = PackedConv1D(4, width, together, activation="relu", bias_initializer="ones")
    output = np.asarray(fast(x))
    np.testing.assert_allclose(output, plainly(fast, x), atol=1e-5)
    assert fast.compute_output_shape(x.shape) == output.shape


def test_steps_that_do_not_divide_are_convolved_the_plain_way():
    x = signal((2, 25, 5))
    fast, plain = PackedConv1D(4, 5, 8), keras.layers.Conv1D(4, 5, padding="same")
    output = fast(x)
    plain.build(x.shape)
    plain.set_weights(fast.get_weights())
    np.testing.assert_array_equal(output, plain(x))


def test_upsampling_convolution_keeps_the_penalties_of_the_plain_one():
    penalty = {"kernel_regularizer": "l2", "bias_regularizer": "l1", "bias_initializer": "ones"}
    fast = UpsampleConv1D(4, 5, **penalty)
    fast(signal())
    plain = keras.layers.Conv1D(4, 5, **penalty)
    plain.build((2, 9, 4))
    plain.set_weights(fast.get_weights())
    np.testing.assert_allclose(fast.losses, plain.losses)


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_layers_come_back_from_their_config(layer):
    serial = keras.saving.serialize_keras_object(layer)
    assert serial["registered_name"].startswith("eqt>")
    restored = keras.saving.deserialize_keras_object(serial)
    assert type(restored) is type(layer)
    assert restored.get_config() == layer.get_config()
    np.testing.assert_array_equal(restored(signal()), layer(signal()))
    assert (
        keras.layers.deserialize(keras.layers.serialize(layer)).get_config()
        == restored.get_config()
    )


def test_gates_come_back_from_their_config():
    layer = keras.layers.LSTM(4, recurrent_activation=hard_sigmoid)
    restored = keras.layers.LSTM.from_config(layer.get_config())
    assert restored.recurrent_activation is hard_sigmoid
