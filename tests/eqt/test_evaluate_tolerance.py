"""The honest protocol by hand: second events, kinds of traces, calibration, the worst."""

import numpy as np
import pandas as pd
import pytest

from eqt.evaluation.breakdown import breakdown, calibration, stations
from eqt.evaluation.examples import worst_traces
from eqt.evaluation.tolerance import (
    detection_columns,
    drop_unknown,
    picks_at_floor,
    score_detections,
    tolerance_figures,
)
from eqt.metrics import BootstrapConfig, list_earthquakes, score_picks
from eqt.picking.candidates import extract_candidates
from eqt.picking.picks import Thresholds
from eqt.probabilities import Probabilities

NAN = float("nan")


def drawn_alone(resamples):
    """Draw each of the five traces by itself; the last two are noise."""
    return BootstrapConfig(np.arange(5), np.arange(5) > 2, resamples)


def quake(mean, row, p, s, height=0.9):
    mean[row, p : int(s + 0.4 * (s - p)) + 1, 0] = height
    mean[row, p, 1], mean[row, s, 2] = height, height / 2


@pytest.fixture(scope="module")
def hand():
    """Make five traces.

    Two earthquakes in the first, both found; one in the second, found with another that nobody
    lists; one that is missed; noise with a detection; noise without.
    """
    mean = np.zeros((5, 6000, 3), np.float32)
    quake(mean, 0, 600, 900)
    quake(mean, 0, 3000, 3400)
    quake(mean, 1, 630, 900)  # P is 0.3 s late
    quake(mean, 1, 4000, 4400, 0.6)
    quake(mean, 3, 1000, 1300, 0.4)
    p = np.array([[600, 3000], [600, NAN], [700, NAN], [NAN, NAN], [NAN, NAN]])
    s = np.array([[900, 3400], [900, NAN], [NAN, NAN], [NAN, NAN], [NAN, NAN]])
    candidates = extract_candidates(iter([Probabilities(mean)]), Thresholds())
    detections = detection_columns(candidates.detections(Thresholds()))
    return candidates, detections, score_detections(list_earthquakes(p, s), detections, (0.5, 0.1))


def test_second_events_count_and_unlisted_ones_are_false(hand):
    candidates, detections, tolerance_scores = hand
    sweeps = {phase: picks_at_floor(candidates, Thresholds(), phase) for phase in "PS"}
    figures = tolerance_figures(tolerance_scores, detections, candidates, sweeps, drawn_alone(1000))
    counts = {
        (tolerance, score_name): tuple(score[key] for key in ("tp", "fp", "fn", "tn"))
        for tolerance, scores_by_name in figures.items()
        for score_name, score in scores_by_name.items()
    }
    assert counts["0.5", "detection"] == (3, 2, 1, 1)
    assert counts["0.5", "presence"] == (2, 1, 1, 1)
    assert counts["0.5", "P"] == (3, 2, 1, 1)
    assert counts["0.1", "P"] == (2, 3, 2, 1)
    # The S of the missed one is not known: its trace is no true negative.
    assert counts["0.5", "S"] == counts["0.1", "S"] == (3, 2, 0, 1)
    half_second = figures["0.5"]
    assert (half_second["P"]["fp_in_events"], half_second["P"]["fp_in_noise"]) == (1, 1)
    assert half_second["P"]["residual_s"]["mean"] == pytest.approx(0.1)
    assert (half_second["P"]["outliers"], figures["0.1"]["P"]["outliers"]) == (
        0,
        pytest.approx(1 / 3),
    )
    # By height: three right at 0.9, then 0.6 and 0.4 wrong, one arrival never found.
    assert half_second["P"]["average_precision"] == pytest.approx(0.75)
    assert half_second["presence"]["auc"] == pytest.approx(4.5 / 6)
    for name in ("precision", "recall", "f1"):
        low, high = half_second["P"]["intervals"][name]
        assert low <= half_second["P"][name] <= high
    low, high = half_second["P"]["residual_s"]["intervals"]["mae"]
    assert low <= half_second["P"]["residual_s"]["mae"] <= high


def test_a_pick_that_may_be_an_unknown_arrival_is_neither_right_nor_wrong(hand):
    _, detections, tolerance_scores = hand
    unknown = list_earthquakes(
        np.array([[600, 3000], [600, NAN], [700, NAN], [NAN, NAN], [NAN, NAN]]),
        np.array([[NAN, 3400], [NAN, NAN], [NAN, NAN], [NAN, NAN], [NAN, NAN]]),
    )
    s_picks = drop_unknown(unknown, detections.picks["S"], "S", 0.5)
    # The known S of the first trace, and the one in noise; 9.0, 9.0 and 44.0 s may be right.
    assert list(zip(s_picks.trace.tolist(), s_picks.seconds.tolist(), strict=True)) == [
        (0, 34),
        (3, 13),
    ]
    s_counts = score_picks(unknown, "S", s_picks.trace, s_picks.seconds, 0.5).counts
    assert (s_counts.tp.sum(), s_counts.fp.sum(), s_counts.fn.sum()) == (1, 1, 0)
    assert s_counts.tn.tolist() == [0, 0, 0, 0, 1]
    p_picks = drop_unknown(tolerance_scores.truth, detections.picks["P"], "P", 0.5)
    assert len(p_picks.trace) == len(detections.picks["P"].trace)
    # A P that nobody has picked lies before its S.
    late = list_earthquakes(np.array([NAN]), np.array([900.0]))
    seconds = np.array([8.0, 10.0])
    assert late.can_judge("P", np.zeros(2, int), seconds).tolist() == [False, True]


def traces():
    return pd.DataFrame(
        {
            "station": ["XX.A", "XX.B", "XX.B", "XX.C", "XX.B"],
            "snr_db": [10.0, 55.0, NAN, NAN, 30.0],
            "source_distance_km": [24.9, 25.0, 500.0, NAN, NAN],
            "source_magnitude": [2.0, 2.5, 0.1, NAN, NAN],
            "source_depth_km": [NAN] * 5,
        }
    )


def test_kinds_of_traces_by_hand(hand):
    *_, tolerance_scores = hand
    rows_by_attribute = breakdown(
        tolerance_scores,
        traces(),
        0.5,
        BootstrapConfig(np.array([0, 0, 1, 2, 3]), np.arange(4) > 1, 30),
    )
    bins = {name: {row["bin"]: row for row in rows} for name, rows in rows_by_attribute.items()}
    assert list(bins["snr_db"]) == ["10 to 20", "50 or more", "unknown"]
    assert list(bins["source_distance_km"]) == ["below 25", "25 to 50", "150 or more"]
    assert list(bins["source_depth_km"]) == ["unknown"]
    magnitude_bin = bins["source_magnitude"]["2 to 3"]
    assert (magnitude_bin["traces"], magnitude_bin["earthquakes"]) == (2, 1)
    assert [magnitude_bin["P"][key] for key in ("tp", "fp", "fn")] == [3, 1, 0]
    assert magnitude_bin["P"]["mae_s"] == pytest.approx(0.1)
    assert list(bins["station"]) == ["XX.B", "XX.A", "XX.C"]
    assert [bins["station"]["XX.C"]["detection"][key] for key in ("tp", "fp", "fn")] == [0, 1, 0]
    for rows in rows_by_attribute.values():
        events = [row for row in rows if row["P"]["tp"] + row["P"]["fn"]]
        assert sum(row["P"]["tp"] for row in events) == 3
        assert sum(row["P"]["fn"] for row in events) == 1


def test_rare_stations_stand_together():
    names = np.array(["A"] * 3 + ["C"] * 2 + ["B"] * 2 + ["D"], dtype=object)
    bins = stations(names, 2)
    assert list(bins) == ["A", "B", "the other 2"]
    assert [int(mask.sum()) for mask in bins.values()] == [3, 2, 3]


def test_calibration_by_hand(hand):
    candidates, detections, tolerance_scores = hand
    tables = calibration(tolerance_scores, detections, candidates, 0.5)
    filled = [row for row in tables["P"]["bins"] if row["count"]]
    assert [(row["count"], row["right"]) for row in filled] == [(1, 0), (1, 0), (3, 1)]
    assert tables["P"]["ece"] == pytest.approx((0.4 + 0.6 + 3 * 0.1) / 5, abs=1e-6)


def test_the_worst_are_chosen_and_told(hand):
    candidates, detections, tolerance_scores = hand
    chosen = worst_traces(tolerance_scores, detections, candidates, 0.1)
    assert [trace.row for trace in chosen] == [1, 2, 3]
    assert chosen[0].reason == "P picked +0.30 s off"
    assert chosen[1].reason == "missed, detection at most 0.00"
    assert chosen[2].reason == "noise, detection up to 0.40"
    # At half a second nothing is far off; the unlisted earthquake remains.
    assert [trace.row for trace in worst_traces(tolerance_scores, detections, candidates, 0.5)] == [
        2,
        3,
        1,
    ]


def test_one_class_alone_leaves_undefined_what_needs_two(hand):
    candidates, detections, _ = hand
    truth = list_earthquakes(np.full(5, NAN), np.full(5, NAN))
    tolerance_scores = score_detections(truth, detections, (0.5,))
    sweeps = {phase: picks_at_floor(candidates, Thresholds(), phase) for phase in "PS"}
    figures = tolerance_figures(tolerance_scores, detections, candidates, sweeps, drawn_alone(20))[
        "0.5"
    ]
    assert np.isnan(
        [figures["presence"]["auc"], figures["P"]["recall"], figures["P"]["outliers"]]
    ).all()
    assert (figures["P"]["tp"], figures["P"]["fp"]) == (0, 5)
