"""Areas and curves against their definitions, written out."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eqt.metrics import average_precision, precision_recall, roc_auc, scores_at

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
