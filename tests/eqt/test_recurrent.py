"""LSTM layers against those of Keras, outputs and gradients, with dropout and without."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from eqt.layers import LSTM, BidirectionalLSTM, hard_sigmoid

UNITS = 5
GATES = {"sigmoid": "sigmoid", "hard": hard_sigmoid}
WAYS = {"forwards": False, "both ways": True}

every_gate = pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
every_way = pytest.mark.parametrize("is_bidirectional", WAYS.values(), ids=WAYS)


def signal(shape=(3, 7, 4), seed=0):
    """Make a random signal."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def layer_of(layer_class, bidirectional_class, is_bidirectional, **settings):
    """Build a layer, or one for both ways, with biases that are not zero."""
    settings = {
        "return_sequences": True,
        "bias_initializer": keras.initializers.RandomNormal(seed=1),
        "unit_forget_bias": False,
        **settings,
    }
    if not is_bidirectional:
        layer = layer_class(UNITS, seed=1, **settings)
    else:
        backward = layer_class(UNITS, seed=2, go_backwards=True, **settings)
        layer = bidirectional_class(layer_class(UNITS, seed=1, **settings), backward_layer=backward)
    layer.build((None, None, 4))
    return layer


def pair(is_bidirectional, **settings):
    """Build one of ours and one of Keras's with the same weights."""
    fast = layer_of(LSTM, BidirectionalLSTM, is_bidirectional, **settings)
    reference = layer_of(
        keras.layers.LSTM, keras.layers.Bidirectional, is_bidirectional, **settings
    )
    reference.set_weights(fast.get_weights())
    return fast, reference


def learnt(layer, x, training=False):
    """Return the outputs, and the gradients of a scalar of them for x and the weights."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = layer(x, training=training)
        wave = tf.sin(tf.range(tf.size(outputs), dtype=outputs.dtype))
        total = tf.reduce_sum(tf.reshape(outputs, [-1]) * wave)
    return outputs, tape.gradient(
        total, [x, *(weight.value for weight in layer.trainable_variables)]
    )


@every_gate
@every_way
def test_outputs_and_gradients_are_kerass(gate, is_bidirectional):
    fast, reference = pair(is_bidirectional, recurrent_activation=gate)
    x = 2 * signal()
    (outputs, gradients), (expected, expected_gradients) = learnt(fast, x), learnt(reference, x)
    np.testing.assert_allclose(outputs, expected, atol=1e-6)
    for gradient, expected_value in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(gradient, expected_value, atol=1e-5)


@every_gate
@every_way
def test_what_dropout_leaves_is_dropped_everywhere(gate, is_bidirectional, monkeypatch):
    # Keras draws four masks one by one, ours are one draw: here both get the same, by their rates.
    def drawn(inputs, rate, seed=None, noise_shape=None):
        mask = np.random.default_rng(int(100 * rate)).random(inputs.shape[-2:]) >= rate
        return inputs * tf.constant(mask / (1 - rate), inputs.dtype)

    monkeypatch.setattr(keras.random, "dropout", drawn)
    monkeypatch.setattr("keras.src.backend.random.dropout", drawn)
    rates = {"dropout": 0.5, "recurrent_dropout": 0.4}
    fast, reference = pair(is_bidirectional, recurrent_activation=gate, **rates)
    x = signal()
    (outputs, gradients), (expected, expected_gradients) = (
        learnt(layer, x, True) for layer in (fast, reference)
    )
    assert np.abs(outputs - fast(x)).max() > 0.01
    np.testing.assert_allclose(outputs, expected, atol=1e-6)
    for gradient, expected_value in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(gradient, expected_value, atol=1e-5)


@every_way
def test_each_step_drops_the_same_and_each_batch_something_else(is_bidirectional):
    fast, _ = pair(is_bidirectional, dropout=0.5)
    x = np.ones((200, 7, 4), np.float32)
    first, second = fast(x, training=True), fast(x, training=True)
    assert np.abs(first - second).max() > 0.01
    # A seed is a result, and traces differ.
    restored, _ = pair(is_bidirectional, dropout=0.5)
    restored.set_weights(fast.get_weights())
    np.testing.assert_array_equal(restored(x, training=True), first)
    assert np.std(first, axis=0).min() > 0.001
    # Inverted dropout: what is left is scaled up, so that the mean of x stays.
    assert abs(np.mean(first) - np.mean(fast(x))) < 0.05


def test_one_rate_alone_leaves_the_other_whole():
    alone, _ = pair(False, recurrent_dropout=0.5)
    x = signal((50, 2, 4))
    outputs, undropped = alone(x, training=True), alone(x)
    np.testing.assert_allclose(outputs[:, 0], undropped[:, 0], atol=1e-6)
    assert np.abs(outputs[:, 1] - undropped[:, 1]).max() > 0.001


UNUSUAL = {
    "last state": {"return_sequences": False},
    "states too": {"return_state": True},
    "backwards": {"go_backwards": True},
    "no bias": {"use_bias": False},
    "other activation": {"activation": "relu"},
    "other gate": {"recurrent_activation": "relu"},
}


@pytest.mark.parametrize("setting", UNUSUAL.values(), ids=UNUSUAL)
def test_what_the_network_does_not_ask_for_is_kerass(setting):
    fast, reference = pair(False, **setting)
    for value, expected_value in zip(
        tf.nest.flatten(fast(signal())), tf.nest.flatten(reference(signal())), strict=True
    ):
        np.testing.assert_allclose(value, expected_value, atol=1e-6)


@every_way
def test_masks_and_initial_states_are_kerass(is_bidirectional):
    fast, reference = pair(is_bidirectional)
    x, mask = signal(), np.arange(7) < np.array([[7], [4], [1]])
    state = [signal((3, UNITS), seed) for seed in range(4 if is_bidirectional else 2)]
    for setting in ({"mask": mask}, {"initial_state": state}):
        np.testing.assert_allclose(fast(x, **setting), reference(x, **setting), atol=1e-6)


@every_way
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_lower_precision_is_near_and_finite(is_bidirectional, policy):
    fast, reference = pair(is_bidirectional, dtype=policy, dropout=0.1), pair(is_bidirectional)[0]
    fast[0].set_weights(reference.get_weights())
    outputs, gradients = learnt(fast[0], signal(), training=True)
    assert outputs.dtype == keras.DTypePolicy(policy).compute_dtype
    assert all(np.isfinite(tf.cast(gradient, "float32")).all() for gradient in gradients)
    exact = reference(signal())
    np.testing.assert_allclose(tf.cast(fast[0](signal()), "float32"), exact, atol=0.02)


@every_way
def test_a_layer_comes_back_from_its_config(is_bidirectional):
    fast, _ = pair(is_bidirectional, recurrent_activation=hard_sigmoid, dropout=0.2)
    serial = keras.saving.serialize_keras_object(fast)
    assert serial["registered_name"].startswith("eqt>")
    restored = keras.saving.deserialize_keras_object(serial)
    assert type(restored) is type(fast)
    assert restored.get_config() == fast.get_config()
