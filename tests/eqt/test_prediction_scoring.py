"""Scores of continuous picks against an analyst's, by hand-worked cases."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from obspy import UTCDateTime

from eqt.cli import main
from eqt.metrics import match_picks
from eqt.prediction.pick_table import (
    OPTIONAL_COLUMNS,
    REQUIRED_COLUMNS,
    read_continuous_picks,
    read_coverage,
)
from eqt.prediction.pick_times import match_times
from eqt.prediction.score_inputs import read_score_inputs
from eqt.prediction.score_report import score_notes, score_table, shown_scores
from eqt.prediction.score_tables import (
    hour_table,
    match_table,
    missed_table,
    receiver_table,
    threshold_curve,
)
from eqt.prediction.scoring import PredictionScore, ScoringConfig, score_prediction
from steadkit.errors import InputError

START = UTCDateTime("2024-02-03T05:00:00")
HEADING = (
    "network,station,location,channel,phase,time,probability,uncertainty,snr_db,amplitude,"
    "detection_id"
)


def time_of(second: float) -> str:
    return f"{(START + second).strftime('%Y-%m-%dT%H:%M:%S.%f')}Z"


def make_prediction(folder: Path, rows, stretches=(("A", 0, 7200),), threshold=0.3) -> Path:
    """Write what a score reads: rows of station, phase, second and probability."""
    folder.mkdir()
    settings = {"p_threshold": threshold, "s_threshold": threshold, "floor": 0.02}
    run = {"format": "eqt prediction 1", "version": "0", "settings": settings}
    (folder / "run.json").write_text(json.dumps(run))
    lines = [
        f"XX,{station},,HHZ,{phase},{time_of(second)},{probability},,10.0,1.0,"
        for station, phase, second, probability in rows
        if probability >= threshold
    ]
    (folder / "picks.csv").write_text("\n".join([HEADING, *lines]) + "\n")
    table = pd.DataFrame(
        {
            "network": "XX",
            "station": [row[0] for row in rows],
            "location": "",
            "channel": "HHZ",
            "phase": [row[1] for row in rows],
            "time": pd.to_datetime([(START + row[2]).ns for row in rows], utc=True),
            "probability": np.array([row[3] for row in rows], np.float32),
            "is_pick": [row[3] >= threshold for row in rows],
        }
    )
    write_parquet(table, folder / "candidates.parquet")
    lines = [f"XX,{s},,HHZ,{time_of(begin)},{time_of(end)}" for s, begin, end in stretches]
    heading = "network,station,location,channel,start,end"
    (folder / "coverage.csv").write_text("\n".join([heading, *lines]) + "\n")
    return folder


def write_parquet(table: pd.DataFrame, path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    texts = {name: pa.string() for name in ("network", "station", "location", "channel", "phase")}
    types = texts | {"time": pa.timestamp("ns", "UTC"), "probability": pa.float32()}
    schema = pa.schema(list((types | {"is_pick": pa.bool_()}).items()))
    parquet.write_table(pa.Table.from_pandas(table, schema, preserve_index=False), path)


def write_truth(path: Path, rows, heading="network,station,phase,time,event_id") -> Path:
    lines = [f"XX,{station},{phase},{time},{event}" for station, phase, time, event in rows]
    path.write_text("\n".join([heading, *lines]) + "\n")
    return path


def score_of(folder: Path, truth: Path, **settings) -> PredictionScore:
    config = ScoringConfig(**{"tolerances": (0.5, 0.1), "resamples": 0, **settings})
    return score_prediction(read_score_inputs(folder, [truth]), config)


def counts(score: PredictionScore, phase="P", tolerance=0.5) -> tuple[int, int, int]:
    total = score.scores[phase, tolerance].total
    return total.tp, total.fp, total.fn


def test_each_arrival_has_one_pick_and_each_pick_one_arrival(tmp_path):
    rows = [("A", "P", 100.2, 0.9), ("A", "P", 100.4, 0.8), ("A", "P", 300.0, 0.7)]
    folder = make_prediction(tmp_path / "p", rows)
    truth = write_truth(
        tmp_path / "t.csv",
        [("A", "P", time_of(100.0), "e1"), ("A", "P", time_of(200.0), "e2")],
    )
    score = score_of(folder, truth)
    # 100.2 is the pick of 100.0; 100.4 and 300.0 are of none; 200.0 has none.
    assert counts(score) == (1, 2, 1)
    assert counts(score, tolerance=0.1) == (0, 3, 2)
    matches = match_table(score)
    assert matches["outcome"].tolist() == ["matched", "no candidate"]
    assert matches["residual_s"].iloc[0] == pytest.approx(0.2, abs=1e-6)


@pytest.mark.parametrize(("offset", "is_right"), [(0.5, True), (-0.5, True), (0.500002, False)])
def test_the_tolerance_includes_its_bound(tmp_path, offset, is_right):
    folder = make_prediction(tmp_path / "p", [("A", "P", 100.0 + offset, 0.9)])
    truth = write_truth(tmp_path / "t.csv", [("A", "P", time_of(100.0), "e1")])
    assert counts(score_of(folder, truth)) == ((1, 0, 0) if is_right else (0, 1, 1))


def test_phases_and_stations_are_counted_apart(tmp_path):
    rows = [("A", "S", 100.0, 0.9), ("B", "P", 100.0, 0.9), ("B", "P", 500.0, 0.9)]
    stretches = [("A", 0, 7200), ("B", 0, 7200)]
    folder = make_prediction(tmp_path / "p", rows, stretches)
    truth = write_truth(
        tmp_path / "t.csv", [("A", "P", time_of(100.0), "e1"), ("B", "P", time_of(100.0), "e1")]
    )
    score = score_of(folder, truth)
    assert counts(score, "P") == (1, 1, 1)
    assert counts(score, "S") == (0, 1, 0)
    assert score.station_hours == pytest.approx(4.0)
    table = score_table(score).set_index(["phase", "tolerance_s"])
    assert table.loc[("P", 0.5), "precision"] == 0.5
    assert table.loc[("P", 0.5), "extra_per_station_hour"] == 0.25
    assert match_table(score)["outcome"].tolist() == ["picked as S", "matched"]


def test_only_what_lies_in_the_record_counts(tmp_path):
    folder = make_prediction(
        tmp_path / "p", [("A", "P", 100.0, 0.9)], [("A", 0, 600), ("A", 900, 1800)]
    )
    truth = write_truth(
        tmp_path / "t.csv",
        [
            *[("A", "P", time_of(second), f"e{second}") for second in (100.0, 700.0, 1800.0)],
            ("C", "P", time_of(100.0), "e9"),
        ],
    )
    score = score_of(folder, truth)
    assert counts(score) == (1, 0, 1)  # 700 s is in the gap, 1800 s the last sample
    assert sorted(score.inputs.left_out["reason"]) == [
        "no record of the station",
        "outside the record",
    ]


def test_the_threshold_curve_by_hand(tmp_path):
    rows = [("A", "P", 100.0, 0.9), ("A", "P", 200.0, 0.2), ("A", "P", 300.0, 0.6)]
    folder = make_prediction(tmp_path / "p", rows)
    truth = write_truth(
        tmp_path / "t.csv", [("A", "P", time_of(s), f"e{s}") for s in (100.0, 200.0)]
    )
    score = score_of(folder, truth)
    curve = threshold_curve(score)
    curve = curve[(curve["phase"] == "P") & (curve["tolerance_s"] == 0.5)].set_index("threshold")
    for threshold, true, extra in ((0.02, 2, 1), (0.2, 2, 1), (0.25, 1, 1), (0.65, 1, 0)):
        assert curve.loc[threshold, ["true", "extra"]].tolist() == [true, extra], threshold
    assert curve.loc[0.95, "recall"] == 0
    assert match_table(score)["outcome"].tolist() == ["matched", "a candidate below the threshold"]


def test_hours_are_counted_from_the_first_of_record(tmp_path):
    folder = make_prediction(tmp_path / "p", [("A", "P", 100.0, 0.9), ("A", "P", 4000.0, 0.9)])
    truth = write_truth(
        tmp_path / "t.csv", [("A", "P", time_of(s), f"e{s}") for s in (100.0, 5000.0)]
    )
    table = hour_table(score_of(folder, truth))
    table = table[table["phase"] == "P"].head(2)
    assert table[["hour", "true", "missed", "extra"]].values.tolist() == [
        [0, 1, 0, 0],
        [1, 0, 1, 1],
    ]


def test_a_time_zone_of_the_table_is_respected(tmp_path):
    folder = make_prediction(tmp_path / "p", [("A", "P", 100.0, 0.9)])
    truth = write_truth(tmp_path / "t.csv", [("A", "P", "2024-02-03T07:01:40+02:00", "e1")])
    assert counts(score_of(folder, truth)) == (1, 0, 0)


def test_rejected_and_repeated_picks_of_an_analyst_do_not_count(tmp_path):
    folder = make_prediction(tmp_path / "p", [("A", "P", 100.0, 0.9)])
    path = tmp_path / "t.csv"
    path.write_text(
        "network,station,phase,time,event_id,status\n"
        f"XX,A,P,{time_of(100)},e1,manual\nXX,A,P,{time_of(101)},e1,automatic\n"
        f"XX,A,P,{time_of(300)},e2,rejected\n"
    )
    score = score_of(folder, path)
    assert counts(score) == (1, 0, 0)
    assert score.inputs.notes["rejected"] == 1


def test_no_picks_at_all_are_a_score_of_nothing(tmp_path):
    folder = make_prediction(tmp_path / "p", [])
    truth = write_truth(tmp_path / "t.csv", [("A", "P", time_of(100.0), "e1")])
    assert counts(score_of(folder, truth)) == (0, 0, 1)


def run_score(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["score", *map(str, arguments)])


def test_the_command_writes_a_folder_and_replaces_it_when_told_to(tmp_path):
    folder = make_prediction(tmp_path / "p", [("A", "P", 100.1, 0.9), ("A", "P", 300.0, 0.7)])
    truth = write_truth(tmp_path / "t.csv", [("A", "P", time_of(100.0), "e1")])
    result = run_score(folder, "--truth", truth)
    assert result.exit_code == 0, result.output
    assert "2.00 station-hours" in result.output
    document = json.loads((folder / "score" / "score.json").read_text())
    assert document["scores"][0]["recall"] == 1
    assert "<img" in (folder / "score" / "score.html").read_text()
    assert "exists" in run_score(folder, "--truth", truth).output
    assert run_score(folder, "--truth", truth, "--recall-only", "--overwrite").exit_code == 0
    curve = pd.read_csv(folder / "score" / "threshold_curve.csv")
    assert "precision" not in curve and "recall" in curve


def test_what_is_no_prediction_is_refused_in_one_line(tmp_path):
    truth = write_truth(tmp_path / "t.csv", [("A", "P", time_of(100.0), "e1")])
    (tmp_path / "empty").mkdir()
    assert "not a folder of eqt predict" in run_score(tmp_path / "empty", "--truth", truth).output
    folder = make_prediction(tmp_path / "p", [("A", "P", 100.0, 0.9)])
    (folder / "picks.csv").write_text("trace_name,phase,sample\nx,P,1\n")
    result = run_score(folder, "--truth", truth)
    assert result.exit_code == 1
    assert "table of eqt evaluate" in result.output
    (folder / "candidates.parquet").unlink()
    assert "candidates.parquet" in run_score(folder, "--truth", truth).output


def test_a_truth_of_other_stations_is_refused(tmp_path):
    folder = make_prediction(tmp_path / "p", [("A", "P", 100.0, 0.9)])
    truth = write_truth(tmp_path / "t.csv", [("Z", "P", time_of(100.0), "e1")])
    with pytest.raises(InputError, match="none of the 1 picks"):
        read_score_inputs(folder, [truth])


@pytest.mark.parametrize("tolerance", [0.0, 0.1, 0.5, 10.0])
@pytest.mark.parametrize("by_probability", [False, True])
def test_matching_in_groups_is_that_of_all_pairs(tolerance, by_probability):
    random = np.random.default_rng(0)
    for n_arrivals, n_picks in ((0, 3), (3, 0), (1, 1), (40, 60), (60, 40), (200, 300)):
        tables = [
            pd.DataFrame(
                {
                    "receiver": random.choice(["XX.A", "XX.B"], n),
                    "time_ns": 10**18 + 10**7 * random.integers(0, 4000, n),
                }
            )
            for n in (n_arrivals, n_picks)
        ]
        first = -random.random(n_picks) if by_probability else None
        found = match_times(*tables, tolerance, first)
        (stations, seconds), (pick_stations, pick_seconds) = (
            ((t["receiver"] == "XX.B").to_numpy(int), (t["time_ns"].to_numpy() - 10**18) / 1e9)
            for t in tables
        )
        expected = match_picks(stations, seconds, pick_stations, pick_seconds, tolerance, first)
        pairs = [sorted(zip(m.arrivals, m.picks, strict=True)) for m in (found, expected)]
        assert pairs[0] == pairs[1]


def test_each_instrument_of_a_station_is_scored_by_itself(tmp_path):
    folder = make_prediction(tmp_path / "p", [("A", "P", 100.0, 0.9), ("A", "P", 100.1, 0.8)])
    for name in ("picks.csv", "coverage.csv"):
        first, *lines = (folder / name).read_text().splitlines()
        second = lines[-1].replace("XX,A,,HHZ", "XX,A,10,HNZ")
        (folder / name).write_text("\n".join([first, lines[0], second]) + "\n")
    candidates = pd.read_parquet(folder / "candidates.parquet")
    candidates.loc[1, ["location", "channel"]] = ["10", "HNZ"]
    write_parquet(candidates, folder / "candidates.parquet")
    truth = write_truth(tmp_path / "t.csv", [("A", "P", time_of(100.0), "e1")])
    # Of one station, the second pick is of no arrival.
    assert counts(score_of(folder, truth)) == (1, 1, 0)
    run = json.loads((folder / "run.json").read_text())
    run["settings"]["all_instruments"] = True
    (folder / "run.json").write_text(json.dumps(run))
    score = score_of(folder, truth)
    assert counts(score) == (2, 0, 0)
    table = receiver_table(score)
    assert table.loc[table["phase"] == "P", ["receiver", "true"]].values.tolist() == [
        ["XX.A..HH", 1],
        ["XX.A.10.HN", 1],
    ]


def test_a_missed_arrival_has_its_reason(tmp_path):
    rows = [
        *[("A", "P", 100.0, 0.9), ("A", "P", 201.5, 0.9), ("A", "S", 300.2, 0.9)],
        ("A", "P", 400.1, 0.1),
    ]
    folder = make_prediction(tmp_path / "p", rows)
    # A peak of 0.9 that is no pick: it does not stand out.
    candidates = pd.read_parquet(folder / "candidates.parquet")
    flat = candidates.iloc[[0]].assign(
        is_pick=False, time=lambda t: t["time"] + pd.Timedelta("500s")
    )
    write_parquet(pd.concat([candidates, flat]), folder / "candidates.parquet")
    seconds = [100.0, 100.3, 200.0, 300.0, 400.0, 600.0, 700.0]
    truth = write_truth(tmp_path / "t.csv", [("A", "P", time_of(s), "") for s in seconds])
    score = score_of(folder, truth)
    matches = match_table(score)
    assert matches["outcome"].tolist() == [
        "matched",
        "its pick belongs to another arrival",
        "a pick further off",
        "picked as S",
        "a candidate below the threshold",
        "a candidate that does not stand out",
        "no candidate",
    ]
    assert matches["nearest_pick_s"].dropna().tolist() == [-0.3, 1.5]
    assert matches["candidate_probability"].dropna().tolist() == pytest.approx([0.1, 0.9])
    table = missed_table(score)
    assert table["P"].tolist() == [1] * 6 and table["S"].tolist() == [0] * 6


def test_what_is_not_scored_is_named(tmp_path):
    rows = [("A", "P", 100.0, 0.9), ("B", "P", 100.0, 0.9), ("B", "P", 200.0, 0.9)]
    folder = make_prediction(tmp_path / "p", rows, [(s, 0, 3600) for s in "ABD"])
    truth = write_truth(
        tmp_path / "t.csv",
        [("A", "P", time_of(100.0), "e1"), *[("C", p, time_of(100.0), "e1") for p in "PS"]],
    )
    score = score_of(folder, truth)
    assert counts(score) == (1, 0, 0) and score.station_hours == pytest.approx(1.0)
    notes = "\n".join(score_notes(score))
    assert "no record of XX.C: 2 picks" in notes
    assert "not scored, as the table does not name them: XX.B, XX.D (2 picks)" in notes
    result = run_score(folder, "--truth", truth, "--all-stations", "-o", tmp_path / "all")
    assert result.exit_code == 0 and "not scored" not in result.output
    document = json.loads((tmp_path / "all" / "score.json").read_text())
    assert document["stations_without_record"] == {"XX.C": 2}
    assert (document["station_hours"], document["scores"][0]["extra"]) == (3.0, 2)


def test_intervals_are_of_hours_and_need_ten_of_them(tmp_path):
    seconds = [3600.0 * hour + 100 for hour in range(12)]
    folder = make_prediction(
        tmp_path / "p", [("A", "P", s, 0.9) for s in seconds[:6]], [("A", 0, 12 * 3600)]
    )
    truth = write_truth(tmp_path / "t.csv", [("A", "P", time_of(s), "") for s in seconds])
    score = score_of(folder, truth, resamples=500)
    row = score_table(score).iloc[0]
    # Six hits of twelve: the binomial distribution has 95 % between 3 and 9.
    assert (row["recall_low"], row["recall"], row["recall_high"]) == (0.25, 0.5, 0.75)
    assert (row["precision_low"], row["precision_high"]) == (1, 1)
    assert shown_scores(score)["recall"].iloc[0] == "0.500 (.250-.750)"
    short = make_prediction(tmp_path / "short", [("A", "P", 100.0, 0.9)], [("A", 0, 9 * 3600)])
    assert "recall_low" not in score_table(score_of(short, truth, resamples=500))


def test_a_folder_that_is_no_score_is_never_replaced(tmp_path):
    folder = make_prediction(tmp_path / "p", [("A", "P", 100.0, 0.9)])
    truth = write_truth(tmp_path / "t.csv", [("A", "P", time_of(100.0), "e1")])
    mine = tmp_path / "mine"
    mine.mkdir()
    texts = {"score.json": '{"format": "of a game"}', "hours.csv": "day,hours"}
    for name, text in texts.items():
        (mine / name).write_text(text)
    result = run_score(folder, "--truth", truth, "-o", mine, "--overwrite")
    assert result.exit_code == 1 and "something else" in result.output
    assert {path.name: path.read_text() for path in mine.iterdir()} == texts


ROW = "XX,A,,HHZ,P,2024-02-03T05:00:00Z,0.5,,,,"


def test_picks_are_read_with_the_columns_that_are_written(tmp_path):
    from eqt.picking.station_picks import PICK_COLUMNS

    assert (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS) == PICK_COLUMNS
    path = tmp_path / "picks.csv"
    path.write_text(f"{HEADING}\n{ROW}\n{ROW.replace('00Z', '00.25+01:00')}\n")
    picks = read_continuous_picks(path)
    midnight = UTCDateTime("2024-02-03").ns
    hours = ((picks["time_ns"] - midnight) / 3.6e12).tolist()
    assert hours == pytest.approx([5, 4 + 0.25 / 3600], abs=1e-9)
    assert picks["time_ns"].dtype == np.int64 and picks["snr_db"].isna().all()
    path.write_text(HEADING + "\n")
    assert len(read_continuous_picks(path)) == 0


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (ROW.replace(",P,", ",Pn,"), "phase = 'Pn'"),
        (ROW.replace("T05:00:00Z", ""), "time = '2024-02-03'"),
        (ROW.replace("05:00:00Z", "05:00:61Z"), "a time of 1680 to 2260"),
        (ROW.replace("2024", "9999"), "a time of 1680 to 2260"),
        (ROW.replace("0.5", "1.5"), "a number from 0 to 1"),
        (ROW.replace("0.5", ""), "a number from 0 to 1"),
        (ROW.replace("0.5,", "0.5,high"), "uncertainty = 'high'"),
        (ROW + ",surplus", "is not a CSV"),
        ("XX,A", "phase = ''"),
        ("XX,\0", "NUL"),
    ],
)
def test_a_damaged_row_of_picks_is_refused(tmp_path, row, words):
    path = tmp_path / "picks.csv"
    path.write_text(f"{HEADING}\n{row}\n")
    with pytest.raises(InputError, match=words) as caught:
        read_continuous_picks(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (f"XX,A,,HHZ,{time_of(9)},{time_of(3)}", "ends before it starts"),
        (f"XX,A,,HHZ,{time_of(9)},soon", "end = 'soon'"),
        (f"XX,A,,HHZ,{time_of(3)},{time_of(9)},surplus", "is not a CSV"),
    ],
)
def test_a_damaged_stretch_is_refused(tmp_path, row, words):
    path = tmp_path / "coverage.csv"
    path.write_text(f"network,station,location,channel,start,end\n{row}\n")
    with pytest.raises(InputError, match=words):
        read_coverage(path)


@pytest.mark.parametrize("size", [0, 4, 100, -50])
def test_a_damaged_table_of_candidates_is_refused_in_one_line(tmp_path, size):
    folder = make_prediction(tmp_path / "p", [("A", "P", 100.0, 0.9)])
    truth = write_truth(tmp_path / "t.csv", [("A", "P", time_of(100.0), "e1")])
    path = folder / "candidates.parquet"
    path.write_bytes(path.read_bytes()[:size])
    result = run_score(folder, "--truth", truth)
    assert result.exit_code == 1 and result.output.count("\n") == 1
    assert "candidates.parquet' cannot be read: run eqt predict again" in result.output
    assert not (folder / "score").exists()


def test_candidates_of_other_columns_are_refused(tmp_path):
    folder = make_prediction(tmp_path / "p", [("A", "P", 100.0, 0.9)])
    truth = write_truth(tmp_path / "t.csv", [("A", "P", time_of(100.0), "e1")])
    candidates = pd.read_parquet(folder / "candidates.parquet")
    candidates.drop(columns="is_pick").to_parquet(folder / "candidates.parquet")
    with pytest.raises(InputError, match="eqt predict"):
        read_score_inputs(folder, [truth])


def test_a_score_needs_no_tensorflow(tmp_path):
    folder = make_prediction(tmp_path / "p", [("A", "P", 100.0, 0.9)])
    truth = write_truth(tmp_path / "t.csv", [("A", "P", time_of(100.0), "e1")])
    code = (
        "import sys; sys.modules['tensorflow'] = sys.modules['keras'] = None\n"
        "from eqt.cli import main\n"
        f"main(['score', {str(folder)!r}, '--truth', {str(truth)!r}], standalone_mode=False)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert (folder / "score" / "score.html").is_file()


def test_real_records_are_scored_against_their_analysts(shared_data, tmp_path):
    truth = pd.read_csv(shared_data / "records" / "UW.SHW" / "truth.csv")
    first = truth[truth["phase"] == "P"].iloc[0]
    second = UTCDateTime(first["time"]) - START
    stretches = [(first["station"], second - 60, second + 60)]
    folder = make_prediction(
        tmp_path / "p", [(first["station"], "P", second + 0.05, 0.9)], stretches
    )
    text = (folder / "picks.csv").read_text().replace("XX,", f"{first['network']},")
    (folder / "picks.csv").write_text(text)
    text = (folder / "coverage.csv").read_text().replace("XX,", f"{first['network']},")
    (folder / "coverage.csv").write_text(text)
    inputs = read_score_inputs(folder, [shared_data / "records" / "UW.SHW" / "truth.csv"])
    score = score_prediction(inputs, ScoringConfig((0.5,), True, 0))
    assert score.scores["P", 0.5].total.tp == 1
