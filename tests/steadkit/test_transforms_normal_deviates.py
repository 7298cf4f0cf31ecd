"""Normal deviates: their distribution, and the same values for a seed on any machine."""

import numpy as np
import pytest
from scipy import stats

from steadkit.transforms.normal_deviates import normal_deviates

GENERATORS = [np.random.SFC64, np.random.PCG64, np.random.MT19937, np.random.Philox]
GOLDEN = [-0.2858688, 0.5956076, 0.3019232, 0.1730335]


@pytest.mark.parametrize("bits", GENERATORS)
def test_the_distribution_is_normal(bits):
    deviates = normal_deviates(np.random.Generator(bits(0)), (200_000, 3))
    assert (deviates.dtype, deviates.shape) == (np.float32, (200_000, 3))
    assert stats.kstest(deviates.ravel(), "norm").pvalue > 0.01
    assert abs(deviates.mean(axis=0)).max() < 0.01
    assert abs(deviates.var(axis=0) - 1).max() < 0.02
    assert abs(stats.kurtosis(deviates)).max() < 0.05
    assert 4.2 < deviates.max() < 4.33


def test_neighbours_are_independent():
    deviates = normal_deviates(np.random.default_rng(1), (100_000, 3)).astype(float)
    for lag in (1, 2, 3, 4):
        assert abs(np.corrcoef(deviates.ravel()[lag:], deviates.ravel()[:-lag])[0, 1]) < 0.01
    assert abs(np.corrcoef(deviates.T) - np.eye(3)).max() < 0.02


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 18_000])
def test_any_number_can_be_drawn(count):
    deviates = normal_deviates(np.random.default_rng(0), (count,))
    assert deviates.shape == (count,)
    np.testing.assert_array_equal(
        deviates[:3], normal_deviates(np.random.default_rng(0), (18_000,))[:count][:3]
    )


def test_golden_deviates():
    deviates = normal_deviates(np.random.Generator(np.random.SFC64(0)), (4,))
    np.testing.assert_allclose(deviates, GOLDEN, rtol=1e-6)
