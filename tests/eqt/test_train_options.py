"""eqt train on the command line: every setting is an option, and a bad one is one clear line."""

import json
import tomllib

import pytest
from conftest import names_of, refused

from eqt.cli.options import NumberType
from eqt.cli.train import SETTINGS, _chosen_settings
from eqt.config import EQTConfig, TrainConfig
from eqt.presets import PRESETS, network_named
from eqt.runs import RunFolder, load_setup

NETWORK = """
base = "Vanilla"
filters = [2, 2]
kernels = [3, 3]
transformer_blocks = 1
attention_units = 2
feed_forward = 4
"""


def test_every_setting_is_an_option_with_its_default():
    parsed = {}
    for option, value_type, default, _ in SETTINGS:
        positive, _, _ = option.partition("/")
        name = positive.removeprefix("--").replace("-", "_")
        parsed[name] = value_type(default) if isinstance(value_type, NumberType) else default
        if value_type is bool:
            parsed[name] = default == positive.removeprefix("--")
        elif default is not None and default.isdecimal():
            parsed[name] = int(default)
    settings = TrainConfig.from_dict(_chosen_settings(parsed)).to_dict()
    expected = TrainConfig().to_dict()
    assert settings.pop("plateau_factor") == pytest.approx(expected.pop("plateau_factor"), abs=1e-3)
    assert settings == expected
    assert len(parsed) == len(TrainConfig().to_dict()) - 2, "three shares are one option"


@pytest.fixture
def source(stead):
    return stead("data.hdf5", names_of(24, 12))


def test_settings_from_files_and_options_before_them(source, run, tmp_path):
    (tmp_path / "small.toml").write_text(NETWORK)
    (tmp_path / "t.toml").write_text('epochs = 9\nbatch_size = 16\nlabels = "box"\ntrain = 0.5\n')
    command = ["train", "--data", source.hdf5, "--model", "small.toml", "--config", "t.toml"]
    command += [
        "--fractions",
        "0.5,0.25,0.25",
        "--epochs",
        1,
        "--unpaired",
        "--loss-weights",
        "1,2,3",
    ]
    result = run("eqt", *command, "--clip-norm", 1, "--shuffle-block", 5)
    assert result.exit_code == 0, result.output
    run_folder = RunFolder(tmp_path / "runs/small-data")
    setup = load_setup(run_folder)
    expected = {"epochs": 1, "batch_size": 16, "labels": "box", "paired": False, "clip_norm": 1.0}
    expected |= {"shuffle_block": 5}
    shares = {"train": "0.5", "validation": "0.25", "test": "0.25", "loss_weights": (1.0, 2.0, 3.0)}
    assert setup.training == TrainConfig(**expected, **shares)
    assert setup.model.filters == (2, 2) and setup.model.picker_rnn == ()
    about = json.loads(run_folder.config.read_text())["about"]
    assert about["command"].startswith("eqt train --data ") and "--unpaired" in about["command"]
    assert "onednn" in setup.environment and "intra_op_threads" in setup.environment
    assert "eqt train --resume runs/small-data" in run_folder.readme.read_text()


def test_networks_by_name_and_by_file(tmp_path):
    assert network_named("BO") == ("BO", PRESETS["BO"].config)
    (tmp_path / "mine.toml").write_text("dropout = 0.3")
    assert network_named(str(tmp_path / "mine.toml")) == ("mine", EQTConfig(dropout=0.3))
    assert tomllib.loads(NETWORK)["base"] == "Vanilla"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dropout = ", "is not TOML"),
        ("dropuot = 0.1", "unknown model setting 'dropuot'"),
        ('base = "XQT"', "unknown model 'XQT'"),
        ("base = 3", "base cannot be 3"),
        ("filters = [[1]]", "filters"),
        ("gate = {a = 1}", "gate"),
        ("\x00", "is not TOML"),
    ],
)
def test_files_that_are_no_network(source, run, tmp_path, text, words):
    (tmp_path / "bad.toml").write_text(text)
    refused(run("eqt", "train", "--data", source.hdf5, "--model", "bad.toml"), "bad.toml", words)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epochs = 0", "epochs cannot be 0"),
        ("epochs = true", "epochs"),
        ("schedule = []", "schedule"),
        ("labels = {}", "labels"),
        ("colour = 1", "unknown training setting 'colour'"),
        ("loss_weights = 1", "loss_weights"),
        ('loss_weights = ["a", 1, 1]', "loss_weights"),
        ("ema = 1.0", "ema"),
        ("ema = nan", "ema"),
        ("seed = -1", "seed"),
        ("xla = 1", "xla"),
        ("freeze = [1]", "freeze"),
        ("shuffle_block = -1", "shuffle_block cannot be -1"),
        ("shuffle_block = 2.5", "shuffle_block"),
        ("warmup = 200", "warmup"),
        ('train = "0.9"', "add up to 1"),
        ("train = {}", "is not a number"),
        ("learning_rate = 1979-05-27", "learning_rate"),
    ],
)
def test_files_of_settings_that_cannot_be(source, run, tmp_path, text, words):
    (tmp_path / "bad.toml").write_text(text)
    refused(run("eqt", "train", "--data", source.hdf5, "--config", "bad.toml"), words)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--batch-size", 15), "even size"),
        (("--loss-weights", "1,2"), "three numbers"),
        (("--loss-weights", "a,b,c"), "is not a number"),
        (("--fractions", "0.5,0.5"), "three numbers"),
        (("--ema", "1"), "ema"),
        (("--devices", "99"), "no 99 devices"),
        (("--devices", "TPU:0"), "'TPU:0'"),
        (("--freeze", "tail"), "no stage 'tail'"),
        (("--init", "none.h5"), "no weights 'none.h5'"),
        (("--model", "none.toml"), "no file 'none.toml'"),
        (("--config", "none.toml"), "no file 'none.toml'"),
        (("--save-every", "-1"), "--save-every"),
        (("--shuffle-block", "-1"), "--shuffle-block"),
        (("--mixed-precision", "int8"), "--mixed-precision"),
    ],
)
def test_options_that_cannot_be(source, run, tmp_path, options, words):
    refused(run("eqt", "train", "--data", source.hdf5, *options), words)
    assert not (tmp_path / "runs").exists() or not [*(tmp_path / "runs").iterdir()]


def test_data_of_one_class_have_to_be_meant(stead, run, tmp_path):
    for names, word in ((names_of(24), "earthquake_local alone"), (names_of(0, 24), "noise alone")):
        source = stead("one.hdf5", names)
        command = ("train", "--data", source.hdf5, "--fractions", "0.5,0.25,0.25")
        refused(run("eqt", *command), word, "--one-class")
        (tmp_path / "one.hdf5").unlink()
    refused(run("eqt", "train"), "--data")
