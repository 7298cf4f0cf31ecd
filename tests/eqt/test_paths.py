"""What is no plain file is refused in one line where networks, runs and settings are read."""

import os
import shutil
import zipfile

import pytest
from conftest import refused

from eqt.experiments.results import _history
from eqt.pretrained import fetch
from eqt.visualize.write import recorded_files
from steadkit.errors import InputError

COMMANDS = {
    "train --data x.hdf5": "x.hdf5",
    "train --data data.hdf5 --config x.toml": "x.toml",
    "train --data data.hdf5 --model x.toml": "x.toml",
    "train --data data.hdf5 --init x.h5": "x.h5",
    "train --data data.hdf5 --init run": "run/best.weights.h5",
    "train --data data.hdf5 --split x": "x",
    "train --data data.hdf5": "data.manifest",
    "train --resume run": "run/config.json",
    "evaluate run --output made": "run/config.json",
    "evaluate run --overwrite": "run/split.manifest",
    "evaluate run --weights x.keras --output new": "x.keras",
    "evaluate run --data x.hdf5": "x.csv",
    "compare run run": "run/evaluation/picks.csv",
    "import x.pt -o out.keras": "x.pt",
    "import x.pt -o out.keras ": "x.json",
    "export run -o out.onnx": "run/best.weights.h5",
    "visualize filters x.keras": "x.keras",
    "experiment micro --data x.csv": "x.csv",
    "experiment micro --data data.hdf5 --output lab": "lab/experiment.json",
}


@pytest.fixture
def place(trained, tmp_path):
    """Copy a run and its data, and make room for what is no file."""
    shutil.copytree(trained, tmp_path / "run")
    for path in trained.parent.glob("data.*"):
        shutil.copy(path, tmp_path)
    (tmp_path / "run" / "evaluation").mkdir()
    (tmp_path / "lab").mkdir()
    (tmp_path / "x.hdf5").touch()
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as file:
        file.writestr("x/data.pkl", b"")
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_reader_of_a_command(place, run, command):
    odd = place / COMMANDS[command]
    odd.unlink(missing_ok=True)
    os.mkfifo(odd)
    refused(run("eqt", *command.split()), odd.name, "named pipe")


def test_readers_that_no_command_names(tmp_path):
    for name in ("history.csv", "visualize.json", "eqt_original.h5"):
        os.mkfifo(tmp_path / name)
    assert recorded_files(tmp_path) is None
    with pytest.raises(InputError, match="named pipe"):
        _history(tmp_path / "history.csv")
    with pytest.raises(InputError, match="named pipe"):
        fetch("original", tmp_path)


@pytest.mark.parametrize("text", ["", "epoch\n1\n", "epoch,seconds,val_loss\n1,2,x\n", "\0"])
def test_a_history_that_is_none(tmp_path, text):
    path = tmp_path / "history.csv"
    path.write_text(text)
    with pytest.raises(InputError, match="no history"):
        _history(path)
