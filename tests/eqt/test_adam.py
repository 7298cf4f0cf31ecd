"""Adam in one operation is Keras's Adam."""

import keras
import numpy as np
import pytest

from eqt.kernels.fused_ops import Adam


def weights():
    """Make two weights, one of which could be a bias."""
    random = np.random.default_rng(0)
    return [keras.Variable(random.normal(size=shape), name=name) for shape, name in SHAPES]


SHAPES = [((3, 4), "kernel"), ((4,), "bias")]
GIVEN = {
    "plain": {},
    "decayed": {"weight_decay": 0.1},
    "clipped": {"global_clipnorm": 0.5},
    "other betas": {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3},
}


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_it_moves_weights_and_moments_as_that_of_keras(given):
    random = np.random.default_rng(1)
    optimizers = Adam(0.01, **given), keras.optimizers.Adam(0.01, **given)
    moved = weights(), weights()
    for optimizer, variables in zip(optimizers, moved, strict=True):
        optimizer.build(variables)
        optimizer.exclude_from_weight_decay(var_names=["bias"])
    for step in range(5):
        gradients = [random.normal(size=shape).astype("float32") for shape, _ in SHAPES]
        for optimizer, variables in zip(optimizers, moved, strict=True):
            optimizer.learning_rate = 0.01 / (1 + step)
            optimizer.apply(gradients, variables)
    assert np.abs(moved[0][0] - weights()[0]).max() > 0.01
    states = [
        [*one.variables, *variables_of_optimizer]
        for one, variables_of_optimizer in zip(optimizers, moved, strict=True)
    ]
    for variable, reference in zip(*states, strict=True):
        assert variable.name == reference.name
        np.testing.assert_allclose(variable, reference, rtol=1e-5, atol=1e-7)
