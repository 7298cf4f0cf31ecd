"""A trace as an ObsPy Stream, miniSEED bit for bit, and its picks as CSV and QuakeML."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import names_of, refused, row, waveform, waveforms_in
from obspy import UTCDateTime, read, read_events

from steadkit.catalog import read_table
from steadkit.convert import read_stream, to_miniseed, to_stream
from steadkit.errors import InputError, printable
from steadkit.records.picks import read_picks
from steadkit.records.stations import read_stations
from steadkit.sources import source_from_path


def text_row(**more: str) -> dict[str, str]:
    """Make an event's row as the CSV has it."""
    values = {key: str(value) for key, value in row("ABC.XX_20200101000000_EV", 5).items()}
    return values | {"receiver_type": "HH", "trace_start_time": "2020-01-01 00:00:00.123456"} | more


def test_a_stream_has_three_components_with_codes_and_times():
    samples = waveform("a")
    stream = to_stream(text_row(), samples)
    assert [trace.id for trace in stream] == ["XX.ABC..HHE", "XX.ABC..HHN", "XX.ABC..HHZ"]
    for trace, column in zip(stream, samples.T, strict=True):
        assert trace.data.tobytes() == column.tobytes()
        assert trace.stats.starttime == UTCDateTime("2020-01-01T00:00:00.123456")
        assert trace.stats.sampling_rate == 100
    # Nothing is shared: what is done to one component is done to no other.
    stream[0].data[:] = 0
    stream[0].stats.sac.a = 1
    assert samples[:, 0].any()
    assert stream[1].stats.sac.a == 6.05


def test_places_and_arrivals_stand_where_obspy_and_sac_look_for_them():
    known = {"receiver_latitude": "35.5", "receiver_longitude": "-96.7", "source_magnitude": "3.2"}
    stream = to_stream(text_row(**known), waveform("a"))
    stats = stream[2].stats
    assert (stats.coordinates.latitude, stats.coordinates.longitude) == (35.5, -96.7)
    assert np.isnan(stats.coordinates.elevation)
    assert stats.stead.source_id == "source1"
    buffer = io.BytesIO()
    stream[2].write(buffer, format="SAC")
    buffer.seek(0)
    sac = read(buffer, format="SAC")[0].stats.sac
    assert sac.a == pytest.approx(6.05)
    assert sac.t0 == pytest.approx(9.05)
    assert (sac.ka.strip(), sac.kt0.strip()) == ("P", "S")
    assert (sac.stla, sac.stlo, sac.mag) == pytest.approx((35.5, -96.7, 3.2))
    assert "evla" not in sac


def test_without_a_receiver_type_the_component_alone_is_the_channel():
    stream = to_stream(text_row(receiver_type="None"), waveform("a"))
    assert [trace.stats.channel for trace in stream] == ["E", "N", "Z"]


def test_a_trace_is_found_by_its_name(stead):
    source = stead()
    name = names_of(8)[3]
    stream = read_stream(source, name)
    assert (np.stack([trace.data for trace in stream], axis=1) == waveform(name)).all()
    with pytest.raises(InputError, match="lists no trace 'nobody'"):
        read_stream(source, "nobody")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("network_code", "LONG"),
        ("receiver_code", "TOOLONG"),
        ("receiver_code", "A/B"),
        ("trace_start_time", "soon"),
        ("p_arrival_sample", "soon"),
        ("receiver_latitude", "north"),
    ],
)
def test_what_no_stream_can_hold_is_refused(column, value):
    with pytest.raises(InputError, match=f"has {column} = '{value}'"):
        to_stream(text_row(**{column: value}), waveform("a"))


def test_real_traces_come_back_from_miniseed_to_the_bit(shared_data, tmp_path):
    source = source_from_path(shared_data / "ncedc_a.hdf5")
    assert to_miniseed(source, tmp_path / "ms", quakeml=True) == 98
    table = read_table(source.csv)
    for row_, samples in zip(table.itertuples(), table["trace_name"], strict=True):
        stream = read(str(tmp_path / "ms" / f"{row_.trace_name}.mseed"), format="MSEED")
        original = read_stream(source, samples)
        assert len(stream) == 3
        for trace in stream:
            expected = original.select(channel=trace.stats.channel)[0]
            assert trace.data.tobytes() == expected.data.tobytes()
            assert trace.data.dtype == np.float32
            assert trace.stats.starttime == expected.stats.starttime
            assert trace.id == expected.id
    pd.testing.assert_frame_equal(read_table(tmp_path / "ms" / "metadata.csv"), table)
    check_picks(tmp_path / "ms", table)


def check_picks(folder: Path, table: pd.DataFrame) -> None:
    """Assert that CSV and QuakeML tell the arrivals of the table, to the microsecond."""
    events = table[table["trace_category"] == "earthquake_local"]
    expected = {
        (
            r.network_code,
            r.receiver_code,
            wave,
            time_of(r, getattr(r, f"{wave.lower()}_arrival_sample")),
        )
        for r in events.itertuples()
        for wave in "PS"
    }
    columns = ["network", "station", "phase", "time_ns"]
    for file in ("picks.csv", "events.xml"):
        picks = read_picks(folder / file)
        assert set(picks[columns].itertuples(index=False, name=None)) == expected
        assert picks["status"].eq("manual").all()
    catalogue = read_events(str(folder / "events.xml"), format="QUAKEML")
    assert len(catalogue) == events["source_id"].nunique()
    assert set(read_picks(folder / "events.xml")["source_id"]) == set(events["source_id"])


def time_of(event, sample: str) -> int:
    start = pd.Timestamp(event.trace_start_time)
    return int((start + pd.Timedelta(milliseconds=10 * float(sample))).value)


def test_the_source_survives_quakeml_and_csv(shared_data, tmp_path, stead):
    source = stead(names=names_of(3))
    known = read_table(shared_data / "stead_100samples.csv").head(3)
    table = read_table(source.csv)
    own = [c for c in known if c.startswith("source_") or c.startswith(("p_", "s_"))]
    table[own] = known[own].to_numpy()
    table.to_csv(source.csv, index=False)
    to_miniseed(source, tmp_path / "ms", quakeml=True)
    for file in ("picks.csv", "events.xml"):
        picks = read_picks(tmp_path / "ms" / file).set_index("source_id")
        assert set(picks.index) == set(known["source_id"])
        for event in known.to_dict("records"):
            pick = picks.loc[[event["source_id"]]].iloc[0]
            for column in (
                "source_latitude",
                "source_longitude",
                "source_magnitude",
                "source_depth_km",
                "source_gap_deg",
                "source_error_sec",
                "source_horizontal_uncertainty_km",
                "source_origin_uncertainty_sec",
            ):
                if event[column] != "None":
                    assert float(pick[column]) == pytest.approx(float(event[column]))
            assert pick["source_magnitude_type"] == event["source_magnitude_type"]
            assert pd.Timestamp(pick["source_origin_time"]) == pd.Timestamp(
                event["source_origin_time"]
            )
            assert float(pick["weight"]) == pytest.approx(float(event["p_weight"]))


def test_noise_alone_makes_an_empty_catalogue(stead, tmp_path):
    to_miniseed(stead(names=names_of(0, 2)), tmp_path / "ms", quakeml=True)
    assert len(read_events(str(tmp_path / "ms" / "events.xml"), format="QUAKEML")) == 0
    assert len(pd.read_csv(tmp_path / "ms" / "picks.csv")) == 0


def test_the_stations_can_be_read_again(stead, tmp_path):
    source = stead()
    table = read_table(source.csv)
    table["receiver_latitude"], table["receiver_longitude"] = "35.5", "-96.7"
    table["receiver_elevation_m"] = "300.0"
    table.to_csv(source.csv, index=False)
    to_miniseed(source, tmp_path / "ms")
    stations = read_stations(tmp_path / "ms" / "stations.csv")
    assert set(stations) == {("XX", f"S{i}") for i in range(8)}
    assert stations["XX", "S0"] == (35.5, -96.7, 300.0)


def test_the_command_writes_the_traces_asked_for(stead, run, tmp_path):
    source = stead()
    first, second = names_of(8)[:2]
    command = ("steadkit", "convert", "to-miniseed", source.hdf5, "-o", "ms")
    result = run(*command, "--trace", second, "--trace", first)
    assert result.exit_code == 0, result.output
    assert "traces: 2" in result.output
    assert {p.name for p in (tmp_path / "ms").iterdir()} == {
        f"{first}.mseed",
        f"{second}.mseed",
        "picks.csv",
        "stations.csv",
        "metadata.csv",
    }
    samples = read(str(tmp_path / "ms" / f"{second}.mseed"))
    expected = waveforms_in(source.hdf5)[second]
    assert (np.stack([t.data for t in samples.sort(["channel"])], axis=1) == expected).all()
    refused(run(*command, "--trace", first), "exists")
    refused(
        run("steadkit", "convert", "to-miniseed", source.hdf5, "-o", "b", "--trace", "x"), "'x'"
    )


def test_a_trace_that_miniseed_cannot_hold_leaves_nothing_behind(stead, run, tmp_path):
    source = stead()
    table = read_table(source.csv)
    table.loc[5, "network_code"] = "LONG"
    table.to_csv(source.csv, index=False)
    result = run("steadkit", "convert", "to-miniseed", source.hdf5, "-o", "ms")
    refused(result, "network_code = 'LONG'", "SEED has room for 2")
    assert not (tmp_path / "ms").exists()


@pytest.mark.parametrize("text", ["\ufffe", "a\x01b", "\x1b[31m", "\x9b"])
def test_a_cell_that_xml_cannot_hold_goes_into_quakeml_as_an_escape(stead, tmp_path, text):
    source = stead()
    table = read_table(source.csv)
    of_event = table["trace_category"] == "earthquake_local"
    for column in ("source_magnitude_type", "source_magnitude_author", "p_status", "source_id"):
        table.loc[of_event, column] = text
    table.loc[of_event, "source_magnitude"] = "2.5"
    table.to_csv(source.csv, index=False)
    to_miniseed(source, tmp_path / "ms", quakeml=True)
    (event,) = read_events(str(tmp_path / "ms" / "events.xml"))
    assert event.magnitudes[0].magnitude_type == printable(text)
    assert event.magnitudes[0].creation_info.author == printable(text)


def test_a_full_disk_is_one_line_and_leaves_nothing_behind(stead, tmp_path):
    source = stead()
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)); "
        "from steadkit.cli import main; main(sys.argv[1:])"
    )
    call = ["convert", "to-miniseed", str(source.hdf5), "-o", str(tmp_path / "ms")]
    result = subprocess.run(
        [sys.executable, "-c", code, *call], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1
    assert "file too large: write elsewhere" in result.stderr
    assert not (tmp_path / "ms").exists()


@pytest.mark.parametrize(
    "command", ["from-seisbench", "to-seisbench", "to-miniseed", "from-records"]
)
def test_the_help_of_a_command_loads_nothing_heavy(command):
    code = (
        "from steadkit.cli.convert import convert\n"
        f"convert(['{command}', '--help'], standalone_mode=False)\n"
        "import sys; print({'numpy', 'pandas', 'h5py', 'scipy', 'obspy'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines()[-1] == "set()"
