"""Time feature maps: one pass for all layers against a model for each layer and trace.

Claims: the outputs of all convolutions and attention layers for seven traces, in one network with
all outputs, take a fraction of what the study's recipe takes, which makes a model a layer and runs
`predict` for each trace. Both see the same network and traces and must give the same.
"""

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from eqt.layers import SelfAttention
from eqt.model import build_model
from eqt.visualize.activations import feature_maps
from eqt.visualize.layers import select_layers
from steadkit.schema import TRACE_SHAPE

TRACES = 7


def one_pass(model: keras.Model, waveforms: np.ndarray, names: list[str]) -> dict[str, np.ndarray]:
    """Compute all layers of all traces at once."""
    return feature_maps(model, waveforms, names)


def model_a_layer(
    model: keras.Model, waveforms: np.ndarray, names: list[str]
) -> dict[str, np.ndarray]:
    """Compute them as the study does: a new model for each layer, a call for each trace."""
    found = {}
    for name in names:
        network = keras.Model(inputs=model.inputs, outputs=model.get_layer(name).output)
        found[name] = np.concatenate([network.predict(one[None], verbose=0) for one in waveforms])
    return found


def main() -> None:
    """Print times and ratio; wall time, and the processor's, which a busy machine spoils less."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, help="so many layers only, evenly chosen")
    options = parser.parse_args()
    model = build_model(seed=0)
    names = [layer.name for layer in select_layers(model, (), (keras.layers.Conv1D, SelfAttention))]
    if options.layers:
        names = names[:: -(-len(names) // options.layers)]
    waveforms = np.random.default_rng(0).standard_normal((TRACES, *TRACE_SHAPE), np.float32)
    model.predict_on_batch(waveforms)  # neither way shall pay for what starts once
    ways = {"one pass": one_pass, "a model a layer": model_a_layer}
    taken, outputs = {}, {}
    for way, compute in ways.items():
        wall, processor = time.perf_counter(), time.process_time()
        outputs[way] = compute(model, waveforms, names)
        taken[way] = (time.perf_counter() - wall, time.process_time() - processor)
        print(f"{way}: {taken[way][0]:.1f} s, {taken[way][1]:.1f} s of the processor")
    for name in names:
        one, other = (outputs[way][name] for way in ways)
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)
    first, second = taken.values()
    print(f"{len(names)} layers, {TRACES} traces, the same outputs")
    print(f"ratio: {second[0] / first[0]:.1f}, of the processor {second[1] / first[1]:.1f}")


if __name__ == "__main__":
    main()
