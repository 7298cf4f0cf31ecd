"""Files that were made before modules and classes had the names that they have today.

``golden/former.zip`` was written at commit 0c5e82c: a network in Keras's format with the outputs
it had, a run folder, and one of a training that was killed after its second epoch of four. The
data of both runs is ``steadkit demo --events 10 --noise 4``, merged.
"""

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from campaigns.training_kills import weights

from eqt.model_io import load_model
from steadkit.dataset_files import dataset_files
from steadkit.demo import demo
from steadkit.merge import merge
from steadkit.sources import source_from_path

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def former(tmp_path_factory):
    folder = tmp_path_factory.mktemp("former")
    with zipfile.ZipFile(ROOT / "tests" / "golden" / "former.zip") as archive:
        archive.extractall(folder)
    waveforms = np.random.default_rng(0).normal(size=(2, 512, 3)).astype("f4")
    np.save(folder / "waveforms.npy", waveforms)
    return folder


@pytest.fixture(scope="module")
def data(former):
    manifests = demo(former / "demo", events=10, noise=4)
    sources = [
        source_from_path(former / "demo" / f"chunk{i + 1}.hdf5") for i in range(len(manifests))
    ]
    merge(sources, dataset_files(former / "all.hdf5"))
    return former / "all.hdf5"


def test_a_network_is_read_by_eqt(former):
    model = load_model(former / "network.keras")
    assert model.config.encoder_rnn == ("bilstm", "lstm")
    outputs = model.predict_on_batch(np.load(former / "waveforms.npy"))
    expected = np.load(former / "outputs.npy")
    np.testing.assert_allclose(np.concatenate(outputs, -1), expected, atol=1e-6)


def test_a_network_is_read_by_plain_keras(former):
    code = """
import keras, numpy as np
import eqt.layers
outputs = keras.saving.load_model("network.keras").predict_on_batch(np.load("waveforms.npy"))
np.testing.assert_allclose(np.concatenate(outputs, -1), np.load("outputs.npy"), atol=1e-6)
"""
    environment = {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "PATH": ""}
    subprocess.run([sys.executable, "-c", code], cwd=former, env=environment, check=True)


def test_a_run_is_evaluated(former, data, run):
    result = run("eqt", "evaluate", former / "run", "--data", data, "--output", "evaluation")
    assert result.exit_code == 0, result.output
    assert len(pd.read_csv("evaluation/traces.csv")) == 3


def test_an_interrupted_training_is_resumed(former, data, run):
    folder = former / "interrupted"
    before = pd.read_csv(folder / "history.csv")
    result = run("eqt", "train", "--resume", folder, "--data", data, "--other-machine")
    assert result.exit_code == 0, result.output
    after = pd.read_csv(folder / "history.csv")
    assert len(before) == 2 and len(after) == 4
    pd.testing.assert_frame_equal(after[:2], before)
    resumed, expected = (
        weights(path) for path in (folder / "last.weights.h5", former / "resumed.weights.h5")
    )
    assert resumed.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(resumed[name], values, atol=1e-5, err_msg=name)
