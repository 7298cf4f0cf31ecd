"""Statistics of components: equal to NumPy's, at any length."""

import numpy as np
import pytest

from steadkit.transforms.statistics import (
    are_live,
    center,
    mean_squares,
    means,
    multiply,
    peaks,
    peaks_about_mean,
    per_sample,
)

LENGTHS = [1, 7, 500, 600, 6000, 6001]


@pytest.mark.parametrize("count", LENGTHS)
@pytest.mark.parametrize("components", [1, 3, 12])
def test_as_numpy_says(count, components):
    waveform = np.random.default_rng(0).standard_normal((count, components), np.float32)
    exact = waveform.astype(float)
    np.testing.assert_allclose(means(waveform), exact.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(means(waveform, np.float32), exact.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(mean_squares(waveform), (exact**2).mean(axis=0), rtol=1e-5)
    np.testing.assert_array_equal(peaks(waveform), np.abs(waveform).max(axis=0))
    np.testing.assert_array_equal(are_live(waveform), np.ptp(waveform, axis=0) > 0)
    np.testing.assert_allclose(center(waveform), exact - exact.mean(axis=0), atol=1e-6)
    factors = np.arange(components, dtype=np.float32)
    np.testing.assert_array_equal(multiply(waveform, factors), waveform * factors)


def test_a_wide_trace_is_the_same_memory():
    waveform = np.zeros((6000, 3), np.float32)
    assert per_sample(waveform).shape == (30, 600)
    assert np.shares_memory(per_sample(waveform), waveform)


@pytest.mark.parametrize("value", [0.1, 1e7, 3e38, 1e-45])
def test_the_mean_of_a_constant_is_exactly_it(value):
    constant = np.full((6000, 3), value, np.float32)
    assert (means(constant) == constant[0]).all()
    assert not center(constant).any()
    assert not are_live(constant).any()


def test_one_sample_makes_a_component_live():
    waveform = np.ones((6000, 3), np.float32)
    waveform[5999, 2] = 1.0000001
    assert are_live(waveform).tolist() == [False, False, True]


@pytest.mark.parametrize("offset", [0, 1e3, -1e6])
@pytest.mark.parametrize("count", LENGTHS)
def test_peaks_about_the_mean_are_those_of_a_centred_copy(count, offset):
    waveform = np.random.default_rng(1).standard_normal((count, 3), np.float32) + np.float32(offset)
    np.testing.assert_array_equal(peaks_about_mean(waveform), peaks(center(waveform)))
