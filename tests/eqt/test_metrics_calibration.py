"""Calibration on probabilities made so that it is known."""

import math

import numpy as np
import pytest

from eqt.metrics import calibration_error, rank_correlation, reliability, uncertainty_figures


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
