"""Normalisation: one scale for any gain, never NaN, dead components stay zero."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steadkit.errors import InputError
from steadkit.transforms import NORMALIZATIONS, normalize

MODES = sorted(set(NORMALIZATIONS) - {"none"})


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=40)
@given(gain=st.floats(1e-6, 1e9), offset=st.floats(-1e3, 1e3), seed=st.integers(0, 99))
def test_gain_and_offset_do_not_matter(mode, gain, offset, seed):
    waveform = np.random.default_rng(seed).normal(size=(2, 600, 3))
    changed = (gain * (waveform + offset)).astype(np.float32)
    result = normalize(changed, mode)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, normalize(waveform, mode), atol=2e-3 * (1 + abs(offset)))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("value", [0.0, 0.1, -7.0, 1e9, 1e-30])
def test_a_dead_component_stays_zero(mode, value):
    waveform = np.random.default_rng(0).normal(size=(6000, 3)).astype(np.float32)
    waveform[:, 1] = value
    result = normalize(waveform, mode)
    assert (result[:, 1] == 0).all()
    assert np.isfinite(result).all()


def test_each_component_gets_its_own_scale():
    waveform = np.random.default_rng(0).normal(size=(4, 6000, 3)) * [1, 100, 1e6]
    np.testing.assert_allclose(normalize(waveform, "std").std(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.abs(normalize(waveform, "max")).max(axis=1), 1, rtol=1e-6)


def test_an_unknown_mode_is_refused():
    with pytest.raises(InputError, match="median"):
        normalize(np.zeros((6000, 3)), "median")
