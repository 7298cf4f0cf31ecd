"""The network against the plain reading of the paper, layer by layer, in Keras's own layers."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from eqt import blocks
from eqt.config import EQTConfig
from eqt.layers import AdditiveAttention
from eqt.model import build_model

SMALL = EQTConfig(
    input_length=208,
    filters=(8, 4, 8),
    kernels=(11, 4, 7),
    residual_kernels=(3, 2),
    encoder_rnn=("bilstm", "lstm"),
    rnn_units=4,
    attention_units=5,
    feed_forward=8,
    head_kernel=11,
)
SETTINGS = {
    "published": SMALL,
    "cropped": replace(SMALL, input_length=202),
    "hard gates": replace(SMALL, gate="hard_sigmoid"),
}


class Conv(keras.layers.Conv1D):
    """Keras's convolution, given the arguments of `WideConv1D`."""

    def __init__(self, filters, kernel_size, together=1, **kwargs):
        super().__init__(filters, kernel_size, padding="same", **kwargs)


class UpsampleConv(keras.layers.Conv1D):
    """Upsampling, cropping and Keras's convolution, one after the other."""

    def __init__(self, filters, kernel_size, crop=0, **kwargs):
        super().__init__(filters, kernel_size, padding="same", **kwargs)
        self.crop = crop

    def call(self, inputs):
        repeated = tf.repeat(inputs, 2, axis=1)
        return super().call(repeated[:, self.crop : repeated.shape[1] - self.crop])

    def compute_output_shape(self, shape):
        return shape[0], 2 * (shape[1] - self.crop), self.filters


class Attention(AdditiveAttention):
    """The published attention as its equations are written."""

    def attention_output(self, x, mask, band):
        hidden = tf.tanh((x @ self.Wt)[:, :, None] + (x @ self.Wx)[:, None] + self.bh)
        scores = (hidden @ self.Wa)[..., 0] + self.ba
        highest = tf.reduce_max(scores, axis=-1, keepdims=True)
        weights = tf.exp(scores - highest) * tf.cast(band, x.dtype)
        weights = weights / (tf.reduce_sum(weights, axis=-1, keepdims=True) + 1e-7)
        return weights @ x, weights


def plain(config, monkeypatch):
    """Build the network of Keras's own layers, and of the equations where it has none."""
    with monkeypatch.context() as patch:
        patch.setattr(blocks, "WideConv1D", Conv)
        patch.setattr(blocks, "UpsampleConv1D", UpsampleConv)
        patch.setattr(blocks, "AdditiveAttention", Attention)
        patch.setattr(blocks, "BatchNormalization", keras.layers.BatchNormalization)
        patch.setattr(blocks, "ChannelDropout", keras.layers.SpatialDropout1D)
        patch.setitem(blocks._RNN, "lstm", keras.layers.LSTM)
        patch.setitem(blocks._BIDIRECTIONAL, "lstm", keras.layers.Bidirectional)
        return build_model(config, seed=3)


def learnt(model, x):
    """Return the outputs, and the gradients of a scalar of them for the input and all weights."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = tf.concat(model(x, training=False), axis=-1)
        wave = tf.sin(tf.range(tf.size(outputs), dtype=outputs.dtype))
        total = tf.reduce_sum(tf.reshape(tf.math.log(outputs), [-1]) * wave)
    return outputs, tape.gradient(
        total, [x, *(weight.value for weight in model.trainable_variables)]
    )


@pytest.fixture(params=["float32", "float64"])
def precision(request):
    """Let layers be made in one of two precisions."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("config", SETTINGS.values(), ids=SETTINGS)
def test_outputs_and_gradients_are_those_of_the_plain_reading(config, precision, monkeypatch):
    model, reference = build_model(config, seed=1), plain(config, monkeypatch)
    random = np.random.default_rng(0)
    for variable in model.variables:
        if variable.path.endswith(("bias", "beta", "moving_mean", "ba", "bh")):
            variable.assign(random.normal(0, 0.3, variable.shape))
    reference.set_weights(model.get_weights())
    x = random.normal(size=(3, config.input_length, 3)).astype(precision)
    (outputs, gradients), (expected, expected_gradients) = learnt(model, x), learnt(reference, x)
    # What float32 leaves of sums that nearly vanish says little: float64 does.
    # The 1e-7 of attention, whose maximum has no gradient here, changes gradients by 1e-8.
    atol, grad_atol = {"float32": (1e-5, 3e-5), "float64": (1e-12, 3e-8)}[precision]
    np.testing.assert_allclose(outputs, expected, atol=atol)
    assert len(gradients) == len(expected_gradients) > 60
    largest = max(np.abs(gradient).max() for gradient in expected_gradients)
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(gradient, expected_gradient, atol=grad_atol * largest)


def test_none_of_the_layers_above_is_left_out(monkeypatch):
    class_names = {type(layer).__name__ for layer in plain(SMALL, monkeypatch).layers}
    assert {"Conv", "UpsampleConv", "Attention", "LSTM", "Bidirectional"} <= class_names
    assert (
        not {"WideConv1D", "UpsampleConv1D", "AdditiveAttention", "BidirectionalLSTM"} & class_names
    )
