"""Resampling, filtering and cutting of records; names, times and measurements."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from obspy.geodetics import gps2dist_azimuth

from steadkit import synthetic
from steadkit.catalog import read_table
from steadkit.records.measure import coda_end, distance_and_azimuth, snr_db
from steadkit.records.resample import (
    UnusableError,
    component_indices,
    cut_window,
    hash_uniform,
    ratio_to_stead,
    resample_to_stead,
    window_start,
)
from steadkit.records.text import make_unique, stead_time, typed_attributes
from steadkit.store import open_data, read_waveform
from steadkit.types import component_columns, number_column

NAN = float("nan")


def sine(hertz: float, rate: float, seconds: float = 60) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)[:, None]


@pytest.mark.parametrize("rate", [20.0, 40.0, 50.0, 125.0, 200.0, 250.0, 31.25])
def test_a_low_tone_keeps_its_shape_and_time_at_any_rate(rate):
    resampled = resample_to_stead(sine(2, rate), ratio_to_stead(rate))[:, 0]
    expected = sine(2, 100)[: len(resampled), 0]
    assert abs(len(resampled) - 6000) <= 1
    assert np.abs(resampled - expected[: len(resampled)])[200:-200].max() < 0.02


def test_nothing_above_the_nyquist_frequency_is_folded_down():
    # 80 Hz at 200 Hz would come back as 20 Hz.
    assert np.abs(resample_to_stead(sine(80, 200), ratio_to_stead(200.0)))[200:-200].max() < 0.01


def test_an_offset_does_not_ring_at_the_ends():
    flat = np.full((1200, 1), 5000.0)
    assert np.allclose(resample_to_stead(flat, ratio_to_stead(20.0)), 5000)


def test_at_100_hz_the_samples_stay_as_they_are():
    samples = np.arange(600, dtype=np.int32)[:, None]
    assert resample_to_stead(samples, ratio_to_stead(100.0)) is samples


@pytest.mark.parametrize(("hertz", "gain"), [(0.1, 0.0), (10.0, 1.0), (49.0, 0.0)])
def test_the_band_pass_keeps_1_to_45_hz_and_moves_nothing(hertz, gain):
    trend = np.linspace(0, 1000, 6000)[:, None]
    filtered = resample_to_stead(sine(hertz, 100) + trend, ratio_to_stead(100.0), band_pass=True)
    assert np.abs(filtered - gain * sine(hertz, 100))[500:-500].max() < 0.1


@pytest.mark.parametrize("rate", [0.0, -5.0, NAN, 0.5, 5000.0, 1.0001])
def test_rates_of_no_seismometer_are_refused(rate):
    with pytest.raises(UnusableError, match="sampling rate"):
        ratio_to_stead(rate)


def test_a_record_of_less_than_a_second_is_refused():
    with pytest.raises(UnusableError, match="less than a second"):
        resample_to_stead(np.zeros((19, 3)), ratio_to_stead(20.0))


@given(
    length=st.integers(200, 40_000),
    p=st.integers(0, 39_999),
    s_minus_p=st.integers(1, 7000),
    fraction=st.floats(0, 1, exclude_max=True),
)
def test_a_window_holds_p_and_s_where_stead_has_them_or_is_refused(length, p, s_minus_p, fraction):
    s = p + s_minus_p
    try:
        start = window_start(length, float(p), float(s), True, fraction)
    except UnusableError:
        assert p >= length or s >= length or s_minus_p > 5599
        return
    if length == 6000:
        assert start == 0
        return
    assert 400 <= p - start <= 900
    assert 0 <= s - start < 6000
    # No more zeros than needed: none of the choices would have had fewer.
    zeros = max(-start, 0) + max(start + 6000 - length, 0)
    choices = range(max(p - 900, s - 5999), p - 400 + 1)
    assert zeros == min(max(-c, 0) + max(c + 6000 - length, 0) for c in choices)


def test_chance_reaches_all_of_the_range_and_follows_from_seed_and_name():
    starts = {
        window_start(20_000, 5000.0, 6000.0, True, hash_uniform(f"T{i}", 0)) for i in range(3000)
    }
    assert len(starts) > 480
    assert min(starts) >= 4100
    assert max(starts) <= 4600
    assert hash_uniform("T1", 0) == hash_uniform("T1", 0) != hash_uniform("T1", 1)


def test_noise_is_cut_anywhere_and_an_event_without_p_is_not_cut():
    assert 0 <= window_start(7000, NAN, NAN, False, 0.999) <= 1000
    assert window_start(3000, NAN, NAN, True, 0.5) == 0
    with pytest.raises(UnusableError, match="no P arrival"):
        window_start(7000, NAN, NAN, True, 0.5)


@given(start=st.integers(-7000, 12_000), length=st.integers(1, 9000))
def test_a_cut_keeps_each_sample_in_its_place(start, length):
    samples = np.arange(1, length + 1, dtype=float)[:, None].repeat(3, axis=1)
    if start >= length or start <= -6000:
        return
    window = cut_window(samples, start)
    assert window.shape == (6000, 3)
    first, last = max(-start, 0), min(length - start, 6000)
    inside = np.arange(first, last)
    assert (window[inside, 1] == inside + start + 1).all()
    np.testing.assert_allclose(window[:first], window[inside[:100]].mean())
    np.testing.assert_allclose(window[last:], window[inside[-100:]].mean())


def test_a_short_record_is_filled_at_its_level_and_a_missing_component_stays_zero():
    """An offset of 10,000 beside zeros would be a step of 2.0 once normalised."""
    random = np.random.default_rng(0)
    samples = random.normal(0, 1, (3000, 3)) + np.array([10_000, -500, 0])
    samples[:, 2] = 0
    window = cut_window(samples, -800)
    assert np.ptp(window[:, 0]) < 10 and np.ptp(window[:, 1]) < 10 and not window[:, 2].any()


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_samples_that_float32_cannot_hold_are_refused(value):
    with pytest.raises(UnusableError, match="NaN or infinity"):
        cut_window(np.full((6000, 3), value), 0)


def test_components_are_found_by_letter():
    assert component_indices("ENZ") == [0, 1, 2]
    assert component_indices("12Z") == [1, 0, 2]
    assert component_indices("ZNE12") == [2, 1, 0]
    assert component_indices("H") == [None, None, None]


@pytest.mark.parametrize("text", ["2024-02-03T05:24:31.2Z", "2024/02/03 05:24:31.2"])
def test_times_of_others_become_steads(text):
    assert stead_time(text) == "2024-02-03 05:24:31.200000"


@pytest.mark.parametrize("text", ["", "None", "2006-07-23 15:59:00.96"])
def test_a_time_that_is_steads_or_not_known_stays(text):
    assert stead_time(text) == text


def test_a_time_with_a_zone_is_turned_into_utc():
    assert stead_time("2024-02-03T05:24:31+02:00") == "2024-02-03 03:24:31.000000"


def test_attributes_are_typed_as_steads_are():
    row = {
        "source_id": "123",
        "p_weight": "0.5",
        "snr_db": "[1. 2. 3.]",
        "coda_end_sample": "[[9.]]",
    }
    attributes = typed_attributes(row | {"source_depth_km": "None", "mine": "7"})
    assert attributes["source_id"] == "123"
    assert attributes["p_weight"] == 0.5
    assert attributes["snr_db"].tolist() == [1, 2, 3]
    assert attributes["coda_end_sample"].tolist() == [[9]]
    assert attributes["source_depth_km"] == "None"
    assert attributes["mine"] == "7"


@given(st.lists(st.sampled_from(["A_EV", "B_EV", "C_NO"]), max_size=8), st.randoms())
def test_names_that_are_alike_come_apart_in_any_order(names, random):
    rows = [(name, f"row{number}") for number, name in enumerate(names)]
    unique_names = (
        dict(
            zip(
                rows,
                make_unique(*(pd.Series(c, dtype=str) for c in zip(*rows, strict=True))),
                strict=True,
            )
        )
        if rows
        else {}
    )
    random.shuffle(rows)
    shuffled_names = (
        dict(
            zip(
                rows,
                make_unique(*(pd.Series(c, dtype=str) for c in zip(*rows, strict=True))),
                strict=True,
            )
        )
        if rows
        else {}
    )
    assert unique_names == shuffled_names
    assert len(set(unique_names.values())) == len(rows)


def test_the_snr_of_simulated_traces_is_near_the_one_they_tell():
    # Theirs is measured in windows of three seconds.
    errors = [
        np.abs(snr_db(waveform, row["p_arrival_sample"], row["s_arrival_sample"]) - row["snr_db"])
        for row, waveform in synthetic.earthquakes(20, seed=3)
    ]
    assert np.median(errors) < 1.5


def test_the_coda_ends_near_where_the_simulated_waves_sink_into_the_noise():
    errors = [
        coda_end(waveform, row["p_arrival_sample"], row["s_arrival_sample"])
        - row["coda_end_sample"][0, 0]
        for row, waveform in synthetic.earthquakes(40, seed=0)
    ]
    assert abs(np.median(errors)) < 100


def test_the_coda_end_lies_behind_s_and_in_the_trace(shared_data):
    table = read_table(shared_data / "ncedc_a.csv")
    p, s = number_column(table, "p_arrival_sample"), number_column(table, "s_arrival_sample")
    snr = component_columns(table)
    differences = []
    with open_data(shared_data / "ncedc_a.hdf5") as group:
        for row in np.flatnonzero(~np.isnan(p)):
            waveform = read_waveform(group, table["trace_name"].iloc[row])
            assert s[row] < coda_end(waveform, p[row], s[row]) < 6000
            differences.append(snr_db(waveform, p[row], s[row]) - snr[row])
    # Measured by others with a window of their own: the same within a few dB.
    assert np.abs(np.median(differences, axis=0)).max() < 0.5


def test_without_s_or_noise_the_snr_is_still_a_number():
    waveform = np.zeros((6000, 3))
    waveform[700:, 0] = 1
    assert snr_db(waveform, 700, NAN).tolist() == [100, 0, 0]
    assert snr_db(np.ones((6000, 3)), 0, NAN).tolist() == [0, 0, 0]
    assert coda_end(np.zeros((6000, 3)), 700, NAN) == 5999
    assert coda_end(np.ones((6000, 3)), 700, 5950) == 5999


def test_distance_and_back_azimuth_are_those_of_stead(shared_data):
    table = read_table(shared_data / "stead_100samples.csv").head(20)
    columns = ("source_latitude", "source_longitude", "receiver_latitude", "receiver_longitude")
    coordinates = np.stack([number_column(table, column) for column in columns], axis=1)
    for row, km in zip(coordinates, number_column(table, "source_distance_km"), strict=True):
        measured = distance_and_azimuth(tuple(row[:2]), tuple(row[2:]))
        assert measured["source_distance_km"] == pytest.approx(km, abs=0.5)
        assert measured["back_azimuth_deg"] == pytest.approx(gps2dist_azimuth(*row)[2], abs=0.06)
