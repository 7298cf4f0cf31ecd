"""One loader: every kind of file is known by its content, and anything else is refused."""

import json
import pickle
import shutil
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from conftest import TINY, refused

import eqt
from eqt.model import build_model
from eqt.presets import PRESETS
from steadkit.errors import InputError


@pytest.fixture(scope="module")
def model():
    return build_model(TINY, seed=3)


def the_same(model, expected):
    assert expected.output_names == ["detector", "picker_P", "picker_S"]
    for weight, expected_weight in zip(model.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(weight, expected_weight)


@pytest.mark.parametrize("ending", [".keras", ".weights.h5"])
@pytest.mark.parametrize("name", ["as saved", "renamed.dat"])
def test_our_own_files_are_known_by_content(model, tmp_path, ending, name):
    path = tmp_path / f"m{ending}"
    eqt.save_model(model, path)
    if name != "as saved":
        path = path.rename(tmp_path / name)
    the_same(model, eqt.load_model(str(path)))
    assert eqt.load_model(path).config == TINY


def test_a_run_folder_gives_its_best_weights(trained):
    the_same(eqt.load_model(trained / "best.weights.h5"), eqt.load_model(trained))


def test_another_ending_is_refused(model, tmp_path):
    with pytest.raises(InputError, match=r"ends in neither \.keras nor \.weights\.h5"):
        eqt.save_model(model, tmp_path / "m.pb")


@pytest.mark.parametrize("name", ["original", "conservative"])
def test_an_imported_file_gives_the_published_outputs(shared_data, tmp_path, run, name):
    result = run("eqt", "import", shared_data / f"eqt_{name}.h5", "-o", "imported.keras")
    assert result.exit_code == 0, result.output
    assert f"{PRESETS[name].parameters:,} weights, {PRESETS[name].config.gate}" in result.output
    model = eqt.load_model(tmp_path / "imported.keras")
    assert model.config == PRESETS[name].config
    reference = np.load(shared_data / "eqt_reference.npz")
    with h5py.File(shared_data / "ncedc_a.hdf5") as file:
        traces = np.stack([file[f"data/{trace.decode()}"][()] for trace in reference["trace_name"]])
    std = traces.std(axis=1, keepdims=True)
    traces = (traces - traces.mean(axis=1, keepdims=True)) / np.where(std == 0, 1, std)
    outputs = np.concatenate(model.predict_on_batch(traces), -1)
    assert outputs.shape == (16, 6000, 3)
    np.testing.assert_allclose(outputs, reference[name], atol=1e-4)


def test_import_writes_weights_too_and_overwrites_nothing(model, tmp_path, run):
    eqt.save_model(model, tmp_path / "m.keras")
    arguments = ("eqt", "import", "m.keras", "-o", "m.weights.h5")
    assert run(*arguments).exit_code == 0
    the_same(model, eqt.load_model(tmp_path / "m.weights.h5"))
    refused(run(*arguments), "exists", "--overwrite")
    assert run(*arguments, "--overwrite").exit_code == 0
    refused(run("eqt", "import", "m.keras", "-o", "m.onnx"), "ends in neither")


class Bad:
    """Leaves a mark where it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path("mark"),)


def text(path):
    path.write_text("P S coda")


def nothing(path):
    path.write_bytes(b"")


def other_json(path):
    path.write_text(json.dumps({"model": 1}))


def plain_pickle(path):
    path.write_bytes(pickle.dumps(Bad()))


def other_zip(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("readme.txt", "x")


def broken_zip(path):
    path.write_bytes(b"PK\x03\x04" + bytes(100))


def pickle_in_zip(path):
    path.with_suffix(".json").write_text('{"model_args": {}}')
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps(Bad()))
        file.writestr("archive/version", "3")


def other_hdf5(path):
    with h5py.File(path, "w") as file:
        file["layers/dense/vars/0"] = np.zeros(3)


def broken_hdf5(path):
    other_hdf5(path)
    path.write_bytes(path.read_bytes()[:300])


def lambda_in_keras_2(path):
    layer = {"class_name": "Lambda", "config": {"name": "evil", "function": ["4wE=", None]}}
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({"config": {"layers": [layer]}})


CASES = {
    text: "no network that is known",
    nothing: "no network that is known",
    other_json: "must lie side by side",
    plain_pickle: "a pickle, which could run code",
    other_zip: "no network that is known",
    broken_zip: "damaged zip file",
    pickle_in_zip: "PyTorch",
    other_hdf5: "eqt weights 1",
    broken_hdf5: "damaged HDF5 file",
    lambda_in_keras_2: "layer 'evil' is a Lambda",
}


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m.pt"])
@pytest.mark.parametrize(
    ("make", "message"), CASES.items(), ids=lambda x: getattr(x, "__name__", "-")
)
def test_anything_else_is_refused_and_nothing_is_run(tmp_path, monkeypatch, make, message, name):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / name)
    with pytest.raises(InputError, match=message) as caught:
        eqt.load_model(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "mark").exists()


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(InputError, match=r"no weights .*none\.keras"):
        eqt.load_model(tmp_path / "none.keras")
    with pytest.raises(InputError, match="is the run complete"):
        eqt.load_model(tmp_path)


def keras_2(path, edit):
    shutil.copy(path[0], path[1])
    with h5py.File(path[1], "r+") as file:
        edit(file)
    return path[1]


def not_finite(file):
    file["model_weights/conv1d_8/conv1d_8/kernel:0"][0] = np.inf


def elsewhere(file):
    del file["model_weights/conv1d_8/conv1d_8/kernel:0"]
    file["model_weights/conv1d_8/conv1d_8/kernel:0"] = h5py.ExternalLink("other.h5", "kernel")


def huge(file):
    del file["model_weights/conv1d_8/conv1d_8/kernel:0"]
    shape = (1 << 20, 1 << 20)
    file["model_weights/conv1d_8/conv1d_8"].create_dataset("kernel:0", shape, chunks=(1, 64))


@pytest.mark.parametrize(
    ("edit", "message"),
    [(not_finite, "NaN or infinity"), (elsewhere, "of its own"), (huge, "at most 16,777,216")],
)
def test_published_files_with_other_arrays_are_refused(shared_data, tmp_path, edit, message):
    path = keras_2((shared_data / "eqt_conservative.h5", tmp_path / "m.h5"), edit)
    with pytest.raises(InputError, match=message):
        eqt.load_model(path)


def test_evaluate_takes_any_of_them(trained, tmp_path, run):
    eqt.save_model(eqt.load_model(trained), tmp_path / "m.keras")
    result = run("eqt", "evaluate", trained, "--weights", "m.keras", "--output", "out")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / "metrics.json").is_file()


def test_no_attribute_is_made_up():
    assert {"build_model", "load_model", "save_model"} <= set(dir(eqt))
    with pytest.raises(AttributeError, match="no attribute 'load_models'"):
        _ = eqt.load_models
