"""Probabilities without and with Monte Carlo dropout."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import TINY

from eqt.layers import MonteCarloDropout
from eqt.model import build_model
from eqt.probabilities import predictor
from steadkit.errors import InputError

SHORT = replace(TINY, input_length=128, dropout=0.3, residual_kernels=(3,))
WAVEFORMS = np.random.default_rng(0).standard_normal((4, 128, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    return build_model(SHORT)


def test_without_samples_there_is_no_chance_and_no_deviation(model):
    first, second = (predictor(model, seed=seed)(WAVEFORMS) for seed in (0, 1))
    assert first.std is None
    np.testing.assert_array_equal(first.mean, second.mean)
    plain = np.concatenate([np.asarray(o) for o in model(WAVEFORMS, training=False)], axis=-1)
    np.testing.assert_allclose(first.mean, plain, atol=1e-6)


def test_samples_differ_and_a_seed_is_a_result(model):
    first, second, third = (predictor(model, 8, seed)(WAVEFORMS) for seed in (0, 0, 1))
    assert first.mean.shape == first.std.shape == (4, 128, 3)
    assert (first.std > 1e-4).mean() > 0.3
    np.testing.assert_array_equal(first.mean, second.mean)
    np.testing.assert_array_equal(first.std, second.std)
    assert (first.std != third.std).any()


def test_mean_and_deviation_are_those_of_the_runs(model):
    # With two runs the deviation is half their distance, and each follows from mean and deviation.
    two, four = predictor(model, 2, 5)(WAVEFORMS), predictor(model, 4, 5)
    runs = predictor(model, 2, 5)
    pairs = [runs(WAVEFORMS), runs(WAVEFORMS)]
    np.testing.assert_array_equal(pairs[0].mean, two.mean)
    of_four = four(WAVEFORMS)
    mean = (pairs[0].mean + pairs[1].mean) / 2
    np.testing.assert_allclose(of_four.mean, mean, atol=1e-6)
    square = sum(pair.std**2 + (pair.mean - mean) ** 2 for pair in pairs) / 2
    np.testing.assert_allclose(of_four.std, np.sqrt(square), atol=1e-5)


def test_the_network_itself_stays_as_it_is(model):
    before = [weight.copy() for weight in model.get_weights()]
    predictor(model, 3)(WAVEFORMS)
    for weight, original in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, original)
    assert not any(isinstance(layer, MonteCarloDropout) for layer in model.layers)


@pytest.mark.parametrize(
    ("changes", "samples", "message"),
    [
        ({}, 1, "use 2 or more"),
        ({}, -3, "use 2 or more"),
        ({"residual_kernels": ()}, 5, "no residual CNN"),
        ({"dropout": 0.0}, 5, "its rate is 0"),
    ],
)
def test_what_cannot_tell_its_uncertainty_says_so(changes, samples, message):
    network = build_model(replace(SHORT, **changes))
    with pytest.raises(InputError, match=message):
        predictor(network, samples)
