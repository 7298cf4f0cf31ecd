"""A step of training: Keras's own, and what can be added to it; where it stops."""

from dataclasses import replace

import h5py
import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from campaigns.repeated_steps import repeat
from conftest import SHORT, TINY, names_of

from eqt.model import build_model
from eqt.model_io import load_model, save_model
from eqt.runs import RunFolder
from eqt.training import RuntimeOptions, compile_model, train
from eqt.training.model import training_model
from eqt.training.steps import Trainer
from steadkit.errors import InputError
from steadkit.labels import TARGETS, UNKNOWN

NETWORK = replace(TINY, residual_kernels=(3,), dropout=0.0)
RANDOM = np.random.default_rng(0)
WAVEFORMS = RANDOM.standard_normal((4, 6000, 3)).astype(np.float32)
ANSWERS = {name: RANDOM.uniform(size=(4, 6000, 1)).astype(np.float32) for name in TARGETS}


def trainer(config=SHORT, network=NETWORK, is_marked=False):
    """Make a network and its steps, traced at once rather than compiled."""
    strategy = tf.distribute.get_strategy()
    made = Trainer(training_model(network, config, None, 1), config, strategy, is_marked)
    made.set_rate(config.learning_rate)
    return made


def largest_change(model, before):
    return max(np.abs(a - b).max() for a, b in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_step_is_that_of_keras(count):
    trained, reference = trainer(), compile_model(build_model(NETWORK), SHORT)
    waveforms, answers = (
        WAVEFORMS[:count],
        {name: values[:count] for name, values in ANSWERS.items()},
    )
    for _ in range(2):
        losses = trained.step(waveforms, answers)
        expected = reference.train_on_batch(waveforms, answers, return_dict=True)
        reference.reset_metrics()
        for name, value in zip(("loss", *(f"{t}_loss" for t in TARGETS)), losses, strict=True):
            np.testing.assert_allclose(value, expected[name], rtol=2e-6)
    for weight, expected_weight in zip(trained.model.weights, reference.weights, strict=True):
        # These biases have no slope here but what rounding leaves, of which Adam makes one.
        if not (weight.path.startswith("encoder_") and weight.path.endswith("/bias")):
            np.testing.assert_allclose(weight, expected_weight, atol=2e-6, err_msg=weight.path)


def test_samples_whose_truth_is_not_known_add_no_loss():
    marked = {name: values.copy() for name, values in ANSWERS.items()}
    marked["picker_S"][1, 600:] = UNKNOWN
    weights = [(values[..., 0] >= 0).astype(np.float32) for values in marked.values()]
    trained, reference = trainer(is_marked=True), compile_model(build_model(NETWORK), SHORT)
    losses = trained.step(WAVEFORMS, marked)
    positive = {name: np.maximum(values, 0) for name, values in marked.items()}
    expected = reference.train_on_batch(WAVEFORMS, positive, weights, return_dict=True)
    np.testing.assert_allclose(losses[3], expected["picker_S_loss"], rtol=2e-6)
    np.testing.assert_allclose(losses[0], expected["loss"], rtol=2e-6)
    # Whatever the unknown samples are, the step is the same.
    weight = [keras.ops.convert_to_numpy(values) for values in trained.model.trainable_variables]
    another = trainer(is_marked=True)
    another.step(
        WAVEFORMS, marked | {"picker_S": np.where(marked["picker_S"] < 0, -7, marked["picker_S"])}
    )
    for values, other_weight in zip(weight, another.model.trainable_variables, strict=True):
        np.testing.assert_array_equal(values, keras.ops.convert_to_numpy(other_weight))


@pytest.mark.parametrize("size", [1, 4])
def test_a_step_from_the_same_state_gives_the_same_bits(size):
    assert not repeat(NETWORK, replace(SHORT, batch_size=size), 12)


def test_an_average_of_the_weights_follows_them():
    trained = trainer(replace(SHORT, ema=0.9, weight_decay=0.1, clip_norm=1e-9))
    weight = trained.model.trainable_variables[0]
    before = keras.ops.convert_to_numpy(weight)
    trained.step(WAVEFORMS, ANSWERS)
    after = keras.ops.convert_to_numpy(weight)
    assert (after != before).any()
    with trained.averaged_weights():
        np.testing.assert_allclose(weight, 0.9 * before + 0.1 * after, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(weight, after)


def test_gradients_are_scaled_down_together():
    trained = trainer(replace(SHORT, clip_norm=2.0))
    clipped = trained._clip([tf.constant([3.0, 0.0]), tf.constant([[4.0]])])
    np.testing.assert_allclose(clipped[0], [1.2, 0.0])
    np.testing.assert_allclose(clipped[1], [[1.6]])


def test_frozen_parts_do_not_move_and_keep_their_running_means():
    config = replace(SHORT, freeze=("residual", "encoder"))
    trained = trainer(config)
    frozen_weights = [
        w for w in trained.model.weights if w.path.startswith(("residual", "encoder"))
    ]
    assert any("moving_mean" in weight.path for weight in frozen_weights)
    before = [keras.ops.convert_to_numpy(weight) for weight in frozen_weights]
    learning = [w for w in trained.model.trainable_variables if w.path.startswith("decoderP")]
    began = [keras.ops.convert_to_numpy(weight) for weight in learning]
    trained.step(WAVEFORMS, ANSWERS)
    for weight, values in zip(frozen_weights, before, strict=True):
        np.testing.assert_array_equal(weight, values)
    pairs = zip(learning, began, strict=True)
    assert any((np.asarray(weight) != values).any() for weight, values in pairs)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_rounds_neither_weights_nor_outputs(precision):
    trained = trainer(replace(SHORT, mixed_precision=precision, clip_norm=1.0))
    assert keras.config.dtype_policy().name == "float32"
    before = trained.model.get_weights()
    assert np.isfinite(trained.step(WAVEFORMS, ANSWERS)).all()
    assert largest_change(trained.model, before) > 0
    assert {weight.dtype for weight in trained.model.weights} == {"float32"}
    assert {output.dtype for output in trained.model(WAVEFORMS)} == {tf.float32}
    assert trained.model.get_layer("encoder_1").compute_dtype == precision.removeprefix("mixed_")


def test_a_step_compiled_with_xla_is_the_same():
    plain, compiled_too = trainer(), trainer(replace(SHORT, xla=True))
    losses = [trained.step(WAVEFORMS, ANSWERS) for trained in (plain, compiled_too)]
    np.testing.assert_allclose(*losses, rtol=1e-5)


@pytest.fixture
def source(stead):
    return stead("data.hdf5", names_of(24, 12))


def test_a_nan_stops_training_with_the_batch_kept(source, tmp_path):
    with h5py.File(source.hdf5, "r+") as file:
        for dataset in file["data"].values():
            dataset[...] = dataset[()] * np.float32(5e37)
    config = replace(SHORT, normalization="none")
    network = replace(NETWORK, dropout=0.1)
    with pytest.raises(InputError, match=r"NaN in epoch 1, batch 1: .*nan_batch.npz") as refusal:
        train(source.hdf5, tmp_path / "run", network, config, len)
    assert "\n" not in str(refusal.value)
    with np.load(tmp_path / "run/nan_batch.npz") as batch:
        assert batch["waveforms"].shape == (16, 6000, 3) and batch["picker_S"].shape[0] == 16
        assert (
            set(batch["trace_names"]) <= set(names_of(24, 12)) and len(batch["trace_names"]) == 16
        )
        assert (batch["epoch"], batch["step"]) == (1, 1)


def test_a_training_begins_with_another_network_and_keeps_logs(source, trained, tmp_path):
    config = replace(SHORT, epochs=1, freeze=("detector", "encoder", "decoder"), mix="balanced")
    options = RuntimeOptions(tensorboard=True, save_every=1)
    initial_run = RunFolder(trained)
    run = train(
        source.hdf5, tmp_path / "run", None, config, len, init=initial_run.folder, options=options
    )
    first, final = load_model(initial_run.folder), load_model(run.last)
    same = {
        weight.path: np.array_equal(weight, final_weight)
        for weight, final_weight in zip(first.weights, final.weights, strict=True)
    }
    assert same["encoder_1/kernel"] and same["decoderP_2/bias"] and same["detector/kernel"]
    assert not all(same.values())
    assert [*run.tensorboard.iterdir()]
    history = pd.read_csv(run.history)
    assert {"val_detection_f1", "val_P_f1", "val_S_f1", "learning_rate"} <= set(history)
    readme = " ".join(run.readme.read_text().split())
    assert (
        "freeze ['detector', 'encoder', 'decoder']" in readme and str(initial_run.folder) in readme
    )


def test_weights_of_another_network_are_refused(source, tmp_path):
    other = replace(TINY, attention_units=3)
    save_model(build_model(other), tmp_path / "other.keras")
    with pytest.raises(InputError, match="attention_units 3, not 2; leave --model out"):
        train(source.hdf5, tmp_path / "run", TINY, SHORT, len, init=tmp_path / "other.keras")
    short = replace(TINY, input_length=3000)
    with pytest.raises(InputError, match=r"takes 3,000 x 3 values"):
        train(source.hdf5, tmp_path / "run", short, SHORT, len)
    with pytest.raises(InputError, match="no stage 'decoderX': use encoder, "):
        train(source.hdf5, tmp_path / "run", TINY, replace(SHORT, freeze=("decoderX",)), len)
    assert not (tmp_path / "run").exists() and not [*tmp_path.glob(".*")]
