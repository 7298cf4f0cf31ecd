"""Thresholds: the best on the validation split, which alone decides."""

import json
from dataclasses import replace

import numpy as np
import pytest
from conftest import refused

from eqt.evaluation import Protocol, Task, TraceSubset, choose, evaluate, plan, to_choose
from eqt.evaluation.thresholds import describe_choice
from eqt.evaluation.tolerance import detection_columns, picks_at_floor
from eqt.metrics import list_earthquakes, score_picks
from eqt.picking.candidates import GRID, extract_candidates
from eqt.picking.picks import Thresholds
from eqt.probabilities import Probabilities
from steadkit.errors import InputError


def made(events=30, noise=20, seed=0):
    """Make probabilities: true peaks are mostly high, false ones mostly low, and the truth."""
    random = np.random.default_rng(seed)
    traces = events + noise
    mean = np.full((traces, 6000, 3), 0.001, np.float32)
    p = np.where(np.arange(traces) < events, random.integers(500, 900, traces), np.nan)
    s = p + random.integers(300, 900, traces)
    for row in range(traces):
        mean[row, 3000:3400, 0] = random.uniform(0, 0.5)  # a false detection
        mean[row, [3050, 3200], [1, 2]] = random.uniform(0.02, 0.5, 2)
        if row < events:
            first, second = int(p[row]), int(s[row])
            mean[row, first : int(second + 0.4 * (second - first)), 0] = random.uniform(0.4, 1)
            mean[row, [first, second], [1, 2]] = random.uniform(0.3, 1, 2)
    return extract_candidates(iter([Probabilities(mean)]), Thresholds()), list_earthquakes(p, s)


def f1_of(candidates, truth, thresholds, phase):
    picked = detection_columns(candidates.detections(thresholds)).picks[phase]
    return score_picks(truth, phase, picked.trace, picked.seconds, 0.5).counts.score().f1


def test_what_is_tried_is_what_picking_at_that_threshold_gives():
    candidates, truth = made()
    chosen = choose(candidates, truth, Thresholds())
    detection = chosen.thresholds.detection
    for threshold in GRID:
        trial = Thresholds(detection, threshold, 0.5)
        assert chosen.tried["p"][f"{threshold:g}"] == pytest.approx(
            f1_of(candidates, truth, trial, "P")
        )
        trial = Thresholds(detection, chosen.thresholds.p, threshold)
        expected = np.nan_to_num(f1_of(candidates, truth, trial, "S"))
        assert chosen.tried["s"][f"{threshold:g}"] == pytest.approx(expected)


def test_a_sweep_holds_what_is_picked_at_high_thresholds_too():
    """A P of 0.02 that pairs with an S is not what is picked at 0.5."""
    mean = np.zeros((1, 6000, 3), np.float32)
    mean[0, 700:1500, 0], mean[0, [705, 1010], 1], mean[0, 1000, 2] = 0.9, (0.02, 0.6), 0.5
    candidates = extract_candidates(iter([Probabilities(mean)]), Thresholds())
    assert picks_at_floor(candidates, Thresholds(), "P").seconds.tolist() == [10.1]
    assert detection_columns(candidates.detections(Thresholds())).picks["P"].seconds.tolist() == [
        10.1
    ]
    low = detection_columns(candidates.detections(Thresholds(p=0.01))).picks
    assert (low["P"].seconds.tolist(), low["S"].seconds.tolist()) == ([7.05], [10.0])


def test_the_best_is_chosen_and_beats_the_published():
    candidates, truth = made()
    chosen = choose(candidates, truth, Thresholds())
    for name, tried in chosen.tried.items():
        assert tried[f"{getattr(chosen.thresholds, name):g}"] == max(tried.values())
    better, published = (
        f1_of(candidates, truth, one, "P") for one in (chosen.thresholds, Thresholds())
    )
    assert better > published + 0.1


def test_what_is_given_stands():
    candidates, truth = made()
    chosen = choose(candidates, truth, Thresholds(p=0.77), ("detection", "s"))
    assert chosen.thresholds.p == 0.77
    assert set(chosen.tried) == {"detection", "s"}
    record = describe_choice(chosen.thresholds, chosen, "50 traces")
    assert record["from"] == "detection validation, p given, s validation"


def test_where_nothing_is_right_the_published_stand():
    candidates, _ = made()
    nothing = list_earthquakes(np.full(50, np.nan), np.full(50, np.nan))
    chosen = choose(candidates, nothing, Thresholds())
    assert chosen.thresholds == Thresholds()
    assert describe_choice(chosen.thresholds, chosen, "")["from"] == "published"


def test_of_several_that_are_as_good_the_middle_is_taken():
    mean = np.zeros((1, 6000, 3), np.float32)
    mean[0, 600:1000, 0], mean[0, 600, 1], mean[0, 880, 2] = 0.7, 0.91, 0.91
    candidates = extract_candidates(iter([Probabilities(mean)]), Thresholds())
    chosen = choose(
        candidates, list_earthquakes(np.array([600.0]), np.array([880.0])), Thresholds()
    )
    # From 0.01 to 0.65 or 0.9 all are perfect.
    assert chosen.thresholds == Thresholds(0.3, 0.45, 0.45)


def task(validation=None):
    return Task("x", None, [], None, None, None, validation)


def test_what_is_to_be_chosen(tmp_path):
    with_validation = task(TraceSubset(tmp_path, ["a"]))
    gone = task(TraceSubset(tmp_path / "moved", ["a"]))
    assert (
        to_choose(with_validation, None) == to_choose(gone, "validation") == ("detection", "p", "s")
    )
    assert to_choose(with_validation, None, {"p": 0.5}) == ("detection", "s")
    assert (
        to_choose(gone, None)
        == to_choose(task(), None)
        == to_choose(with_validation, "published")
        == ()
    )


def test_the_test_part_changes_no_threshold(trained, tmp_path):
    complete = plan(trained, None, None, tmp_path / "whole")
    less = replace(complete, traces=complete.traces[:3], out=tmp_path / "less")
    records = []
    for variant in (complete, less):
        names = to_choose(variant, None)
        evaluate(variant, Thresholds(), choose_on_validation=names, protocol=Protocol(resamples=0))
        records.append(json.loads((variant.out / "metrics.json").read_text())["thresholds"])
    assert records[0] == records[1]
    assert set(records[0]["tried"]) == {"detection", "p", "s"}
    assert records[0]["validation"].startswith("9 traces of ")


def test_no_validation_part_is_refused(trained, run, tmp_path):
    data, weights = trained.parent / "data.hdf5", trained / "best.weights.h5"
    arguments = ["--data", data, "--weights", weights, "--thresholds", "validation"]
    refused(run("eqt", "evaluate", *arguments, "--output", "out"), "no validation split")
    with pytest.raises(InputError, match="'q' is none of"):
        evaluate(plan(None, data, weights, tmp_path / "o"), Thresholds(), choose_on_validation="q")
    assert not (tmp_path / "out").exists()
