"""Malformed numbers, times and component orders in tables and XML, by all conversions."""

import h5py
import numpy as np
import pandas as pd
import pytest
from conftest import names_of, refused, write_stead
from obspy import Trace, UTCDateTime, read

from steadkit.catalog import read_table
from steadkit.convert import to_seisbench

PICKS = "network,station,phase,time,depth_km,origin_time\nXX,ABC,P,{time},{depth},{origin}\n"
PICK = {"time": "2024-02-03T00:01:40", "depth": "5", "origin": "2024-02-03T00:01:37"}

QUAKEML = """<?xml version="1.0"?>
<q:quakeml xmlns:q="http://quakeml.org/xmlns/quakeml/1.2" xmlns="http://quakeml.org/xmlns/bed/1.2">
<eventParameters publicID="smi:local/a"><event publicID="smi:local/e">
<pick publicID="smi:local/p"><time><value>{pick}</value></time>
<waveformID networkCode="XX" stationCode="ABC" channelCode="HHZ"/><phaseHint>P</phaseHint></pick>
<origin publicID="smi:local/o"><time><value>{origin}</value></time>
<latitude><value>{latitude}</value></latitude><longitude><value>10</value></longitude>
<depth><value>{depth}</value><uncertainty>{uncertainty}</uncertainty></depth></origin>
<magnitude publicID="smi:local/m"><mag><value>{mag}</value></mag></magnitude>
</event></eventParameters></q:quakeml>
"""
IN_QUAKEML = {
    "pick": "2024-02-03T00:01:40.5Z",
    "origin": "2024-02-03T00:01:37",
    "latitude": "35.5",
    "depth": "5000",
    "uncertainty": "100",
    "mag": "2.5",
}

STATION_XML = """<?xml version="1.0"?>
<FDSNStationXML xmlns="http://www.fdsn.org/xml/station/1" schemaVersion="1.1">
<Source>here</Source><Created>2024-01-01T00:00:00</Created><Network code="XX">
<Station code="ABC"><Latitude>{latitude}</Latitude><Longitude>10</Longitude>
<Elevation>{elevation}</Elevation><Site><Name>here</Name></Site></Station></Network>
</FDSNStationXML>
"""
IN_STATION_XML = {"latitude": "35.6", "elevation": "300"}

BAD_NUMBERS = ("1_000", "0x10", "1e999", "INF", "1e308", "9" * 400, "soon")
BAD_TIMES = ("now", "today", "soon", "2024.02.03", "2024-02-30T00:00:00", "1e3")


@pytest.fixture
def records(tmp_path):
    folder = tmp_path / "records"
    folder.mkdir()
    header = {"network": "XX", "station": "ABC", "channel": "HHZ", "sampling_rate": 100.0}
    start = {"starttime": UTCDateTime("2024-02-03T00:00:00")}
    samples = np.random.default_rng(0).normal(size=20_000).astype(np.float32)
    Trace(samples, header | start).write(str(folder / "a.mseed"), format="MSEED")
    return folder


def cut(run, tmp_path, name, text, *more):
    (tmp_path / name).write_text(text)
    table = () if name.startswith("stations") else ("--picks", name)
    return run("steadkit", "convert", "from-records", "records", *table, *more, "-o", "out")


@pytest.mark.parametrize(
    ("column", "text"),
    [
        *(("depth", text) for text in BAD_NUMBERS),
        *((column, text) for column in ("time", "origin") for text in BAD_TIMES),
        *(("time", text) for text in ("2024-02-03", "1600-01-01T00:00:00", "9999-01-01T00:00:00")),
    ],
)
def test_a_table_of_picks_with_a_value_that_is_none(tmp_path, run, records, column, text):
    refused(cut(run, tmp_path, "p.csv", PICKS.format(**PICK | {column: text})), text[:40])


@pytest.mark.parametrize(
    ("part", "text"),
    [
        *((part, t) for part in ("latitude", "depth", "uncertainty", "mag") for t in BAD_NUMBERS),
        *((part, text) for part in ("pick", "origin") for text in BAD_TIMES),
        *((part, "2024-02-03") for part in ("pick", "origin")),
    ],
)
def test_quakeml_with_a_value_that_is_none(tmp_path, run, records, part, text):
    written = QUAKEML.format(**IN_QUAKEML | {part: text})
    refused(cut(run, tmp_path, "p.xml", written), text[:40])


@pytest.mark.parametrize("part", IN_STATION_XML)
@pytest.mark.parametrize("text", BAD_NUMBERS)
def test_stations_with_a_value_that_is_none(tmp_path, run, records, part, text):
    (tmp_path / "p.csv").write_text(PICKS.format(**PICK))
    (tmp_path / "s.xml").write_text(STATION_XML.format(**IN_STATION_XML | {part: text}))
    values = IN_STATION_XML | {part: text}
    (tmp_path / "s.csv").write_text(
        "network,station,latitude,longitude,elevation_m\n"
        f"XX,ABC,{values['latitude']},10,{values['elevation']}\n"
    )
    for name in ("s.xml", "s.csv"):
        command = ("from-records", "records", "--picks", "p.csv", "--stations", name, "-o", "out")
        refused(run("steadkit", "convert", *command), name)


def test_plain_values_are_read_from_tables_and_xml_alike(tmp_path, run, records):
    (tmp_path / "s.xml").write_text(STATION_XML.format(**IN_STATION_XML))
    rows = []
    for name, text in (("p.csv", PICKS.format(**PICK)), ("p.xml", QUAKEML.format(**IN_QUAKEML))):
        result = cut(run, tmp_path, name, text, "--stations", "s.xml", "--overwrite")
        assert result.exit_code == 0, result.output
        (row,) = read_table(tmp_path / "out.csv").to_dict("records")
        rows.append([row["source_depth_km"], row["source_origin_time"], row["p_travel_sec"]])
    assert rows[0] == ["5", "2024-02-03 00:01:37.000000", "3.0"]
    assert rows[1] == ["5.0", "2024-02-03 00:01:37.000000", "3.5"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        *(({"trace_component_order": order}, "component order") for order in ("XYZ", "ZZZ", "Z3E")),
        *(({"trace_p_arrival_sample": text}, "p_arrival_sample that is") for text in BAD_NUMBERS),
        *(({"trace_p_arrival_sample": n}, "an arrival outside its record") for n in (-5, 6000)),
        *(({"trace_s_arrival_sample": n}, "an arrival outside its record") for n in (-5, 6000)),
        ({"trace_sampling_rate_hz": "1_00"}, "a sampling rate that is not"),
    ],
)
def test_a_trace_of_seisbench_with_a_value_that_is_none(tmp_path, run, change, reason):
    folder = seisbench(tmp_path, change)
    result = run("steadkit", "convert", "from-seisbench", folder, "-o", "out")
    assert result.exit_code == 0, result.output
    assert "left out 1: 1 " in result.output and reason in result.output
    assert read_table(tmp_path / "out.csv")["receiver_code"].tolist() == ["S0"]


@pytest.mark.parametrize(
    ("column", "name", "text"),
    [
        *(("trace_start_time", "trace_start_time", text) for text in BAD_TIMES),
        *(("source_origin_time", "source_origin_time", text) for text in BAD_TIMES),
        *(("source_depth_km", "source_depth_km", text) for text in BAD_NUMBERS),
        ("trace_snr_db", "snr_db", "[1 2 inf]"),
        ("trace_coda_end_sample", "coda_end_sample", "1e999"),
    ],
)
def test_an_optional_cell_of_seisbench_with_a_value_that_is_none(tmp_path, run, column, name, text):
    folder = seisbench(tmp_path, {column: text})
    result = run("steadkit", "convert", "from-seisbench", folder, "-o", "out")
    assert result.exit_code == 0, result.output
    assert f"left empty 1: 1 {column}" in result.output
    assert read_table(tmp_path / "out.csv")[name].tolist()[1] == ""


def seisbench(tmp_path, change):
    """Write two traces of one minute at 100 Hz, taken as they are, the second one changed."""
    folder = tmp_path / "sb"
    to_seisbench([write_stead(tmp_path / "a.hdf5", names_of(2))], folder)
    table = pd.read_csv(folder / "metadata.csv", dtype=str, keep_default_na=False)
    added = {"trace_component_order": "ZNE", "trace_sampling_rate_hz": "100"}
    table = table.assign(**added)
    table.loc[1, list(change)] = [str(value) for value in change.values()]
    table.to_csv(folder / "metadata.csv", index=False)
    return folder


@pytest.mark.parametrize("order", ["XYZ", "ZZZ"])
def test_a_component_order_of_the_file_that_is_not_known(tmp_path, run, order):
    folder = seisbench(tmp_path, {})
    table = pd.read_csv(folder / "metadata.csv").drop(columns="trace_component_order")
    table.to_csv(folder / "metadata.csv", index=False)
    with h5py.File(folder / "waveforms.hdf5", "a") as file:
        del file["data_format/component_order"]
        file["data_format/component_order"] = order
    command = ("steadkit", "convert", "from-seisbench", folder, "-o", "out")
    refused(run(*command), "2 a component order that is not known")


@pytest.mark.parametrize(
    ("column", "text"),
    [
        *(("trace_start_time", text) for text in BAD_TIMES),
        *(("source_origin_time", text) for text in BAD_TIMES),
        *(("source_depth_km", text) for text in BAD_NUMBERS),
        *(("p_arrival_sample", text) for text in BAD_NUMBERS),
    ],
)
def test_a_stead_file_with_a_value_that_is_none_goes_to_no_miniseed(tmp_path, run, column, text):
    source = write_stead(tmp_path / "a.hdf5", names_of(2, 1))
    table = pd.read_csv(source.csv, dtype=str, keep_default_na=False)
    table.loc[0, ["source_latitude", "source_longitude"]] = "10"
    table.loc[0, column] = text
    table.to_csv(source.csv, index=False)
    command = ("to-miniseed", source.hdf5, "-o", "o", "--quakeml")
    refused(run("steadkit", "convert", *command), text[:40])
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("year", ["0001", "1600", "2300", "9998", "9999"])
@pytest.mark.parametrize("sample", ["700", "1e11", "-1e11"])
def test_times_far_away_go_to_miniseed_or_are_one_line(tmp_path, run, year, sample):
    source = write_stead(tmp_path / "a.hdf5", names_of(2, 1))
    table = pd.read_csv(source.csv, dtype=str, keep_default_na=False)
    table.loc[0, "trace_start_time"] = f"{year}-12-31 23:59:59+00:00"
    table.loc[0, "p_arrival_sample"] = sample
    table.to_csv(source.csv, index=False)
    result = run("steadkit", "convert", "to-miniseed", source.hdf5, "-o", "o", "--quakeml")
    if sample != "700" or year in ("0001", "9999"):
        refused(result, "trace 'S0.")
        return
    assert result.exit_code == 0, result.output
    picks = pd.read_csv(tmp_path / "o" / "picks.csv")
    assert picks["time"][0] == f"{int(year) + 1}-01-01T00:00:06.000000Z"
    record = read(str(tmp_path / "o" / "S0.XX_20200101000000_EV.mseed"))[0]
    assert str(record.stats.starttime) == f"{year}-12-31T23:59:59.000000Z"
