"""Statistics of components: equal to NumPy's, at any length."""

from math import nan

import numpy as np
import pytest
from spikes import COUNT, STRONG

from steadkit.example import Example
from steadkit.transforms.statistics import (
    are_live,
    center,
    mean_squares,
    means,
    multiply,
    peaks,
    peaks_about_mean,
    per_sample,
    snr_after,
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


def event(p: float, s: float, snr_db: np.ndarray = STRONG) -> Example:
    waveform = np.random.default_rng(0).standard_normal((COUNT, 3), np.float32)
    return Example(waveform, (p,), (s,), snr_db=snr_db)


@pytest.mark.parametrize("gain", [0.1, 1.0, 20.0, 1e12])
@pytest.mark.parametrize(
    ("p", "s"), [(600.0, 900.0), (600.0, nan), (40.0, 900.25), (600.0, 5950.0)]
)
def test_a_louder_signal_is_so_many_db_more(p, s, gain):
    before = event(p, s)
    changed = before.waveform.copy()
    changed[round(p if np.isnan(s) else s) :, 1] *= np.float32(gain)
    after = snr_after(before, changed)
    np.testing.assert_allclose(after - STRONG, [0, 20 * np.log10(gain), 0], atol=1e-3)


def test_more_noise_is_so_many_db_less():
    before = event(600.0, 900.0)
    changed = before.waveform.copy()
    changed[:600] *= np.float32(10)
    np.testing.assert_allclose(snr_after(before, changed) - STRONG, -20, atol=1e-3)


def test_gain_and_offset_of_the_whole_trace_change_nothing():
    before = event(600.0, 900.0)
    np.testing.assert_allclose(snr_after(before, before.waveform * 7 + 100), STRONG, atol=1e-3)


@pytest.mark.parametrize(("p", "s"), [(0.0, 900.0), (1.0, 900.0), (600.0, 5999.0), (5999.0, nan)])
def test_without_a_window_it_is_unknown(p, s):
    before = event(p, s)
    assert np.isnan(snr_after(before, before.waveform)).all()


def test_a_component_without_noise_or_signal_is_unknown():
    before = event(600.0, 900.0)
    changed = before.waveform.copy()
    changed[:, 0] = 0
    changed[:600, 1] = 0
    after = snr_after(before, changed)
    assert np.isnan(after).tolist() == [True, True, False]


def test_what_was_unknown_stays_so():
    unknown = np.full(3, np.nan)
    for before in (
        event(600.0, 900.0, unknown),
        event(nan, 900.0),
        Example(event(600.0, 900.0).waveform),
    ):
        np.testing.assert_equal(snr_after(before, before.waveform), before.snr_db)
