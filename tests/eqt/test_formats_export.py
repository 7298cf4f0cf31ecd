"""Exports: other programs compute the same, and nothing is overwritten."""

import errno
import logging
import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import TINY, refused

import eqt
from eqt.config import EQTConfig
from eqt.formats import export
from eqt.model import build_model
from steadkit.errors import InputError

SMALL = EQTConfig(
    input_length=512,
    filters=(4, 4, 4),
    kernels=(5, 3, 3),
    residual_kernels=(3, 2),
    encoder_rnn=("bilstm",),
    rnn_units=3,
    attention_units=2,
    feed_forward=4,
)
NAMES = ["detector", "picker_P", "picker_S"]


@pytest.fixture(scope="module")
def model():
    return build_model(SMALL, seed=1)


@pytest.fixture(scope="module")
def waves():
    return np.random.default_rng(0).normal(size=(5, 512, 3)).astype("f4")


def test_a_saved_model_computes_the_same(model, waves, tmp_path, run):
    import tensorflow as tf

    eqt.save_model(model, tmp_path / "m.keras")
    result = run("eqt", "export", "m.keras", "-o", "served")
    assert result.exit_code == 0, result.output
    loaded = tf.saved_model.load(str(tmp_path / "served"))
    served = loaded.serve(waves)
    outputs = model.predict_on_batch(waves)
    for name, output in zip(NAMES, outputs, strict=True):
        np.testing.assert_allclose(served[name], output, atol=1e-5)

    refused(run("eqt", "export", "m.keras", "-o", "served"), "exists")
    result = run("eqt", "export", "m.keras", "-o", "served", "--overwrite")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.keras", "served"]
    (tmp_path / "notes").mkdir()
    refused(run("eqt", "export", "m.keras", "-o", "notes", "--overwrite"), "something else")


@pytest.mark.filterwarnings("default")
def test_onnx_computes_the_same(model, waves, tmp_path, run):
    pytest.importorskip("tf2onnx", reason="Keras writes ONNX with it: the extra 'export'")
    runtime = pytest.importorskip("onnxruntime", reason="it is what is compared with")
    eqt.save_model(model, tmp_path / "m.keras")
    result = run("eqt", "export", "m.keras", "-o", "m.onnx")
    assert result.exit_code == 0, result.output
    session = runtime.InferenceSession(str(tmp_path / "m.onnx"))
    assert [output.name for output in session.get_outputs()] == NAMES
    computed = session.run(NAMES, {session.get_inputs()[0].name: waves})
    for output, expected in zip(computed, model.predict_on_batch(waves), strict=True):
        np.testing.assert_allclose(output, expected, atol=1e-4)
    refused(run("eqt", "export", "m.keras", "-o", "m.onnx"), "exists", "--overwrite")


class Noisy:
    """A network whose export prints in every way that libraries have, and then fails or not."""

    def __init__(self, fault=None):
        self.fault = fault

    def export(self, path, **_):
        os.write(1, b"from C\n")
        os.write(2, b"from C\n")
        print("from Python")
        print("from Python", file=sys.stderr)
        logging.basicConfig(level=logging.INFO)
        logging.getLogger("tf2onnx").error("optimising")
        if self.fault:
            raise self.fault
        path.write_bytes(b"onnx")


@pytest.fixture
def noisy(model, tmp_path, monkeypatch):
    """Write a network as a file, and make its export noisy."""
    eqt.save_model(model, tmp_path / "m.keras")
    monkeypatch.setattr(export, "find_spec", lambda name: True)
    monkeypatch.setattr(export, "_name_outputs", lambda path, names: None)

    def make(fault=None):
        monkeypatch.setattr(export, "_with_named_outputs", lambda model: Noisy(fault))

    return make


def test_what_the_libraries_print_is_not_shown(noisy, run, capfd):
    noisy()
    handlers = logging.root.handlers[:]
    result = run("eqt", "export", "m.keras", "-o", "m.onnx")
    assert (result.exit_code, result.output) == (0, "m.onnx\n")
    assert capfd.readouterr() == ("", "")
    assert logging.root.handlers == handlers


def test_what_makes_an_export_fail_is(noisy, run, tmp_path, capfd):
    noisy(KeyError("no such op"))
    refused(run("eqt", "export", "m.keras", "-o", "m.onnx"), "as ONNX", "KeyError", "no such op")
    noisy(OSError(errno.ENOSPC, "No space left on device", "m.onnx"))
    refused(run("eqt", "export", "m.keras", "-o", "m.onnx"), "no space left", "make room")
    assert capfd.readouterr() == ("", "")
    assert not (tmp_path / "m.onnx").exists()


def test_a_command_that_exports_prints_the_file_alone(model, tmp_path):
    pytest.importorskip("tf2onnx", reason="Keras writes ONNX with it: the extra 'export'")
    eqt.save_model(model, tmp_path / "m.keras")
    command = [sys.executable, "-m", "eqt", "export", "m.keras", "-o", "m.onnx"]
    path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path}
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "m.onnx\n", "")


def test_without_the_packages_it_is_told_what_to_install(model, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"ONNX needs onnx and tf2onnx: pip install"):
        export.to_onnx(model, tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


def test_unknown_formats_and_models_are_refused(model, tmp_path, run):
    with pytest.raises(InputError, match="unknown format 'tflite'"):
        export.export(model, "tflite", tmp_path / "m")
    refused(run("eqt", "export", "none.keras", "-o", "m"), "no weights")
    eqt.save_model(build_model(TINY), tmp_path / "m.keras")
    assert run("eqt", "export", "m.keras", "--to", "tflite", "-o", "m").exit_code == 2


@pytest.mark.parametrize("name", ["m.tflite", "m.pb", "m.h5", "m.onnx.zip"])
def test_an_ending_of_another_format_is_refused(model, tmp_path, run, name):
    refused(run("eqt", "export", "m.keras", "-o", name), "not written here", ".onnx")
    assert not (tmp_path / name).exists()


def test_a_failure_leaves_nothing_behind(tmp_path):
    class Failing:
        input, outputs, output_names = None, (), ()

    with pytest.raises(ValueError):
        export.to_saved_model(Failing(), tmp_path / "served")
    assert not list(tmp_path.iterdir())
