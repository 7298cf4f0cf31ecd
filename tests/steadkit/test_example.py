"""Examples: events and the end of their signal."""

from math import isnan, nan

import numpy as np
import pytest

from steadkit.example import Example

WAVEFORM = np.zeros((6000, 3), np.float32)


def test_noise_has_no_event_and_no_reach():
    noise = Example(WAVEFORM)
    assert not noise.is_event
    assert isnan(noise.signal_end)
    assert np.isnan(noise.snr_db).all()


@pytest.mark.parametrize(
    ("p", "s", "coda_end", "signal_end"),
    [
        ((600.0,), (900.0,), 1500.0, 1500.0),
        ((600.0,), (900.0,), nan, 2100.0),
        ((600.0,), (nan,), 1500.0, 1500.0),
        ((600.0,), (nan,), nan, nan),
        ((600.0, 2000.0), (900.0, 2100.0), 1500.0, 2500.0),
        ((600.0, 700.0), (900.0, 710.0), 1500.0, 1500.0),
        ((600.0, 2000.0), (900.0, nan), 1500.0, nan),
        ((600.0,), (900.0,), 900.0, 2100.0),
        ((600.0,), (nan,), 500.0, nan),
        ((600.0,), (900.0,), float("inf"), 2100.0),
    ],
)
def test_the_reach_is_where_the_last_event_has_died_away(p, s, coda_end, signal_end):
    np.testing.assert_equal(Example(WAVEFORM, p, s, coda_end).signal_end, signal_end)


def test_most_codas_of_stead_have_ended_by_the_estimate(shared_data):
    from steadkit.catalog import read_table
    from steadkit.types import number_column

    table = read_table(shared_data / "stead_100samples.csv")
    p, s, coda = (
        number_column(table, f"{name}_sample") for name in ("p_arrival", "s_arrival", "coda_end")
    )
    ends = [Example(WAVEFORM, (a,), (b,)).signal_end for a, b in zip(p, s, strict=True)]
    assert 0.9 < np.mean(np.array(ends) >= coda) < 1


def test_moving_takes_every_time_along():
    event = Example(WAVEFORM, (600.0, 700.5), (900.0, nan), 1500.0, np.arange(3.0))
    new_waveform = np.ones_like(WAVEFORM)
    shifted = event.shifted(-50, new_waveform)
    np.testing.assert_equal(
        (shifted.p, shifted.s, shifted.coda_end), ((550.0, 650.5), (850.0, nan), 1450)
    )
    assert shifted.waveform is new_waveform
    assert shifted.snr_db is event.snr_db
