"""Overfit real traces: a network that cannot learn a few by heart is built wrong.

Run whole with ``python tests/campaigns/overfit.py ../shared/data/ncedc_a.hdf5``: 32 traces,
some minutes on two cores; the tests run fewer. Prints how many P and S peaks stand within 10
samples of the analysts'.
"""

import argparse
from pathlib import Path

import keras
import numpy as np

from eqt.config import EQTConfig, TrainConfig
from eqt.model import build_model
from eqt.training import compile_model
from steadkit.catalog import read_table
from steadkit.pipeline import BatchConfig, BatchLoader
from steadkit.schema import EVENT

WITHIN = 10


def events_of(data: Path, count: int) -> BatchLoader:
    """Make one batch of the first events of a file."""
    table = read_table(data.with_suffix(".csv"))
    names = table["trace_name"][table["trace_category"] == EVENT].tolist()[:count]
    return BatchLoader(data, names, BatchConfig(batch_size=count))


def overfit(batches: BatchLoader, steps: int, rate: float, seed: int = 0) -> tuple[float, float]:
    """Train on one batch; returns the shares of P and of S peaks that are near enough."""
    waveforms, targets = batches.batch(0)
    model = compile_model(build_model(EQTConfig(), seed), TrainConfig())
    # A rate that falls to nothing lets the batch normalisations' running means catch up.
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps)
    model.optimizer.learning_rate = schedule
    # In their order: with another one each time a few traces would be learnt or not by chance.
    options = {"batch_size": len(waveforms), "shuffle": False, "verbose": 0}
    model.fit(waveforms, targets, epochs=steps, **options)
    _, p, s = model.predict(waveforms, verbose=0)
    return near(p, batches.p), near(s, batches.s)


def near(probabilities: np.ndarray, arrivals: np.ndarray) -> float:
    """Tell the share of highest peaks within 10 samples of their arrivals."""
    peaks = probabilities[..., 0].argmax(axis=1)
    return float((np.abs(peaks - arrivals) <= WITHIN).mean())


def main() -> None:
    """Run the campaign and print the two shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--traces", type=int, default=32)
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--rate", type=float, default=2e-3)
    arguments = parser.parse_args()
    batches = events_of(arguments.data, arguments.traces)
    p, s = overfit(batches, arguments.steps, arguments.rate)
    print(
        f"{len(batches.names)} traces, {arguments.steps} steps: P within {WITHIN} samples in "
        f"{p:.1%}, S in {s:.1%}"
    )


if __name__ == "__main__":
    main()
