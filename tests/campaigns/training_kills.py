"""Kill trainings at random moments, go on with them, and compare what they end with.

Run whole with ``python tests/campaigns/training_kills.py --kills 10``; the tests run one. A tiny
network with every kind of layer that draws (spatial dropout, recurrent dropout, feed-forward) is
trained on simulated traces, augmented as published, by ``eqt train``. It is killed (SIGKILL) at a
random moment, some of them before it has begun, and resumed with ``--resume`` until it is done.
Then all its weights, the best and the last, must be those of an undisturbed training bit for bit,
its history the same but for the seconds, and nothing else may be left behind.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

NETWORK = """
filters = [2, 2, 2, 2, 2, 2, 2]
kernels = [3, 3, 3, 3, 3, 3, 3]
residual_kernels = [3]
encoder_rnn = ["bilstm"]
picker_rnn = ["lstm"]
rnn_units = 2
transformer_blocks = 1
attention_units = 2
feed_forward = 4
"""
TRAINING = """
epochs = 4
batch_size = 4
learning_rate = 0.01
warmup = 1
ema = 0.9
train = "0.6"
validation = "0.2"
test = "0.2"
plateau = 1
"""
COMMAND = ("train", "--data", "all.hdf5", "--model", "tiny.toml", "--config", "training.toml")
PATIENCE = 300.0
"""Seconds within which any run must end."""


@dataclass(frozen=True)
class Whole:
    """The undisturbed run, and how long it took to begin."""

    folder: Path
    to_begin: float


def prepare(folder: Path, events: int = 32) -> None:
    """Simulate the traces, half as many of noise as of events, and write the settings."""
    steadkit = [sys.executable, "-m", "steadkit"]
    demo = ["demo", "stead", "--events", str(events), "--noise", str(events // 2)]
    for arguments in (demo, ["merge", "stead/chunk1.hdf5", "stead/chunk2.hdf5", "-o", "all.hdf5"]):
        subprocess.run([*steadkit, *arguments], cwd=folder, check=True, capture_output=True)
    (folder / "tiny.toml").write_text(NETWORK)
    (folder / "training.toml").write_text(TRAINING)


def start(folder: Path, name: str) -> subprocess.Popen[str]:
    """Begin a run of that name, or go on with it if its folder is there."""
    command = [*COMMAND, "--save-every", "2", "--output", name]
    if (folder / name).exists():
        command = ["train", "--resume", name]
    return subprocess.Popen(
        [sys.executable, "-m", "eqt", *command],
        cwd=folder,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a file or folder is there, or the process has ended."""
    while process.poll() is None and not path.exists():
        time.sleep(0.002)


def finish(process: subprocess.Popen[str]) -> None:
    """Let a run come to its end."""
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, stderr


def undisturbed(folder: Path) -> Whole:
    """Train once without a kill."""
    began, process = time.perf_counter(), start(folder, "whole")
    wait_for(folder / "whole", process)
    seconds = time.perf_counter() - began
    finish(process)
    return Whole(folder / "whole", seconds)


def kill(folder: Path, name: str, reference: Whole, chance: random.Random) -> str:
    """Start a run, or go on with it, and kill it; returns how far it was.

    Some at a random time, some when so many states have been written, and a moment more.
    """
    process = start(folder, name)
    if chance.random() < 0.2:
        time.sleep(chance.uniform(0, reference.to_begin))
    else:
        wait_for(folder / name, process)
        for _ in range(chance.randrange(1, 7)):
            wait_for_change(folder / name / "state.npz", process)
        time.sleep(chance.uniform(0, 0.1))
    process.kill()
    _, stderr = process.communicate()
    if process.returncode == 0:
        return "finished before"
    assert process.returncode == -9, stderr
    return where(folder / name)


def wait_for_change(path: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a file has been replaced, or the process has ended."""
    before = inode(path)
    while process.poll() is None and inode(path) == before:
        time.sleep(0.001)


def inode(path: Path) -> int | None:
    """Tell which file it is; None where there is none."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def where(run: Path) -> str:
    """Tell how far a killed run was, by what it left."""
    if not run.exists():
        return "killed before it had a folder"
    if not (run / "state.npz").exists():
        return "killed when complete"
    with zipfile.ZipFile(run / "state.npz") as state:
        step = json.loads(state.read("state.json"))["progress"]["step"]
    epochs = len(pd.read_csv(run / "history.csv")) if (run / "history.csv").exists() else 0
    return f"killed {'inside' if step else 'at the start of'} epoch {epochs + 1}"


def weights(path: Path) -> dict[str, np.ndarray]:
    """Read all weights of a file."""
    arrays: dict[str, np.ndarray] = {}

    def keep(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    with h5py.File(path) as file:
        file.visititems(keep)
    return arrays


def compare(run: Path, reference: Path) -> None:
    """Fail where a run is not what the undisturbed one is."""
    for name in ("best.weights.h5", "last.weights.h5"):
        result, expected = weights(run / name), weights(reference / name)
        assert result.keys() == expected.keys() and len(result) > 20
        for weight, values in expected.items():
            assert np.array_equal(result[weight], values), f"{name}: {weight} differs"
    result, expected = (
        pd.read_csv(f / "history.csv").drop(columns="seconds") for f in (run, reference)
    )
    pd.testing.assert_frame_equal(result, expected, check_exact=True)
    assert (run / "split.manifest").read_bytes() == (reference / "split.manifest").read_bytes()
    differing_files = {path.name for path in run.iterdir()} ^ {
        path.name for path in reference.iterdir()
    }
    assert not differing_files, f"left behind, or missing: {differing_files}"
    assert not [*run.parent.glob(".*")], "left behind beside the run"


def campaign(kills: int, seed: int) -> Counter[str]:
    """Kill as often as asked for; an assertion fails where a run ends otherwise."""
    chance, outcomes = random.Random(seed), Counter[str]()
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        prepare(folder)
        reference, number = undisturbed(folder), 0
        while sum(count for outcome, count in outcomes.items() if "killed" in outcome) < kills:
            name = f"run{number}"
            outcome = kill(folder, name, reference, chance)
            outcomes[outcome] += 1
            if "complete" in outcome or "finished" in outcome:
                finish(start(folder, name))
                compare(folder / name, reference.folder)
                number += 1
        finish(start(folder, f"run{number}"))
        compare(folder / f"run{number}", reference.folder)
    return outcomes


def main() -> None:
    """Run the campaign and print what it met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    outcomes = campaign(arguments.kills, arguments.seed)
    for outcome, count in sorted(outcomes.items()):
        print(f"{count:5d}  {outcome}")
    print("every run ended with the undisturbed one's weights, bit for bit")


if __name__ == "__main__":
    main()
