"""Time the network: forward pass and training step against SeisBench's EQTransformer.

Claims: the same network, on the same cores and batches, in one run, ours faster. Both as their
users run them: ours as `eqt train` and `eqt evaluate` do, theirs in PyTorch with Adam and the same
three cross-entropies. SeisBench (an optional extra) has to be installed; else only ours is timed.

Also prints how long the first call takes, which compiles, and the most memory that this process
has held; ``--batch 200 --ours`` shows what a published batch needs.
"""

import argparse
import os
import resource
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

from eqt.config import EQTConfig, TrainConfig
from eqt.model import build_model
from eqt.probabilities import predictor
from eqt.train import compiled
from steadkit.labels import TARGETS
from steadkit.schema import TRACE_SHAPE

ROUNDS = 7
WEIGHTS = TrainConfig().loss_weights


def ours(waveforms: np.ndarray, targets: np.ndarray) -> dict[str, Callable[[], object]]:
    """Set up our forward pass and training step."""
    model = build_model(EQTConfig(), seed=0)
    predict = predictor(model)
    trained = compiled(build_model(EQTConfig(), seed=0), TrainConfig())
    wanted = dict(zip(TARGETS, np.split(targets, 3, axis=-1), strict=True))
    return {
        "forward": lambda: predict(waveforms),
        "training": lambda: trained.train_on_batch(waveforms, wanted),
    }


def theirs(waveforms: np.ndarray, targets: np.ndarray) -> dict[str, Callable[[], object]]:
    """Set up SeisBench's; nothing where it is not there."""
    if "torch" not in globals():
        return {}
    torch.set_num_threads(os.cpu_count() or 1)
    x = torch.from_numpy(waveforms.transpose(0, 2, 1).copy())
    wanted = [torch.from_numpy(targets[..., i].copy()) for i in range(3)]
    model, trained = seisbench.models.EQTransformer().eval(), seisbench.models.EQTransformer()
    trained.train()
    optimizer, loss = torch.optim.Adam(trained.parameters(), 1e-3), torch.nn.BCELoss()

    def forward() -> object:
        with torch.no_grad():
            return [output.numpy() for output in model(x)]

    def step() -> object:
        optimizer.zero_grad()
        pairs = zip(WEIGHTS, trained(x), wanted, strict=True)
        total = sum(weight * loss(output, target) for weight, output, target in pairs)
        total.backward()
        optimizer.step()
        return float(total.detach())

    return {"forward": forward, "training": step}


def main() -> None:
    """Print the rates and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--ours", action="store_true", help="time ours alone")
    options = parser.parse_args()
    random = np.random.default_rng(0)
    waveforms = random.standard_normal((options.batch, *TRACE_SHAPE), dtype=np.float32)
    targets = random.random((options.batch, TRACE_SHAPE[0], 3), dtype=np.float32)
    ways = {"ours": ours(waveforms, targets)}
    if not options.ours:
        ways["SeisBench"] = theirs(waveforms, targets)
    calls = {(what, who): act for who, acts in ways.items() for what, act in acts.items()}
    best = dict.fromkeys(calls, float("inf"))
    for (what, who), act in calls.items():
        began = time.perf_counter()
        act()
        print(f"{who}, {what}: first call {time.perf_counter() - began:.1f} s")
    for _ in range(ROUNDS):
        for key, act in calls.items():
            began = time.perf_counter()
            act()
            best[key] = min(best[key], time.perf_counter() - began)
    for (what, who), seconds in best.items():
        print(f"{who}, {what}: {options.batch / seconds:.0f} traces/s")
    for what in ways.get("SeisBench", {}):
        print(f"ratio {what}: {best[what, 'SeisBench'] / best[what, 'ours']:.2f}")
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")


if __name__ == "__main__":
    main()
