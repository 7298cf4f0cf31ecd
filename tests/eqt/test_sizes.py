"""Networks are counted before they are built, and those without room are refused in one line."""

import importlib
import json

import numpy as np
import pytest
from conftest import TINY, names_of, refused
from hypothesis import given, settings
from hypothesis import strategies as st

from eqt import sizes
from eqt.config import EQTConfig
from eqt.metrics import BootstrapConfig, cluster_bootstrap
from eqt.position_bias import position_test
from eqt.presets import PRESETS
from steadkit import capacity
from steadkit.errors import InputError
from steadkit.pipeline import BatchConfig, BatchLoader


@pytest.mark.parametrize("name", PRESETS)
def test_the_count_is_that_of_the_presets(name):
    assert sizes.count_parameters(PRESETS[name].config) == PRESETS[name].parameters


OTHERS = [
    {"attention": "multi_head", "heads": 4, "positional": "lstm"},
    {"attention": "dot", "positional": "sinusoidal"},
    {"encoder_rnn": ("gru", "bigru", "bilstm"), "picker_rnn": ("bigru", "lstm")},
    {"filters": (3, 4), "kernels": (5, 2), "residual_kernels": (), "transformer_blocks": 3},
    {"encoder_rnn": (), "picker_rnn": (), "decoder_filters": (5,) * 7, "components": 2},
]


@pytest.mark.parametrize("changes", OTHERS, ids=lambda x: next(iter(x)))
def test_the_count_is_that_of_the_network(changes):
    from eqt.model import build_model

    config = EQTConfig(**changes)
    model = build_model(config)
    assert sizes.count_parameters(config) == model.count_params()
    outputs = sum(tensor.shape[1] * tensor.shape[2] for tensor in model.outputs)
    assert outputs < sum(sizes._activations(config))
    assert max(sizes._activations(config)) >= 6000 * 2


BIG = 2**31 - 1
"""The largest whole number of a setting; more is refused as such."""

CASES = {
    "kernels": {"kernels": [10**9] * 7},
    "head_kernel": {"head_kernel": BIG},
    "filters": {"filters": [10**6] * 7},
    "decoder_filters": {"decoder_filters": [10**6] * 7},
    "residual blocks": {"residual_kernels": [3] * 100_000},
    "residual kernel": {"residual_kernels": [10**9]},
    "transformer blocks": {"transformer_blocks": 100_000},
    "recurrent blocks": {"encoder_rnn": ["lstm"] * 2000},
    "units": {"rnn_units": 20_000},
    "attention units": {"attention_units": BIG},
    "feed forward": {"feed_forward": BIG},
    "length": {"input_length": BIG - 1},
    "components": {"components": BIG},
    "attention of every sample": {"filters": [8], "kernels": [11], "input_length": 2 * 10**6},
}


def as_toml(values):
    return "\n".join(f"{name} = {json.dumps(value)}" for name, value in values.items())


@pytest.mark.parametrize("name", CASES)
def test_a_network_without_room_is_refused_before_tensorflow(
    name, stead, run, tmp_path, no_tensorflow
):
    stead()
    (tmp_path / "big.toml").write_text(as_toml(CASES[name]))
    result = run("eqt", "train", "--data", "chunk.hdf5", "--model", "big.toml")
    refused(result, "the network")
    assert len(result.stderr) < 400
    assert not (tmp_path / "runs").exists()
    config = EQTConfig.from_dict(CASES[name])
    with pytest.raises(InputError, match=r"of memory|at most 1,000 are built"):
        sizes.check_buildable(config)


@pytest.mark.parametrize(
    "units", [BIG + 1, 10**300, 10**4000], ids=lambda x: f"{len(str(x))} digits"
)
def test_a_number_that_no_setting_holds_is_refused(stead, run, tmp_path, no_tensorflow, units):
    stead()
    (tmp_path / "big.toml").write_text(as_toml({"rnn_units": units}))
    refused(run("eqt", "train", "--data", "chunk.hdf5", "--model", "big.toml"), "whole number")
    with pytest.raises(InputError, match="whole number"):
        EQTConfig(rnn_units=units)


@pytest.fixture
def no_tensorflow(monkeypatch):
    """Fail where TensorFlow would be loaded."""

    def load():
        raise AssertionError("TensorFlow is not needed to see that there is no room")

    module = importlib.import_module("eqt.cli.train")
    monkeypatch.setattr(module, "load_tensorflow", load)


def test_batches_count(stead, monkeypatch, run, no_tensorflow):
    source = stead()
    arguments = ("train", "--data", "chunk.hdf5", "--batch-size", BIG - 1)
    # A batch is never larger than the file, each trace of it twice.
    with pytest.raises(AssertionError, match="is not needed"):
        run("eqt", *arguments)
    monkeypatch.setattr(sizes, "available_memory", lambda: 50_000_000)
    refused(run("eqt", *arguments), "batches of 26", "50.0 MB are free", "smaller batches")
    sizes.check_training(EQTConfig(), 2, sizes.max_traces(source.hdf5))
    with pytest.raises(InputError, match=r"batches of 1,000.*smaller batches"):
        sizes.check_prediction(EQTConfig(), 1000, 10**6)
    sizes.check_prediction(EQTConfig(), 1000, 10)


def test_memory_of_a_gpu_counts(monkeypatch):
    monkeypatch.setattr(sizes, "available_memory", lambda: 1000)
    monkeypatch.setattr(sizes, "_gpu_memory", lambda: 10**9)
    sizes.check_buildable(EQTConfig())


OPTIONS = {"--resamples": 100_001, "--mc-samples": 10**18, "--positions": 6001}


@pytest.mark.parametrize("option", OPTIONS)
def test_counts_beyond_all_use_are_refused_before_tensorflow(run, option):
    refused(run("eqt", "evaluate", "run", option, OPTIONS[option]), option, "not in the range")


def test_draws_and_places_without_room_are_refused(stead, monkeypatch):
    source = stead()
    batches = BatchLoader(source.hdf5, names_of(8, 4), BatchConfig(4))
    monkeypatch.setattr(capacity, "available_memory", lambda: 100_000)
    with pytest.raises(InputError, match="a bootstrap of 1,000,000 draws takes at least"):
        cluster_bootstrap(
            np.ones((4, 2)), BootstrapConfig(np.arange(4), np.zeros(4, bool), 1_000_000)
        )
    with pytest.raises(InputError, match="of 8 events at 6,000 places each"):
        position_test(len, batches, count=6000)


def test_an_experiment_without_room_leaves_nothing(run, monkeypatch, tmp_path):
    monkeypatch.setattr(sizes, "available_memory", lambda: 10**9)
    monkeypatch.setattr(sizes, "_gpu_memory", lambda: 0)
    batch = ("--batch-size", BIG - 1)
    refused(run("eqt", "experiment", "micro", "--quick", *batch), "batches of 8,000, ")
    assert not list(tmp_path.iterdir())


@given(st.integers(1, BIG), st.integers(1, BIG))
@settings(max_examples=50)
def test_any_size_is_one_line(kernel, units):
    config = EQTConfig(
        **{
            **TINY.to_dict(),
            "filters": (2,) * 4,
            "kernels": (kernel,) * 4,
            "residual_kernels": (),
            "encoder_rnn": (),
            "picker_rnn": (),
            "rnn_units": units,
        }
    )
    try:
        sizes.check_buildable(config)
    except InputError as error:
        assert len(str(error)) < 300
