"""Integrated gradients add up; both they and occlusion find the part that matters."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from conftest import TINY

from eqt.model import build_model
from eqt.visualize import attribution
from steadkit.errors import InputError

LENGTH = 600
CONFIG = replace(TINY, input_length=LENGTH, kernels=(5, 5), filters=(8, 8))


@pytest.fixture(scope="module")
def network():
    """Build a network whose biases are not zero, as after training."""
    model = build_model(CONFIG, seed=2)
    random = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv1D):
            kernel, bias = layer.get_weights()
            size = 4 if layer.name == "picker_P" else 1.5
            layer.set_weights([size * kernel, random.normal(0.1, 0.1, bias.shape)])
    return attribution.output_of(model, "picker_P")


def wave(seed=0):
    return np.random.default_rng(seed).normal(size=(LENGTH, 3)).astype(np.float32)


def test_integrated_gradients_add_up_to_the_change_of_probability(network):
    waveforms = np.stack([wave(1), wave(2)])
    attributed = list(attribution.integrated_gradients(network, waveforms, [300, 40]))
    for gradients, waveform, sample in zip(attributed, waveforms, (300, 40), strict=True):
        ends = network.predict_on_batch(np.stack([waveform, 0 * waveform]))[:, sample, 0]
        assert gradients.change == pytest.approx(ends[0] - ends[1], abs=1e-6)
        assert abs(gradients.change) > 0.05
        assert gradients.attributions.shape == waveform.shape
        assert gradients.attributions.sum() == pytest.approx(
            gradients.change, abs=0.03 * abs(gradients.change) + 1e-3
        )
        assert gradients.completeness_error == pytest.approx(
            gradients.attributions.sum() - gradients.change, abs=1e-6
        )


def test_a_dead_component_has_no_share(network):
    waveform = wave(3)
    waveform[:, 1] = 0
    (attributed,) = attribution.integrated_gradients(network, waveform[np.newaxis], [200])
    assert not attributed.attributions[:, 1].any()
    assert attributed.attributions[:, 0].any()


def linear(weights):
    """Build a network whose output at every sample is a sum over the waveform's samples."""
    waveform = keras.Input((LENGTH, 3))
    dense = keras.layers.Dense(1, use_bias=False)
    flat = dense(keras.layers.Flatten()(waveform))
    model = keras.Model(waveform, keras.layers.RepeatVector(LENGTH)(flat))
    dense.set_weights([weights.reshape(-1, 1).astype(np.float32)])
    return model


def test_of_a_sum_each_share_is_its_term():
    weights = np.random.default_rng(4).normal(size=(LENGTH, 3)) / LENGTH
    (attributed,) = attribution.integrated_gradients(linear(weights), wave()[np.newaxis], [7])
    np.testing.assert_allclose(attributed.attributions, weights * wave(), atol=1e-5)


def test_occlusion_finds_what_the_probability_hangs_on():
    weights = np.zeros((LENGTH, 3))
    weights[430:440, 2] = 1.0
    waveform = np.ones((LENGTH, 3), np.float32)
    attributed = attribution.occlusion(linear(weights), waveform, 5, width=1.0, hop=0.5)
    assert attributed.probability_drops.shape == (len(attributed.seconds), 4)
    covering = np.abs(attributed.seconds - 4.345) < 0.44
    np.testing.assert_allclose(attributed.probability_drops[covering][:, [2, 3]], 10.0, atol=1e-4)
    far = np.abs(attributed.seconds - 4.345) > 0.7
    assert (
        covering.any()
        and not attributed.probability_drops[far].any()
        and not attributed.probability_drops[:, :2].any()
    )


def test_windows_that_do_not_fit_are_refused(network):
    with pytest.raises(InputError, match=r"cannot silence 9 s every 0\.5 s: a trace has 6 s"):
        attribution.occlusion(network, wave(), 5, width=9.0)


def test_an_output_that_is_not_there_is_named_beside_those_that_are():
    with pytest.raises(InputError, match=r"unknown output 'P'.*picker_P"):
        attribution.output_of(build_model(CONFIG), "P")
