"""Positional encodings against their formulas in NumPy, and what they do not touch."""

import keras
import numpy as np
import pytest

from eqt.layers import RecurrentPositions, SinusoidalPositions, hard_sigmoid


def signal(shape=(2, 9, 4), seed=0):
    """Make a random signal."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def numpy(tensor):
    """Bring a tensor to NumPy."""
    return keras.ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("channels", [1, 2, 5, 16, 31])
def test_sinusoids_are_their_formula(channels):
    x = signal((2, 50, channels))
    expected = x.astype(float)
    for t in range(50):
        for i in range(channels):
            angle = t / 10000 ** (2 * (i // 2) / channels)
            expected[:, t, i] += np.cos(angle) if i % 2 else np.sin(angle)
    np.testing.assert_allclose(numpy(SinusoidalPositions()(x)), expected, atol=1e-5)


def test_a_step_further_is_a_rotation():
    encoding = numpy(SinusoidalPositions()(np.zeros((1, 40, 6), np.float32)))[0].reshape(40, 3, 2)
    turned = encoding[..., 1] + 1j * encoding[..., 0]
    ratios = turned[5:] / turned[:-5]
    np.testing.assert_allclose(ratios, np.broadcast_to(ratios[0], ratios.shape), atol=1e-5)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def keras_2(x):
    return np.clip(0.2 * x + 0.5, 0, 1)


@pytest.mark.parametrize(("gate", "formula"), [("sigmoid", sigmoid), (hard_sigmoid, keras_2)])
def test_recurrence_is_its_formula(gate, formula):
    x = signal()
    layer = RecurrentPositions(gate)
    layer.build(x.shape)
    W, U, b = arrays = [signal(w.shape, seed=i) for i, w in enumerate(layer.weights)]
    layer.set_weights(arrays)
    h = c = np.zeros((2, 4))
    expected = x.astype(float)
    for t in range(9):
        i, f, g, o = np.split(x[:, t] @ W + h @ U + b, 4, axis=1)
        c = formula(f) * c + formula(i) * np.tanh(g)
        h = formula(o) * np.tanh(c)
        expected[:, t] += h
    np.testing.assert_allclose(numpy(layer(x)), expected, atol=1e-5)


def test_recurrence_reads_forwards_only_and_skips_invalid_steps():
    layer, x = RecurrentPositions(seed=1), signal()
    changed = x.copy()
    changed[:, 6] += 1
    before, after = numpy(layer(x)), numpy(layer(changed))
    np.testing.assert_array_equal(after[:, :6], before[:, :6])
    assert (after[:, 7:] != before[:, 7:]).any()
    valid = np.arange(9)[None].repeat(2, 0) != 6
    before, after = numpy(layer(x, mask=valid)), numpy(layer(changed, mask=valid))
    np.testing.assert_array_equal(after[valid], before[valid])


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("encoding_class", [SinusoidalPositions, RecurrentPositions])
def test_mixed_precision_is_near(encoding_class, dtype):
    rounded, exact = encoding_class(dtype=dtype), encoding_class()
    assert keras.backend.standardize_dtype(rounded(signal()).dtype) == dtype.removeprefix("mixed_")
    exact.build((2, 9, 4))
    exact.set_weights(rounded.get_weights())
    output = numpy(keras.ops.cast(rounded(signal()), "float32"))
    np.testing.assert_allclose(output, numpy(exact(signal())), atol=0.05)


@pytest.mark.parametrize("encoding_class", [SinusoidalPositions, RecurrentPositions])
def test_the_mask_goes_on_as_keras_has_it(encoding_class):
    x = signal()
    x[:, 5:] = 0
    valid = numpy(encoding_class()(keras.layers.Masking()(x))._keras_mask)
    np.testing.assert_array_equal(valid, np.arange(9)[None].repeat(2, 0) < 5)


def test_recurrent_dropout_acts_in_training_only():
    layer = RecurrentPositions(dropout=0.5)
    np.testing.assert_array_equal(numpy(layer(signal())), numpy(layer(signal())))
    assert (numpy(layer(signal(), training=True)) != numpy(layer(signal()))).any()
