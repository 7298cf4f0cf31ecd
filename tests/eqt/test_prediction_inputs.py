"""Inputs of a prediction: the choice among files, data sets and services, patterns and limits."""

import io
from collections import Counter

import h5py
import numpy as np
import pandas as pd
import pytest
from conftest import as_csv, row, waveform, write_stead
from continuous_records import earthquake_times, predict_station, record, write_mseed
from fdsn_server import Reply, make_channel, serve, station_xml
from obspy import Stream, UTCDateTime

from eqt.picking.picks import Thresholds
from eqt.picking.station_picks import PickingConfig
from eqt.prediction.dataset_records import (
    UNKNOWN_START,
    UNREADABLE,
    dataset_format,
    index_dataset,
    read_dataset_pieces,
)
from eqt.prediction.inputs import (
    EXCLUDED,
    OTHER_CODES,
    OTHER_TIMES,
    FilterOptions,
    RecordFilter,
    find_records,
    parse_filter,
    parse_limit,
    read_records,
)
from eqt.prediction.units import Span, UnitSettings, plan_units, predict_unit
from steadkit.errors import InputError
from steadkit.records.fdsn import ServiceRequest
from steadkit.records.instruments import Instrument
from steadkit.store import Writer

ALWAYS = Span(-(2**63), 2**63 - 1)
START = "2024-02-03T05:00:00"
MINUTE_NS = 60 * 10**9


def find(*inputs, service=None, **fields):
    skipped, failed = Counter(), Counter()
    headers = find_records(
        [str(path) for path in inputs], RecordFilter(**fields), skipped, failed, service
    )
    return headers, skipped, failed


def read_all(headers):
    return read_records(headers, min(h.start for h in headers), max(h.end for h in headers))


def p_picks(headers, limits=ALWAYS) -> list[float]:
    """Return the times of P picks of all station-days, in s since 1970."""
    settings = UnitSettings(limits, PickingConfig(Thresholds(0.3, 0.3, 0.3), refine=False), "std")
    tables = [
        predict_unit(predict_station, unit, settings).tables.arrivals
        for unit in plan_units(headers, limits)
    ]
    picks = pd.concat(tables)
    return sorted(picks["time"][picks["is_pick"] & (picks["phase"] == "P")] / 1e9)


# Times.


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2024-02-03", "2024-02-03T00:00:00"),
        ("2024-02-03T05:30", "2024-02-03T05:30:00"),
        ("2024-02-03 05:30:00.123456", "2024-02-03T05:30:00.123456"),
        ("2024-02-03T05:30+09:00", "2024-02-02T20:30:00"),
        ("2024-12-31T23:30:00-01:00", "2025-01-01T00:30:00"),
        ("1906-04-18T13:12:21Z", "1906-04-18T13:12:21"),
    ],
)
def test_limits_are_times_in_utc(text, time):
    assert parse_limit(text) == UTCDateTime(time).ns


@pytest.mark.parametrize(
    "text",
    [
        "2016-12-31T23:59:60",
        "2016-12-31T23:59:60Z",
        "20161231T235960",
        "2017-01-01T08:59:60+09:00",
        "2017-01-01T05:29:60+0530",
    ],
)
def test_a_leap_second_is_the_first_second_of_the_next_day(text):
    assert parse_limit(text) == UTCDateTime("2017-01-01").ns
    if text.endswith("60"):
        assert parse_limit(f"{text}.25") == UTCDateTime("2017-01-01T00:00:00.25").ns


@pytest.mark.parametrize(
    "text",
    [
        *("yesterday", "", "2024-02-30", "2024-02-03T24:00", "2024-02-03T05:00:60"),
        *("2016-12-31T23:59:61", "2016-12-31T23:60", "2017-01-01T08:59:60+08:00"),
    ],
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(InputError) as error:
        parse_limit(text)
    assert repr(text) in str(error.value) or "leap second" in str(error.value)


def test_limits_with_nothing_between_them_are_refused():
    with pytest.raises(InputError, match="give a later end"):
        parse_filter(FilterOptions("2024-02-03", "2024-02-03"))
    assert parse_filter(FilterOptions("1970-01-01", "1970-01-02")).start == 0


# Patterns.


def several_stations(folder):
    for codes in ("O2.WILZ.", "O2.WILL.00", "IU.ANMO.10", "IU.ANMO.00"):
        network, station, location = codes.split(".")
        for kind in ("HH", "BH") if station == "ANMO" else ("HH",):
            stream = record(START, 5, channels=kind, codes=codes)
            write_mseed(stream, folder / f"{network}.{station}.{location}.{kind}.mseed")


@pytest.mark.parametrize(
    ("fields", "n_expected"),
    [
        ({}, 18),
        ({"stations": ("O2.WILZ",)}, 3),
        ({"stations": ("O2.*",)}, 6),
        ({"stations": ("O2.WILZ", "IU.*")}, 15),
        ({"stations": ("iu.anmo.1?",)}, 6),
        ({"stations": ("*.*.--",)}, 3),
        ({"stations": ("*.*.",)}, 3),
        ({"stations": ("*.*.00.BH?",)}, 3),
        ({"stations": ("O2.WIL",)}, 0),
        ({"channels": ("HH?",)}, 12),
        ({"channels": ("*Z",)}, 6),
        ({"channels": ("*Z", "BHN")}, 8),
        ({"stations": ("IU.*",), "channels": ("hhz",)}, 2),
        ({"exclude": ("IU.ANMO",)}, 6),
        ({"exclude": ("*.*.*.BH?", "O2.WILL.00")}, 9),
        ({"stations": ("O2.*",), "exclude": ("O2.WIL[LM]",)}, 3),
    ],
    ids=str,
)
def test_patterns_choose_channels_by_their_codes(tmp_path, fields, n_expected):
    several_stations(tmp_path)
    headers, skipped, failed = find(tmp_path, **fields)
    assert len(headers) == n_expected
    assert skipped.total() == 18 - n_expected
    assert {*skipped} <= {OTHER_CODES, EXCLUDED}
    assert not failed


def test_a_file_of_exclusions_has_comments_and_blank_lines(tmp_path):
    several_stations(tmp_path / "records")
    (tmp_path / "bad.txt").write_text(
        "# noisy stations\n\nO2.WILZ  # since 2020\nIU.ANMO.10\n IU.ANMO.00.BHZ\n"
    )
    options = FilterOptions(exclude=["O2.WILL"], exclude_list=tmp_path / "bad.txt")
    record_filter = parse_filter(options)
    assert record_filter.exclude == ("O2.WILL", "O2.WILZ", "IU.ANMO.10", "IU.ANMO.00.BHZ")
    skipped = Counter()
    headers = find_records([str(tmp_path / "records")], record_filter, skipped)
    assert {(*h.instrument[:3], h.channel) for h in headers} == {
        ("IU", "ANMO", "00", channel) for channel in ("HHZ", "HHN", "HHE", "BHN", "BHE")
    }
    assert skipped == {EXCLUDED: 13}


@pytest.mark.parametrize(
    "options",
    [
        FilterOptions(stations=["WILZ"]),
        FilterOptions(stations=["O2.WILZ.00.HHZ.D"]),
        FilterOptions(stations=[""]),
        FilterOptions(exclude=["HH?"]),
        FilterOptions(exclude=["O2/WILZ.*"]),
        FilterOptions(channels=["O2.HHZ"]),
        FilterOptions(channels=[" "]),
    ],
    ids=str,
)
def test_what_is_no_pattern_is_refused(options):
    with pytest.raises(InputError, match="is no pattern of codes: write"):
        parse_filter(options)


def test_a_list_of_exclusions_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "list").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="save it as UTF-8"):
        parse_filter(FilterOptions(exclude_list=tmp_path / "list"))
    with pytest.raises(InputError, match="no file"):
        parse_filter(FilterOptions(exclude_list=tmp_path / "missing"))


def test_a_channel_that_is_excluded_is_not_read_though_its_file_is(tmp_path):
    write_mseed(record(START, 5), tmp_path / "all.mseed")
    for fields in ({"channels": ("*Z",)}, {"exclude": ("*.*.*.HH[NE]",)}):
        headers, *_ = find(tmp_path, **fields)
        pieces, _ = read_all(headers)
        assert [*pieces] == ["Z"]


# Limits.


def write_days(folder) -> None:
    """Write an SDS archive of 1 to 6 February, a minute at the start of each day."""
    for day in range(32, 38):
        for channel in record(UTCDateTime(year=2024, julday=day), 60):
            path = folder / "2024" / "XX" / "ABC" / f"{channel.stats.channel}.D"
            name = f"XX.ABC..{channel.stats.channel}.D.2024.{day:03d}"
            write_mseed(Stream([channel]), path / name)


def test_records_next_to_the_limits_are_kept_as_context(tmp_path):
    write_days(tmp_path)
    limits = parse_filter(FilterOptions("2024-02-03", "2024-02-04"))
    headers, skipped, _ = find(tmp_path, start=limits.start, end=limits.end)
    days = sorted({str(UTCDateTime(ns=header.start).date) for header in headers})
    assert days == ["2024-02-02", "2024-02-03", "2024-02-04", "2024-02-05"]
    assert skipped == {OTHER_TIMES: 6}
    # What is picked are the days within the limits.
    units = plan_units(headers, Span(limits.start, limits.end))
    assert [str(np.datetime64(unit.day, "D")) for unit in units] == ["2024-02-03"]


def test_picks_near_a_limit_are_those_of_the_records_beyond_it(tmp_path):
    times = earthquake_times(START, 20, 55, 62, 130)
    for number in range(3):  # a file for each minute
        begin = UTCDateTime(START) + 60 * number
        write_mseed(record(begin, 60, times), tmp_path / f"{number}.mseed")
    start, end = ((UTCDateTime(START) + seconds).ns for seconds in (58, 120))
    headers, *_ = find(tmp_path, start=start, end=end)
    assert len(headers) == 9
    np.testing.assert_allclose(p_picks(headers, Span(start, end)), times[2:3], atol=0.021)


def test_sds_archives_and_flat_folders_are_the_same_input(tmp_path):
    times = earthquake_times(START, 20, 55)
    stream = record(START, 90, times)
    write_mseed(stream, tmp_path / "flat" / "all.mseed")
    for trace in stream:
        channel = trace.stats.channel
        path = tmp_path / "sds" / "2024" / "XX" / "ABC" / f"{channel}.D"
        write_mseed(Stream([trace]), path / f"XX.ABC..{channel}.D.2024.034")
    for folder in ("flat", "sds"):
        headers, *_ = find(tmp_path / folder)
        np.testing.assert_allclose(p_picks(headers), times, atol=0.021)


# Data sets.


def write_minutes(path, stream: Stream, codes=("XX", "ABC", "HH"), **changes) -> None:
    """Write the minutes of a record as a STEAD file."""
    components = {trace.stats.channel[-1]: trace for trace in stream}
    samples = np.stack([components[c].data for c in "ENZ"], axis=1).astype(np.float32)
    rows = []
    with Writer(path) as writer:
        for number in range(len(samples) // 6000):
            start = components["Z"].stats.starttime + 60 * number
            name = f"ABC.XX_{start.strftime('%Y%m%d%H%M%S')}_NO"
            values = row(name) | dict(
                zip(("network_code", "receiver_code", "receiver_type"), codes, strict=True)
            )
            values["trace_start_time"] = str(start).replace("T", " ").removesuffix("Z")
            values |= {key: texts[number] for key, texts in changes.items()}
            writer.add(name, samples[6000 * number : 6000 * number + 6000], values)
            rows.append(values)
    as_csv(rows).to_csv(path.with_suffix(".csv"), index=False)


def test_minutes_of_a_stead_file_are_picked_as_one_record(tmp_path):
    times = earthquake_times("1969-12-31T23:58:00", 30, 118.5, 150)
    write_minutes(tmp_path / "a.hdf5", record("1969-12-31T23:58:00", 240, times))
    headers, skipped, failed = find(tmp_path / "a.hdf5")
    assert not skipped
    assert not failed
    assert len(headers) == 4 * 3
    assert {h.channel for h in headers} == {"HHE", "HHN", "HHZ"}
    assert {(h.source_format, h.rate) for h in headers} == {("STEAD", 100.0)}
    starts = [UTCDateTime("1969-12-31T23:58:00").ns + MINUTE_NS * number for number in range(4)]
    of_z = [h for h in headers if h.component == "Z"]
    assert [h.start for h in of_z] == starts
    assert {h.end - h.start for h in headers} == {59_990_000_000}
    np.testing.assert_allclose(p_picks(headers), times, atol=0.021)


def test_only_the_traces_of_a_span_are_read(tmp_path):
    stream = record(START, 240)
    write_minutes(tmp_path / "a.hdf5", stream)
    headers, *_ = find(tmp_path / "a.hdf5")
    begin = UTCDateTime(START).ns
    pieces, failed = read_records(headers, begin + MINUTE_NS + 1, begin + 2 * MINUTE_NS)
    assert not failed
    for trace in stream:
        component = trace.stats.channel[-1]
        assert [p.start for p in pieces[component]] == [begin + MINUTE_NS, begin + 2 * MINUTE_NS]
        for number, piece in enumerate(pieces[component], start=1):
            expected = trace.data[6000 * number : 6000 * number + 6000]
            np.testing.assert_array_equal(piece.samples, expected)


def test_components_of_zeros_are_absent_and_nan_is_left_to_be_named(tmp_path):
    stream = record(START, 120)
    for trace in stream.select(channel="HHN"):
        trace.data[:] = 0
    for trace in stream.select(channel="HHE"):
        trace.data[100] = np.nan
    write_minutes(tmp_path / "a.hdf5", stream)
    headers, *_ = find(tmp_path / "a.hdf5")
    pieces, failed = read_all(headers)
    assert {*pieces} == {"E", "Z"}
    assert not failed
    assert np.isnan(pieces["E"][0].samples).sum() == 1


def test_traces_of_unknown_start_or_another_kind_are_counted(tmp_path):
    stream = record(START, 360)
    write_minutes(
        tmp_path / "a.hdf5",
        stream,
        trace_start_time=["", "None", "soon", START, START, "2024/02/03 06:00:00.5"],
        receiver_type=["HH", "HH", "HH", "LH", "HM", " bh "],
        station_location_code=["", "", "", "", "", "--"],
    )
    headers, skipped, _ = find(tmp_path / "a.hdf5")
    assert skipped == {
        UNKNOWN_START: 3,
        "channels of long periods, LH": 3,
        "channels that measure no ground motion, HM": 3,
    }
    assert {h.instrument for h in headers} == {Instrument("XX", "ABC", "", "BH")}
    assert {h.start for h in headers} == {UTCDateTime("2024-02-03T06:00:00.5").ns}


def test_a_receiver_of_unknown_type_has_the_component_as_its_channel(tmp_path):
    write_minutes(tmp_path / "a.hdf5", record(START, 60), ("XX", "ABC", "None"))
    headers, *_ = find(tmp_path / "a.hdf5")
    assert [h.channel for h in headers] == ["E", "N", "Z"]
    pieces, _ = read_all(headers)
    assert {*pieces} == {"E", "N", "Z"}


def test_a_trace_that_is_missing_is_counted(tmp_path):
    write_minutes(tmp_path / "a.hdf5", record(START, 120))
    table = (tmp_path / "a.csv").read_text()
    (tmp_path / "a.csv").write_text(table.replace("050000_NO", "050001_NO"))
    headers, *_ = find(tmp_path / "a.hdf5")
    pieces, failed = read_all(headers)
    assert failed == {UNREADABLE: 1}
    assert [len(of_component) for of_component in pieces.values()] == [1, 1, 1]


def test_data_sets_that_are_damaged_or_without_a_csv_are_refused(tmp_path):
    source = write_stead(tmp_path / "a.hdf5", ["ABC.XX_20200101000000_NO"])
    source.hdf5.write_bytes(source.hdf5.read_bytes()[:3000])
    with pytest.raises(InputError, match="cannot be opened"):
        find(source.hdf5)
    source.csv.unlink()
    with pytest.raises(InputError, match="needs the CSV"):
        find(source.hdf5)
    with pytest.raises(InputError, match="is no data set"):
        index_dataset(tmp_path / "a.mseed", Counter())


def test_real_traces_of_stead_are_read(shared_data):
    headers, skipped, failed = find(shared_data / "ncedc_a.hdf5", stations=("BG.ACR",))
    assert not failed
    assert skipped == {OTHER_CODES: 3 * 97}
    pieces, failed = read_all(headers)
    assert not failed
    with h5py.File(shared_data / "ncedc_a.hdf5") as file:
        samples = file["data"][headers[0].trace][()]
    for number, component in enumerate("ENZ"):
        np.testing.assert_array_equal(pieces[component][0].samples, samples[:, number])


def write_seisbench(folder, order="ZNE", layout_order="", table=None, dimensions="CW") -> dict:
    """Write two traces of 20 and 15 s at 50 Hz; return their samples by name."""
    folder.mkdir()
    block = np.zeros((2, len(order or layout_order), 1000), np.float32)
    lengths = {"bucket0$0,:3,:1000": 1000, "bucket0$1,:3,:750": 750}
    for number in range(2):
        block[number] = waveform(f"S{number}")[:1000, :].T[: block.shape[1]]
    if dimensions == "WC":
        block = block.transpose(0, 2, 1)
        lengths = {"bucket0$0,:1000,:3": 1000, "bucket0$1,:750,:3": 750}
    with h5py.File(folder / "waveforms.hdf5", "w") as file:
        file["data/bucket0"] = block
        file["data_format/dimension_order"] = dimensions
        file["data_format/sampling_rate"] = 50
        if layout_order:
            file["data_format/component_order"] = layout_order
    rows = pd.DataFrame(
        {
            "trace_name": [*lengths],
            "trace_start_time": ["2024/02/03 05:00:00.5", "2024-02-03T05:01:00.25Z"],
            "station_network_code": "XX",
            "station_code": "ABC",
            "station_location_code": ["--", "00"],
            "trace_channel": ["HH", "HHZ"],
            **({"trace_component_order": order} if order else {}),
            **(table or {}),
        }
    )
    rows.to_csv(folder / "metadata.csv", index=False)
    # As the format has them: components by samples.
    stored = block if dimensions == "CW" else block.transpose(0, 2, 1)
    return {name: stored[i, :, :n] for i, (name, n) in enumerate(lengths.items())}


@pytest.mark.parametrize(
    ("order", "layout_order", "dimensions"),
    [("ZNE", "", "CW"), ("", "E1Z", "CW"), ("Z12", "", "WC"), ("12Z", "ENZ", "CW")],
)
def test_seisbench_data_sets_are_records_in_stead_order(tmp_path, order, layout_order, dimensions):
    samples = write_seisbench(tmp_path / "set", order, layout_order, dimensions=dimensions)
    headers, skipped, failed = find(tmp_path / "set")
    assert not skipped
    assert not failed
    assert len(headers) == 6
    first, last = headers[0], headers[-1]
    assert first.instrument == Instrument("XX", "ABC", "", "HH")
    assert last.instrument == Instrument("XX", "ABC", "00", "HH")
    assert (first.source_format, first.rate) == ("SEISBENCH", 50.0)
    assert [h.channel for h in headers] == ["HHE", "HHN", "HHZ"] * 2
    assert first.start == UTCDateTime("2024-02-03T05:00:00.5").ns
    assert first.end - first.start == 999 * 20_000_000
    assert last.start == UTCDateTime("2024-02-03T05:01:00.25").ns
    assert last.end - last.start == 749 * 20_000_000
    used_order = order or layout_order
    for of_instrument, stored in ((headers[:3], 0), (headers[3:], 1)):
        pieces, failed = read_all(of_instrument)
        assert not failed
        for component, letters in (("E", "E2"), ("N", "N1"), ("Z", "Z")):
            index = next(i for i, letter in enumerate(used_order) if letter in letters)
            (piece,) = pieces[component]
            assert piece.rate == 50.0
            np.testing.assert_array_equal(piece.samples, [*samples.values()][stored][index])


def test_seisbench_traces_that_cannot_be_used_are_counted(tmp_path):
    names = ["bucket9$0,:3,:1000", "bucket0$1,:3,:750"]
    write_seisbench(tmp_path / "a", table={"trace_name": names, "trace_start_time": ""})
    assert find(tmp_path / "a")[1] == {
        "traces with no samples of that name in the file": 1,
        UNKNOWN_START: 1,
    }
    write_seisbench(tmp_path / "b", table={"trace_component_order": ["XYZ", "ZNE"]})
    headers, skipped, _ = find(tmp_path / "b")
    assert skipped == {"traces with a component order that is not known": 1}
    assert len(headers) == 3
    write_seisbench(tmp_path / "c", table={"trace_sampling_rate_hz": ["0", "x"]})
    headers, skipped, _ = find(tmp_path / "c")
    assert not headers
    assert skipped.total() == 6
    assert all(reason.startswith("channels without a sampling rate") for reason in skipped)


def test_a_seisbench_trace_beyond_its_block_is_counted(tmp_path):
    write_seisbench(
        tmp_path / "set", table={"trace_name": ["bucket0$7,:3,:1000", "bucket0$1,:3,:750"]}
    )
    headers, *_ = find(tmp_path / "set")
    pieces, failed = read_dataset_pieces(headers, headers[0].start, headers[-1].end)
    assert failed == {UNREADABLE: 1}
    assert {component: len(of) for component, of in pieces.items()} == {"E": 1, "N": 1, "Z": 1}


def test_real_traces_of_seisbench_are_read(shared_data):
    headers, skipped, failed = find(shared_data / "seisbench_dummy")
    assert not skipped
    assert not failed
    assert len(headers) == 300
    assert {(h.rate, h.end - h.start) for h in headers} == {(20.0, 1199 * 50_000_000)}
    of_trace = [h for h in headers if h.trace == headers[0].trace]
    assert [h.component for h in of_trace] == ["E", "N", "Z"]
    of_trace = [h for h in headers if h.trace == "ZNE bucket0$0,:3,:1200"]
    pieces, _ = read_all(of_trace)
    with h5py.File(shared_data / "seisbench_dummy" / "waveforms.hdf5") as file:
        samples = file["data/bucket0"][0]
    for index, component in enumerate("ZNE"):
        np.testing.assert_array_equal(pieces[component][0].samples, samples[index])


# Dispatch.


def test_the_kind_of_an_input_is_seen_by_its_names(tmp_path):
    write_minutes(tmp_path / "a.hdf5", record(START, 60))
    write_seisbench(tmp_path / "set")
    (tmp_path / "files").mkdir()
    assert dataset_format(tmp_path / "a.hdf5") == "STEAD"
    assert dataset_format(tmp_path / "set") == "SEISBENCH"
    assert dataset_format(tmp_path / "files") is None
    assert dataset_format(tmp_path / "a.mseed") is None


def test_records_of_all_kinds_are_one_record(tmp_path):
    times = earthquake_times(START, 30, 58, 119, 150)
    stream = record(START, 180, times)
    begin = UTCDateTime(START)
    first, second, third = (stream.slice(begin + 60 * i, begin + 60 * i + 59.99) for i in range(3))
    write_mseed(first, tmp_path / "first.mseed")
    write_minutes(tmp_path / "second.hdf5", second)

    def answer(query):
        if "/station/" in query["path"]:
            return Reply(body=station_xml(*(make_channel(f"HH{c}", 100.0) for c in "ENZ")))
        content = io.BytesIO()
        Stream(third).write(content, format="MSEED")
        return Reply(body=content.getvalue())

    with serve(answer) as server:
        limits = {"start": begin.ns, "end": (begin + 180).ns}
        headers, skipped, failed = find(
            tmp_path / "*.*5",
            tmp_path / "first.mseed",
            service=ServiceRequest(server.url),
            **limits,
        )
        assert not skipped
        assert not failed
        assert {h.source_format for h in headers} == {"MSEED", "STEAD", "FDSN"}
        assert {h.instrument for h in headers} == {Instrument("XX", "ABC", "", "HH")}
        picks = p_picks(headers)
    np.testing.assert_allclose(picks, times, atol=0.021)


def test_channels_of_a_service_are_filtered_too_and_need_limits():
    content = station_xml(*(make_channel(f"{kind}Z") for kind in ("HH", "BH", "LH")))
    with serve(lambda query: Reply(body=content)) as server:
        service = ServiceRequest(server.url, "XX", "ABC")
        headers, skipped, _ = find(service=service, start=0, end=10**18, exclude=("*.*.*.BH?",))
        with pytest.raises(InputError, match="needs limits of time"):
            find(service=service)
    assert [h.channel for h in headers] == ["HHZ"]
    assert skipped == {EXCLUDED: 1, "channels of long periods, LH": 1}


def test_what_cannot_be_read_is_counted_from_all_readers(tmp_path):
    write_mseed(record(START, 60), tmp_path / "a.mseed")
    write_minutes(tmp_path / "b.hdf5", record(START, 60))
    (tmp_path / "empty.mseed").touch()
    headers, skipped, failed = find(tmp_path / "*.mseed", tmp_path / "b.hdf5")
    assert not skipped
    assert failed == {"empty files": 1}
    (tmp_path / "a.mseed").write_bytes(b"gone")
    missing = [h._replace(trace="other") if h.source_format == "STEAD" else h for h in headers]
    pieces, failed = read_all(missing)
    assert not pieces
    assert failed == {"files that cannot be read": 1, UNREADABLE: 1}


def test_inputs_that_overlap_are_read_once(tmp_path):
    write_mseed(record(START, 60), tmp_path / "a.mseed")
    headers, *_ = find(tmp_path, tmp_path / "a.mseed", tmp_path / "*.mseed")
    assert len(headers) == 3


def test_an_input_that_names_nothing_is_refused(tmp_path):
    with pytest.raises(InputError, match="no file, folder or pattern"):
        find(tmp_path / "missing.hdf5")
