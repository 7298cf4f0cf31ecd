"""Waveform files: formats that ObsPy writes and reads, what is no waveform, and damaged files."""

import bz2
import gzip
import os
import pickle
import tarfile
import time
import warnings
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import obspy
import pytest
from obspy import Stream, Trace, UTCDateTime

from steadkit.errors import InputError
from steadkit.records.instruments import Instrument
from steadkit.records.waveform_files import (
    FORMATS,
    RecordHeader,
    index_files,
    list_waveform_files,
    read_pieces,
)

START = UTCDateTime("2024-02-03T05:14:07.25")
OBSPY_DATA = Path(obspy.__file__).parent / "io"
NO_WAVEFORM = "files of no waveform format that is read"


def make_trace(channel="HHZ", network="XX", station="ABC", location="", rate=100.0, n=3000):
    numbers = np.random.default_rng(len(channel) + n).integers(-9000, 9000, n)
    stats = {"network": network, "station": station, "location": location, "channel": channel}
    stats |= {"sampling_rate": rate, "starttime": START}
    return Trace(numbers.astype(np.int32), stats)


def index(*inputs) -> tuple[list[RecordHeader], Counter, Counter]:
    skipped, failed = Counter(), Counter()
    headers = index_files(list_waveform_files(inputs), skipped, failed)
    return headers, skipped, failed


def pieces_of(headers):
    start, end = min(h.start for h in headers), max(h.end for h in headers)
    pieces, failed = read_pieces(headers, start, end)
    assert not failed
    return pieces


# Codes that a format has no room for are blank; AH and SAC have 32-bit floats.
@pytest.mark.parametrize(
    ("name", "codes", "dtype"),
    [
        ("MSEED", ("XX", "ABC", ""), np.int32),
        ("SAC", ("XX", "ABC", ""), np.float32),
        ("GSE2", ("XX", "ABC", ""), np.int32),
        ("AH", ("", "ABC", ""), np.float32),
        ("Q", ("", "ABC", ""), np.float32),
    ],
)
def test_formats_with_codes_are_read_back(tmp_path, name, codes, dtype):
    trace = make_trace()
    trace.data = trace.data.astype(dtype)
    trace.write(str(tmp_path / "record"), format=name)
    headers, skipped, failed = index(tmp_path)
    assert len(headers) == 1, (skipped, failed)
    header = headers[0]
    assert header.source_format == name
    assert header.instrument == Instrument(*codes, "HH")
    assert (header.channel, header.component) == ("HHZ", "Z")
    # AH keeps the interval of samples as a 32-bit float.
    assert header.rate == pytest.approx(100.0, rel=1e-7)
    assert header.start == START.ns
    assert header.end == pytest.approx(trace.stats.endtime.ns, abs=1e6)
    (piece,) = pieces_of(headers)["Z"]
    assert (piece.start, piece.rate) == (START.ns, header.rate)
    np.testing.assert_array_equal(piece.samples, trace.data)


def test_gcf_is_read_back(tmp_path):
    trace = make_trace()
    # GCF's start is a whole second, its station a serial number of six characters.
    trace.stats.starttime = UTCDateTime("2024-02-03T05:14:07")
    trace.write(str(tmp_path / "a.gcf"), format="GCF", stream_id="6018Z0", system_id="6018")
    (header,), _, failed = index(tmp_path)
    assert not failed
    assert (header.source_format, header.component, header.rate) == ("GCF", "Z", 100.0)
    assert header.start == trace.stats.starttime.ns
    (piece,) = pieces_of([header])["Z"]
    np.testing.assert_array_equal(piece.samples, trace.data)


@pytest.mark.parametrize("name", ["SEGY", "SU"])
def test_formats_of_exploration_have_no_codes(tmp_path, name):
    trace = make_trace()
    trace.data = trace.data.astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ObsPy makes the headers that the trace lacks
        trace.write(str(tmp_path / "a"), format=name)
    headers, skipped, failed = index(tmp_path)
    assert not headers
    assert not failed
    assert skipped == {"records without a channel code": 1}


# From ObsPy's tests: the codes that its own tests of the readers assert.
@pytest.mark.parametrize(
    ("file", "name", "identity", "start"),
    [
        (
            "gse2/tests/data/loc_STAU20031119011659.z",
            "GSE1",
            "LE0083..Z",
            "2003-11-19T01:16:59.990",
        ),
        (
            "seisan/tests/data/2011-09-06-1311-36S.A1032_001BH_Z",
            "SEISAN",
            "A1032..BHZ",
            "2011-09-06T13:11:36",
        ),
        ("nied/tests/data/test.knet", "KNET", "AKT013..EW", "1996-08-10T18:12:24"),
        ("gcf/tests/data/20160603_1955n.gcf", "GCF", "6018..HHN", "2016-06-03T19:55:00"),
        ("reftek/tests/data/225051000_00008656", "REFTEK130", "KW1..EHZ", "2015-10-09T22:50:51"),
        ("ah/tests/data/ah1.f", "AH", "RSCP..IPZ", "1984-04-20T06:42:00.12"),
        ("sh/tests/data/QFILE-TEST.QHD", "Q", "TEST..BHE", "2009-10-01T12:46:01"),
    ],
)
def test_formats_that_obspy_only_reads(file, name, identity, start):
    path = OBSPY_DATA / file
    if not path.is_file():
        pytest.skip(f"this ObsPy is installed without its test data, {file}")
    headers, _, failed = index(path)
    assert not failed
    assert {header.source_format for header in headers} == {name}
    named = {
        f"{h.instrument.station}.{h.instrument.location}.{h.channel}": h for h in reversed(headers)
    }
    assert identity in named
    assert str(UTCDateTime(ns=named[identity].start)).startswith(start)
    assert pieces_of([named[identity]])[named[identity].component][0].samples.any()


def test_ref_tek_is_read_like_by_the_converter_of_passcal():
    folder = OBSPY_DATA / "reftek" / "tests" / "data"
    if not folder.is_dir():
        pytest.skip("this ObsPy is installed without its test data, reftek")
    headers, *_ = index(folder / "225051000_00008656")
    assert len(headers) == 8
    pieces = pieces_of(headers)
    for component, number in (("Z", 1), ("N", 2), ("E", 3)):
        expected = obspy.read(str(folder / f"2015282_225051_0ae4c_1_{number}.msd"))
        for piece, trace in zip(pieces[component], expected, strict=True):
            assert (piece.start, piece.rate) == (trace.stats.starttime.ns, 200.0)
            np.testing.assert_array_equal(piece.samples, trace.data)


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("kinemetrics/tests/data/BI008_MEMA-04823.evt", "only numbered, as in KINEMETRICS_EVT"),
        ("win/tests/data/10030302.00", "only numbered, as in WIN"),
        ("seg2/tests/data/20180307_031245000.0.seg2", "records without a channel code"),
        ("mseed/tests/data/rt130_sr0_cropped.mseed", "channels without a sampling rate, LOG"),
    ],
)
def test_channels_without_a_component_are_recognised_and_counted(file, reason):
    path = OBSPY_DATA / file
    if not path.is_file():
        pytest.skip(f"this ObsPy is installed without its test data, {file}")
    headers, skipped, failed = index(path)
    assert not headers
    assert not failed
    assert all(reason in text for text in skipped)


def test_the_formats_that_are_read_neither_run_code_nor_name_other_files():
    assert not {"PICKLE", "CSS", "NNSA_KB_CORE", "SACXY", "SH_ASC", "SLIST", "TSPAIR"} & {*FORMATS}


class Bomb:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def write_no_waveforms(folder: Path) -> int:
    """Write files that are no waveforms; return how many."""
    trace = make_trace()
    trace.write(str(folder / "a.mseed"), format="MSEED")
    content = (folder / "a.mseed").read_bytes()
    (folder / "a.mseed").unlink()
    (folder / "bomb.pickle").write_bytes(pickle.dumps(Bomb(folder / "exploded")))
    Stream([trace]).write(str(folder / "stream.pickle"), format="PICKLE")
    for name in ("SH_ASC", "SLIST", "TSPAIR"):
        trace.write(str(folder / f"{name}.txt"), format=name)
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("a.mseed", content)
    (folder / "a.mseed.gz").write_bytes(gzip.compress(content))
    (folder / "a.mseed.bz2").write_bytes(bz2.compress(content))
    (folder / "inner").write_bytes(content)
    with tarfile.open(folder / "a.tar", "w") as tar:
        tar.add(folder / "inner", "a.mseed")
    (folder / "inner").unlink()
    (folder / "picks.csv").write_text("network,station,time\nXX,ABC,2024-02-03T05:14:07Z\n")
    (folder / "README").write_text("Records of the year 2024\n")
    (folder / "station.xml").write_text("<?xml version='1.0'?><FDSNStationXML/>")
    (folder / "blank").write_bytes(b" " * 512)
    (folder / "zeros").write_bytes(bytes(4096))
    (folder / "random").write_bytes(np.random.default_rng(0).bytes(4096))
    return len([*folder.iterdir()])


def test_what_is_no_waveform_is_counted_and_never_unpacked(tmp_path):
    n_files = write_no_waveforms(tmp_path)
    headers, skipped, failed = index(tmp_path)
    assert not headers
    assert not failed
    assert skipped == {NO_WAVEFORM: n_files}
    assert not (tmp_path / "exploded").exists()


def test_an_empty_file_a_link_to_nothing_and_a_pipe_are_counted(tmp_path):
    (tmp_path / "empty").touch()
    (tmp_path / "link").symlink_to(tmp_path / "missing")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / ".hidden").write_text("not listed")
    headers, skipped, failed = index(tmp_path)
    assert not headers
    assert failed == {"empty files": 1}
    assert skipped == {"pipes, sockets, devices or dangling links": 2}


@pytest.mark.parametrize("n_bytes", [100, 500])
def test_a_truncated_file_is_used_up_to_its_end_and_counted(tmp_path, n_bytes):
    path = tmp_path / "a.mseed"
    trace = make_trace(n=20_000)
    trace.write(str(path), format="MSEED", reclen=512)
    path.write_bytes(path.read_bytes()[:-n_bytes])
    (header,), _, failed = index(path)
    assert failed == {"truncated files, used up to their end": 1}
    assert START.ns < header.end < trace.stats.endtime.ns
    (piece,) = pieces_of([header])["Z"]
    np.testing.assert_array_equal(piece.samples, trace.data[: len(piece.samples)])


def test_records_of_two_lengths_are_not_taken_for_a_truncated_file(tmp_path):
    contents = []
    for number, length in enumerate((4096, 512)):
        make_trace("HHN" if number else "HHZ").write(
            str(tmp_path / "part"), format="MSEED", reclen=length
        )
        contents.append((tmp_path / "part").read_bytes())
    (tmp_path / "part").write_bytes(b"".join(contents))
    assert (tmp_path / "part").stat().st_size % 4096
    headers, _, failed = index(tmp_path)
    assert not failed
    assert {header.channel for header in headers} == {"HHN", "HHZ"}


def test_a_file_that_is_damaged_after_its_header_is_counted(tmp_path):
    make_trace().write(str(tmp_path / "a.sac"), format="SAC")
    content = (tmp_path / "a.sac").read_bytes()
    (tmp_path / "a.sac").write_bytes(content[:-1000])
    headers, skipped, failed = index(tmp_path)
    assert not headers
    assert failed == {"files that cannot be read": 1}
    assert not skipped


def test_a_file_that_vanishes_after_it_is_listed_is_counted(tmp_path):
    make_trace().write(str(tmp_path / "a.mseed"), format="MSEED")
    headers, *_ = index(tmp_path)
    (tmp_path / "a.mseed").unlink()
    pieces, failed = read_pieces(headers, headers[0].start, headers[0].end)
    assert not pieces
    assert failed == {"files that cannot be read": 1}


def test_log_channels_of_0_hz_do_not_spoil_a_file(tmp_path):
    log = Trace(np.frombuffer(b"clock locked\n" * 9, "S1"))
    log.stats.update({"network": "XX", "station": "ABC", "channel": "LOG", "starttime": START})
    log.stats.sampling_rate = 0.0
    stream = Stream([make_trace("LHZ", rate=1.0), make_trace("HHZ"), make_trace("VM1", rate=0.1)])
    log.write(str(tmp_path / "log"), format="MSEED", encoding="ASCII")
    stream.write(str(tmp_path / "data"), format="MSEED")
    both = (tmp_path / "log").read_bytes() + (tmp_path / "data").read_bytes()
    (tmp_path / "log").unlink()
    (tmp_path / "data").write_bytes(both)
    (header,), skipped, failed = index(tmp_path)
    assert header.channel == "HHZ"
    assert not failed
    assert skipped == {
        "channels without a sampling rate, LOG": 1,
        "channels of long periods, LH": 1,
        "channels of long periods, VM": 1,
    }
    assert [*pieces_of([header])] == ["Z"]


def test_kik_net_has_two_instruments_of_three_components(tmp_path):
    for channel in ("EW1", "NS1", "UD1", "EW2", "NS2", "UD2"):
        make_trace(channel, "BO", "AKTH01").write(str(tmp_path / f"{channel}.sac"), format="SAC")
    headers, skipped, failed = index(tmp_path)
    assert not skipped
    assert not failed
    components = {}
    for header in headers:
        components.setdefault(header.instrument.receiver_type, set()).add(header.component)
    assert components == {"1": {"E", "N", "U"}, "2": {"E", "N", "U"}}
    borehole = [header for header in headers if header.instrument.receiver_type == "1"]
    assert {*pieces_of(borehole)} == {"E", "N", "U"}
    assert all(len(pieces) == 1 for pieces in pieces_of(borehole).values())


def test_a_raspberry_shake_is_a_geophone_and_an_accelerometer(shared_data):
    headers, skipped, failed = index(shared_data / "formats" / "raspberryshake")
    assert not skipped
    assert not failed
    assert len(headers) == 8
    kinds = {(h.instrument.network, h.instrument.receiver_type, h.component) for h in headers}
    assert kinds == {("AM", "EH", "Z"), *(("AM", "EN", component) for component in "ENZ")}


def test_an_ocean_bottom_seismometer_is_used_without_its_hydrophone(shared_data):
    headers, skipped, failed = index(shared_data / "formats" / "obs_four_component")
    assert len(headers) == 39
    assert not failed
    assert {header.component for header in headers} <= {"1", "2", "3", "Z", "N", "E"}
    assert {text.rpartition(", ")[2] for text in skipped} == {"DD", "ED"}
    of_station = [header for header in headers if header.instrument.station == "IF1B"]
    assert {*pieces_of(of_station)} == {"1", "2", "3"}


def test_sac_without_codes_is_counted(shared_data):
    headers, skipped, failed = index(shared_data / "formats" / "sac_98Hz_no_channel")
    assert not headers
    assert not failed
    assert skipped == {"records without a channel code": 39}


def write_sds(folder: Path) -> list[Path]:
    """Write an SDS archive of two stations, two days and two channels."""
    paths = []
    for station in ("ABC", "DEF"):
        for day in (34, 35):
            for channel in ("HHZ", "HHN"):
                trace = make_trace(channel, station=station)
                trace.stats.starttime = UTCDateTime(year=2024, julday=day)
                path = folder / "2024" / "XX" / station / f"{channel}.D"
                path.mkdir(parents=True, exist_ok=True)
                paths.append(path / f"XX.{station}..{channel}.D.2024.{day:03d}")
                trace.write(str(paths[-1]), format="MSEED")
    return paths


def test_sds_archives_flat_folders_and_patterns_list_the_same_records(tmp_path):
    paths = write_sds(tmp_path / "sds")
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in paths:
        (flat / path.name).write_bytes(path.read_bytes())
    sds_headers, *_ = index(tmp_path / "sds")
    flat_headers, *_ = index(flat)
    assert len(sds_headers) == 8
    assert [h[1:] for h in sds_headers] == [h[1:] for h in flat_headers]
    matched, *_ = index(tmp_path / "sds" / "2024" / "*" / "*" / "HHZ.D" / "*")
    assert [h[1:] for h in matched] == [h[1:] for h in sds_headers if h.channel == "HHZ"]
    assert [p.name for p in list_waveform_files([flat, flat, flat / "*.034"])] == sorted(
        path.name for path in paths
    )


def test_many_channels_in_one_file_are_read_by_their_instrument(tmp_path):
    codes = [(s, lo, c) for s in ("ABC", "DEF") for lo in ("", "00") for c in ("HHZ", "HHN", "HNZ")]
    stream = Stream(
        make_trace(channel, station=station, location=location, n=2000 + number)
        for number, (station, location, channel) in enumerate(codes)
    )
    stream.write(str(tmp_path / "all.mseed"), format="MSEED")
    headers, *_ = index(tmp_path)
    assert len(headers) == 12
    for number, (station, location, channel) in enumerate(codes):
        of_channel = [
            h for h in headers if (*h.instrument[1:3], h.channel) == (station, location, channel)
        ]
        pieces = pieces_of(of_channel)
        assert [*pieces] == [channel[-1]]
        assert [len(piece.samples) for piece in pieces[channel[-1]]] == [2000 + number]


def test_names_of_patterns_are_taken_as_they_are(tmp_path):
    path = tmp_path / "day[1].mseed"
    make_trace().write(str(path), format="MSEED")
    headers, *_ = index(path)
    assert len(headers) == len(pieces_of(headers)["Z"]) == 1


def test_an_input_that_names_nothing_is_refused(tmp_path):
    with pytest.raises(InputError, match="no file, folder or pattern"):
        list_waveform_files([tmp_path / "*.mseed"])


@pytest.mark.parametrize("kind", ["mseed", "text"])
def test_small_files_are_indexed_in_milliseconds(tmp_path, kind):
    # 0.6 ms a file of miniSEED, 0.4 ms of text when this was written: 10,000 in 4 to 6 s.
    if kind == "mseed":
        make_trace(n=1000).write(str(tmp_path / "0"), format="MSEED")
    else:
        (tmp_path / "0").write_text("time,value\n" * 200)
    content = (tmp_path / "0").read_bytes()
    for number in range(1, 500):
        (tmp_path / str(number)).write_bytes(content)
    index(tmp_path / "0")
    start = time.process_time()
    headers, skipped, _ = index(tmp_path)
    assert len(headers) + skipped.total() == 500
    assert time.process_time() - start < 500 * 0.01
