"""Evaluation: every file and column, the study's row recomputed, refusals."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import TINY, names_of, refused, write_stead

import eqt.evaluation.run as evaluation_run
from eqt.evaluation import (
    Protocol,
    detections_table,
    evaluate,
    picks_table,
    plan,
    results_table,
    traces_table,
)
from eqt.formats import weights_h5
from eqt.metrics import STUDY_COLUMNS
from eqt.model import build_model
from eqt.picking.picks import Detection, Pick, Thresholds
from eqt.probabilities import Probabilities
from steadkit.catalog import GROUP_COLUMNS, read_table, write_csv
from steadkit.errors import InputError
from steadkit.manifest import load

TESTER_COLUMNS = [
    "network_code",
    "ID",
    "earthquake_distance_km",
    "snr_db",
    "trace_name",
    "trace_category",
    "trace_start_time",
    "source_magnitude",
    "p_arrival_sample",
    "p_status",
    "p_weight",
    "s_arrival_sample",
    "s_status",
    "s_weight",
    "receiver_type",
    "number_of_detections",
    "detection_probability",
    "detection_uncertainty",
    "P_pick",
    "P_probability",
    "P_uncertainty",
    "P_error",
    "S_pick",
    "S_probability",
    "S_uncertainty",
    "S_error",
]


LOW = Thresholds(1e-6, 1e-6, 1e-6)
"""Everything is above these, so there are picks even from an untrained network."""

FEW = Protocol(resamples=50)


@pytest.fixture(scope="module")
def evaluated(trained, tmp_path_factory):
    """Evaluate the tiny network once, with picks everywhere."""
    folder = tmp_path_factory.mktemp("evaluated") / "out"
    return evaluate(plan(trained, None, None, folder), LOW, protocol=FEW)


def test_every_file_is_written(evaluated):
    assert sorted(path.name for path in evaluated.folder.iterdir()) == [
        "X_test_results.csv",
        "detections.csv",
        "examples.png",
        "metrics.json",
        "picks.csv",
        "report.html",
        "residuals.png",
        "study.csv",
        "traces.csv",
        "worst.png",
    ]
    for name in ("picks", "X_test_results"):
        rows = pd.read_csv(evaluated.folder / f"{name}.csv")
        assert list(rows) == TESTER_COLUMNS
        assert len(rows) == 9  # the test part: a quarter of 36
    study = pd.read_csv(evaluated.folder / "study.csv")
    assert tuple(study) == STUDY_COLUMNS


def test_figures_stand_under_stable_names(evaluated):
    text = (evaluated.folder / "metrics.json").read_text()
    metrics = json.loads(text, parse_constant=pytest.fail)  # NaN is no JSON
    assert metrics == evaluated.figures
    assert metrics["study"]["#events"] + metrics["study"]["#noise"] == 9
    assert metrics["thresholds"] == {"detection": 1e-6, "p": 1e-6, "s": 1e-6, "from": "given"}
    assert list(metrics["honest"]) == ["0.5", "0.1", "0.2"]
    for scores_by_name in metrics["honest"].values():
        assert set(scores_by_name) == {"detection", "presence", "P", "S"}
        for score in scores_by_name.values():
            assert {"precision", "recall", "f1", "tp", "fp", "fn", "tn", "intervals"} <= set(score)
    assert set(metrics["breakdown"]) == {
        "snr_db",
        "source_distance_km",
        "source_magnitude",
        "source_depth_km",
        "station",
    }
    assert set(metrics["calibration"]) == {"detection", "P", "S"}
    assert "uncertainty" not in metrics


def exactly(path):
    """Read a table; Python's float loses no digit, pandas' faster reading may."""
    table = pd.read_csv(path, dtype=str)
    names = ("P_", "S_", "p_arrival", "s_arrival", "number", *STUDY_COLUMNS[1:])
    numeric = [column for column in table if column.startswith(names)]
    return table.astype(dict.fromkeys(numeric, float))


@pytest.fixture(scope="module")
def picked(trained, tmp_path_factory):
    """Evaluate a network that finds P and S, P alone, S alone or nothing, by the trace."""

    def changing(*_):
        def predict(waveforms):
            made = np.zeros((len(waveforms), 6000, 3), np.float32)
            for number, (window, waveform) in enumerate(zip(made, waveforms, strict=True)):
                late = int(abs(waveform[0, 0]) * 100)
                window[590 : 1500 + late, 0] = 0.9
                window[600 + late, 1] = 0.8 * (number % 4 in (0, 1))
                window[890 + late, 2] = 0.7 * (number % 4 in (0, 2))
            return Probabilities(made)

        return predict

    folder = tmp_path_factory.mktemp("picked") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation_run, "predictor", changing)
        return evaluate(plan(trained, None, None, folder), Thresholds(), protocol=FEW)


def test_the_study_row_is_recomputed_to_the_last_digit(picked):
    rows, study = (exactly(picked.folder / f"{name}.csv") for name in ("X_test_results", "study"))
    row = study.iloc[0]
    event = rows["trace_category"] == "earthquake_local"
    found = {
        "d": rows["detection_probability"].notna(),
        "p": rows["P_probability"].notna(),
        "s": rows["S_probability"].notna(),
    }
    expected = {"model_name": "run", "#events": event.sum(), "#noise": (~event).sum()}
    for short, has in found.items():
        tp, fp = (event & has).sum(), (~event & has).sum()
        tn, fn = (~event & ~has).sum(), (event & ~has).sum()
        long = "det" if short == "d" else short
        expected |= {f"{short}_tp": tp, f"{short}_fp": fp, f"{short}_tn": tn, f"{short}_fn": fn}
        expected |= {f"{long}_recall": tp / (tp + fn), f"{long}_precision": tp / (tp + fp)}
    both = event & found["p"] & found["s"]
    for phase in "PS":
        errors = (rows[f"{phase}_pick"] - rows[f"{phase.lower()}_arrival_sample"])[both]
        expected[f"{phase.lower()}_mae"] = errors.abs().mean()
        expected[f"{phase.lower()}_rmse"] = np.sqrt((errors**2).mean())
    assert expected["p_tp"] > both.sum() > 0 and expected["d_fn"] > 0
    assert row.to_dict() == expected


def test_errors_of_picks_are_seconds_and_those_of_the_tester_samples(picked):
    picks, rows = (exactly(picked.folder / f"{name}.csv") for name in ("picks", "X_test_results"))
    for phase in "PS":
        samples = picks[f"{phase}_pick"] - picks[f"{phase.lower()}_arrival_sample"]
        np.testing.assert_array_equal(picks[f"{phase}_error"], samples / 100)
        known = rows[f"{phase}_error"].notna()
        samples = rows[f"{phase.lower()}_arrival_sample"] - rows[f"{phase}_pick"]
        np.testing.assert_array_equal(rows[f"{phase}_error"][known], samples[known])
        assert known.sum() > 1


def test_the_honest_counts_are_recomputed_from_the_tables(evaluated):
    found = pd.read_csv(evaluated.folder / "detections.csv")
    traces = pd.read_csv(evaluated.folder / "traces.csv").set_index("trace_name")
    for tolerance, scores_by_name in evaluated.figures["honest"].items():
        for phase in "PS":
            picks = found.dropna(subset=f"{phase}_pick")
            truth = picks["trace_name"].map(traces[f"{phase.lower()}_s"])
            off = (picks[f"{phase}_pick"] / 100 - truth).abs().round(6)
            tp = picks["trace_name"][off <= float(tolerance)].nunique()
            assert scores_by_name[phase]["tp"] == tp
            assert scores_by_name[phase]["fp"] == len(picks) - tp > 0
            assert scores_by_name[phase]["fn"] == traces[f"{phase.lower()}_s"].notna().sum() - tp


def test_a_row_a_trace_tells_its_earthquake(evaluated):
    picks = pd.read_csv(evaluated.folder / "picks.csv")
    traces = pd.read_csv(evaluated.folder / "traces.csv")
    assert traces["trace_name"].tolist() == picks["trace_name"].tolist()
    event = traces["trace_category"] == "earthquake_local"
    assert traces["earthquake"][event].str.startswith("source").all()
    assert (traces["earthquake"] == traces["trace_name"])[~event].all()
    np.testing.assert_array_equal(traces["p_s"], picks["p_arrival_sample"].where(event) / 100)
    assert traces["snr_db"][event].tolist() == pytest.approx([21.1667] * event.sum())


def test_without_source_id_the_origin_time_tells_the_earthquake(stead):
    source = stead("two.hdf5", names_of(3, 1))
    table = read_table(source.csv)
    table["source_id"] = ["a", "", "None", ""]
    table["source_origin_time"] = ["2020", "2021", "", ""]
    rows = traces_table(table, np.full(4, np.nan), np.full(4, np.nan))
    assert rows["earthquake"].tolist() == ["a", "2021", *table["trace_name"][2:]]
    assert rows["station"][0] == "XX.S0"


def test_the_same_evaluation_gives_the_same_files(trained, evaluated, tmp_path):
    again = evaluate(plan(trained, None, None, tmp_path / "again"), LOW, protocol=FEW)
    for path in evaluated.folder.iterdir():
        assert path.read_bytes() == (again.folder / path.name).read_bytes(), path.name


def test_monte_carlo_dropout_tells_whether_uncertain_picks_are_off(tmp_path):
    # A network with a residual CNN, which is what drops.
    config = replace(TINY, residual_kernels=(3,))
    source = write_stead(tmp_path / "data.hdf5", names_of(5, 2))
    weights = tmp_path / "some.weights.h5"
    weights_h5.save(build_model(config, 0), weights)
    task = plan(None, source.hdf5, weights, tmp_path / "out")
    outcome = evaluate(task, LOW, mc_samples=3, protocol=Protocol((60.0,), 0))
    uncertainty = outcome.figures["uncertainty"]
    found = pd.read_csv(outcome.folder / "detections.csv")
    assert 1 <= uncertainty["P"]["picks"] <= 5
    assert (found["P_uncertainty"].dropna() >= 0).all()
    assert found["P_uncertainty"].max() > 0
    assert "Is what is uncertain wrong?" in (outcome.folder / "report.html").read_text()


def test_another_file_is_evaluated_whole(trained, stead):
    other_data = stead("other.hdf5")
    task = plan(trained, other_data.hdf5, None, None)
    assert len(task.traces) == 12
    assert task.out == trained / "evaluation-other"
    assert task.weights == trained / "best.weights.h5"


def test_the_runs_own_file_means_the_test_part(trained):
    assert len(plan(trained, trained.parent / "data.hdf5", None, None).traces) == 9


@pytest.fixture
def moved(trained, tmp_path):
    """Copy a run whose data are somewhere else now, their rows in another order."""
    run = tmp_path / "moved"
    shutil.copytree(trained, run)
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {"data": str(tmp_path / "gone.hdf5")}))
    for suffix in (".hdf5", ".csv"):
        shutil.copy(trained.parent / f"data{suffix}", tmp_path / f"copy{suffix}")
    table = read_table(tmp_path / "copy.csv")
    write_csv(tmp_path / "copy.csv", list(table.columns), [table[::-1]])
    return run


def test_a_run_whose_data_moved_is_evaluated_on_its_test_part(trained, moved, run, tmp_path):
    refused(run("eqt", "evaluate", moved), "gone.hdf5", "which is not there", "--data")
    task = plan(moved, tmp_path / "copy.hdf5", None, None)
    own_task = plan(trained, None, None, None)
    assert task.traces == own_task.traces and task.validation.traces == own_task.validation.traces
    assert task.validation.data == task.data == tmp_path / "copy.hdf5"
    assert task.seen == own_task.seen == (0, 0)
    assert task.out == moved / "evaluation"


def test_traces_and_earthquakes_that_were_trained_on_are_told(trained, moved, run, tmp_path):
    table = read_table(tmp_path / "copy.csv")
    manifest = load(trained / "split.manifest")
    parts = dict(zip(manifest.traces, manifest.splits, strict=True))
    names = table["trace_name"]
    # Without one trace of training it is another file, and one test trace is of its earthquake.
    left = table[names != next(n for n in names if parts[n] == "train")].copy()
    events = left[left["trace_category"] != "noise"]
    part_of = events["trace_name"].map(parts)
    test, train = (events.index[part_of == part][0] for part in ("test", "train"))
    left.loc[test, list(GROUP_COLUMNS)] = left.loc[train, list(GROUP_COLUMNS)].tolist()
    write_csv(tmp_path / "copy.csv", list(left.columns), [left])
    task = plan(moved, tmp_path / "copy.hdf5", None, tmp_path / "out")
    known = int(left["trace_name"].map(parts).isin(["train", "validation"]).sum())
    assert (len(task.traces), *task.seen) == (len(left), known, 1)
    result = run(
        "eqt", "evaluate", moved, "--data", "copy.hdf5", "--output", "out", "--resamples", 0
    )
    reported = f"Not independent: of these {len(left)} traces {known} were trained on"
    assert result.exit_code == 0 and result.output.startswith(reported), result.output
    assert reported in (tmp_path / "out" / "report.html").read_text()


def test_picks_that_may_be_an_unknown_s_do_not_count(trained, moved, run, tmp_path):
    """Every S label is removed: what is picked in earthquakes behind P may be right."""
    table = read_table(tmp_path / "copy.csv")
    table["s_arrival_sample"] = ""
    write_csv(tmp_path / "copy.csv", list(table.columns), [table])
    task = plan(moved, tmp_path / "copy.hdf5", None, tmp_path / "out")
    known = evaluate(replace(plan(trained, None, None, None), out=tmp_path / "all"), LOW)
    unknown = evaluate(task, LOW, protocol=FEW)
    events = unknown.figures["events"]
    assert unknown.figures["unknown"] == {"P": 0, "S": events}
    before, after = (one.figures["honest"]["0.5"] for one in (known, unknown))
    for score_name in ("P", "presence"):
        assert [before[score_name][n] for n in ("tp", "fp", "fn")] == [
            after[score_name][n] for n in ("tp", "fp", "fn")
        ]
    assert after["S"]["tp"] == after["S"]["fn"] == 0
    picks = unknown.folder / "detections.csv"
    found = pd.read_csv(picks).merge(pd.read_csv(unknown.folder / "traces.csv"), on="trace_name")
    early = found["S_pick"] / 100 < found["p_s"].fillna(np.inf)
    assert after["S"]["fp"] == int(early.sum())
    said = f"S is not known for {events} of the {events} earthquake traces"
    assert said in (unknown.folder / "report.html").read_text()
    result = run("eqt", "evaluate", moved, "--data", "copy.hdf5", "--output", "o", "--resamples", 0)
    assert said in result.output, result.output


def test_an_evaluation_is_not_overwritten_unasked(trained, evaluated):
    task = plan(trained, None, None, evaluated.folder)
    with pytest.raises(InputError, match="--overwrite"):
        evaluate(task, Thresholds())


def test_nothing_there_and_nothing_found(trained, stead, tmp_path):
    noise = stead("noise.hdf5", names_of(0, 3))
    task = plan(trained, noise.hdf5, None, tmp_path / "out")
    outcome = evaluate(task, Thresholds(0.999, 0.999, 0.999), protocol=FEW)
    whole = outcome.figures["honest"]["0.5"]
    assert (whole["P"]["tp"], whole["P"]["fn"], whole["presence"]["tn"]) == (0, 0, 3)
    assert (
        whole["P"]["recall"] is whole["presence"]["auc"] is whole["S"]["residual_s"]["mae"] is None
    )
    assert outcome.figures["study"]["det_recall"] is None
    assert not (outcome.folder / "worst.png").exists()


def test_a_run_without_a_test_part_is_refused(trained, run, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(trained, bare)
    manifest = load(bare / "split.manifest")
    parts = ["train" if part == "test" else part for part in manifest.splits]
    (bare / "split.manifest").unlink()
    replace(manifest, splits=parts).write(bare / "split.manifest")
    refused(run("eqt", "evaluate", bare), "no trace to the test split", "--data")


def test_the_command_says_it_in_tables(trained, run, tmp_path):
    result = run(
        "eqt", "evaluate", trained, "--output", "out", "--resamples", 20, "--tolerance", 0.3
    )
    assert result.exit_code == 0, result.output
    for words in ("The study's columns", "P, 0.3 s", "thresholds: detection", "report.html"):
        assert words in result.output
    assert list(json.loads((tmp_path / "out" / "metrics.json").read_text())["honest"]) == ["0.3"]


def test_refusals(trained, run, tmp_path):
    (tmp_path / "x.weights.h5").write_text("no weights")
    half = tmp_path / "half"
    shutil.copytree(trained, half)
    (half / "best.weights.h5").unlink()
    cases = {
        (): "name a run folder",
        (tmp_path,): "not a run folder",
        (half,): "no weights",
        (trained, "--weights", "none.weights.h5"): "no weights",
        (trained, "--weights", "x.weights.h5"): "no network that is known",
        (trained, "--data", "none.hdf5"): "no file",
        (trained, "--p-threshold", "2"): "between 0 and 1",
        (trained, "--tolerance", "-1"): "between 0 and 60 seconds",
        (trained, "--tolerance", "nan"): "not a number",
        (trained, "--resamples", "1000000"): "--resamples",
    }
    for arguments, words in cases.items():
        refused(run("eqt", "evaluate", *arguments, "--output", tmp_path / "out"), words)
        assert not (tmp_path / "out").exists()


def test_a_table_by_hand(stead):
    source = stead("two.hdf5", [names_of(1)[0], names_of(0, 1)[0]])
    table = read_table(source.csv)
    sure = Detection(650, 1200, 0.9, Pick(640, 0.8), Pick(860, 0.7))
    unsure = Detection(3000, 3100, 0.3)
    rows = picks_table(table, [[unsure, sure], []])
    event, noise = rows.iloc[0], rows.iloc[1]
    assert (event["number_of_detections"], noise["number_of_detections"]) == (2, 0)
    assert (event["P_pick"], event["P_error"], event["S_error"]) == (640, 0.4, -0.4)
    assert event["snr_db"] == "[20.  21.  22.5]"
    assert np.isnan([noise["P_pick"], noise["P_error"], noise["detection_probability"]]).all()
    found = detections_table(table["trace_name"].tolist(), [[unsure, sure], []])
    assert found["start"].tolist() == [3000, 650]
    assert found["S_pick"].isna().tolist() == [True, False]


def test_a_row_of_the_tester_by_hand(stead):
    """Every column, of an event and of noise; the first detection stands for the trace."""
    source = stead("two.hdf5", [names_of(1)[0], names_of(0, 1)[0]])
    table = read_table(source.csv)
    first = Detection(400, 1200, 0.912, Pick(640, 0.803), Pick(860, 0.701), 0.012)
    second = Detection(3000, 3100, 0.999, Pick(3000, 0.999))
    rows = results_table(table, [[first, second], [second]])
    assert list(rows) == TESTER_COLUMNS
    event, noise = (rows.iloc[number].to_dict() for number in (0, 1))
    assert event | {"snr_db": None} == {
        **dict(zip(TESTER_COLUMNS[:4], ("XX", "source0", "25.5", None), strict=True)),
        **dict(zip(TESTER_COLUMNS[4:6], (names_of(1)[0], "earthquake_local"), strict=True)),
        **dict(zip(TESTER_COLUMNS[6:8], ("2020-01-01 00:00:00.000000", ""), strict=True)),
        **dict(zip(TESTER_COLUMNS[8:11], (600.0, "", ""), strict=True)),
        **dict(zip(TESTER_COLUMNS[11:15], (900.0, "", "", ""), strict=True)),
        **dict(zip(TESTER_COLUMNS[15:18], (2, 0.912, 0.012), strict=True)),
        **dict(zip(TESTER_COLUMNS[18:20], (640, 0.803), strict=True)),
        "P_uncertainty": event["P_uncertainty"],
        "P_error": -40,
        "S_pick": 860,
        "S_probability": 0.701,
        "S_uncertainty": event["S_uncertainty"],
        "S_error": 40,
    }
    assert event["snr_db"] == pytest.approx(63.5 / 3)
    assert np.isnan([event["P_uncertainty"], event["S_uncertainty"]]).all()
    filled = {name for name, value in noise.items() if pd.notna(value)}
    assert filled == {
        *("network_code", "trace_name", "trace_category", "receiver_type"),
        *("number_of_detections", "detection_probability", "P_pick", "P_probability"),
    }


@pytest.mark.parametrize(
    ("start", "end", "errors"),
    [
        (600, 900, (-40, None)),  # S at the end of the detection
        (599, 901, (-40, 40)),
        (699, 1200, (-40, 40)),  # P a second before it at most
        (700, 1200, (None, 40)),
        (300, 600, (None, None)),
    ],
)
def test_errors_are_empty_outside_of_the_detection(stead, start, end, errors):
    table = read_table(stead("one.hdf5", names_of(1)).csv)
    row = results_table(table, [[Detection(start, end, 0.9, Pick(640, 0.8), Pick(860, 0.7))]])
    reported = [None if np.isnan(value) else value for value in row.loc[0, ["P_error", "S_error"]]]
    assert tuple(reported) == errors


def test_arrivals_are_whole_numbers_and_zero_is_none(stead):
    table = read_table(stead("one.hdf5", names_of(1)).csv)
    table["p_arrival_sample"], table["s_arrival_sample"] = "0", "860.7"
    row = results_table(table, [[Detection(50, 1200, 0.9, Pick(640, 0.8), Pick(850, 0.7))]]).loc[0]
    assert np.isnan(row["P_error"]) and row["S_error"] == 10
    assert row["s_arrival_sample"] == 860.7


def test_the_default_of_the_tester_is_told(tmp_path, run):
    config = replace(TINY, residual_kernels=(3,))
    write_stead(tmp_path / "data.hdf5", names_of(5, 2))
    weights_h5.save(build_model(config, 0), tmp_path / "some.weights.h5")
    arguments = ("--data", "data.hdf5", "--weights", "some.weights.h5", "--resamples", 0)
    for number, options in enumerate(
        [("--mc-samples", 5, "--thresholds", "published"), ("--mc-samples", 4)]
    ):
        out = ("--output", f"out{number}")
        result = run("eqt", "evaluate", *arguments, *options, *out)
        assert result.exit_code == 0, result.output
        page = (tmp_path / out[1] / "report.html").read_text()
        for text in (result.output.replace("\n", " "), page.replace("&#x27;", "'")):
            assert ("tester does by default: the mean of 5 passes" in text) is (number == 0)


def test_picks_are_refined_where_asked(run, trained, tmp_path, monkeypatch):
    def always_the_same(*_):
        away = np.arange(6000)[:, np.newaxis] - [3150, 3000, 3300]
        bells = np.exp(-0.5 * (away / [60, 10, 10]) ** 2)
        return lambda waveforms: Probabilities(np.tile(bells, (len(waveforms), 1, 1)))

    monkeypatch.setattr(evaluation_run, "predictor", always_the_same)
    found = {}
    for options in ([], ["--refine"]):
        result = run("eqt", "evaluate", str(trained), *options, "--output", "out", "--overwrite")
        assert result.exit_code == 0, result.output
        figures = json.loads((tmp_path / "out" / "metrics.json").read_text())
        assert figures["refined"] is bool(options)
        assert ("Akaike" in (tmp_path / "out" / "report.html").read_text()) is bool(options)
        found[bool(options)] = pd.read_csv(tmp_path / "out" / "detections.csv")
    assert (found[False]["P_pick"] == 3000).all()
    assert 0 < (found[True]["P_pick"] - 3000).abs().max() < 30
    untouched = [name for name in found[True] if not name.endswith("_pick")]
    assert found[True][untouched].equals(found[False][untouched])


def test_the_position_test_comes_with_the_evaluation(run, trained, tmp_path):
    result = run("eqt", "evaluate", str(trained), "--positions", "2", "--output", "moved")
    assert result.exit_code == 0, result.output
    assert "Wherever P lies" in result.output
    folder = tmp_path / "moved"
    assert "Wherever P lies" in (folder / "report.html").read_text()
    moved = pd.read_csv(folder / "position_windows.csv")
    figures = json.loads((folder / "metrics.json").read_text())["position"]
    assert [row["phase"] for row in figures] == ["P", "S"]
    assert {row["windows"] for row in figures} == {(moved["phase"] == "P").sum()}
    again = run("eqt", "evaluate", str(trained), "--output", "moved", "--overwrite")
    assert again.exit_code == 0, again.output
    assert not list(folder.glob("position*"))
