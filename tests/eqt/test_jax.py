"""The layers and the network on Keras's JAX backend, in processes of their own."""

import importlib.util
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from eqt.config import EQTConfig
from eqt.formats import weights_h5
from eqt.model import build_model

ROOT = Path(__file__).parents[2]
SMALL = EQTConfig(
    input_length=20,
    filters=(4, 4),
    kernels=(5, 3),
    residual_kernels=(3,),
    encoder_rnn=("bilstm",),
    rnn_units=4,
    attention_units=4,
    feed_forward=8,
)
VARIANTS = {
    "published": {},
    "dot": {"attention": "dot", "positional": "sinusoidal"},
    "multi_head": {"attention": "multi_head", "heads": 2, "positional": "lstm", "causal": True},
}

# Loads what another backend saved, predicts, and trains a step.
SCRIPT = """
import sys
from pathlib import Path
import keras, numpy as np
from eqt.formats import weights_h5
from steadkit.labels import TARGETS

assert keras.backend.backend() == "jax"
folder = Path(sys.argv[1])
x = np.load(folder / "x.npy")
targets = {name: np.ones((len(x), 20, 1), "f4") for name in TARGETS}
for path in sorted(folder.glob("*.weights.h5")):
    model = weights_h5.load(path)
    outputs = np.concatenate(model.predict_on_batch(x), -1)
    np.save(folder / path.name.replace(".weights.h5", ".npy"), outputs)
    model.compile("adam", dict.fromkeys(TARGETS, "binary_crossentropy"))
    before = model.get_weights()
    model.train_on_batch(x, targets)
    after = model.get_weights()
    assert all(np.isfinite(weight).all() for weight in after)
    assert any((one != other).any() for one, other in zip(before, after))
"""

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="JAX is not installed"
)


def on_jax(*arguments):
    """Run Python with JAX as Keras's backend; returns how it went."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    variables = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": path}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=os.environ | variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def test_the_layers_pass_their_tests():
    files = [f"tests/eqt/test_{name}.py" for name in ("layers", "attention", "transformer_block")]
    done = on_jax("-m", "pytest", "-p", "no:cacheprovider", *files)
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_network_gives_the_same_and_trains(tmp_path):
    x = np.random.default_rng(0).normal(size=(2, 20, 3)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    expected = {}
    for name, variant in VARIANTS.items():
        config = replace(SMALL, **variant)
        model = build_model(config, seed=1)
        weights_h5.save(model, tmp_path / f"{name}.weights.h5")
        expected[name] = np.concatenate([*map(keras.ops.convert_to_numpy, model(x))], -1)
    done = on_jax("-c", SCRIPT, tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    for name, outputs in expected.items():
        np.testing.assert_allclose(np.load(tmp_path / f"{name}.npy"), outputs, atol=1e-5)
