"""Layers of Keras's that learn in fewer operations: the same, forwards and back."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from eqt.layers import BatchNormalization, ChannelDropout


def signal(shape=(2, 9, 4)):
    """Make a random signal."""
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def trained(layer, x):
    """Return the outputs of a layer in training, its gradients, and its weights after."""
    x = tf.constant(x)
    layer.build(x.shape)
    for weight in layer.trainable_variables:
        weight.assign(weight + np.arange(1.0, 5.0))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
        total = tf.reduce_sum(tf.sin(tf.cast(y, tf.float32)))
    gradients = tape.gradient(total, [x, *(weight.value for weight in layer.trainable_variables)])
    return [y, *gradients, *layer.variables]


@pytest.mark.parametrize("dtype", ["float32", "float64", "mixed_bfloat16"])
def test_batch_normalisation_is_that_of_keras(dtype):
    fast_arrays, reference_arrays = (
        trained(layer_class(momentum=0.8, dtype=dtype), signal((3, 9, 4)) * 3 + 2)
        for layer_class in (BatchNormalization, keras.layers.BatchNormalization)
    )
    tolerance = {"float32": 1e-5, "float64": 1e-12, "mixed_bfloat16": 2e-2}[dtype]
    assert len(fast_arrays) == 8
    for array, expected_array in zip(fast_arrays, reference_arrays, strict=True):
        assert array.dtype == expected_array.dtype
        np.testing.assert_allclose(
            np.float64(array), np.float64(expected_array), atol=tolerance, rtol=tolerance
        )


def test_batch_normalisation_predicts_and_freezes_as_that_of_keras():
    layer = BatchNormalization()
    trained(layer, signal())
    reference = keras.layers.BatchNormalization.from_config(layer.get_config())
    reference.build((2, 9, 4))
    reference.set_weights(layer.get_weights())
    np.testing.assert_array_equal(layer(signal()), reference(signal()))
    layer.trainable = False
    np.testing.assert_array_equal(layer(signal(), training=True), reference(signal()))
    np.testing.assert_array_equal(layer.get_weights(), reference.get_weights())


@pytest.mark.parametrize("rate", [0.0, 0.4])
def test_channel_dropout_is_that_of_keras(rate):
    layer_classes = ChannelDropout, keras.layers.SpatialDropout1D
    fast_arrays, reference_arrays = (
        trained(layer_class(rate, seed=3), signal()) for layer_class in layer_classes
    )
    assert (np.asarray(fast_arrays[0]) == 0).any() == (rate > 0)
    for array, expected_array in zip(fast_arrays, reference_arrays, strict=True):
        np.testing.assert_array_equal(array, expected_array)
