"""The published weights give the published outputs; files that are anything else are refused."""

import json
import os
import shutil

import h5py
import numpy as np
import pytest

from eqt.config import EQTConfig
from eqt.formats import keras_v2
from eqt.presets import PRESETS
from steadkit.errors import InputError


def normalised(waveform):
    """Demean and scale each component; a dead one stays zero."""
    std = waveform.std(axis=0)
    return (waveform - waveform.mean(axis=0)) / np.where(std == 0, 1, std)


@pytest.mark.parametrize("name", ["original", "conservative"])
def test_outputs_are_the_published_ones(shared_data, name):
    reference = np.load(shared_data / "eqt_reference.npz")
    with h5py.File(shared_data / "ncedc_a.hdf5") as file:
        traces = [file[f"data/{trace.decode()}"][()] for trace in reference["trace_name"]]
    model = keras_v2.load(shared_data / f"eqt_{name}.h5")
    assert model.count_params() == PRESETS[name].parameters
    outputs = model.predict(np.stack([normalised(trace) for trace in traces]), verbose=0)
    np.testing.assert_allclose(np.concatenate(outputs, -1), reference[name], atol=1e-4)
    assert reference[name].max() > 0.9


@pytest.fixture
def changed(shared_data, tmp_path):
    """Change the description of a published file: a function of its list of layers."""

    def change(edit):
        path = tmp_path / "changed.h5"
        shutil.copy(shared_data / "eqt_conservative.h5", path)
        with h5py.File(path, "r+") as file:
            model = json.loads(file.attrs["model_config"])
            edit({layer["config"]["name"]: layer for layer in model["config"]["layers"]})
            file.attrs["model_config"] = json.dumps(model)
        return path

    return change


@pytest.mark.parametrize(
    ("layer", "setting", "message"),
    [
        ("conv1d_3", {"padding": "valid"}, "layer 'conv1d_3' has padding 'valid', not 'same'"),
        ("conv1d_3", {"activation": "linear"}, "layer 'conv1d_3' has activation 'linear'"),
        ("attentionS", {"attention_width": 5}, "layer 'attentionS' has attention_width 5, not 3"),
        ("spatial_dropout1d_2", {"rate": 0.5}, "'spatial_dropout1d_2' has dropout 0.5, others 0.2"),
        ("lstm_4", {"recurrent_activation": "hard_sigmoid"}, "layer 'lstm_4' has gate"),
        ("lstm_3", {"activation": "relu"}, "layer 'lstm_3' has activation 'relu', not 'tanh'"),
    ],
)
def test_other_settings_are_refused_by_the_layers_name(changed, layer, setting, message):
    path = changed(lambda layers: layers[layer]["config"].update(setting))
    with pytest.raises(InputError, match=message):
        keras_v2.load(path)


def test_an_unknown_layer_is_refused_by_its_name(changed):
    path = changed(lambda layers: layers["activation_5"].update(class_name="Lambda"))
    with pytest.raises(InputError, match="layer 'activation_5' is a Lambda"):
        keras_v2.load(path)


def test_weights_of_another_shape_are_refused(shared_data, tmp_path):
    path = tmp_path / "changed.h5"
    shutil.copy(shared_data / "eqt_conservative.h5", path)
    with h5py.File(path, "r+") as file:
        kernel = "model_weights/conv1d_8/conv1d_8/kernel:0"
        del file[kernel]
        file[kernel] = np.zeros((5, 64, 64), np.float32)
    with pytest.raises(InputError, match=r"layer 'conv1d_8' has weights of shapes \[\(5, 64, 64\)"):
        keras_v2.load(path)


def test_a_missing_layer_is_told(changed):
    path = changed(lambda layers: layers["picker_P"]["config"].update(name="conv1d_99"))
    with pytest.raises(InputError, match=r"conv1d_99|picker_P"):
        keras_v2.load(path)


def test_no_keras_file(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(EQTConfig().to_dict())
    (tmp_path / "text.h5").write_text("not HDF5")
    for name in ("other.h5", "text.h5"):
        with pytest.raises(InputError, match=rf"{name}' is not a model saved by Keras 2"):
            keras_v2.load(tmp_path / name)
    with pytest.raises(InputError, match=r"no file .*absent\.h5"):
        keras_v2.load(tmp_path / "absent.h5")


def test_what_lies_elsewhere_is_not_followed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.h5")  # whoever opens it waits for ever
    settings = {"name": "conv", "padding": "same", "strides": [1], "dilation_rate": [1]}
    layers = [{"class_name": "Conv1D", "config": settings}]
    with h5py.File("linked.h5", "w") as file:
        file.attrs["model_config"] = json.dumps({"config": {"layers": layers}})
        file.create_dataset("room", data=np.random.default_rng(0).normal(size=500_000))
        file["model_weights"] = h5py.ExternalLink("pipe.h5", "/")
    with pytest.raises(InputError, match="no group 'model_weights/conv' of its own"):
        keras_v2.load(tmp_path / "linked.h5")
    with h5py.File("linked.h5", "r+") as file:
        del file["model_weights"]
        file["model_weights/conv"] = h5py.ExternalLink("pipe.h5", "/")
    with pytest.raises(InputError, match="no group 'model_weights/conv' of its own"):
        keras_v2.load(tmp_path / "linked.h5")


def test_a_file_of_thousands_of_layers_is_not_built(changed):
    layer = {"class_name": "LSTM", "config": {"name": "x"}}
    config = {"name": "x", "merge_mode": "concat", "layer": layer}
    usual = {"activation": "tanh", "return_sequences": True, "go_backwards": False}
    usual |= {"dropout": 0.2, "recurrent_dropout": 0.2, "recurrent_activation": "sigmoid"}
    layer["config"] |= usual
    path = changed(lambda layers: None)
    with h5py.File(path, "r+") as file:
        many = [{"class_name": "Bidirectional", "config": config}] * 2000
        file.attrs["model_config"] = json.dumps({"config": {"layers": many}})
    with pytest.raises(InputError, match="at most 1,000 are built"):
        keras_v2.load(path)
