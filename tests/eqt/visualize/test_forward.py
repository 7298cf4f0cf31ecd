"""Maps and attention from one pass, against each layer called by itself and against NumPy."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from conftest import TINY

from eqt.model import build_model
from eqt.model_io import load_model
from eqt.presets import PRESETS
from eqt.visualize import traces
from eqt.visualize.activations import (
    BATCH_SIZE,
    attention_of,
    batches,
    feature_maps,
    mean_received,
    weights_of,
)
from eqt.visualize.layers import attentions, convolutions, ordered_layers, select_layers
from eqt.visualize.time_axis import steps_of
from steadkit.errors import InputError

SMALL = replace(TINY, input_length=40, residual_kernels=(3,), encoder_rnn=("bilstm",))


def waves(count, length=40):
    return np.random.default_rng(count).normal(size=(count, length, 3)).astype(np.float32)


def layer_by_layer(model, waveforms):
    """Call every layer on what those before it gave, and keep all."""
    known = {model.inputs[0].name: waveforms}
    outputs = {}
    for operation in model.operations[1:]:
        node = operation._inbound_nodes[0]
        given = [known[tensor.name] for tensor in node.input_tensors]
        outputs[operation.name] = operation(given if len(given) > 1 else given[0])
        known[node.output_tensors[0].name] = outputs[operation.name]
    return {name: keras.ops.convert_to_numpy(value) for name, value in outputs.items()}


def additive(x, layer):
    """Compute a(t, t') of one trace as the paper writes it, with the published 1e-7."""
    Wt, Wx, bh, Wa, ba = (np.asarray(w, np.float64) for w in layer.get_weights())
    e = np.array([[(np.tanh(t @ Wt + u @ Wx + bh) @ Wa + ba).item() for u in x] for t in x])
    a = np.exp(e - e.max(axis=1, keepdims=True))
    if layer.width is not None:
        offset = np.arange(len(x)) - np.arange(len(x))[:, None] + layer.width // 2
        a = np.where((offset >= 0) & (offset < layer.width), a, 0)
    return a / (a.sum(axis=1, keepdims=True) + 1e-7)


def test_maps_equal_layers_called_one_by_one():
    model = build_model(SMALL, seed=1)
    names = [layer.name for layer in select_layers(model)]
    maps = feature_maps(model, waves(3), names)
    expected = layer_by_layer(model, waves(3))
    assert list(maps) == names
    for name in names:
        np.testing.assert_allclose(maps[name], expected[name], rtol=1e-4, atol=1e-5)


def test_more_traces_than_a_batch_give_the_same_as_few():
    model = build_model(SMALL, seed=1)
    many = waves(BATCH_SIZE + 3)
    maps = feature_maps(model, many, ["picker_P"])["picker_P"]
    assert len(maps) == len(many)
    last = feature_maps(model, many[-2:], ["picker_P"])["picker_P"]
    np.testing.assert_allclose(maps[-2:], last, rtol=1e-4, atol=1e-6)


def test_batches_are_of_one_size_and_end_in_silence():
    many = waves(BATCH_SIZE + 1)
    waveform_batches = list(batches(many))
    assert [len(batch) for batch in waveform_batches] == [BATCH_SIZE, BATCH_SIZE]
    np.testing.assert_array_equal(np.concatenate(waveform_batches)[: len(many)], many)
    assert not waveform_batches[1][1:].any()


def test_attention_equals_the_formula_in_numpy():
    model = build_model(SMALL, seed=1)
    attention = attention_of(model)(waves(2))
    outputs = layer_by_layer(model, waves(2))
    given = {"attentionD": "bilstm_1_norm", "attentionP": "feed_forwardD_norm"}
    for name, before in given.items():
        layer = model.get_layer(name)
        for trace in range(2):
            expected = additive(outputs[before][trace].astype(float), layer)
            np.testing.assert_allclose(attention[name][trace, 0], expected, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(attention[name].sum(axis=-1), 1, atol=1e-5)


def test_every_head_has_its_own_attention():
    config = replace(SMALL, attention="multi_head", heads=2, rnn_units=4)
    model = build_model(config, seed=1)
    layer = model.get_layer("attentionD")
    x = waves(1, 10)[..., :1] * np.ones(layer.input.shape[-1], np.float32)
    attention = weights_of(layer, x)
    Wq, Wk = (w.astype(float) for w in layer.get_weights()[:2])
    half = x.shape[-1] // 2
    for head in range(2):
        head_slice = slice(head * half, (head + 1) * half)
        e = (x[0] @ Wq[:, head_slice]) @ (x[0] @ Wk[:, head_slice]).T / np.sqrt(half)
        expected = np.exp(e - e.max(1, keepdims=True))
        expected /= expected.sum(1, keepdims=True)
        np.testing.assert_allclose(attention[0, head], expected, rtol=1e-3, atol=1e-5)


def test_layers_stand_as_the_trace_meets_them():
    names = [layer.name for layer in ordered_layers(build_model(SMALL))]
    assert names[0] == "encoder_1"
    order = ["attentionD", "decoderD_1", "detector", "attentionP", "picker_P", "attentionS"]
    assert [names.index(name) for name in order] == sorted(names.index(name) for name in order)


def test_a_layer_that_is_not_there_is_named_beside_those_that_are():
    model = build_model(SMALL)
    with pytest.raises(InputError, match=r"no layer 'encoder_9'.*did you mean.*encoder_1, "):
        select_layers(model, ["encoder_9"])
    with pytest.raises(InputError, match=r"no layer 'attentionD' to show.*use one of encoder_1"):
        select_layers(model, ["attentionD"], (keras.layers.Conv1D,))


@pytest.mark.parametrize("name", PRESETS)
def test_every_named_network_shows_all_its_layers(name):
    config = PRESETS[name].config
    model = build_model(config)
    layers = select_layers(model)
    assert len(convolutions(model)) == len([x for x in layers if hasattr(x, "kernel_size")])
    assert [layer.name for layer in attentions(model)] == [
        "attentionD0",
        "attentionD",
        "attentionP",
        "attentionS",
    ]
    for layer in layers:
        assert steps_of(layer.name, config).count == layer.output.shape[1], layer.name


def test_the_published_network_attends_to_events_as_it_does_not_to_noise(shared_data):
    model = load_model(shared_data / "eqt_original.h5")
    shown = traces.read_traces(shared_data / "ncedc_a.hdf5")
    attention = attention_of(model)(shown.waveforms)
    steps = steps_of("attentionD", model.config)
    layer = model.get_layer("attentionD")
    expected = additive(keras.ops.convert_to_numpy(given(model, shown)[0]).astype(float), layer)
    np.testing.assert_allclose(attention["attentionD"][0, 0], expected, rtol=2e-3, atol=1e-5)
    for weights, row in zip(attention["attentionD"], shown.rows, strict=True):
        early = steps.seconds < 17
        if phase_arrivals := traces.arrivals(row):
            # The event is looked at: from P to shortly after S.
            near = (steps.seconds > phase_arrivals["P"] / 100 - 3) & (
                steps.seconds < phase_arrivals["S"] / 100 + 5
            )
            assert mean_received(weights)[near].mean() > 1.4 / steps.count
        else:
            assert mean_received(weights)[early].sum() < 0.35


def given(model, shown):
    """Return what the second attention is given."""
    network = keras.Model(model.input, model.get_layer("attentionD").input)
    return network(shown.waveforms)
