"""Station-days: what is picked of records as they come, cut, overlapping, odd and damaged."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from continuous_records import (
    S_MINUS_P,
    earthquake_times,
    predict_station,
    record,
    samples,
    write_mseed,
)
from obspy import Stream, UTCDateTime

from eqt.picking.picks import Thresholds
from eqt.picking.station_picks import PickingConfig
from eqt.prediction.units import Span, Unit, UnitSettings, UnitTables, plan_units, predict_unit
from steadkit.records.waveform_files import index_files

ALWAYS = Span(-(2**63), 2**63 - 1)
PICKING = PickingConfig(Thresholds(0.3, 0.3, 0.3), refine=False)


def units_of(folder, limits=ALWAYS, all_instruments=False) -> list[Unit]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return plan_units(index_files(paths, Counter(), Counter()), limits, all_instruments)


def predict_folder(folder, limits=ALWAYS, picking=PICKING, **options) -> UnitTables:
    """Pick all units of a folder and join their tables."""
    settings = UnitSettings(limits, picking, "std")
    results = [
        predict_unit(predict_station, unit, settings)
        for unit in units_of(folder, limits, **options)
    ]
    joined = (
        pd.concat(tables, ignore_index=True)
        for tables in zip(*(result.tables for result in results), strict=True)
    )
    return UnitTables(*joined)


def pick_seconds(tables: UnitTables, phase="P") -> list[float]:
    """Return the times of picks in s since 1970, to a hundredth."""
    rows = tables.arrivals[tables.arrivals["is_pick"] & (tables.arrivals["phase"] == phase)]
    return [round(time / 1e9, 2) for time in rows["time"]]


def assert_picked(tables: UnitTables, p_times, tolerance=0.021) -> None:
    """Check that the picks are those of the earthquakes, and no others."""
    for phase, delay in (("P", 0.0), ("S", S_MINUS_P)):
        expected = sorted(time + delay for time in p_times)
        picks = sorted(pick_seconds(tables, phase))
        assert len(picks) == len(expected), (phase, picks, expected)
        np.testing.assert_allclose(picks, expected, atol=tolerance)


def test_a_day_has_picks_in_its_first_and_last_minute_and_none_is_lost(tmp_path):
    times = earthquake_times("2024-02-03", 8, 55, 43_200, 86_345, 86_390)
    write_mseed(record("2024-02-03", 86_400, times), tmp_path / "day.mseed")
    tables = predict_folder(tmp_path)
    assert_picked(tables, times)
    assert (tables.coverage["end"] - tables.coverage["start"] == 86_399_990_000_000).all()
    assert tables.unused.empty


@pytest.mark.parametrize(
    ("end", "start"),
    [
        ("2024-02-04T00:00:00", "2024-02-04T00:00:00"),  # two files that follow each other
        ("2024-02-04T00:00:00", "2024-02-04T00:00:00.01"),  # a gap of a sample
        ("2024-02-04T00:00:30", "2024-02-03T23:59:20"),  # an overlap
    ],
)
def test_an_event_at_midnight_belongs_to_the_day_it_falls_in(tmp_path, end, start):
    times = earthquake_times("2024-02-03T23:50:00", 590, 700)  # the first S is after midnight
    times[0] += 7.5
    first = UTCDateTime("2024-02-03T23:50:00")
    write_mseed(record(first, UTCDateTime(end) - first, times), tmp_path / "a.mseed")
    rest = record(start, UTCDateTime("2024-02-04T00:10:00") - UTCDateTime(start), times)
    write_mseed(rest, tmp_path / "b.mseed")
    tables = predict_folder(tmp_path)
    assert_picked(tables, times)
    midnight = UTCDateTime("2024-02-04").ns
    by_id = tables.arrivals[tables.arrivals["is_pick"]].groupby("detection_id")["time"]
    assert by_id.size().tolist() == [2, 2]  # P and S of one detection, over midnight too
    assert (by_id.min() < midnight).tolist() == [True, False]


def test_overlaps_that_differ_are_decided_for_the_later_piece_in_any_order(tmp_path):
    times = earthquake_times("2024-02-03T05:00:00", 100, 230)
    early = record("2024-02-03T05:00:00", 200, times)
    late = record("2024-02-03T05:02:30", 200, times)
    for trace in early:  # wrong where both have samples
        trace.data[15_000:] *= -3
    results = []
    for name, order in (("a", (early, late)), ("b", (late, early))):
        for number, stream in enumerate(order):
            write_mseed(stream, tmp_path / name / f"{number}.mseed")
        results.append(predict_folder(tmp_path / name))
    assert_picked(results[0], times)
    pd.testing.assert_frame_equal(results[0].arrivals, results[1].arrivals)


@pytest.mark.parametrize("gap", [0.03, 2.0, 600.0])
def test_a_gap_makes_no_pick_and_loses_none(tmp_path, gap):
    times = earthquake_times("2024-02-03T05:00:00", 90, 190, 225, 400)
    middle = UTCDateTime("2024-02-03T05:03:27")
    write_mseed(record("2024-02-03T05:00:00", 207, times), tmp_path / "a.mseed")
    # The ground is the same after the gap: nothing but time is missing.
    shifted = [time + gap if time > middle.timestamp else time for time in times]
    write_mseed(record(middle + gap, 400, shifted, seed=1), tmp_path / "b.mseed")
    assert_picked(predict_folder(tmp_path), shifted)


@pytest.mark.parametrize("seconds", [30, 59.99, 60.0, 75])
def test_records_shorter_than_a_window_are_used(tmp_path, seconds):
    times = earthquake_times("2024-02-03T05:00:07", 12.5)
    write_mseed(record("2024-02-03T05:00:07", seconds, times), tmp_path / "a.mseed")
    assert_picked(predict_folder(tmp_path), times)


def test_a_record_of_one_sample_is_named_and_harmless(tmp_path):
    write_mseed(record("2024-02-03T05:00:00", 0.01), tmp_path / "a.mseed")
    tables = predict_folder(tmp_path)
    assert tables.arrivals.empty
    assert set(tables.unused["reason"]) == {"a record of less than a second"}


@pytest.mark.parametrize(
    "channels",
    [
        {"Z": "HHZ"},
        {"E": "HH2", "N": "HH1", "Z": "HHZ"},
        {"E": "HH3", "N": "HH2", "Z": "HHZ"},
        {"E": "hhe", "N": "hhn", "Z": "hhz"},
        {"N": "HHN", "Z": "HHZ"},
    ],
    ids=lambda channels: " ".join(channels.values()),
)
def test_components_are_understood_by_their_names(tmp_path, channels):
    times = earthquake_times("2024-02-03T05:00:00", 60)
    write_mseed(record("2024-02-03T05:00:00", 120, times, channels), tmp_path / "a.mseed")
    tables = predict_folder(tmp_path)
    assert pick_seconds(tables, "P") == pytest.approx(times, abs=0.021)
    picks = tables.arrivals[tables.arrivals["is_pick"]].set_index("phase")["channel"]
    assert picks["P"] == channels["Z"]
    if "N" in channels:
        assert picks["S"] in {channels["N"], channels.get("E")}


def test_japanese_names_are_understood(tmp_path):
    times = earthquake_times("2024-02-03T05:00:00", 60)
    channels = {"E": "E-W", "N": "N-S", "Z": "U-D"}
    stream = record("2024-02-03T05:00:00", 120, times, channels)
    for trace in stream:
        trace.write(str(tmp_path / f"{trace.stats.channel}.sac"), format="SAC")
    assert_picked(predict_folder(tmp_path), times)


@pytest.mark.parametrize("rate", [20, 40, 50, 62.5, 99.9999, 100.000008, 125, 200, 250, 500])
def test_any_rate_is_picked_at_the_right_time(tmp_path, rate):
    times = earthquake_times("2024-02-03T05:00:00", 60, 1500)
    write_mseed(record("2024-02-03T05:00:00", 1600, times, rate=rate), tmp_path / "a.mseed")
    assert_picked(predict_folder(tmp_path), times, tolerance=max(0.021, 0.7 / rate))


def test_a_rate_that_changes_within_the_day(tmp_path):
    times = earthquake_times("2024-02-03T05:00:00", 60, 200)
    write_mseed(record("2024-02-03T05:00:00", 120, times), tmp_path / "a.mseed")
    write_mseed(record("2024-02-03T05:02:00", 120, times, rate=250.0), tmp_path / "b.mseed")
    assert_picked(predict_folder(tmp_path), times)


def several_instruments(folder) -> list[float]:
    times = earthquake_times("2024-02-03T05:00:00", 60)
    for number, (codes, channels, rate) in enumerate(
        [
            ("XX.ABC.00", "BH", 40.0),
            ("XX.ABC.10", "HH", 100.0),
            ("XX.ABC.", "HN", 100.0),
            ("XX.ABC.00", "LH", 1.0),
        ]
    ):
        stream = record("2024-02-03T05:00:00", 120, times, channels, rate, codes)
        write_mseed(stream, folder / f"{number}.mseed")
    return times


def test_one_instrument_a_station_by_the_rule(tmp_path):
    times = several_instruments(tmp_path)
    tables = predict_folder(tmp_path)
    assert_picked(tables, times)
    assert set(tables.arrivals["location"]) == {"10"}
    every = predict_folder(tmp_path, all_instruments=True)
    picks = every.arrivals[every.arrivals["is_pick"]]
    assert {(row.location, row.channel[:2]) for row in picks.itertuples()} == {
        ("00", "BH"),
        ("10", "HH"),
        ("", "HN"),
    }


def damaged(kind: str) -> Stream:
    stream = record("2024-02-03T05:00:00", 600)
    for trace in stream:
        if kind == "step":
            trace.data[30_000:] += 1e6
        elif kind == "spike":
            trace.data[30_000] += 1e6
        elif kind == "calibration":
            trace.data[30_000:32_000] += 1e6
        elif kind == "constant":
            trace.data[20_000:40_000] = 77
        elif kind == "NaN":
            trace.data[20_000:40_000] = np.nan
    return stream


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("step", "a step"),
        ("spike", "a spike"),
        ("calibration", "a step"),
        ("constant", "a constant value"),
        ("NaN", "NaN or infinity"),
    ],
)
def test_damage_makes_no_pick_and_is_named(tmp_path, kind, reason):
    stream = damaged(kind)
    if kind == "NaN":
        for trace in stream:
            trace.data = trace.data.astype(np.float32)
        stream.write(str(tmp_path / "a.mseed"), format="MSEED")
    else:
        write_mseed(stream, tmp_path / "a.mseed")
    tables = predict_folder(tmp_path)
    assert pick_seconds(tables, "P") == pick_seconds(tables, "S") == []
    assert reason in set(tables.unused["reason"])
    assert (tables.unused["end"] >= tables.unused["start"]).all()


@pytest.mark.parametrize("start", ["1969-12-31T23:50:00", "2016-12-31T23:50:00"])
def test_before_1970_and_over_a_leap_second_and_the_border_of_a_year(tmp_path, start):
    times = earthquake_times(start, 100, 597, 700)
    write_mseed(record(start, 1200, times), tmp_path / "a.mseed")
    tables = predict_folder(tmp_path)
    assert_picked(tables, times)
    assert len(set(tables.detections["start"] // 86_400_000_000_000)) == 2


def test_limits_leave_out_what_is_outside(tmp_path):
    times = earthquake_times("2024-02-03T05:00:00", 60, 200, 340)
    write_mseed(record("2024-02-03T05:00:00", 400, times), tmp_path / "a.mseed")
    limits = Span(UTCDateTime("2024-02-03T05:02").ns, UTCDateTime("2024-02-03T05:05").ns)
    assert_picked(predict_folder(tmp_path, limits), times[1:2])


def test_records_beyond_the_limits_are_context(tmp_path):
    """A pick just inside of the limits is the same, whether or not the limits cut the record."""
    times = earthquake_times("2024-02-03T23:59:58", 0, 120)
    write_mseed(record("2024-02-03T23:50:00", 1200, times), tmp_path / "a.mseed")
    midnight = UTCDateTime("2024-02-04").ns
    limits = Span(midnight, midnight + 86_400_000_000_000)
    inside = predict_folder(tmp_path, limits).arrivals
    everything = predict_folder(tmp_path).arrivals
    assert len(inside) > 2  # the S of the first, and both of the second
    expected = everything[everything["time"] >= midnight].reset_index(drop=True)
    pd.testing.assert_frame_equal(inside, expected)


def test_s_alone_p_alone_and_detections_that_touch(tmp_path):
    start = "2024-02-03T05:00:00"
    times = earthquake_times(start, 60, 120, 180)
    begin = UTCDateTime(start).timestamp
    stream = record(start, 240)
    events = {"Z": [times[0], times[2], times[2] + 9], "N": [times[1], times[2], times[2] + 9]}
    for trace in stream:
        component = trace.stats.channel[-1]
        if component in events:
            trace.data = samples(begin, 24_000, events[component], component)
    write_mseed(stream, tmp_path / "a.mseed")
    tables = predict_folder(tmp_path)
    detections = tables.detections
    assert detections["p_time"].isna().tolist()[:2] == [False, True]
    assert detections["s_time"].isna().tolist()[:2] == [True, False]
    # Two earthquakes 9 s apart: both have their P, and no pick is lost.
    assert pick_seconds(tables, "P") == pytest.approx(sorted(events["Z"]), abs=0.021)
    expected = sorted(time + S_MINUS_P for time in events["N"])
    assert pick_seconds(tables, "S") == pytest.approx(expected, abs=0.021)


def test_no_pick_of_a_quiet_day_leaves_typed_empty_tables(tmp_path):
    write_mseed(record("2024-02-03T05:00:00", 300), tmp_path / "a.mseed")
    tables = predict_folder(tmp_path)
    assert not tables.arrivals["is_pick"].any()
    assert tables.detections.empty
    assert str(tables.detections["p_time"].dtype) == "Int64"
