"""The blocks: shapes, kinds of recurrent layers, and seeds that are not shared."""

import keras
import numpy as np
import pytest

from eqt import blocks
from eqt.config import EQTConfig
from eqt.layers import hard_sigmoid

CONFIG = EQTConfig(input_length=202, filters=(4, 8, 16), kernels=(5, 4, 3))


def graph(block, shape, *arguments, config=CONFIG):
    """Build a model of one block."""
    start = keras.Input(shape)
    return keras.Model(start, block(start, *arguments, config, 0))


def test_encoder_halves_and_rounds_up():
    assert graph(blocks.encoder, (202, 3)).output_shape == (None, 26, 16)


@pytest.mark.parametrize(
    ("filters", "channels"), [(None, 4), ((32, 16, 6), 6)], ids=["mirrored", "own filters"]
)
def test_decoder_returns_to_the_input_length(filters, channels):
    config = EQTConfig(
        input_length=202, filters=(4, 8, 16), kernels=(5, 4, 3), decoder_filters=filters
    )
    model = graph(blocks.decoder, (26, 16), "D", config=config)
    assert model.output_shape == (None, 202, channels)
    assert [layer.kernel_size for layer in model.layers[1:]] == [(3,), (4,), (5,)]


def test_residual_cnn_adds_to_its_input():
    model = graph(blocks.residual_cnn, (26, 16))
    for layer in model.layers:
        if "_conv_b" in layer.name:
            layer.set_weights([np.zeros_like(w) for w in layer.get_weights()])
    x = np.random.default_rng(0).normal(size=(2, 26, 16)).astype(np.float32)
    np.testing.assert_array_equal(model(x), x)


@pytest.mark.parametrize("gate", ["hard_sigmoid", "sigmoid"])
@pytest.mark.parametrize("layer_type", ["bilstm", "lstm", "bigru", "gru"])
def test_recurrent_layers(layer_type, gate):
    layer = blocks.recurrent(layer_type, "rnn", EQTConfig(gate=gate, dropout=0.3), 0)
    is_bidirectional = isinstance(layer, keras.layers.Bidirectional)
    assert is_bidirectional == layer_type.startswith("bi")
    for direction in (layer.forward_layer, layer.backward_layer) if is_bidirectional else (layer,):
        assert type(direction).__name__.lower() == layer_type.removeprefix("bi")
        assert direction.dropout == direction.recurrent_dropout == 0.3
        expected = hard_sigmoid if gate == "hard_sigmoid" else keras.activations.sigmoid
        assert direction.recurrent_activation is expected


def test_gru_is_that_of_the_study_with_two_biases():
    layer = blocks.recurrent("gru", "rnn", CONFIG, 0)
    layer.build((None, 26, 16))
    assert layer.cell.bias.shape == (2, 48)


def test_the_two_directions_start_apart():
    layer = blocks.recurrent("bilstm", "rnn", CONFIG, 0)
    layer.build((None, 26, 16))
    forward, backward = layer.forward_layer.get_weights(), layer.backward_layer.get_weights()
    for direction, opposite in zip(forward[:2], backward[:2], strict=True):
        assert np.abs(direction - opposite).max() > 1e-2


def test_recurrent_stack_ends_each_layer_in_a_network_in_network():
    config = EQTConfig(encoder_rnn=("bilstm", "gru"), rnn_units=6)
    model = graph(blocks.recurrent_stack, (26, 16), config=config)
    names = [layer.name for layer in model.layers[1:]]
    stacks = [[name, f"{name}_nin", f"{name}_norm"] for name in ("bilstm_1", "gru_2")]
    assert names == stacks[0] + stacks[1]
    assert model.output_shape == (None, 26, 6)


def test_network_in_network_mixes_the_channels_of_each_step_alone():
    model = graph(lambda x, config, seed: blocks.network_in_network(x, "mix", 5, seed), (26, 16))
    W, b = model.get_layer("mix_nin").get_weights()
    x = np.random.default_rng(0).normal(size=(2, 26, 16)).astype(np.float32)
    np.testing.assert_allclose(model(x), x @ W[0] + b, atol=1e-5)


def test_transformer_adds_and_normalises_twice():
    x = np.random.default_rng(0).normal(size=(2, 26, 16)).astype(np.float32)
    model = graph(blocks.transformer, (26, 16), "D")

    def add_and_norm(x, name):
        total = x + np.asarray(model.get_layer(name)(x))
        centred = total - total.mean(-1, keepdims=True)
        return centred / np.sqrt(total.var(-1, keepdims=True) + 1e-14)

    expected = add_and_norm(add_and_norm(x, "attentionD"), "feed_forwardD")
    np.testing.assert_allclose(model(x), expected, atol=1e-5)


@pytest.mark.parametrize("positional", ["none", "sinusoidal", "lstm"])
@pytest.mark.parametrize("attention", ["additive", "dot", "scaled_dot", "multi_head"])
def test_a_padded_trace_is_transformed_as_the_trace_alone(attention, positional):
    config = EQTConfig(attention=attention, positional=positional, gate="sigmoid")

    def block(x, config, seed):
        x = blocks.positions(keras.layers.Masking(name="masking")(x), config, seed)
        return blocks.transformer(x, "D", config, seed)

    model = graph(block, (None, 16), config=config)
    x = np.random.default_rng(0).normal(size=(2, 7, 16)).astype(np.float32)
    padded = np.pad(x, ((0, 0), (0, 5), (0, 0)))
    np.testing.assert_allclose(np.asarray(model(padded))[:, :7], model(x), atol=1e-5)


def normalise(x):
    """Run the normalisation of a transformer block on its own."""
    layer = graph(blocks.transformer, x.shape[1:], "D").get_layer("attentionD_norm")
    return np.asarray(layer(x))


def test_transformer_normalises_with_the_published_epsilon():
    x = np.random.default_rng(0).normal(size=(2, 26, 16)).astype(np.float32)
    x[0] *= 1e-6  # so small that Keras's own epsilon would flatten it
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    expected = (x - mean) / np.sqrt(variance + 1e-14)
    np.testing.assert_allclose(normalise(x), expected, atol=1e-4)


@pytest.mark.parametrize("level", [0.0, 1.0, 0.1, 12345.678])
@pytest.mark.parametrize("channels", [16, 64])
def test_transformer_normalises_a_constant_to_zero(level, channels):
    assert not normalise(np.full((1, 26, channels), level, np.float32)).any()


def test_seeds_depend_on_seed_and_name():
    seeds = {blocks.seed_of(seed, name) for seed in range(50) for name in ("a", "b")}
    assert len(seeds) == 100
    assert all(0 <= seed < 2**31 for seed in seeds)
