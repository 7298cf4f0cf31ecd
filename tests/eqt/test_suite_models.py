"""The study's models, each trained for a step, saved, loaded, and the same to the bit."""

from dataclasses import replace

import numpy as np
import pytest

from eqt.config import TrainConfig
from eqt.model import build_model
from eqt.model_io import load_model, save_model
from eqt.presets import PRESETS
from eqt.training import compile_model
from steadkit.labels import TARGETS

LENGTH = 256
WAVEFORMS = np.random.default_rng(0).standard_normal((2, LENGTH, 3)).astype(np.float32)


@pytest.mark.parametrize("name", PRESETS)
def test_a_step_of_training_is_kept_to_the_bit(tmp_path, name):
    config = replace(PRESETS[name].config, input_length=LENGTH)
    model = compile_model(build_model(config), TrainConfig())
    model.run_eagerly = True
    before = [weight.copy() for weight in model.get_weights()]
    targets = {target: np.full((2, LENGTH, 1), 0.5, np.float32) for target in TARGETS}
    losses = model.train_on_batch(WAVEFORMS, targets)
    assert np.isfinite(losses).all()
    changed = [(a != b).any() for a, b in zip(before, model.get_weights(), strict=True)]
    assert np.mean(changed) > 0.9
    save_model(model, tmp_path / "a.keras")
    again = load_model(tmp_path / "a.keras")
    assert again.output_names == list(TARGETS)
    for one, other in zip(model(WAVEFORMS), again(WAVEFORMS), strict=True):
        np.testing.assert_array_equal(one, other)
