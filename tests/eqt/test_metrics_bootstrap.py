"""Draws of earthquakes against a direct loop, and the intervals that come of them."""

import numpy as np
import pytest

from eqt.metrics import ConfusionCounts, Score, count_outcomes, interval, intervals, resampled

GROUPS = np.array([0, 0, 1, 2, 2, 2, 3])
COUNTS = np.array([[1, 0], [2, 5], [0, 1], [4, 0], [1, 1], [0, 0], [7, 2]])


def by_a_loop(groups, counts, times, seed):
    """Draw earthquakes one by one and add up the traces of each."""
    random = np.random.default_rng(seed)
    number = groups.max() + 1
    sums = []
    for _ in range(times):
        earthquakes = random.integers(number, size=(1, number), dtype=np.int32)[0]
        sums.append(sum(counts[groups == group].sum(axis=0) for group in earthquakes))
    return np.array(sums)


def test_draws_are_those_of_a_direct_loop():
    # Two draws at a time would take the same numbers from the generator.
    np.testing.assert_array_equal(
        resampled(GROUPS, COUNTS, 70, 3), by_a_loop(GROUPS, COUNTS, 70, 3)
    )


def test_another_seed_draws_otherwise_and_the_same_the_same():
    first, repeated, other_seed = (resampled(GROUPS, COUNTS, 20, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, repeated)
    assert (first != other_seed).any()


def test_traces_of_an_earthquake_come_and_go_together():
    groups = np.repeat(np.arange(50), 4)
    right = np.repeat(np.arange(50) % 2, 4)
    together = resampled(groups, right[:, None], 400)[:, 0].std()
    alone = resampled(np.arange(200), right[:, None], 400)[:, 0].std()
    # Four alike say no more than one: the spread is twice that of 200 of their own.
    assert together == pytest.approx(2 * alone, rel=0.2)


def test_the_interval_holds_the_true_share_about_as_often_as_it_says():
    random = np.random.default_rng(0)
    n_inside = 0
    for seed in range(100):
        right = random.random(60) < 0.7
        low, high = interval(resampled(np.arange(60), right[:, None], 200, seed)[:, 0] / 60)
        n_inside += low <= 0.7 <= high
    assert 85 <= n_inside <= 100


def test_draws_without_a_value_are_left_out():
    assert interval(np.array([np.nan, 0.5, 0.5])) == (0.5, 0.5)
    assert np.isnan(interval(np.array([np.nan]))).all()


def example_counts():
    return ConfusionCounts(
        np.array([1, 1, 0, 1, 0]),
        np.array([0, 1, 0, 0, 1]),
        np.array([0, 0, 1, 0, 0]),
        np.array([0, 0, 0, 0, 0]),
    )


def test_intervals_are_of_the_scores_of_each_draw():
    groups = np.array([0, 0, 1, 2, 3])
    bounds = intervals([("a", example_counts())], groups, 50, 2)["a"]
    sums = by_a_loop(groups, example_counts().columns, 50, 2)
    scores = [Score(*map(int, row)) for row in sums]
    for name in ("precision", "recall", "f1"):
        values = np.array([getattr(score, name) for score in scores])
        assert bounds[name] == pytest.approx(interval(values))
        assert bounds[name][0] < bounds[name][1]


def test_one_earthquake_or_no_draw_has_no_interval():
    assert intervals([("a", example_counts())], np.zeros(5, int)) == {"a": {}}
    assert intervals([("a", example_counts())], np.arange(5), times=0) == {"a": {}}


def test_a_tally_by_hand():
    # Trace 0: two there, one found; trace 1: one found for nothing; trace 2: nothing at all.
    counted = count_outcomes(3, np.array([0, 0]), np.array([0, 1]), np.array([0]))
    assert [column.tolist() for column in vars(counted).values()] == [
        [1, 0, 0],
        [0, 1, 0],
        [1, 0, 0],
        [0, 0, 1],
    ]
    assert counted.score(np.array([True, False, False])) == Score(1, 0, 1, 0)
