"""A network that takes the halves of a batch side by side computes what it does with the whole."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import TINY

from eqt.kernels.batch_halves import run_in_halves
from eqt.model import build_model

NETWORK = replace(
    TINY,
    input_length=128,
    residual_kernels=(3,),
    encoder_rnn=("bilstm", "gru"),
    picker_rnn=("lstm",),
    dropout=0.0,
)


def waves(count, seed=0):
    """Make some random waveforms."""
    random = np.random.default_rng(seed)
    return tf.constant(random.standard_normal((count, 128, 3)), tf.float32)


@tf.function
def learnt(network, weights, x):
    """Return the outputs, and the slopes of a number made of them for all weights."""
    with tf.GradientTape() as tape:
        outputs = tf.concat(network(x, training=True), axis=-1)
        wave = tf.sin(tf.range(tf.size(outputs), dtype=tf.float32))
        total = tf.reduce_sum(tf.reshape(outputs, [-1]) * wave)
    return outputs, tape.gradient(total, weights)


@pytest.mark.parametrize(("count", "parts"), [(2, 2), (5, 2), (1, 1), (5, 1)])
@pytest.mark.parametrize("training", [False, True])
def test_outputs_are_those_of_the_network(count, parts, training):
    model = build_model(NETWORK)
    outputs = run_in_halves(model, parts)(waves(count), training=training)
    for output, same in zip(outputs, model(waves(count), training=training), strict=True):
        assert output.shape == same.shape
        np.testing.assert_allclose(output, same, atol=1e-6)


@pytest.mark.parametrize("count", [4, 5])
@pytest.mark.parametrize("frozen", [(), ("residual_1_norm_a", "bilstm_1_norm")])
def test_it_learns_what_the_network_does(count, frozen):
    reference, halves = build_model(NETWORK, seed=1), build_model(NETWORK, seed=1)
    for model in (reference, halves):
        for name in frozen:
            model.get_layer(name).trainable = False
    pairs = [(reference, reference), (run_in_halves(halves), halves)]
    (outputs, grads), (same, expected_grads) = (
        learnt(network, [one.value for one in model.trainable_variables], waves(count))
        for network, model in pairs
    )
    np.testing.assert_allclose(outputs, same, atol=1e-6)
    max_grad = max(np.abs(grad).max() for grad in grads)
    for grad, expected_value in zip(grads, expected_grads, strict=True):
        np.testing.assert_allclose(grad, expected_value, atol=1e-5 * max_grad)
    means = [one for one in reference.weights if "moving" in one.path]
    moved = [np.abs(one - keras.ops.full_like(one, "variance" in one.path)).max() for one in means]
    assert len(moved) > 4 and sum(np.array(moved) > 1e-4) == len(moved) - 2 * len(frozen)
    for weight, expected_value in zip(reference.get_weights(), halves.get_weights(), strict=True):
        np.testing.assert_allclose(weight, expected_value, atol=1e-6)


def sums_in_any_order(network, weights):
    """List sums of three and more that begin with whatever has its memory free first.

    TensorFlow adds to the first of them that nobody else holds; a reshaped one shares its memory.
    """
    graph = learnt.get_concrete_function(network, weights, waves(4)).graph.as_graph_def()
    made_by = {node.name: node.op for node in graph.node}
    sums = [node for node in graph.node if node.op == "AddN" and node.attr["N"].i > 2]
    return [node for node in sums if made_by[node.input[0]] in ("Reshape", "Identity")]


@pytest.mark.parametrize("parts", [1, 2])
def test_slopes_of_three_branches_are_added_up_in_one_order(parts):
    model = build_model(NETWORK)
    weights = [weight.value for weight in model.trainable_variables]
    assert sums_in_any_order(model, weights)
    assert not sums_in_any_order(run_in_halves(model, parts), weights)


def test_each_trace_has_a_dropout_of_its_own():
    model = build_model(replace(NETWORK, dropout=0.4))
    repeated = tf.repeat(waves(1), 6, axis=0)
    outputs = run_in_halves(model)(repeated, training=True)[1].numpy()
    assert len({output.tobytes() for output in outputs}) == 6


def test_the_loss_finds_the_logits():
    (output, *_) = run_in_halves(build_model(NETWORK))(waves(3), training=True)
    assert output._keras_logits.shape == output.shape
