"""Time the network: forward pass and training step against SeisBench's EQTransformer.

Claims: the same network, on the same cores and batches, in one run, ours faster. Both as their
users run them: ours as `eqt evaluate` and `eqt train` do, theirs in PyTorch with Adam and the same
three cross-entropies. SeisBench (an optional extra) has to be installed; else only ours is timed.

Also prints how long the first call takes, which compiles, and the most memory that a process has
held; ``--batch 200 --ours`` shows what a published batch needs. Forward pass and training have a
process each, as evaluation gives the cores to TensorFlow in another way than training does, once as
users run them and once with memory settings that help PyTorch.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# PyTorch first: loaded behind TensorFlow its compiler, which optimizers bring, ends the process.
with suppress(ImportError):
    import seisbench.models
    import torch
    import torch._dynamo

import numpy as np
import tensorflow as tf

from eqt.config import EQTConfig, TrainConfig
from eqt.kernels.batch_halves import HALVES
from eqt.model import build_model
from eqt.probabilities import predictor
from eqt.threads import configure_threads
from eqt.training.steps import Trainer
from steadkit.labels import TARGETS
from steadkit.schema import TRACE_SHAPE

PARTS = ("forward", "training")
MEMORY = {
    "as it is": {},
    # What nobody sets, yet PyTorch is then up to a fifth faster: else it gives memory back to the
    # system and asks for it again at every step, also after hundreds of them.
    "freed memory kept": {
        "MALLOC_MMAP_THRESHOLD_": "4000000000",
        "MALLOC_TRIM_THRESHOLD_": "16000000000",
    },
}
ROUNDS, CALLS = 4, 4
WEIGHTS = TrainConfig().loss_weights


def ours(part: str, waveforms: np.ndarray, targets: np.ndarray) -> Callable[[], object]:
    """Set up our forward pass or training step."""
    model = build_model(EQTConfig(), seed=0)
    random = np.random.default_rng(0)
    for variable in model.trainable_variables:
        if variable.name == "bias":
            # Zeros, which no trained network has, would be left out as constants.
            variable.assign(variable + random.normal(0, 0.01, variable.shape))
    if part == "forward":
        predict = predictor(model)
        return lambda: predict(waveforms)
    trainer = Trainer(model, TrainConfig(), tf.distribute.get_strategy())
    split = zip(TARGETS, np.split(targets, 3, axis=-1), strict=True)
    batch = tf.constant(waveforms), {name: tf.constant(target) for name, target in split}
    return lambda: trainer.step(*batch).numpy()


def theirs(part: str, waveforms: np.ndarray, targets: np.ndarray) -> Callable[[], object] | None:
    """Set up SeisBench's; nothing where it is not there."""
    if "torch" not in globals():
        return None
    torch.set_num_threads(os.cpu_count() or 1)
    x = torch.from_numpy(waveforms.transpose(0, 2, 1).copy())
    wanted = [torch.from_numpy(targets[..., i].copy()) for i in range(3)]
    model = seisbench.models.EQTransformer()
    model.train(part == "training")
    optimizer, loss = torch.optim.Adam(model.parameters(), 1e-3), torch.nn.BCELoss()

    def forward() -> object:
        with torch.no_grad():
            return [output.numpy() for output in model(x)]

    def step() -> object:
        optimizer.zero_grad()
        pairs = zip(WEIGHTS, model(x), wanted, strict=True)
        total = sum(weight * loss(output, target) for weight, output, target in pairs)
        total.backward()
        optimizer.step()
        return float(total.detach())

    return forward if part == "forward" else step


def compare(part: str, batch: int, alone: bool) -> None:
    """Print the rates of one part, and their ratio."""
    configure_threads(HALVES if part == "training" else None)
    random = np.random.default_rng(0)
    waveforms = random.standard_normal((batch, *TRACE_SHAPE), dtype=np.float32)
    targets = random.random((batch, TRACE_SHAPE[0], 3), dtype=np.float32)
    acts = {"ours": ours(part, waveforms, targets)}
    if not alone and (other := theirs(part, waveforms, targets)) is not None:
        acts["SeisBench"] = other
    best = dict.fromkeys(acts, float("inf"))
    for who, act in acts.items():
        began = time.perf_counter()
        act()
        print(f"{who}, {part}: first call {time.perf_counter() - began:.1f} s")
    for _ in range(ROUNDS):
        for who, act in acts.items():
            time.sleep(0.5)  # threads of the other go on looking for work for a while
            for _ in range(CALLS):
                began = time.perf_counter()
                act()
                best[who] = min(best[who], time.perf_counter() - began)
    for who, seconds in best.items():
        print(f"{who}, {part}: {batch / seconds:.0f} traces/s")
    if "SeisBench" in best:
        print(f"ratio {part}: {best['SeisBench'] / best['ours']:.2f}")
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")


def main() -> None:
    """Compare both parts, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--ours", action="store_true", help="time ours alone")
    parser.add_argument("--part", choices=PARTS, help="in this process")
    options = parser.parse_args()
    if options.part:
        compare(options.part, options.batch, options.ours)
        return
    for memory, settings in MEMORY.items():
        for part in PARTS:
            print(f"-- {part}, {memory}", flush=True)
            command = [sys.executable, *sys.argv, "--part", part]
            subprocess.run(command, check=True, env=os.environ | settings)


if __name__ == "__main__":
    main()
