"""SNR of a changed waveform: changed by the ratio of signal to noise, in dB."""

from math import nan

import numpy as np
import pytest
from spikes import COUNT, STRONG

from steadkit.example import Example
from steadkit.transforms.snr import snr_after


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
