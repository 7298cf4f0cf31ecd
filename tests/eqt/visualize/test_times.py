"""Times of steps: a spike comes out where the axis says, on the way down and on the way up."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from conftest import TINY

from eqt.config import EQTConfig
from eqt.model import build_model
from eqt.visualize.layers import ordered_layers
from eqt.visualize.time_axis import LayerSteps, steps_of

# 46 -> 23 -> 12 -> 6: pooling rounds up, and the decoder cuts at both ends.
CUT = replace(TINY, filters=(2, 2, 2), kernels=(3, 3, 3), input_length=46)
# The published decoder cuts one of 752 at each end.
PUBLISHED = replace(TINY, filters=(2,) * 7, kernels=(3,) * 7)


def passing_through(config):
    """Build a network whose convolutions pass on what their middle tap meets."""
    model = build_model(config)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv1D):
            kernel = np.zeros(layer.kernel.shape, np.float32)
            kernel[kernel.shape[0] // 2, 0, :] = 1
            layer.set_weights([kernel, np.zeros(kernel.shape[2], np.float32)])
    return model


def outputs_of(model, start, value, stem):
    """Run the part of a network from one tensor to the convolutions of such a name."""
    named = [layer for layer in ordered_layers(model) if layer.name.startswith(stem)]
    convolutions = [layer for layer in named if isinstance(layer, keras.layers.Conv1D)]
    network = keras.Model(start, {layer.name: layer.output for layer in convolutions})
    outputs = network.predict_on_batch(value)
    return {layer.name: np.asarray(outputs[layer.name]) for layer in convolutions}


@pytest.mark.parametrize("config", [TINY, CUT, PUBLISHED], ids=["even", "cut", "published"])
def test_a_spike_comes_out_of_the_encoder_at_its_time(config):
    model = passing_through(config)
    # In the middle of a whole step of the shortest layer that is shown.
    every = 2 ** (len(config.filters) - 1)
    spike = every * (config.input_length // (2 * every)) + every // 2
    wave = np.zeros((1, config.input_length, 3), np.float32)
    wave[0, spike] = 1
    outputs = outputs_of(model, model.inputs[0], wave, "encoder")
    assert len(outputs) == len(config.filters)
    for name, values in outputs.items():
        steps = steps_of(name, config)
        assert steps.count == values.shape[1]
        (index,) = np.flatnonzero(values[0, :, 0])
        assert index == steps.nearest(spike)
        assert abs(steps.seconds[index] * 100 - spike) <= steps.every / 2


@pytest.mark.parametrize("config", [TINY, CUT, PUBLISHED], ids=["even", "cut", "published"])
def test_a_step_of_the_decoder_becomes_the_samples_about_its_time(config):
    model = passing_through(config)
    start = model.get_layer("decoderD_1").input
    value = np.zeros((1, *start.shape[1:]), np.float32)
    value[0, start.shape[1] // 2, 0] = 1
    outputs = outputs_of(model, start, value, "decoderD")
    assert list(outputs) == [f"decoderD_{i}" for i in range(1, len(config.filters) + 1)]
    samples = np.flatnonzero(outputs[f"decoderD_{len(config.filters)}"][0, :, 0])
    for name, values in outputs.items():
        steps = steps_of(name, config)
        assert steps.count == values.shape[1]
        lit = np.flatnonzero(values[0, :, 0])
        assert steps.seconds[lit].mean() * 100 == pytest.approx(samples.mean())


def test_the_cut_of_the_published_decoder_is_eight_samples_of_the_trace():
    config = EQTConfig()
    down, up = steps_of("attentionP", config), steps_of("decoderP_1", config)
    pairs = (up.first + (up.first + up.every)) / 2
    assert down.first - pairs == 8


@pytest.mark.parametrize("length", [6000, 46, 18, 22])
def test_every_layer_has_as_many_steps_as_its_axis(length):
    config = replace(CUT, input_length=length, residual_kernels=(3,), encoder_rnn=("lstm",))
    for layer in ordered_layers(build_model(config)):
        assert steps_of(layer.name, config).count == layer.output.shape[1], layer.name


def test_the_outputs_lie_on_the_samples():
    steps = steps_of("picker_P", EQTConfig())
    assert steps == LayerSteps(0.0, 1.0, 6000)
    assert steps.span == (-0.005, 59.995)
