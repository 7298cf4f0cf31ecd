"""Evaluation: every file and column, the study's row recomputed, refusals."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from conftest import names_of, refused

from eqt.evaluate import detections_table, evaluate, picks_table, plan
from eqt.metrics import STUDY_COLUMNS
from eqt.picks import Detection, Pick, Thresholds
from steadkit.catalog import read_table
from steadkit.errors import InputError

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


def test_every_file_is_written(trained, tmp_path):
    # Everything is above such thresholds, so there are picks even from an untrained network.
    low = Thresholds(1e-6, 1e-6, 1e-6)
    outcome = evaluate(plan(trained, None, None, tmp_path / "out"), low)
    assert sorted(path.name for path in outcome.folder.iterdir()) == [
        "detections.csv",
        "examples.png",
        "metrics.json",
        "picks.csv",
        "residuals.png",
        "study.csv",
    ]
    picks = pd.read_csv(outcome.folder / "picks.csv")
    assert list(picks) == TESTER_COLUMNS
    assert len(picks) == 9  # the test part: a quarter of 36
    study = pd.read_csv(outcome.folder / "study.csv")
    assert tuple(study) == STUDY_COLUMNS
    metrics = json.loads((outcome.folder / "metrics.json").read_text())
    assert metrics["study"]["#events"] + metrics["study"]["#noise"] == 9
    assert set(metrics["in_time"]) == {"tolerance_s", "detection", "P", "S"}
    assert metrics["study"]["d_tp"] == int((picks["trace_category"] != "noise").sum())


def test_the_study_row_follows_from_the_table(trained, tmp_path):
    outcome = evaluate(plan(trained, None, None, tmp_path / "out"), Thresholds(1e-6, 1e-6, 1e-6))
    picks = pd.read_csv(outcome.folder / "picks.csv")
    event = picks[picks["trace_category"] == "earthquake_local"]
    noise = picks[picks["trace_category"] == "noise"]
    row = pd.read_csv(outcome.folder / "study.csv").iloc[0]
    assert row["p_tp"] == event["P_pick"].notna().sum() > 0
    assert row["p_fp"] == noise["P_pick"].notna().sum()
    assert row["p_mae"] == pytest.approx(event["P_error"].abs().mean(), rel=1e-12)
    assert row["s_rmse"] == pytest.approx(np.sqrt((event["S_error"] ** 2).mean()), rel=1e-12)
    errors = (event["P_pick"] - event["p_arrival_sample"]) / 100
    np.testing.assert_allclose(event["P_error"], errors)


def test_another_file_is_evaluated_whole(trained, stead):
    other = stead("other.hdf5")
    task = plan(trained, other.hdf5, None, None)
    assert len(task.traces) == 12
    assert task.out == trained / "evaluation-other"
    assert task.weights == trained / "best.weights.h5"


def test_the_runs_own_file_means_the_test_part(trained):
    assert len(plan(trained, trained.parent / "data.hdf5", None, None).traces) == 9


def test_an_evaluation_is_not_overwritten_unasked(trained, tmp_path):
    task = plan(trained, None, None, tmp_path / "out")
    evaluate(task, Thresholds())
    with pytest.raises(InputError, match="--overwrite"):
        evaluate(task, Thresholds())
    evaluate(task, Thresholds(), overwrite=True)


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
    }
    for arguments, words in cases.items():
        refused(run("eqt", "evaluate", *arguments, "--out", tmp_path / "out"), words)
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
