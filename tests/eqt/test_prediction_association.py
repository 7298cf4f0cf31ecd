"""Earthquakes from picks: the tables around the associator, and PyOcto itself where it is."""

import json
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from obspy import UTCDateTime, read_events
from obspy.io.quakeml.core import _validate
from obspy.taup import TauPyModel

from eqt.cli import main
from eqt.prediction import association as module
from eqt.prediction.association import AssociationConfig, default_velocities, read_velocities
from eqt.prediction.pick_table import read_continuous_picks
from steadkit.errors import InputError
from steadkit.geodesy import geodesics
from steadkit.records.picks import build_onsets, read_picks

needs_pyocto = pytest.mark.skipif(
    find_spec("pyocto") is None or find_spec("pyrocko") is None, reason="PyOcto is not installed"
)
ORIGIN = UTCDateTime("2024-02-03T05:00:00")
EVENTS = [  # seconds, latitude, longitude, depth in km
    (100.0, 35.10, -97.20, 8.0),
    (160.0, 35.35, -97.00, 5.0),
    (400.0, 35.00, -96.80, 15.0),
    (405.0, 35.60, -97.40, 10.0),
    (900.0, 35.30, -97.10, 12.0),
]


@pytest.fixture(scope="module")
def stations(tmp_path_factory):
    """Write twelve stations; one more has no picks, and one with picks is missing."""
    rng = np.random.default_rng(5)
    rows = [
        f"XX,S{i:02d},{35.3 + rng.uniform(-0.4, 0.4):.4f},{-97.1 + rng.uniform(-0.5, 0.5):.4f},0"
        for i in range(13)
    ]
    path = tmp_path_factory.mktemp("stations") / "stations.csv"
    path.write_text("network,station,latitude,longitude,elevation_m\n" + "\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module")
def true_picks(stations) -> pd.DataFrame:
    """Make the picks of the earthquakes with errors of 0.05 s, by TauP, and 60 of none."""
    rng = np.random.default_rng(6)
    model = TauPyModel("iasp91")
    rows = []
    for number, (second, latitude, longitude, depth) in enumerate(EVENTS):
        for place in pd.read_csv(stations).head(12).itertuples():
            degrees = distance_km(latitude, longitude, place.latitude, place.longitude) / 111.19
            for phase in ("P", "S"):
                names = [phase.lower(), phase, f"{phase}g", f"{phase}n"]
                time = min(a.time for a in model.get_travel_times(depth, degrees, names))
                rows.append((place.station, phase, second + time + rng.normal(0, 0.05), number))
    for _ in range(60):
        station, phase = f"S{rng.integers(12):02d}", str(rng.choice(["P", "S"]))
        rows.append((station, phase, rng.uniform(0, 1000), -1))
    rows.append(("MISSING", "P", 500.0, -1))
    return pd.DataFrame(rows, columns=["station", "phase", "second", "event"])


@pytest.fixture(scope="module")
def picks_csv(true_picks, tmp_path_factory):
    path = tmp_path_factory.mktemp("picks") / "picks.csv"
    lines = [
        "network,station,location,channel,phase,time,probability,uncertainty,snr_db,amplitude,"
        "detection_id"
    ]
    for row in true_picks.itertuples():
        time = (ORIGIN + row.second).isoformat() + "Z"
        channel = "HHZ" if row.phase == "P" else "HHN"
        lines.append(f"XX,{row.station},,{channel},{row.phase},{time},0.5,,12.0,100.0,")
    path.write_text("\n".join(lines) + "\n")
    return path


def distance_km(*degrees: float) -> float:
    return float(geodesics(*(np.array([value]) for value in degrees)).km[0])


def associate(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["associate", *map(str, arguments)])


def perfect_associator(true_picks: pd.DataFrame):
    """Stand in for PyOcto: it knows the truth, and returns it in another order."""

    def run(picks, places, velocities, config):
        rows = true_picks[true_picks["station"] != "MISSING"].reset_index(drop=True)
        assert len(picks) == len(rows)
        order = [3, 0, 4, 1, 2]
        events = pd.DataFrame(
            {
                "idx": range(5),
                "time": [ORIGIN.timestamp + EVENTS[i][0] for i in order],
                "latitude": [EVENTS[i][1] for i in order],
                "longitude": [EVENTS[i][2] for i in order],
                "depth": [EVENTS[i][3] for i in order],
            }
        )
        is_of_event = rows["event"] >= 0
        number_of = {event: number for number, event in enumerate(order)}
        matches = pd.DataFrame(
            {
                "event_idx": rows["event"][is_of_event].map(number_of),
                "pick_idx": np.flatnonzero(is_of_event),
                "residual": 0.02,
            }
        )
        return events, matches

    return run


def test_the_folder_of_an_association(picks_csv, stations, true_picks, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "run_pyocto", perfect_associator(true_picks))
    folder = tmp_path / "events"
    result = associate(picks_csv, "--stations", stations, "-o", folder)
    assert result.exit_code == 0, result.output
    assert "1 picks are of stations without coordinates" in result.output
    assert "5 earthquakes of 120 picks" in result.output
    events = pd.read_csv(folder / "events.csv")
    assert events["n_picks"].tolist() == [24] * 5
    assert events["n_p"].tolist() == events["n_s"].tolist() == [12] * 5
    assert events["residual_rms_s"].tolist() == [0.02] * 5
    assert events["time"].tolist() == [
        f"{ORIGIN + event[0]}"[:26] + "Z" for event in sorted(EVENTS)
    ]
    assert json.loads((folder / "association.json").read_text())["min_picks"] == 8
    for name in ("map.png", "time_distance.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    # Again into the same folder: refused, then replaced by the same bytes.
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert "exists" in associate(picks_csv, "--stations", stations, "-o", folder).output
    arguments = [picks_csv, "--stations", stations, "-o", folder, "--overwrite"]
    assert associate(*arguments).exit_code == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_quakeml_is_valid_and_complete(picks_csv, stations, true_picks, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "run_pyocto", perfect_associator(true_picks))
    associate(picks_csv, "--stations", stations, "-o", tmp_path / "events")
    path = tmp_path / "events" / "catalog.xml"
    assert _validate(str(path))
    catalog = read_events(str(path))
    assert len(catalog) == 5
    ids = [pick.resource_id.id for event in catalog for pick in event.picks]
    assert len(ids) == len(set(ids)) == 120
    event = catalog[0]
    origin = event.preferred_origin()
    assert abs(origin.time - (ORIGIN + EVENTS[0][0])) < 1e-3
    assert (origin.latitude, origin.depth) == (EVENTS[0][1], 1000 * EVENTS[0][3])
    arrival = origin.arrivals[0]
    assert arrival.time_residual == 0.02
    assert 0 < arrival.distance < 1
    pick = arrival.pick_id.get_referred_object()
    assert pick.waveform_id.get_seed_string().startswith("XX.S")
    assert pick.evaluation_mode == "automatic"


def test_assignments_are_a_table_of_picks(picks_csv, stations, true_picks, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "run_pyocto", perfect_associator(true_picks))
    associate(picks_csv, "--stations", stations, "-o", tmp_path / "events")
    from collections import Counter

    onsets = build_onsets(read_picks(tmp_path / "events" / "assignments.csv"), Counter())
    assert len(onsets) == 60
    assert all(onset.s and onset.s > onset.p for onset in onsets)
    assert {float(onset.row["source_depth_km"]) for onset in onsets} == {e[3] for e in EVENTS}


def test_no_earthquake_is_no_error(picks_csv, stations, tmp_path, monkeypatch):
    nothing = (
        pd.DataFrame(columns=["idx", "time", "x", "y", "z", "picks"]),
        pd.DataFrame(columns=["event_idx", "pick_idx", "residual"]),
    )
    monkeypatch.setattr(module, "run_pyocto", lambda *_: nothing)
    result = associate(picks_csv, "--stations", stations, "-o", tmp_path / "events")
    assert result.exit_code == 0, result.output
    assert "0 earthquakes" in result.output
    assert pd.read_csv(tmp_path / "events" / "events.csv").empty
    assert len(read_events(str(tmp_path / "events" / "catalog.xml"))) == 0


@pytest.mark.skipif(find_spec("pyocto") is not None, reason="PyOcto is installed")
def test_a_missing_associator_is_named(picks_csv, stations, tmp_path):
    result = associate(picks_csv, "--stations", stations, "-o", tmp_path / "events")
    assert result.exit_code == 1
    assert 'pip install "steadkit[associate]"' in result.output
    assert not (tmp_path / "events").exists()


def test_stations_of_none_of_the_picks_are_refused(picks_csv, tmp_path):
    (tmp_path / "other.csv").write_text("network,station,latitude,longitude\nYY,A,1,2\n")
    result = associate(picks_csv, "--stations", tmp_path / "other.csv", "-o", tmp_path / "events")
    assert result.exit_code == 1
    assert "no pick is of a station with coordinates" in result.output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("depth_km,vp_km_s\n0,5\n", "no column of vs"),
        ("depth_km,vp_km_s,vs_km_s\n0,5,x\n", "number is needed"),
        ("depth_km,vp_km_s,vs_km_s\n5,5,3\n", "begin at depth 0"),
        ("depth_km,vp_km_s,vs_km_s\n0,5,3\n9,6,4\n8,7,4\n", "begin at depth 0"),
        ("depth_km,vp_km_s,vs_km_s\n0,3,5\n", "not between 0 and vp"),
    ],
)
def test_velocity_models_that_cannot_be_are_refused(tmp_path, text, message):
    (tmp_path / "velocity.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_velocities(tmp_path / "velocity.csv")


def test_velocity_models_are_read_by_their_columns(tmp_path):
    (tmp_path / "velocity.csv").write_text("Depth,VP,VS,rho\n0,5.8,3.36,2.7\n20,6.5,3.75,2.9\n")
    table = read_velocities(tmp_path / "velocity.csv")
    assert table.to_dict("list") == {"depth": [0, 20], "vp": [5.8, 6.5], "vs": [3.36, 3.75]}


def test_the_default_is_iasp91():
    table = default_velocities()
    assert table.iloc[0].tolist() == [0, 5.8, 3.36]
    assert table[table["depth"] == 35]["vp"].tolist() == [6.5, 8.04]


@pytest.mark.parametrize("option", ["max_depth_km", "tolerance_s", "margin_km"])
def test_settings_that_cannot_be_are_refused(option):
    with pytest.raises(InputError, match=r"not possible|use 0 or more"):
        AssociationConfig(**{option: -1})


@needs_pyocto
def test_pyocto_finds_the_earthquakes_and_leaves_the_noise(
    picks_csv, stations, true_picks, tmp_path
):
    result = associate(picks_csv, "--stations", stations, "-o", tmp_path / "events")
    assert result.exit_code == 0, result.output
    events = pd.read_csv(tmp_path / "events" / "events.csv")
    assert len(events) == len(EVENTS)
    for found, (second, latitude, longitude, _) in zip(
        events.itertuples(), sorted(EVENTS), strict=True
    ):
        assert distance_km(found.latitude, found.longitude, latitude, longitude) < 5
        assert abs(UTCDateTime(found.time) - (ORIGIN + second)) < 1
    assigned = read_continuous_picks(tmp_path / "events" / "assignments.csv")
    keys = {(row.station, row.phase, row.time_ns // 10**7) for row in assigned.itertuples()}
    true = true_picks[true_picks["event"] >= 0]
    times = [(ORIGIN + second).ns // 10**7 for second in true["second"]]
    expected = set(zip(true["station"], true["phase"], times, strict=True))
    assert len(keys & expected) >= 0.95 * len(expected)
    assert len(keys - expected) <= 4


def test_velocities_are_sampled_below_discontinuities():
    layers = pd.DataFrame({"depth": [0, 2, 2, 4], "vp": [5, 5, 8, 8], "vs": [3, 3, 4, 4]})
    sampled = module.sample_velocities(layers, 5.0)
    assert sampled["depth"].tolist() == [0, 1, 2, 3, 4, 5]
    assert sampled["vp"].round(3).tolist() == [5, 5, 8, 8, 8, 8]
