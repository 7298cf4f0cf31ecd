"""Import of local records and their picks into STEAD's layout."""

import os
import pickle
import zipfile
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from conftest import attributes_in, refused, waveforms_in
from hypothesis import given
from hypothesis import strategies as st
from obspy import Stream, Trace, UTCDateTime, read, read_inventory
from obspy.core import event as quake
from obspy.signal.trigger import classic_sta_lta, trigger_onset

from steadkit import synthetic
from steadkit.catalog import read_table
from steadkit.convert import RecordsConfig, from_records
from steadkit.convert.record_windows import is_quiet, iter_quiet_starts
from steadkit.dataset_files import dataset_files
from steadkit.errors import InputError
from steadkit.manifest import load
from steadkit.records.archive import index_folder
from steadkit.records.picks import (
    PICK_COLUMNS,
    SORT_COLUMNS,
    SOURCE_COLUMNS,
    build_onsets,
    read_picks,
)
from steadkit.records.stations import read_stations
from steadkit.types import component_columns, number_column

START = UTCDateTime("2024-02-03T00:00:00")
MAIN_SHOCK = UTCDateTime("2024-02-03T05:24:29.62")


def record(
    seconds: float = 300, rate: float = 100.0, start: UTCDateTime = START, **stats: object
) -> Trace:
    """Make a record whose samples are their own time, in 10 ms since START."""
    header = {"network": "XX", "station": "ABC", "channel": "HHZ", "sampling_rate": rate}
    samples = (start - START) * 100 + np.arange(round(seconds * rate)) * 100 / rate
    return Trace(samples.astype(np.float32), header | {"starttime": start} | stats)


def write(folder: Path, *traces: Trace, file_format: str = "MSEED") -> Path:
    """Write each record to a file."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, trace in enumerate(traces):
        trace.write(str(folder / f"{trace.id}.{number}"), format=file_format)
    return folder


def pick_table(path: Path, *picks: dict) -> Path:
    """Write picks as CSV, by default P at 100 s of XX.ABC."""
    usual = {"network": "XX", "station": "ABC", "phase": "P", "time": START + 100}
    pd.DataFrame([usual | pick for pick in picks]).to_csv(path, index=False)
    return path


def cut(tmp_path: Path, *picks: dict, config: RecordsConfig | None = None, **options: object):
    """Import ``tmp_path/records``; return rows, waveforms and counts of skipped traces."""
    table = pick_table(tmp_path / "picks.csv", *(picks or [{}]))
    files = dataset_files(tmp_path / f"out{len(list(tmp_path.glob('out*.hdf5')))}.hdf5")
    converted = from_records(
        tmp_path / "records", table, files, config or RecordsConfig(), **options
    )
    return read_table(files.csv), waveforms_in(files.hdf5), converted.skipped


def onset_times(path: Path) -> list[UTCDateTime]:
    """Pick strong onsets by STA/LTA."""
    trace = read(str(path))[0]
    trace.detrend("linear").filter("bandpass", freqmin=2, freqmax=20)
    ratio = classic_sta_lta(trace.data, 100, 2000)
    return [trace.stats.starttime + on / 100 for on, _ in trigger_onset(ratio, 19, 1.5)]


@pytest.fixture
def prague(shared_data, tmp_path) -> Path:
    """Pick the magnitude 5.1 and its aftershocks in one recorded hour; return the pick table."""
    times = onset_times(shared_data / "continuous" / "O2.WILZ.EHZ.mseed")[:12]
    assert any(abs(time - MAIN_SHOCK) < 1 for time in times)
    picks = [
        {
            "network": "O2",
            "station": "WILZ",
            "phase": phase,
            "time": time + wait,
            "event_id": f"ok{number}",
            "magnitude": 5.1 if abs(time - MAIN_SHOCK) < 1 else 2.0,
            "origin_time": time - 3,
            "latitude": 35.53,
            "longitude": -96.75,
            "status": "automatic",
        }
        for number, time in enumerate(times)
        for phase, wait in (("P", 0), ("S", 2.5))
    ]
    stations = tmp_path / "stations.csv"
    stations.write_text("network,station,latitude,longitude,elevation_m\nO2,WILZ,35.6,-96.6,300\n")
    return pick_table(tmp_path / "prague.csv", *picks)


def test_a_real_hour_becomes_traces_with_the_samples_it_was_recorded_with(
    shared_data, prague, tmp_path, run
):
    folder = shared_data / "continuous"
    command = ("convert", "from-records", folder, "--picks", prague, "--components", 3)
    result = run("steadkit", *command, "-o", "out", "--stations", tmp_path / "stations.csv")
    assert result.exit_code == 0, result.output
    table = read_table(tmp_path / "out.csv").set_index("trace_name", drop=False)
    stream = read(str(folder / "*.mseed")).sort(["channel"])
    for name, samples in waveforms_in(tmp_path / "out.hdf5").items():
        start = UTCDateTime(table.loc[name, "trace_start_time"])
        for column, trace in enumerate(stream):
            first = round((start - trace.stats.starttime) * 100)
            assert (samples[:, column] == trace.data[first : first + 6000]).all()
    p = number_column(table, "p_arrival_sample")
    assert ((p >= 400) & (p <= 900)).all()
    # Picks fall anywhere, not on whole seconds after the start as in STEAD itself.
    assert len(set(p % 100)) > len(p) / 2
    main = table[table["source_magnitude"] == "5.1"].iloc[0]
    arrival = UTCDateTime(main["trace_start_time"]) + float(main["p_arrival_sample"]) / 100
    assert abs(arrival - MAIN_SHOCK) < 1
    assert component_columns(table.loc[[main.name]]).min() > 40
    assert main["p_travel_sec"] == "3.0"
    assert float(main["source_distance_km"]) == pytest.approx(15.7, abs=0.2)
    assert float(main["back_azimuth_deg"]) == pytest.approx(240.3, abs=0.5)
    assert (main["receiver_type"], main["network_code"]) == ("EH", "O2")
    assert attributes_in(tmp_path / "out.hdf5")[main.name]["p_status"] == "automatic"
    manifest = load(tmp_path / "out.manifest")
    assert manifest.recipe["operation"] == "from-records"
    assert list(manifest.traces) == table["trace_name"].tolist()


def test_the_same_seed_gives_the_same_bytes_in_any_order_of_the_picks(
    shared_data, prague, tmp_path
):
    shuffled = tmp_path / "shuffled.csv"
    pd.read_csv(prague, dtype=str).sample(frac=1, random_state=3).to_csv(shuffled, index=False)
    contents = {}
    for name, picks, seed in (("a", prague, 0), ("b", shuffled, 0), ("c", prague, 1)):
        (tmp_path / name).mkdir()
        files = dataset_files(tmp_path / name / "out.hdf5")
        from_records(shared_data / "continuous", picks, files, RecordsConfig(seed=seed))
        contents[name] = [path.read_bytes() for path in (files.hdf5, files.csv, files.manifest)]
    assert contents["a"] == contents["b"]
    assert contents["a"] != contents["c"]


def test_noise_is_quiet_and_far_from_every_pick(shared_data, prague, tmp_path):
    all_picks = pd.read_csv(prague, dtype=str)
    all_picks[all_picks["magnitude"] == "5.1"].to_csv(prague, index=False)
    files = dataset_files(tmp_path / "out.hdf5")
    converted = from_records(shared_data / "continuous", prague, files, RecordsConfig(noise=3))
    table = read_table(files.csv)
    noise = table[table["trace_category"] == "noise"]
    assert len(noise) + converted.skipped.get("quiet minutes asked for and not found", 0) == 3
    assert len(noise) >= 1
    waveforms = waveforms_in(files.hdf5)
    for row in noise.itertuples():
        start = UTCDateTime(row.trace_start_time)
        assert start + 90 <= MAIN_SHOCK + 1 or start >= MAIN_SHOCK + 299
        assert is_quiet(waveforms[row.trace_name])
        assert row.p_arrival_sample == row.source_id == ""
        assert row.trace_name.endswith("_NO")


def test_the_band_pass_is_done_where_it_is_asked_for(shared_data, prague, tmp_path):
    files = dataset_files(tmp_path / "out.hdf5")
    from_records(shared_data / "continuous", prague, files, RecordsConfig(band_pass=True))
    for samples in waveforms_in(files.hdf5).values():
        spectrum = np.abs(np.fft.rfft(samples, axis=0))
        hertz = np.fft.rfftfreq(6000, 0.01)
        inside = spectrum[(hertz > 1.5) & (hertz < 40)].mean(axis=0)
        assert (spectrum[hertz < 0.2].mean(axis=0) < 0.2 * inside).all()


@pytest.mark.parametrize("file_format", ["MSEED", "SAC"])
@pytest.mark.parametrize("rate", [100.0, 50.0, 40.0, 200.0])
def test_every_sample_keeps_its_time_at_any_rate(tmp_path, rate, file_format):
    write(tmp_path / "records", record(rate=rate), file_format=file_format)
    table, waveforms, skipped = cut(tmp_path)
    samples = next(iter(waveforms.values()))
    start = UTCDateTime(table["trace_start_time"].iloc[0])
    p = float(table["p_arrival_sample"].iloc[0])
    assert skipped == {}
    assert 400 <= p <= 900
    assert start + p / 100 == START + 100
    # A record that tells its times still does: P's sample says 100 s.
    expected = (start - START) * 100 + np.arange(6000)
    assert np.abs(samples[:, 2] - expected).max() < (0.001 if rate == 100 else 0.5)
    assert not samples[:, :2].any()


def test_records_that_meet_or_overlap_are_joined(tmp_path):
    halves = [record(110), record(190, start=START + 110), record(20, start=START + 100)]
    write(tmp_path / "records" / "below" / "it", *halves)
    _, waveforms, _ = cut(tmp_path)
    samples = next(iter(waveforms.values()))[:, 2]
    assert (np.diff(samples) == 1).all()


def test_a_short_gap_is_bridged_and_a_long_one_refused(tmp_path):
    write(tmp_path / "short" / "records", record(110), record(180, start=START + 110.03))
    _, waveforms, _ = cut(tmp_path / "short")
    assert np.allclose(np.diff(next(iter(waveforms.values()))[:, 2]), 1)
    write(tmp_path / "long" / "records", record(110), record(180, start=START + 110.2))
    with pytest.raises(InputError, match="left out 1: 1 a gap of more than"):
        cut(tmp_path / "long")


@pytest.mark.parametrize(
    ("traces", "reason"),
    [
        ([record(120)], "do not reach over the minute"),
        ([record(50)], "no records of the station at that time"),
        ([record(station="DEF")], "no records of the station"),
        ([record(110), record(190, rate=50, start=START + 110)], "different sampling rates"),
        ([record(rate=0.5, seconds=600)], "sampling rate that is not"),
        ([record(channel="HHX")], "fewer components than asked for"),
    ],
)
def test_what_cannot_be_cut_is_told_and_nothing_is_left_behind(tmp_path, traces, reason):
    write(tmp_path / "records", *traces)
    with pytest.raises(InputError, match=reason):
        cut(tmp_path)
    assert not list(tmp_path.glob("out*")) + list(tmp_path.glob(".*"))


def test_a_sample_that_is_no_number_is_refused(tmp_path):
    bad = record()
    bad.data[11_000] = np.nan
    write(tmp_path / "records", bad)
    with pytest.raises(InputError, match="NaN or infinity"):
        cut(tmp_path)


def test_components_are_found_by_channel_code(tmp_path):
    traces = [record(channel=f"HH{c}") for c in "12Z"]
    for number, trace in enumerate(traces):
        trace.data[:] = number + 1
    write(tmp_path / "records", *traces)
    _, waveforms, _ = cut(tmp_path, config=RecordsConfig(components=3))
    assert next(iter(waveforms.values()))[0].tolist() == [2, 1, 3]
    with pytest.raises(InputError, match="0 components"):
        RecordsConfig(components=0)


def test_the_instrument_of_the_pick_comes_first_then_the_one_with_most_components(tmp_path):
    poor, rich = record(channel="HHZ"), [record(channel=f"EH{c}") for c in "ENZ"]
    log = record(channel="LOG")
    write(tmp_path / "records", poor, *rich, log)
    table, _, skipped = cut(tmp_path)
    assert table["receiver_type"].tolist() == ["EH"]
    assert [*skipped.values()] == [1] and "channel 'LOG'" in str([*skipped])
    assert cut(tmp_path, {"channel": "HHZ"})[0]["receiver_type"].tolist() == ["HH"]


VARIANTS = [
    {},
    {"station": "DEF"},
    {"station": "GHI", "rate": 50.0},
    {"network": "YY"},
    {"station": "JKL", "start": START + 60},
    {"location": "10", "rate": 20.0},
    {"channel": "BHZ", "rate": 40.0},
]


@pytest.mark.parametrize("layout", ["one file", "a file each", "shuffled"])
def test_each_trace_has_the_samples_of_its_own_station_location_and_channel(tmp_path, layout):
    """Levels differ by what they are of; what shares a file must not share samples."""
    records = [record(**variant) for variant in VARIANTS]
    for number, trace in enumerate(records):
        trace.data[:] = 1000 * (number + 1)
    if layout == "shuffled":
        segments = [
            half for trace in records for half in (trace.slice(START, START + 140), trace.copy())
        ]
        segments = [segments[i] for i in np.random.default_rng(0).permutation(len(segments))]
        for number, subset in enumerate([segments[:5], segments[5:]]):
            write(tmp_path / "records" / str(number), *subset[:1])
            Stream(subset).write(str(tmp_path / "records" / f"{number}.mseed"), format="MSEED")
    elif layout == "one file":
        (tmp_path / "records").mkdir()
        Stream(records).write(str(tmp_path / "records" / "all.mseed"), format="MSEED")
    else:
        write(tmp_path / "records", *records)
    picks = [{"location": "", "channel": "HHZ"} | variant for variant in VARIANTS]
    picks = [{k: v for k, v in pick.items() if k not in ("rate", "start")} for pick in picks]
    table, waveforms, skipped = cut(tmp_path, *picks[:5])
    levels = {
        (row.network_code, row.receiver_code): set(waveforms[row.trace_name][:, 2].round().tolist())
        for row in table.itertuples()
    }
    expected = zip(
        [("XX", "ABC"), ("XX", "DEF"), ("XX", "GHI"), ("YY", "ABC"), ("XX", "JKL")],
        [{1000.0}, {2000.0}, {3000.0}, {4000.0}, {5000.0}],
        strict=True,
    )
    assert levels == dict(expected) and not skipped
    for pick, level in zip(picks[5:], (6000.0, 7000.0), strict=True):
        _, waveforms, _ = cut(tmp_path, pick)
        (waveform,) = waveforms.values()
        assert np.abs(waveform[:, 2] - level).max() < 1


def test_noise_has_the_samples_of_its_own_station(tmp_path):
    records = [record(seconds=900, station=name) for name in ("ABC", "DEF")]
    noise = np.random.default_rng(0).normal(size=(2, len(records[0].data))).astype(np.float32)
    for trace, samples, scale in zip(records, noise, (1, 1000), strict=True):
        trace.data[:] = samples * scale
    (tmp_path / "records").mkdir()
    Stream(records).write(str(tmp_path / "records" / "all.mseed"), format="MSEED")
    table, waveforms, _ = cut(tmp_path, config=RecordsConfig(noise=1))
    found = {
        row.receiver_code: waveforms[row.trace_name][:, 2].std()
        for row in table.itertuples()
        if row.trace_category == "noise"
    }
    assert found["ABC"] < 10 < 900 < found["DEF"]


def test_one_event_on_many_stations_and_many_events_on_one(tmp_path):
    write(tmp_path / "records", record(), record(station="DEF"))
    picks = [
        {"event_id": "a"},
        {"event_id": "a", "station": "DEF", "time": START + 102},
        {"event_id": "b", "time": START + 150},
    ]
    table, _, _ = cut(tmp_path, *picks)
    assert table["source_id"].tolist() == ["a", "a", "b"]
    assert table["receiver_code"].tolist() == ["ABC", "DEF", "ABC"]


def test_quakeml_tells_all_that_stead_has_a_column_for(tmp_path):
    write(tmp_path / "records", record(start=START, channel="EHZ"))
    picks = [
        quake.Pick(
            time=START + seconds,
            phase_hint=phase,
            evaluation_mode="manual",
            waveform_id=quake.WaveformStreamID("XX", "ABC", channel_code="EHZ"),
        )
        for phase, seconds in (("Pg", 100), ("Sg", 104), ("IAML", 105))
    ]
    origin = quake.Origin(
        time=START + 96.5,
        latitude=35.5,
        longitude=-96.7,
        depth=7250.0,
        quality=quake.OriginQuality(azimuthal_gap=88.0, standard_error=0.21),
        arrivals=[quake.Arrival(pick_id=picks[0].resource_id, phase="Pg", time_weight=0.75)],
    )
    magnitude = quake.Magnitude(
        mag=3.1, magnitude_type="ML", creation_info=quake.CreationInfo(agency_id="OK")
    )
    event = quake.Event(
        resource_id=quake.ResourceIdentifier("quakeml:ok.org/event/ok2024x"),
        picks=picks,
        origins=[origin],
        magnitudes=[magnitude],
    )
    quake.Catalog([event]).write(str(tmp_path / "e.xml"), format="QUAKEML")
    files = dataset_files(tmp_path / "out.hdf5")
    from_records(tmp_path / "records", tmp_path / "e.xml", files, RecordsConfig())
    (row,) = read_table(files.csv).to_dict("records")
    assert row["source_id"] == "ok2024x"
    assert row["source_origin_time"] == "2024-02-03 00:01:36.500000"
    assert (row["source_latitude"], row["source_longitude"]) == ("35.5", "-96.7")
    assert (row["source_depth_km"], row["source_gap_deg"]) == ("7.25", "88.0")
    assert row["source_error_sec"] == "0.21"
    assert (row["source_magnitude"], row["source_magnitude_type"]) == ("3.1", "ml")
    assert row["source_magnitude_author"] == "OK"
    assert (row["p_status"], row["p_weight"], row["p_travel_sec"]) == ("manual", "0.75", "3.5")
    assert float(row["s_arrival_sample"]) == float(row["p_arrival_sample"]) + 400


def test_the_pick_that_the_origin_was_located_with_is_the_label(tmp_path):
    """Rejected 3 s early, automatic 0.4 s early, manual 0.1 s early, and the one that is used."""
    write(tmp_path / "records", record(channel="EHZ"))
    picks = [
        quake.Pick(
            time=START + seconds,
            phase_hint=phase,
            evaluation_mode=mode,
            evaluation_status=status,
            waveform_id=quake.WaveformStreamID("XX", "ABC", channel_code="EHZ"),
        )
        for phase, seconds, mode, status in [
            ("P", 97, "manual", "rejected"),
            ("P", 99.6, "automatic", "preliminary"),
            ("P", 99.9, "manual", "reviewed"),
            ("P", 100, "automatic", "reviewed"),
            ("S", 100.2, "automatic", None),
            ("S", 104, "manual", None),
            ("S", 103, "manual", "rejected"),
        ]
    ]
    arrivals = [
        quake.Arrival(pick_id=picks[3].resource_id, phase="P", time_weight=0.5),
        quake.Arrival(pick_id=picks[2].resource_id, phase="P", time_weight=0.0),
    ]
    origins = [
        quake.Origin(time=START + 95, latitude=1.0, longitude=1.0, arrivals=used)
        for used in ([quake.Arrival(pick_id=picks[1].resource_id, phase="P")], arrivals)
    ]
    event = quake.Event(picks=picks, origins=origins, preferred_origin_id=origins[1].resource_id)
    quake.Catalog([event]).write(str(tmp_path / "e.xml"), format="QUAKEML")
    skipped: Counter[str] = Counter()
    (onset,) = build_onsets(read_picks(tmp_path / "e.xml"), skipped)
    assert (onset.p, onset.s) == ((START + 100).ns, (START + 104).ns)
    assert skipped == {"a rejected pick": 2, "another pick of an arrival than the best": 3}
    assert onset.row["p_status"] == "automatic" and onset.row["p_weight"] == "0.5"


@pytest.mark.parametrize(
    ("picks", "p"),
    [
        ([{"time": 97, "status": "rejected"}, {"time": 99, "status": "automatic"}], 99),
        ([{"time": 99, "status": "automatic"}, {"time": 100, "status": "manual"}], 100),
        ([{"time": 99, "mode": "automatic"}, {"time": 100, "mode": "Manual"}], 100),
        ([{"time": 99, "mode": "automatic"}, {"time": 100}], 100),
        ([{"time": 99, "weight": 0.5}, {"time": 100, "weight": 1}], 100),
        ([{"time": 99, "weight": "None"}, {"time": 100, "weight": 0.1}], 100),
        ([{"time": 99, "weight": 1}, {"time": 100, "weight": 1}], 99),
        ([{"time": 99, "status": "rejected", "mode": "manual"}, {"time": 100}], 100),
    ],
)
def test_of_several_picks_of_a_table_the_best_is_taken(tmp_path, picks, p):
    rows = [pick | {"time": START + pick["time"], "event_id": "a"} for pick in picks]
    skipped: Counter[str] = Counter()
    (onset,) = build_onsets(read_picks(pick_table(tmp_path / "picks.csv", *rows)), skipped)
    assert onset.p == (START + p).ns and skipped.total() == 1


def test_equal_names_come_apart(tmp_path):
    write(tmp_path / "records", record())
    # Two agencies' picks of the same P, of events with ids of their own.
    picks = [{"event_id": name, "time": START + 100} for name in "abcdefgh" * 2]
    table, waveforms, _ = cut(tmp_path, *picks, *({"event_id": f"x{i}"} for i in range(400)))
    assert table["trace_name"].nunique() == len(waveforms) == 408
    assert table["trace_name"].str.contains("-").any()


def table_of(*picks: tuple[str, float, str]) -> pd.DataFrame:
    """Make a pick table as `read_picks` does, of (phase, seconds, event)."""
    columns = dict.fromkeys([*PICK_COLUMNS, *SOURCE_COLUMNS], "") | dict.fromkeys(
        SORT_COLUMNS, False
    )
    rows = [
        columns
        | {"phase": phase, "time_ns": round(seconds * 1e9), "source_id": source, "station": "A"}
        for phase, seconds, source in picks
    ]
    return pd.DataFrame(rows)


def pairs(*picks: tuple[str, float, str]) -> list[tuple[float, float | None]]:
    found = build_onsets(table_of(*picks), Counter())
    return [(o.p / 1e9, None if o.s is None else o.s / 1e9) for o in found]


def test_p_and_s_are_put_together():
    assert pairs(("S", 12, "a"), ("P", 10, "a"), ("P", 11, "a"), ("S", 14, "a")) == [(10, 12)]
    assert pairs(("P", 10, ""), ("S", 12, ""), ("S", 13, ""), ("P", 20, "")) == [
        (10, 12),
        (20, None),
    ]
    assert pairs(("P", 10, ""), ("P", 11, ""), ("S", 12, "")) == [(10, None), (11, 12)]
    assert pairs(("P", 10, ""), ("S", 100, "")) == [(10, None)]
    assert pairs(("P", 10, "a"), ("S", 9, "a")) == [(10, None)]
    assert pairs(("S", 9, "a")) == []
    skipped: Counter[str] = Counter()
    assert build_onsets(table_of(("S", 9, "a"), ("S", 10, "")), skipped) == []
    assert skipped == {"S without a P": 2}


@given(
    st.lists(
        st.tuples(st.sampled_from("PS"), st.integers(0, 300), st.sampled_from(["", "a", "b"])),
        unique_by=lambda pick: pick[1],
        max_size=12,
    ),
    st.randoms(),
)
def test_onsets_do_not_depend_on_the_order_of_the_picks(picks, random):
    before = pairs(*picks) if picks else []
    random.shuffle(picks)
    assert (pairs(*picks) if picks else []) == before
    assert all(s is None or p < s for p, s in before)


def test_s_that_is_too_late_is_told(tmp_path):
    write(tmp_path / "records", record())
    late = [{"event_id": "a"}, {"event_id": "a", "phase": "S", "time": START + 157}]
    with pytest.raises(InputError, match="S too late after P"):
        cut(tmp_path, *late)
    # 55.9 s is just not too late: P comes early then.
    in_time = [{"event_id": "a"}, {"event_id": "a", "phase": "Sg", "time": START + 155.9}]
    table, _, _ = cut(tmp_path, *in_time)
    assert 401 <= float(table["p_arrival_sample"].iloc[0]) <= 409
    assert float(table["s_arrival_sample"].iloc[0]) < 6000


@pytest.mark.parametrize(
    ("picks", "message"),
    [
        ("network,station,phase\nXX,ABC,P\n", "no column 'time'"),
        ("network,station,phase,time\nXX,ABC,P,soon\n", "time 'soon'"),
        ("network,station,phase,time\nXX,ABC,P,\n", "time ''"),
        ("network,station,phase,time\nXX,ABC,IAML,2024-02-03\n", "no pick of P or S"),
        (
            "network,station,phase,time,latitude\nXX,ABC,P,2024-02-03T05:24,95\n",
            "source_latitude = '95'",
        ),
        ("network,station,phase,time,depth_km\nXX,ABC,P,2024-02-03T05:24,deep\n", "= 'deep'"),
        (
            "network,station,phase,time,origin_time\nXX,ABC,P,2024-02-03T05:24,x\n",
            "origin time 'x'",
        ),
        ("", "not a CSV"),
        ("\xff", "not a text file"),
    ],
)
def test_a_pick_table_that_cannot_be_used_is_one_clear_line(tmp_path, run, picks, message):
    write(tmp_path / "records", record())
    (tmp_path / "picks.csv").write_bytes(picks.encode("latin-1"))
    command = ("convert", "from-records", "records", "--picks", "picks.csv", "-o", "out")
    refused(run("steadkit", *command), message)
    assert not (tmp_path / "out.hdf5").exists()


ENTITY = '<!DOCTYPE q [<!ENTITY x SYSTEM "file:///etc/passwd">]><q>&x;</q>'


@pytest.mark.parametrize(
    ("content", "message"),
    [(ENTITY, "document type"), ("<q/>", "not QuakeML"), ("no xml", "not QuakeML")],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_hostile_xml_is_refused(tmp_path, run, content, message, encoding):
    write(tmp_path / "records", record())
    (tmp_path / "evil.xml").write_bytes(content.encode(encoding))
    command = ("convert", "from-records", "records", "-o", "out", "--picks")
    refused(run("steadkit", *command, "evil.xml"), message)
    pick_table(tmp_path / "picks.csv", {})
    result = run("steadkit", *command, "picks.csv", "--stations", "evil.xml")
    refused(result, message.replace("QuakeML", "StationXML"))


@pytest.mark.parametrize(
    ("stations", "message"),
    [
        ("network,station,latitude\n", "no column 'longitude'"),
        ("network,station,latitude,longitude\nXX,ABC,95,0\n", "correct it"),
        ("network,station,latitude,longitude\nXX,ABC,north,0\n", "give degrees"),
    ],
)
def test_a_station_table_that_cannot_be_used_is_refused(tmp_path, stations, message):
    (tmp_path / "s.csv").write_text(stations)
    with pytest.raises(InputError, match=message):
        read_stations(tmp_path / "s.csv")


def test_stations_are_read_from_stationxml(tmp_path):
    inventory = read_inventory()
    inventory.write(str(tmp_path / "s.xml"), format="STATIONXML")
    stations = read_stations(tmp_path / "s.xml")
    station = inventory[0][0]
    coordinates = stations[inventory[0].code, station.code]
    assert coordinates == (station.latitude, station.longitude, station.elevation)


def test_without_a_place_there_is_no_distance_and_no_fault(tmp_path):
    write(tmp_path / "records", record())
    (tmp_path / "s.csv").write_text("network,station,latitude,longitude\nXX,ABC,,\n")
    table, _, _ = cut(tmp_path, stations=tmp_path / "s.csv")
    assert table["source_distance_km"].tolist() == [""]
    assert table["receiver_latitude"].tolist() == [""]


def test_other_files_in_the_folder_are_passed_over_and_never_run(tmp_path):
    folder = write(tmp_path / "records", record())
    marker = tmp_path / "ran"

    class Evil:
        def __reduce__(self):
            return (marker.touch, ())

    (folder / "evil.pickle").write_bytes(pickle.dumps(Stream([record()])) + pickle.dumps(Evil()))
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("x", b"0" * 1000)
    (folder / "notes.txt").write_text("hello")
    (folder / "empty").touch()
    (folder / "[a-z]*.mseed").write_bytes((folder / "XX.ABC..HHZ.0").read_bytes()[:700])
    (folder / "dangling").symlink_to(tmp_path / "nowhere")
    _, waveforms, _ = cut(tmp_path)
    assert len(waveforms) == 1
    assert not marker.exists()


def test_a_folder_without_records_is_refused(tmp_path, run):
    (tmp_path / "records").mkdir()
    pick_table(tmp_path / "picks.csv", {})
    command = ("convert", "from-records", "records", "--picks", "picks.csv", "-o", "out")
    refused(run("steadkit", *command), "holds no miniSEED or SAC record")
    refused(run("steadkit", "convert", "from-records", "no", *command[3:]), "no folder 'no'")


def test_existing_files_and_sources_are_not_overwritten(tmp_path, run):
    write(tmp_path / "records", record())
    pick_table(tmp_path / "picks.csv", {})
    command = ("convert", "from-records", "records", "--picks", "picks.csv", "-o")
    assert run("steadkit", *command, "out").exit_code == 0
    refused(run("steadkit", *command, "out"), "exists")
    refused(run("steadkit", *command, "picks.hdf5", "--overwrite"), "'picks.csv' is a source")


def test_quiet_minutes_do_not_overlap_and_follow_from_the_seed(tmp_path):
    folder = write(tmp_path / "records", record(3600), record(1800, start=START + 3600))
    segments = next(iter(index_folder(folder, Counter()).values()))
    pick_times = np.array([(START + 1800).ns])
    orders = [list(iter_quiet_starts(segments, pick_times, "XX.ABC", seed)) for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2])
    starts = np.sort(orders[0])
    assert len(starts) == 90 - 7
    assert (np.diff(starts) >= 60 * 10**9).all()
    distance_s = (starts - pick_times[0]) / 1e9
    assert ((distance_s <= -90) | (distance_s >= 300)).all()


def test_simulated_noise_is_mostly_quiet_and_simulated_events_hardly_ever():
    noise = [is_quiet(waveform) for _, waveform in synthetic.noise(40, seed=5)]
    events = [is_quiet(waveform) for _, waveform in synthetic.earthquakes(40, seed=5)]
    assert np.mean(noise) > 0.5
    assert np.mean(events) < 0.1
    assert not is_quiet(np.zeros((6000, 3)))


def test_picks_written_by_us_are_read_by_us(tmp_path):
    path = pick_table(tmp_path / "p.csv", {"phase": "Pg", "magnitude": 2, "event_id": "7"})
    pick = read_picks(path).iloc[0]
    assert (pick["phase"], pick["source_id"], pick["source_magnitude"]) == ("P", "7", "2")
    assert pick["time_ns"] == (START + 100).ns


def test_the_output_is_a_stead_file(tmp_path):
    write(tmp_path / "records", *(record(channel=f"HH{c}") for c in "ENZ"))
    cut(tmp_path, {"event_id": "a", "weight": 0.5})
    with h5py.File(tmp_path / "out0.hdf5") as file:
        (dataset,) = file["data"].values()
        assert dataset.shape == (6000, 3)
        assert dataset.dtype == np.dtype("<f4")
        assert dataset.attrs["p_weight"] == 0.5
        assert dataset.attrs["coda_end_sample"].shape == (1, 1)
        assert dataset.attrs["snr_db"].shape == (3,)


def test_what_is_no_file_among_the_records_is_left_out(tmp_path):
    folder = write(tmp_path / "records", record())
    os.mkfifo(folder / "pipe.mseed")
    (folder / "device.mseed").symlink_to("/dev/zero")
    skipped: Counter[str] = Counter()
    (instrument,) = index_folder(folder, skipped)
    assert instrument.station == "ABC"
    assert list(skipped.values()) == [2]
    assert "pipe" in next(iter(skipped))
