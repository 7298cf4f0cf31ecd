"""The settings that swap attention and positions, and other lengths: built, trained, loaded."""

import json
from dataclasses import replace

import h5py
import keras
import numpy as np
import pytest

from eqt.config import EQTConfig
from eqt.formats import weights_h5
from eqt.layers import (
    AdditiveAttention,
    DotProductAttention,
    MultiHeadAttention,
    RecurrentPositions,
    ScaledDotProductAttention,
    SinusoidalPositions,
    hard_sigmoid,
)
from eqt.model import build_model
from steadkit.errors import InputError
from steadkit.labels import TARGETS

SMALL = EQTConfig(
    input_length=20,
    filters=(4, 4),
    kernels=(5, 3),
    residual_kernels=(3,),
    encoder_rnn=("gru",),
    rnn_units=4,
    attention_units=4,
    feed_forward=8,
)
VARIANTS = {
    "dot": {"attention": "dot"},
    "scaled dot": {"attention": "scaled_dot"},
    "one head": {"attention": "multi_head"},
    "two heads": {"attention": "multi_head", "heads": 2},
    "sinusoids": {"positional": "sinusoidal"},
    "recurrence": {"positional": "lstm"},
    "causal": {"causal": True},
    "all": {"attention": "multi_head", "heads": 4, "positional": "lstm", "causal": True},
}
ATTENTION = ("attentionD0", "attentionD", "attentionP", "attentionS")

every_variant = pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)


def waveforms(length=20):
    """Make two random traces."""
    return np.random.default_rng(0).normal(size=(2, length, 3)).astype(np.float32)


@every_variant
def test_a_variant_trains_a_step_and_comes_back_bit_for_bit(variant, tmp_path):
    config = replace(SMALL, **variant)
    model = build_model(config, seed=1)
    before = model.get_weights()
    model.compile("adam", dict.fromkeys(TARGETS, "binary_crossentropy"), run_eagerly=True)
    targets = {name: np.ones((2, 20, 1), np.float32) for name in TARGETS}
    model.train_on_batch(waveforms(), targets)
    after = model.get_weights()
    assert all(np.isfinite(weight).all() for weight in after)
    moved = {
        weight.path
        for weight, initial, trained in zip(model.weights, before, after, strict=True)
        if (initial != trained).any()
    }
    # A constant added to all scores cancels in the attention's weights.
    assert {w.path for w in model.weights} - moved <= {f"{name}/ba" for name in ATTENTION}

    path = tmp_path / "variant.weights.h5"
    weights_h5.save(model, path)
    for tensors in zip(model(waveforms()), weights_h5.load(path)(waveforms()), strict=True):
        value, expected = map(keras.ops.convert_to_numpy, tensors)
        assert value.shape == (2, 20, 1)
        assert ((value > 0) & (value < 1)).all()
        np.testing.assert_array_equal(value, expected)


@pytest.mark.parametrize(
    ("attention", "layer_class"),
    [
        ("additive", AdditiveAttention),
        ("dot", DotProductAttention),
        ("scaled_dot", ScaledDotProductAttention),
        ("multi_head", MultiHeadAttention),
    ],
)
def test_all_attention_is_of_the_kind_that_is_named(attention, layer_class):
    model = build_model(replace(SMALL, attention=attention, causal=True))
    layers = [model.get_layer(name) for name in ATTENTION]
    assert {type(layer) for layer in layers} == {layer_class}
    assert [layer.width for layer in layers] == [None, None, 3, 3]
    assert all(layer.causal for layer in layers)
    assert not build_model(replace(SMALL, attention=attention)).get_layer("attentionD").causal


def test_positions_stand_before_the_transformer():
    for positional, layer_class in (
        ("sinusoidal", SinusoidalPositions),
        ("lstm", RecurrentPositions),
    ):
        layers = build_model(replace(SMALL, positional=positional, dropout=0.3)).layers
        names = [layer.name for layer in layers]
        index = names.index("positions")
        assert type(layers[index]) is layer_class
        assert names[index - 1 : index + 2] == ["gru_1_norm", "positions", "attentionD0"]
    assert layers[index].gate is hard_sigmoid
    assert layers[index].dropout == 0.3


@pytest.mark.parametrize(
    ("variant", "parameters"),
    [
        ({}, 378_311),
        ({"positional": "sinusoidal", "causal": True}, 378_311),
        # Four layers of attention, each with 2 x 16 x 32 + 32 + 32 + 1 parameters.
        ({"attention": "scaled_dot"}, 378_311 - 4 * 1089),
        ({"attention": "multi_head", "heads": 4}, 378_311 - 4 * 1089 + 4 * 4 * 16 * 16),
        ({"positional": "lstm"}, 378_311 + 4 * 16 * (16 + 16 + 1)),
    ],
)
def test_a_variant_counts_what_was_swapped(variant, parameters):
    assert build_model(EQTConfig(**variant)).count_params() == parameters


def test_a_causal_transformer_sees_no_future():
    config = replace(SMALL, encoder_rnn=(), causal=True, positional="lstm")
    model = build_model(config)
    names = ("residual_1_add", "attentionD_norm", "attentionP")
    start, *ends = (model.get_layer(name).output for name in names)
    part = keras.Model(start, ends)
    x = np.random.default_rng(0).normal(size=(2, 5, 4)).astype(np.float32)
    changed = x.copy()
    changed[:, 3] += 1
    for output, changed_output in zip(part(x), part(changed), strict=True):
        output, changed_output = map(keras.ops.convert_to_numpy, (output, changed_output))
        np.testing.assert_array_equal(output[:, :3], changed_output[:, :3])
        assert (output[:, 3:] != changed_output[:, 3:]).any()


def test_a_model_file_of_keras_comes_back(tmp_path):
    model = build_model(replace(SMALL, **VARIANTS["all"]))
    model.save(tmp_path / "model.keras")
    restored = keras.saving.load_model(tmp_path / "model.keras")
    for value, expected in zip(model(waveforms()), restored(waveforms()), strict=True):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (value, expected)))


def test_weights_saved_before_there_was_a_choice_are_the_published_kind(tmp_path):
    path = tmp_path / "old.weights.h5"
    model = build_model(SMALL)
    weights_h5.save(model, path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["config"])
        for setting in ("attention", "heads", "positional", "causal"):
            del config[setting]
        file.attrs["config"] = json.dumps(config)
    restored = weights_h5.load(path)
    assert isinstance(restored.get_layer("attentionD"), AdditiveAttention)
    assert [weight.path for weight in restored.weights] == [weight.path for weight in model.weights]
    for value, expected in zip(model.get_weights(), restored.get_weights(), strict=True):
        np.testing.assert_array_equal(value, expected)


@pytest.mark.parametrize("length", [3000, 512, 128, 2])
def test_the_published_stack_takes_every_even_length(length):
    model = build_model(EQTConfig(input_length=length))
    assert model.count_params() == 378_311
    for output in model(waveforms(length)):
        assert output.shape == (2, length, 1)
        assert np.isfinite(keras.ops.convert_to_numpy(output)).all()


@pytest.mark.parametrize("length", [5999, 1, 0, -2, 512.0])
def test_other_lengths_are_refused(length):
    with pytest.raises(InputError, match=rf"input_length cannot be {length}: use an? "):
        EQTConfig(input_length=length)
