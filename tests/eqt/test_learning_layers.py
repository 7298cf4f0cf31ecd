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
    """Return what a layer gives in training, the slopes it hands on, and its weights after."""
    x = tf.constant(x)
    layer.build(x.shape)
    for weight in layer.trainable_variables:
        weight.assign(weight + np.arange(1.0, 5.0))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
        total = tf.reduce_sum(tf.sin(tf.cast(y, tf.float32)))
    slopes = tape.gradient(total, [x, *(one.value for one in layer.trainable_variables)])
    return [y, *slopes, *layer.variables]


@pytest.mark.parametrize("dtype", ["float32", "float64", "mixed_bfloat16"])
def test_batch_normalisation_is_that_of_keras(dtype):
    ours, theirs = (
        trained(kind(momentum=0.8, dtype=dtype), signal((3, 9, 4)) * 3 + 2)
        for kind in (BatchNormalization, keras.layers.BatchNormalization)
    )
    near = {"float32": 1e-5, "float64": 1e-12, "mixed_bfloat16": 2e-2}[dtype]
    assert len(ours) == 8
    for mine, same in zip(ours, theirs, strict=True):
        assert mine.dtype == same.dtype
        np.testing.assert_allclose(np.float64(mine), np.float64(same), atol=near, rtol=near)


def test_batch_normalisation_predicts_and_freezes_as_that_of_keras():
    layer = BatchNormalization()
    trained(layer, signal())
    other = keras.layers.BatchNormalization.from_config(layer.get_config())
    other.build((2, 9, 4))
    other.set_weights(layer.get_weights())
    np.testing.assert_array_equal(layer(signal()), other(signal()))
    layer.trainable = False
    np.testing.assert_array_equal(layer(signal(), training=True), other(signal()))
    np.testing.assert_array_equal(layer.get_weights(), other.get_weights())


@pytest.mark.parametrize("rate", [0.0, 0.4])
def test_channel_dropout_is_that_of_keras(rate):
    kinds = ChannelDropout, keras.layers.SpatialDropout1D
    ours, theirs = (trained(kind(rate, seed=3), signal()) for kind in kinds)
    assert (np.asarray(ours[0]) == 0).any() == (rate > 0)
    for mine, same in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine, same)
