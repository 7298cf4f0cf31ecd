"""The whole network: order, names, seeds, one step of training, and a trace that is all zero."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from eqt import blocks
from eqt.config import EQTConfig
from eqt.layers import UpsampleConv1D
from eqt.model import build_model
from steadkit.labels import TARGETS

SMALL = EQTConfig(
    input_length=202,
    filters=(4, 4, 8),
    kernels=(5, 4, 3),
    residual_kernels=(3, 2),
    encoder_rnn=("bilstm", "gru"),
    rnn_units=4,
    attention_units=4,
    feed_forward=8,
)


@pytest.fixture(scope="module")
def published():
    """Build the published network once."""
    return build_model()


def waveforms(seed=0, shape=(2, 202, 3)):
    """Make two random traces."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def targets(value=0.0):
    """Make targets, in an order that is not the outputs'."""
    return {name: np.full((2, 202, 1), value, np.float32) for name in reversed(TARGETS)}


def compiled(seed=0, loss="binary_crossentropy", optimizer="adam", run_eagerly=True):
    """Build and compile a small network; eager steps spare the tracing."""
    model = build_model(SMALL, seed)
    model.compile(
        optimizer,
        loss=dict.fromkeys(TARGETS, loss),
        loss_weights=dict(zip(TARGETS, (0.05, 0.4, 0.55), strict=True)),
        run_eagerly=run_eagerly,
    )
    return model


def test_outputs_by_name_and_in_order(published):
    assert tuple(published.output_names) == TARGETS
    assert published.input_shape == (None, 6000, 3)
    assert published.output_shape == [(None, 6000, 1)] * 3


def test_layers_stand_in_the_order_of_the_paper(published):
    encoder = [f"encoder_{i}{end}" for i in range(1, 8) for end in ("", "_pool")]
    parts = [f"{prefix}_{part}" for part in "ab" for prefix in ("norm", "relu", "drop", "conv")]
    residual = [f"residual_{i}_{part}" for i in range(1, 8) for part in [*parts, "add"]]
    recurrent = [f"bilstm_{i}{end}" for i in (1, 2, 3) for end in ("", "_nin", "_norm")]
    transformer = [
        f"{prefix}{block}{end}"
        for block in ("D0", "D")
        for prefix in ("attention", "feed_forward")
        for end in ("", "_add", "_norm")
    ]
    pickers = ["lstmP_1", "lstmS_1", "attentionP", "attentionS"]
    decoders = [f"decoder{branch}_{i}" for i in range(1, 8) for branch in "DPS"]
    names = [layer.name for layer in published.layers]
    common = ["waveform", *encoder, *residual, *recurrent, *transformer]
    assert names == [*common, *pickers, *decoders, *TARGETS]


def test_settings_of_the_published_layers(published):
    kernels = [published.get_layer(f"residual_{i}_conv_a").kernel_size[0] for i in range(1, 8)]
    assert kernels == [3, 3, 3, 3, 2, 3, 2]
    assert [published.get_layer(f"decoderS_{i}").crop for i in range(1, 8)] == [0, 0, 0, 1, 0, 0, 0]
    assert [published.get_layer(f"attention{x}").width for x in ("D", "P", "S")] == [None, 3, 3]
    assert published.get_layer("feed_forwardD_norm").epsilon == 1e-14


def test_penalties_are_on_encoder_and_decoders_only(published):
    conv_classes = (keras.layers.Conv1D, UpsampleConv1D)
    for layer in published.layers:
        penalised = layer.name.startswith(("encoder", "decoder")) and isinstance(
            layer, conv_classes
        )
        if penalised:
            np.testing.assert_allclose(layer.kernel_regularizer.l2, 1e-6)
            np.testing.assert_allclose(layer.bias_regularizer.l1, 1e-4)
        assert len(layer.losses) == 2 * penalised


def test_one_seed_gives_the_same_weights_whatever_the_global_state():
    keras.utils.set_random_seed(1)
    first = build_model(SMALL, seed=5).get_weights()
    keras.utils.set_random_seed(2)
    for weight, expected in zip(first, build_model(SMALL, seed=5).get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_another_seed_gives_other_weights():
    kernels = [
        [w for w in build_model(SMALL, seed).get_weights() if w.ndim > 1 and w.any()]
        for seed in (0, 1)
    ]
    assert len(kernels[0]) > 40
    for weight, other_weight in zip(*kernels, strict=True):
        assert (weight != other_weight).any()


def test_no_two_layers_share_a_seed(published):
    kernels = [w for w in published.get_weights() if w.ndim > 1 and w.any()]
    distinct = {(w.shape, np.ascontiguousarray(w).tobytes()) for w in kernels}
    assert len(distinct) == len(kernels)


def test_prediction_is_deterministic_and_a_probability():
    model = build_model(SMALL)
    first, second = model.predict(waveforms(), verbose=0), model.predict(waveforms(), verbose=0)
    for weight, expected in zip(first, second, strict=True):
        np.testing.assert_array_equal(weight, expected)
        assert ((weight > 0) & (weight < 1)).all()


@pytest.mark.parametrize("together", [1, 8])
def test_a_probability_of_zero_still_learns(together, monkeypatch):
    # By its logits: of a probability that is rounded to 0 the cross-entropy has no gradient.
    monkeypatch.setattr(blocks, "HEAD_PACK", together)
    config = replace(SMALL, input_length=208)
    model = build_model(config)
    bias = model.get_layer("picker_P").bias
    bias.assign([-40.0])
    with tf.GradientTape() as tape:
        output = model(np.ones((1, 208, 3), np.float32))[1]
        loss = keras.losses.binary_crossentropy(tf.ones_like(output), output)
    assert np.max(output) < 1e-7
    np.testing.assert_allclose(tape.gradient(loss, bias.value), -208, rtol=1e-3)


def test_targets_find_their_outputs_by_name():
    model = compiled(loss="mean_absolute_error")
    outputs = dict(zip(TARGETS, model.predict(waveforms(), verbose=0), strict=True))
    expected = {name: outputs[name] for name in reversed(TARGETS)}
    losses = model.evaluate(waveforms(), expected, verbose=0, return_dict=True)
    assert all(losses[f"{name}_loss"] < 1e-6 for name in TARGETS)
    assert np.abs(outputs["picker_P"] - outputs["picker_S"]).mean() > 1e-3


@pytest.mark.parametrize("level", [1, 0], ids=["signal", "dead trace"])
def test_a_step_of_training_moves_all_weights_and_keeps_them_finite(level):
    model = compiled()
    before = model.get_weights()
    model.fit(level * waveforms(), targets(1.0), epochs=1, verbose=0)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    unmoved = {
        variable.path
        for variable, old in zip(model.weights, before, strict=True)
        if (np.asarray(variable) == old).all()
    }
    # A constant added to all scores cancels in the attention's weights.
    unmoved = {path for path in unmoved if not path.endswith("/ba")}
    if level:
        assert unmoved == set()
    else:  # the first kernel has its penalty to move it, the last biases the targets
        assert not unmoved & {"encoder_1/kernel", "detector/bias", "picker_P/bias"}


def test_a_traced_step_is_an_eager_step():
    runs = [compiled(optimizer="sgd", run_eagerly=eagerly) for eagerly in (True, False)]
    for model in runs:
        model.fit(waveforms(), targets(1.0), verbose=0)
    for weight, expected in zip(*(model.get_weights() for model in runs), strict=True):
        np.testing.assert_allclose(weight, expected, atol=1e-5)


def test_training_is_repeatable():
    runs = [compiled(seed=3) for _ in range(2)]
    for model in runs:
        model.fit(waveforms(), targets(), epochs=2, verbose=0)
    for weight, expected in zip(*(model.get_weights() for model in runs), strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_a_saved_model_comes_back(tmp_path):
    model = build_model(SMALL)
    model.save(tmp_path / "model.keras")
    restored = keras.saving.load_model(tmp_path / "model.keras")
    assert tuple(restored.output_names) == TARGETS
    for weight, expected in zip(model(waveforms()), restored(waveforms()), strict=True):
        np.testing.assert_array_equal(weight, expected)
