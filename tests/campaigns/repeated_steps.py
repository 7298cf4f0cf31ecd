"""Repeat one step of training from the same state on the same batch: each time the same bits.

Run it completely with ``PYTHONPATH=tests python -m campaigns.repeated_steps --steps 20000``, for
batches of 16, 32 and 64, beside other work that makes operations end in another order, and with
``--models all --steps 200 --batch-sizes 16`` for every network of the study; the tests repeat a
small network's. Prints how many steps ended with other weights than the first.
"""

import argparse
from collections import Counter
from itertools import product

import keras
import numpy as np
import tensorflow as tf

from eqt.config import EQTConfig, TrainConfig
from eqt.kernels.batch_halves import HALVES
from eqt.presets import PRESETS
from eqt.threads import configure_threads
from eqt.training.model import training_model
from eqt.training.steps import Trainer
from steadkit.labels import TARGETS
from steadkit.schema import N_SAMPLES, TRACE_SHAPE


def repeat(network: EQTConfig, config: TrainConfig, steps: int) -> Counter[str]:
    """Repeat a step; returns how often each weight was other than after the first.

    Parameters
    ----------
    network
        The network.
    config
        How it is trained: batch size, learning rate, XLA.
    steps
        How often.
    """
    trainer = Trainer(
        training_model(network, config, None, 1), config, tf.distribute.get_strategy()
    )
    trainer.set_rate(config.learning_rate)
    random = np.random.default_rng(0)
    waveforms = random.standard_normal((config.batch_size, *TRACE_SHAPE)).astype(np.float32)
    shape = (config.batch_size, N_SAMPLES, 1)
    targets = {name: random.uniform(size=shape).astype(np.float32) for name in TARGETS}
    variables = [one for category in trainer.variables.values() for one in category]
    before = [keras.ops.convert_to_numpy(one) for one in variables]
    first: list[np.ndarray] = []
    differing: Counter[str] = Counter()
    for _ in range(steps):
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
        trainer.step(waveforms, targets)
        after = [keras.ops.convert_to_numpy(one) for one in variables]
        first = first or after
        changed = [
            getattr(variable, "path", variable.name)
            for variable, one, value in zip(variables, first, after, strict=True)
            if one.tobytes() != value.tobytes()
        ]
        differing.update(["any", *changed] if changed else [])
    return differing


def main() -> None:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[16, 32, 64])
    parser.add_argument("--models", nargs="+", choices=[*PRESETS, "all"], default=["EQT"])
    options = parser.parse_args()
    configure_threads(HALVES)
    names = list(PRESETS) if "all" in options.models else options.models
    for name, size in product(names, options.batch_sizes):
        differing = repeat(PRESETS[name].config, TrainConfig(batch_size=size), options.steps)
        counted = f"{differing['any']} of {options.steps:,} steps differ"
        print(f"{name}, batch {size}: {counted}", flush=True)
        for path, count in differing.most_common(5):
            print(f"    {count} {path}")
        keras.utils.clear_session()  # else the graph of every network stays in memory


if __name__ == "__main__":
    main()
