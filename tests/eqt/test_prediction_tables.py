"""Output tables of a prediction: hand-worked rows, and what other programs need to read them."""

import csv
import hashlib
import weakref
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from prediction_units import DAY, MIDNIGHT, earthquake, make_unit

from eqt.prediction import tables
from eqt.prediction.tables import TABLE_NAMES, TableContext, write_tables
from eqt.prediction.units import DAY_NS
from steadkit.records.stations import Coordinates

AT = MIDNIGHT + 19_471_234_567_890  # 05:24:31.23456789
CONTEXT = TableContext("0f" * 32, {("XX", "ABC"): Coordinates(-38.5, 176.25, 440.0)})


def write(tmp_path, *units, context=CONTEXT):
    tmp_path.mkdir(exist_ok=True)
    counts = write_tables(iter(units), tmp_path, context)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(TABLE_NAMES)
    return counts


def lines(path):
    text = path.read_bytes().decode()
    assert text.endswith("\n") and "\r" not in text
    return text.splitlines()


def read(path):
    return list(csv.DictReader(lines(path)))


def quake_unit(at=AT, **options):
    picks, detection = earthquake(at)
    return make_unit(picks=picks, detections=[detection], **options)


def test_our_tables_letter_for_letter(tmp_path):
    candidate = {"time": AT + 1_000_000_000, "probability": 0.03, "is_pick": False}
    picks, detection = earthquake(AT)
    unit = make_unit(
        picks=[*picks, candidate],
        detections=[detection],
        coverage=[{"start": MIDNIGHT, "end": MIDNIGHT + DAY_NS}],
        unused=[{"start": MIDNIGHT, "end": AT, "channel": "HHE", "reason": "a spike, or two"}],
    )
    assert write(tmp_path, unit) == (2, 1, 3, 1)
    name = f"XX.ABC..HH.{AT}"
    assert lines(tmp_path / "picks.csv") == [
        "network,station,location,channel,phase,time,probability,uncertainty,snr_db,amplitude,"
        "detection_id",
        f"XX,ABC,,HHZ,P,2024-02-03T05:24:31.234568Z,0.87123,,12.3,1.2346e+05,{name}",
        f"XX,ABC,,HHN,S,2024-02-03T05:24:36.244568Z,0.65432,0.012346,9.0,1e-07,{name}",
    ]
    assert lines(tmp_path / "detections.csv") == [
        "network,station,location,instrument,detection_id,start,end,probability,uncertainty,"
        "p_time,s_time",
        f"XX,ABC,,HH,{name},2024-02-03T05:24:31.134568Z,2024-02-03T05:24:40.234568Z,0.98765,,"
        "2024-02-03T05:24:31.234568Z,2024-02-03T05:24:36.244568Z",
    ]
    assert lines(tmp_path / "coverage.csv") == [
        "network,station,location,channel,start,end",
        "XX,ABC,,HHZ,2024-02-03T00:00:00.000000Z,2024-02-04T00:00:00.000000Z",
    ]
    assert lines(tmp_path / "unused.csv") == [
        "network,station,location,channel,start,end,reason",
        'XX,ABC,,HHE,2024-02-03T00:00:00.000000Z,2024-02-03T05:24:31.234568Z,"a spike, or two"',
    ]


def test_eqtransformer_s_table_as_its_associator_reads_it(tmp_path):
    without_picks = {"detection_id": "x", "start": AT + DAY_NS // 2, "end": AT + DAY_NS // 2 + 1}
    picks, detection = earthquake(AT)
    write(tmp_path, make_unit(picks=picks, detections=[detection, without_picks], location="10"))
    path = tmp_path / "X_prediction_results.csv"
    assert lines(path)[0] == (
        "file_name,network,station,instrument_type,station_lat,station_lon,station_elv,"
        "event_start_time,event_end_time,detection_probability,detection_uncertainty,"
        "p_arrival_time,p_probability,p_uncertainty,p_snr,"
        "s_arrival_time,s_probability,s_uncertainty,s_snr"
    )
    quake, second = read(path)
    assert quake["file_name"] == "XX.ABC.10.HH.2024-02-03"
    assert [quake[f"station_{name}"] for name in ("lat", "lon", "elv")] == [
        *("-38.5", "176.25", "440.0")
    ]
    assert quake["p_arrival_time"] == "2024-02-03 05:24:31.234568"
    # It takes the first form where a time has a point.
    times = [
        datetime.strptime(row["event_start_time"], "%Y-%m-%d %H:%M:%S.%f")
        for row in (quake, second)
    ]
    assert times[0] == datetime(2024, 2, 3, 5, 24, 31, 134568)
    assert (quake["p_probability"], quake["p_snr"], quake["s_uncertainty"]) == (
        *("0.87123", "12.3", "0.012346"),
    )
    # A text of at most ten characters is no time to it.
    assert [second[name] for name in ("p_arrival_time", "p_probability", "s_snr")] == [""] * 3


def test_an_s_after_midnight_is_found_in_the_next_day(tmp_path):
    at = MIDNIGHT + DAY_NS - 1_000_000_000
    (p, s), detection = earthquake(at)
    days = [
        make_unit(picks=[p], detections=[detection]),
        # The clock of the next day's record, rounded differently.
        make_unit(picks=[s | {"time": s["time"] + 3}]),
    ]
    write(tmp_path / "days", *days)
    (row,) = read(tmp_path / "days" / "X_prediction_results.csv")
    assert (row["s_arrival_time"], row["s_probability"]) == (
        "2024-02-04 00:00:04.010000",
        "0.65432",
    )
    # The same time at another station or instrument is another pick.
    for codes in ({"station": "ABD"}, {"location": "10"}):
        folder = tmp_path / "_".join(codes)
        write(folder, days[0], make_unit(picks=[s], **codes))
        (row,) = read(folder / "X_prediction_results.csv")
        assert (row["p_probability"], row["s_arrival_time"], row["s_probability"]) == (
            "0.87123",
            "",
            "",
        )


def test_a_p_before_midnight_is_found_in_the_day_before(tmp_path):
    (p, s), detection = earthquake(MIDNIGHT - 20_000_000)
    detection |= {"start": MIDNIGHT + 10_000_000}
    write(tmp_path, make_unit(picks=[p]), make_unit(picks=[s], detections=[detection]))
    (row,) = read(tmp_path / "X_prediction_results.csv")
    assert row["p_arrival_time"] == "2024-02-02 23:59:59.980000"
    assert row["p_probability"] == "0.87123"


def test_phasenet_s_table(tmp_path):
    write(tmp_path, quake_unit())
    p, s = read(tmp_path / "picks_phasenet.csv")
    assert p == {
        "station_id": "XX.ABC..HH",
        "begin_time": "2024-02-03T00:00:00.000000",
        "phase_index": "1947123",
        "phase_time": "2024-02-03T05:24:31.234568",
        "phase_score": "0.87123",
        "phase_type": "P",
        "file_name": "XX.ABC..HH.2024-02-03",
        "phase_amplitude": "1.2346e+05",
        "phase_amp": "1.2346e+05",
    }
    assert ",".join(p) == (
        "station_id,begin_time,phase_index,phase_time,phase_score,phase_type,file_name,"
        "phase_amplitude,phase_amp"
    )
    # LOC-FLOW's reading: seconds of the day from the begin and the index.
    begin = pd.Timestamp(s["begin_time"])
    assert int(s["phase_index"]) * 0.01 == pytest.approx(19_476.24)
    assert begin == pd.Timestamp("2024-02-03")


def test_gamma_finds_every_pick_s_station_in_km_around_the_centre(tmp_path):
    stations = {
        ("XX", "ABC"): Coordinates(0.0, 179.9, 1500.0),
        ("XX", "ABD"): Coordinates(0.0, -179.9),
        ("XX", "UNUSED"): Coordinates(10.0, 10.0, 0.0),
    }
    second = make_unit("ABD", location="10", coverage=[{"start": MIDNIGHT, "end": AT}])
    unknown = make_unit("NEW", picks=[{"time": AT}])
    write(tmp_path, quake_unit(), second, unknown, context=TableContext("a", stations))
    picks = pd.read_csv(tmp_path / "picks_gamma.csv", parse_dates=["timestamp"])
    assert [*picks] == ["id", "timestamp", "prob", "type", "amp"]
    assert picks["type"].tolist() == ["p", "s", "p"]
    assert picks["timestamp"][0] == pd.Timestamp("2024-02-03T05:24:31.234568")
    places = pd.read_csv(tmp_path / "stations_gamma.csv")
    assert places["id"].tolist() == ["XX.ABC.", "XX.ABD.10"]
    # 0.1 degrees of the equator on both sides of 180 degrees; GaMMA counts depths.
    assert places["x(km)"].tolist() == pytest.approx([-11.132, 11.132], abs=0.001)
    assert places["y(km)"].tolist() == pytest.approx([0, 0], abs=0.001)
    assert places["z(km)"].tolist() == [-1.5, 0]
    # GaMMA drops picks whose station has an empty cell.
    joined = places.merge(picks["id"], how="right", on="id")
    assert joined.isna().any(axis=1).tolist() == [False, False, True]


def test_pyocto_s_times_are_exact_seconds_and_its_stations_have_metres(tmp_path):
    before_1970 = make_unit(picks=[{"time": -1_250_000_000}])
    write(tmp_path, quake_unit(), before_1970)
    rows = read(tmp_path / "picks_pyocto.csv")
    assert [*rows[0]] == ["station", "phase", "time", "probability"]
    assert [row["time"] for row in rows] == [
        *(f"{DAY * 86_400 + 19_471}.234567890", f"{DAY * 86_400 + 19_476}.244567890"),
        "-1.250000000",
    ]
    assert pd.read_csv(tmp_path / "picks_pyocto.csv")["time"].dtype == float
    (station,) = read(tmp_path / "stations_pyocto.csv")
    assert station == {
        "id": rows[0]["station"],
        "latitude": "-38.5",
        "longitude": "176.25",
        "elevation": "440.0",
    }


def test_times_before_1970_and_at_a_year_s_border(tmp_path):
    year = int(np.datetime64("1968-01-01", "ns").astype(int))
    picks = [{"time": year - 600}, {"time": year - 400}]
    write(tmp_path, make_unit(picks=picks))
    assert [row["time"] for row in read(tmp_path / "picks.csv")] == [
        *("1967-12-31T23:59:59.999999Z", "1968-01-01T00:00:00.000000Z"),
    ]
    # Rounded to the next day, it still is in the file of its own.
    last = read(tmp_path / "picks_phasenet.csv")[1]
    assert (last["file_name"], last["phase_index"]) == ("XX.ABC..HH.1967-12-31", "8640000")


def test_parquet_has_the_types_of_its_columns_and_nulls_where_nothing_is_known(tmp_path):
    from pyarrow import parquet

    candidate = {"time": AT - 1, "probability": 0.03, "is_pick": False}
    picks, detection = earthquake(AT)
    write(tmp_path, make_unit(picks=[candidate, *picks], detections=[detection]))
    table = pd.read_parquet(tmp_path / "candidates.parquet")
    assert [*table] == [*lines(tmp_path / "picks.csv")[0].split(","), "is_pick"]
    assert table["time"].dtype == "datetime64[ns, UTC]"
    assert table["time"].astype("int64").tolist() == [AT - 1, AT, AT + 5_010_000_000]
    assert table["is_pick"].tolist() == [False, True, True]
    assert table["location"].tolist() == [""] * 3
    assert table["probability"].tolist() == [np.float32(x) for x in (0.03, 0.871234, 0.654321)]
    assert table["snr_db"].isna().tolist() == [True, False, False]
    picked = pd.read_parquet(tmp_path / "picks.parquet")
    pd.testing.assert_frame_equal(
        picked, table[table["is_pick"]].drop(columns="is_pick").reset_index(drop=True)
    )
    raw = parquet.read_table(tmp_path / "picks.parquet")
    assert raw["uncertainty"].null_count == 1  # null, not NaN
    column = parquet.ParquetFile(tmp_path / "picks.parquet").metadata.row_group(0).column(0)
    assert column.compression == "ZSTD"


def test_a_row_group_holds_several_units(tmp_path, monkeypatch):
    from pyarrow import parquet

    monkeypatch.setattr(tables, "ROW_GROUP_ROWS", 5)
    units = [quake_unit(AT + day * DAY_NS) for day in range(7)]
    write(tmp_path, *units)
    file = parquet.ParquetFile(tmp_path / "picks.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [6, 6, 2]


@pytest.mark.parametrize("units", [[], [make_unit()], [make_unit(), make_unit("ABD")]])
def test_a_prediction_without_a_pick_has_valid_tables(tmp_path, units):
    assert write(tmp_path, *units) == (0, 0, 0, len(units))
    for name in TABLE_NAMES:
        table = (pd.read_csv if name.endswith("csv") else pd.read_parquet)(tmp_path / name)
        assert table.empty and len(table.columns) > 2, name
    assert pd.read_parquet(tmp_path / "picks.parquet")["time"].dtype == "datetime64[ns, UTC]"


def test_the_same_units_give_the_same_bytes(tmp_path):
    def digests(folder):
        units = [quake_unit(), make_unit(), make_unit("ABD", picks=[{"time": AT}])]
        write(folder, *units)
        return {path.name: hashlib.sha256(path.read_bytes()).digest() for path in folder.iterdir()}

    assert digests(tmp_path / "a") == digests(tmp_path / "b")


def test_no_more_than_four_units_are_in_memory(tmp_path):
    alive: set[int] = set()
    most = []

    def units():
        for day in range(20):
            unit = quake_unit(AT + day * DAY_NS)
            alive.add(day)
            weakref.finalize(unit.arrivals, alive.discard, day)
            most.append(len(alive))
            yield unit

    write_tables(units(), tmp_path, CONTEXT)
    assert max(most) <= 4
