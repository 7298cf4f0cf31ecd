"""Kernels against the plain layers, Keras's own or the equations: each layer, and the network."""

from contextlib import contextmanager
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from eqt.config import EQTConfig
from eqt.kernels import xla
from eqt.layers import (
    LSTM,
    AdditiveAttention,
    BidirectionalLSTM,
    PackedConv1D,
    UpsampleConv1D,
    attention,
    convolution,
    hard_sigmoid,
    recurrent,
)
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


KERNELS = {"additive_attention", "lstm", "packed_conv", "upsampled_conv"}
LSTM_SETTINGS = {"return_sequences": True, "recurrent_activation": hard_sigmoid}
LAYERS = {
    "attention": AdditiveAttention(5),
    "band": AdditiveAttention(5, width=3),
    "causal": AdditiveAttention(5, width=4, causal=True, published=False),
    "packed convolution": PackedConv1D(4, 5, 8, activation="relu"),
    "head": PackedConv1D(1, 11, 8, activation="sigmoid"),
    "upsampling": UpsampleConv1D(4, 7, activation="relu"),
    "cropped": UpsampleConv1D(4, 4, crop=3),
    "LSTM": LSTM(5, **LSTM_SETTINGS),
    "BiLSTM": BidirectionalLSTM(
        LSTM(5, **LSTM_SETTINGS), backward_layer=LSTM(5, go_backwards=True, **LSTM_SETTINGS)
    ),
}


@pytest.fixture
def plain_layers(monkeypatch):
    """Return a context in which every layer computes its plain formula."""

    @contextmanager
    def context():
        with monkeypatch.context() as patch:
            patch.setattr(xla, "is_tensorflow", lambda: False)
            for module in (attention, convolution, recurrent):
                for name in KERNELS & vars(module).keys():
                    patch.setattr(module, name, None)  # a call would fail
            yield

    return context


def learnt(model, x):
    """Return the outputs, and the gradients of a scalar of them for the input and all weights."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = model(x, training=False)
        if isinstance(outputs, list):
            outputs = tf.math.log(tf.concat(outputs, axis=-1))
        wave = tf.sin(tf.range(tf.size(outputs), dtype=outputs.dtype))
        total = tf.reduce_sum(tf.reshape(outputs, [-1]) * wave)
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
def test_outputs_and_gradients_are_those_of_the_plain_layers(config, precision, plain_layers):
    model = build_model(config, seed=1)
    random = np.random.default_rng(0)
    for variable in model.variables:
        if variable.path.endswith(("bias", "beta", "moving_mean", "ba", "bh")):
            variable.assign(random.normal(0, 0.3, variable.shape))
    x = random.normal(size=(3, config.input_length, 3)).astype(precision)
    outputs, gradients = learnt(model, x)
    with plain_layers():
        reference = build_model(config, seed=3)
        reference.set_weights(model.get_weights())
        expected, expected_gradients = learnt(reference, x)
    # What float32 leaves of sums that nearly vanish says little: float64 does.
    # The 1e-7 of attention, whose maximum has no gradient here, changes gradients by 1e-8.
    atol, grad_atol = {"float32": (1e-5, 3e-5), "float64": (1e-12, 3e-8)}[precision]
    np.testing.assert_allclose(outputs, expected, atol=atol)
    assert len(gradients) == len(expected_gradients) > 60
    largest = max(np.abs(gradient).max() for gradient in expected_gradients)
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(gradient, expected_gradient, atol=grad_atol * largest)


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_each_kernel_is_its_plain_layer(layer, plain_layers):
    layer = type(layer).from_config(layer.get_config())
    layer.build((3, 24, 4))
    random = np.random.default_rng(0)
    layer.set_weights([random.normal(size=weight.shape) for weight in layer.weights])
    x = random.normal(size=(3, 24, 4)).astype("f4")
    outputs, gradients = learnt(layer, x)
    with plain_layers():
        expected, expected_gradients = learnt(layer, x)
    np.testing.assert_allclose(outputs, expected, atol=2e-5)
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        tolerance = 2e-5 * max(1, np.abs(expected_gradient).max())
        np.testing.assert_allclose(gradient, expected_gradient, atol=tolerance)
