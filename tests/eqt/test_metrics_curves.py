"""Curves, calibration and rank correlation against direct loops and by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eqt.metrics import (
    average_precision,
    calibration_error,
    precision_recall,
    rank_correlation,
    reliability,
    roc_auc,
    scores_at,
    uncertainty_figures,
)

SCORED = st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.7, 0.9]), st.booleans()), max_size=15)


def columns(scored):
    scores, right = np.array(scored, float).reshape(-1, 2).T
    return scores, right.astype(bool)


@given(SCORED)
def test_auc_is_the_chance_that_a_positive_has_the_higher_score(scored):
    scores, positive = columns(scored)
    pairs = [(a, b) for a in scores[positive] for b in scores[~positive]]
    if not pairs:
        assert math.isnan(roc_auc(scores, positive))
        return
    expected = sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs) / len(pairs)
    assert roc_auc(scores, positive) == pytest.approx(expected)


@given(SCORED, st.integers(0, 3))
def test_average_precision_adds_up_steps_of_recall(scored, never):
    scores, right = columns(scored)
    n_actual = int(right.sum()) + never
    if not n_actual:
        assert math.isnan(average_precision(scores, right, n_actual))
        return
    total, previous = 0.0, 0.0
    for threshold in sorted(set(scores.tolist()), reverse=True):
        hits = right[scores >= threshold]
        total += (hits.sum() / n_actual - previous) * hits.mean()
        previous = hits.sum() / n_actual
    assert average_precision(scores, right, n_actual) == pytest.approx(total)


@given(SCORED, st.integers(0, 3))
def test_counts_at_thresholds(scored, never):
    scores, right = columns(scored)
    n_actual = int(right.sum()) + never
    thresholds = np.array([0.05, 0.2, 0.6, 0.9, 0.95])
    for threshold, score in zip(
        thresholds, scores_at(thresholds, scores, right, n_actual), strict=True
    ):
        reached = scores >= threshold
        assert score.tp == (reached & right).sum()
        assert score.fp == (reached & ~right).sum()
        assert score.tp + score.fn == n_actual


def test_equal_scores_come_together():
    curve = precision_recall(np.array([0.5, 0.9, 0.5]), np.array([True, True, False]), 4)
    assert curve.thresholds.tolist() == [0.9, 0.5]
    assert curve.precision.tolist() == [1.0, pytest.approx(2 / 3)]
    assert curve.recall.tolist() == [0.25, 0.5]


def test_nothing_found_has_no_curve_and_no_precision():
    empty = np.array([])
    assert len(precision_recall(empty, empty.astype(bool), 3).recall) == 0
    assert average_precision(empty, empty.astype(bool), 3) == 0


def test_all_right_is_an_area_of_one():
    scores = np.array([0.3, 0.8])
    assert average_precision(scores, np.array([True, True]), 2) == 1
    assert math.isnan(roc_auc(scores, np.array([True, True])))


def test_what_comes_true_as_often_as_stated_is_calibrated():
    random = np.random.default_rng(0)
    stated = random.random(50_000)
    right = random.random(50_000) < stated
    table = reliability(stated, right)
    assert table["count"].sum() == 50_000
    assert (table["right"] - table["stated"]).abs().max() < 0.03
    assert calibration_error(table) < 0.01


def test_a_boaster_is_off_by_how_much_it_boasts():
    stated = np.full(1000, 0.95)
    right = np.arange(1000) < 600
    assert calibration_error(reliability(stated, right)) == pytest.approx(0.35)


def test_bins_by_hand():
    table = reliability(np.array([0.0, 0.1, 0.5, 1.0]), np.array([False, True, True, False]), 2)
    assert table["count"].tolist() == [2, 2]
    assert table["stated"].tolist() == pytest.approx([0.05, 0.75])
    assert table["right"].tolist() == [0.5, 0.5]


def test_nothing_stated_has_no_error():
    table = reliability(np.array([]), np.array([], bool))
    assert table["count"].sum() == 0
    assert math.isnan(calibration_error(table))


def test_rank_correlation_by_the_formula_for_distinct_ranks():
    a, b = np.array([3.0, 1.0, 2.0, 9.0, 5.0]), np.array([0.2, 0.1, 0.4, 0.3, 0.9])
    difference = a.argsort().argsort() - b.argsort().argsort()
    assert rank_correlation(a, b) == pytest.approx(1 - 6 * (difference**2).sum() / (5 * 24))
    assert rank_correlation(a, -(a**3)) == -1
    assert math.isnan(rank_correlation(a, np.ones(5)))
    assert math.isnan(rank_correlation(a[:1], b[:1]))


def test_uncertainty_that_ranks_errors_is_seen_to():
    random = np.random.default_rng(1)
    stds = random.uniform(0.01, 0.2, 2000)
    informative = uncertainty_figures(stds, random.normal(0, 5 * stds), 0.5)
    blind = uncertainty_figures(stds, random.permutation(random.normal(0, 5 * stds)), 0.5)
    assert informative["rank_correlation"] > 0.3 > abs(blind["rank_correlation"]) * 3
    assert informative["auc"] > 0.7
    assert blind["auc"] == pytest.approx(0.5, abs=0.07)
    fifths = informative["fifths"]
    assert sum(fifth["count"] for fifth in fifths) == 2000
    assert fifths[0]["right"] > 0.99 > fifths[-1]["right"]
    sizes = [fifth["median_size_s"] for fifth in fifths]
    assert sizes == sorted(sizes)


def test_no_pick_has_no_uncertainty():
    none = uncertainty_figures(np.array([]), np.array([]), 0.5)
    assert (none["picks"], none["fifths"]) == (0, [])
    assert math.isnan(none["rank_correlation"])
