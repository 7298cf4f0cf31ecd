"""The public class: its configuration, trained weights, and the files that it writes."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import TINY

import eqt
from eqt import pretrained
from eqt.model import build_model
from eqt.probabilities import predictor
from steadkit.errors import InputError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def model():
    return eqt.EQTransformer(TINY, seed=3)


@pytest.fixture
def waveforms():
    return np.random.default_rng(0).normal(size=(2, TINY.input_length, 3)).astype("f4")


def test_it_is_the_network_of_build_model(model, waveforms):
    expected = build_model(TINY, seed=3)
    assert model.config == expected.config == TINY
    assert model.output_names == ["detector", "picker_P", "picker_S"]
    for value, reference in zip(
        model.predict(waveforms, verbose=0), expected.predict(waveforms, verbose=0), strict=True
    ):
        assert value.shape == (2, TINY.input_length, 1)
        np.testing.assert_array_equal(value, reference)
    mean = predictor(model)(waveforms).mean
    np.testing.assert_allclose(mean, np.concatenate(expected(waveforms), -1), atol=1e-6)


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5"])
def test_what_is_saved_comes_back(model, waveforms, tmp_path, name):
    model.save(tmp_path / name)
    restored = eqt.EQTransformer.from_pretrained(tmp_path / name)
    assert type(restored) is eqt.EQTransformer and restored.config == TINY
    for value, expected in zip(restored(waveforms), model(waveforms), strict=True):
        np.testing.assert_array_equal(value, expected)
    with pytest.raises(InputError, match="exists"):
        model.save(tmp_path / name)
    model.save(tmp_path / name, overwrite=True)


def test_plain_keras_reads_it_as_a_functional_model(model, waveforms, tmp_path):
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        assert json.loads(archive.read("config.json"))["class_name"] == "Functional"
    np.savez(tmp_path / "a.npz", x=waveforms, y=np.concatenate(model(waveforms), -1))
    code = """
import keras, numpy as np
import eqt.layers
arrays = np.load("a.npz")
outputs = keras.saving.load_model("m.keras").predict_on_batch(arrays["x"])
np.testing.assert_allclose(np.concatenate(outputs, -1), arrays["y"], atol=1e-6)
"""
    environment = {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "PATH": ""}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)


def test_published_weights_are_named(model, tmp_path, monkeypatch):
    model.save(tmp_path / "original.weights.h5")
    monkeypatch.setattr(pretrained, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(pretrained, "fetch", lambda name, folder: folder / f"{name}.weights.h5")
    assert eqt.EQTransformer.from_pretrained("original").config == TINY
    with pytest.raises(InputError, match="no weights 'other'"):
        eqt.EQTransformer.from_pretrained("other")
