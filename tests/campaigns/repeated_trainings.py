"""Repeat a training, each time in a new process: the same weights and history bit for bit.

Run it completely with ``PYTHONPATH=tests python -m campaigns.repeated_trainings``, beside other
work that makes operations end in another order: ten trainings of the published network for three
epochs, augmented as published, with batches of 16, 32 and 64 in turn. The tests run two of a small
network. Prints a digest of each, and how many differ from the first of their batch size.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from campaigns.training_kills import prepare, weights


def digest(run: Path) -> str:
    """Return the digest of all weights and of the history, but for its seconds."""
    hashed = hashlib.blake2b(digest_size=8)
    for name in ("best.weights.h5", "last.weights.h5"):
        for path, values in sorted(weights(run / name).items()):
            hashed.update(path.encode() + values.tobytes())
    history = pd.read_csv(run / "history.csv").drop(columns="seconds")
    hashed.update(history.to_csv(index=False).encode())
    return hashed.hexdigest()


def repeat(folder: Path, trainings: int, options: Sequence[object]) -> list[str]:
    """Train as often as asked for; returns the digests."""
    digests = []
    for _ in range(trainings):
        run = folder / f"run{len(list(folder.glob('run*')))}"
        command = ["train", "--data", folder / "all.hdf5", *options, "--output", run]
        subprocess.run(
            [sys.executable, "-m", "eqt", *map(str, command)],
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
            check=True,
            capture_output=True,
        )
        digests.append(digest(run))
    return digests


def main() -> None:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trainings", type=int, default=10)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[16, 32, 64])
    parser.add_argument("--events", type=int, default=160)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, arguments.events)
        for size in arguments.batch_sizes:
            options = ["--augment", "eqt", "--batch-size", size, "--epochs", 3]
            digests = repeat(folder, arguments.trainings, options)
            differing = sum(digest != digests[0] for digest in digests)
            print(f"batch {size}: {differing} of {len(digests)} differ: {digests}", flush=True)


if __name__ == "__main__":
    main()
