"""Our LSTMs against Keras's, forwards and back, with dropout and without."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from eqt.layers import LSTM, BidirectionalLSTM, hard_sigmoid

UNITS = 5
GATES = {"sigmoid": "sigmoid", "hard": hard_sigmoid}
WAYS = {"forwards": False, "both ways": True}

every_gate = pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
every_way = pytest.mark.parametrize("both", WAYS.values(), ids=WAYS)


def signal(shape=(3, 7, 4), seed=0):
    """Make a random signal."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def layer_of(kind, both_kind, both, **settings):
    """Build a layer, or one for both ways, with biases that are not zero."""
    settings = {
        "return_sequences": True,
        "bias_initializer": keras.initializers.RandomNormal(seed=1),
        "unit_forget_bias": False,
        **settings,
    }
    if not both:
        layer = kind(UNITS, seed=1, **settings)
    else:
        back = kind(UNITS, seed=2, go_backwards=True, **settings)
        layer = both_kind(kind(UNITS, seed=1, **settings), backward_layer=back)
    layer.build((None, None, 4))
    return layer


def pair(both, **settings):
    """Build one of ours and one of Keras's with the same weights."""
    ours = layer_of(LSTM, BidirectionalLSTM, both, **settings)
    theirs = layer_of(keras.layers.LSTM, keras.layers.Bidirectional, both, **settings)
    theirs.set_weights(ours.get_weights())
    return ours, theirs


def learnt(layer, x, training=False):
    """Return the outputs, and the slopes of a number made of them for x and the weights."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = layer(x, training=training)
        wave = tf.sin(tf.range(tf.size(outputs), dtype=outputs.dtype))
        total = tf.reduce_sum(tf.reshape(outputs, [-1]) * wave)
    return outputs, tape.gradient(total, [x, *(one.value for one in layer.trainable_variables)])


@every_gate
@every_way
def test_outputs_and_gradients_are_kerass(gate, both):
    ours, theirs = pair(both, recurrent_activation=gate)
    x = 2 * signal()
    (outputs, slopes), (wanted, wanted_slopes) = learnt(ours, x), learnt(theirs, x)
    np.testing.assert_allclose(outputs, wanted, atol=1e-6)
    for slope, same in zip(slopes, wanted_slopes, strict=True):
        np.testing.assert_allclose(slope, same, atol=1e-5)


@every_gate
@every_way
def test_what_dropout_leaves_is_dropped_everywhere(gate, both, monkeypatch):
    # Keras draws four masks one by one, ours are one draw: here both get the same, by their rates.
    def drawn(inputs, rate, seed=None, noise_shape=None):
        mask = np.random.default_rng(int(100 * rate)).random(inputs.shape[-2:]) >= rate
        return inputs * tf.constant(mask / (1 - rate), inputs.dtype)

    monkeypatch.setattr(keras.random, "dropout", drawn)
    monkeypatch.setattr("keras.src.backend.random.dropout", drawn)
    rates = {"dropout": 0.5, "recurrent_dropout": 0.4}
    ours, theirs = pair(both, recurrent_activation=gate, **rates)
    x = signal()
    (outputs, slopes), (wanted, wanted_slopes) = (learnt(one, x, True) for one in (ours, theirs))
    assert np.abs(outputs - ours(x)).max() > 0.01
    np.testing.assert_allclose(outputs, wanted, atol=1e-6)
    for slope, same in zip(slopes, wanted_slopes, strict=True):
        np.testing.assert_allclose(slope, same, atol=1e-5)


@every_way
def test_each_step_drops_the_same_and_each_batch_something_else(both):
    ours, _ = pair(both, dropout=0.5)
    x = np.ones((200, 7, 4), np.float32)
    first, second = ours(x, training=True), ours(x, training=True)
    assert np.abs(first - second).max() > 0.01
    # A seed is a result, and traces differ.
    again, _ = pair(both, dropout=0.5)
    again.set_weights(ours.get_weights())
    np.testing.assert_array_equal(again(x, training=True), first)
    assert np.std(first, axis=0).min() > 0.001
    # Inverted dropout: what is left is scaled up, so that the mean of x stays.
    assert abs(np.mean(first) - np.mean(ours(x))) < 0.05


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
    ours, theirs = pair(False, **setting)
    for one, same in zip(
        tf.nest.flatten(ours(signal())), tf.nest.flatten(theirs(signal())), strict=True
    ):
        np.testing.assert_allclose(one, same, atol=1e-6)


@every_way
def test_masks_and_initial_states_are_kerass(both):
    ours, theirs = pair(both)
    x, mask = signal(), np.arange(7) < np.array([[7], [4], [1]])
    state = [signal((3, UNITS), seed) for seed in range(4 if both else 2)]
    for setting in ({"mask": mask}, {"initial_state": state}):
        np.testing.assert_allclose(ours(x, **setting), theirs(x, **setting), atol=1e-6)


@every_way
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_lower_precision_is_near_and_finite(both, policy):
    ours, theirs = pair(both, dtype=policy, dropout=0.1), pair(both)[0]
    ours[0].set_weights(theirs.get_weights())
    outputs, slopes = learnt(ours[0], signal(), training=True)
    assert outputs.dtype == keras.DTypePolicy(policy).compute_dtype
    assert all(np.isfinite(tf.cast(slope, "float32")).all() for slope in slopes)
    exact = theirs(signal())
    np.testing.assert_allclose(tf.cast(ours[0](signal()), "float32"), exact, atol=0.02)


@every_way
def test_a_layer_comes_back_from_its_config(both):
    ours, _ = pair(both, recurrent_activation=hard_sigmoid, dropout=0.2)
    serial = keras.saving.serialize_keras_object(ours)
    assert serial["registered_name"].startswith("eqt>")
    again = keras.saving.deserialize_keras_object(serial)
    assert type(again) is type(ours)
    assert again.get_config() == ours.get_config()
