"""Draws of earthquakes against a direct loop, and the intervals that come of them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from eqt.cli.compare import compare as compare_command
from eqt.cli.evaluate import evaluate as evaluate_command
from eqt.compare import IN_TIME, ModelRuns, compare, read_evaluation
from eqt.metrics import (
    RESAMPLES,
    BootstrapConfig,
    ConfusionCounts,
    Score,
    cluster_bootstrap,
    count_outcomes,
    draw_weights,
    interval,
    score_intervals,
)
from steadkit.schema import EVENT, NOISE

CLUSTERS = np.array([0, 0, 1, 2, 2, 2, 3, 4])
IS_NOISE = np.array([False, False, False, True, True])
COUNTS = np.array([[1, 0], [2, 5], [0, 1], [4, 0], [1, 1], [0, 0], [7, 2], [3, 3]])


def config(clusters, n_noise=0, resamples=2000, seed=0):
    """Make the last `n_noise` clusters noise."""
    n_clusters = clusters.max() + 1
    return BootstrapConfig(clusters, np.arange(n_clusters) >= n_clusters - n_noise, resamples, seed)


def by_a_loop(clusters, counts, n_noise, resamples, seed):
    """Draw earthquakes, then noise, one by one and add up the traces of each."""
    random = np.random.default_rng(seed)
    n_events = clusters.max() + 1 - n_noise
    sums = []
    for _ in range(resamples):
        drawn = [*random.integers(0, n_events, n_events)]
        drawn += [*(n_events + random.integers(0, n_noise, n_noise))] if n_noise else []
        sums.append(sum(counts[clusters == cluster].sum(axis=0) for cluster in drawn))
    return np.array(sums)


def test_draws_are_those_of_a_direct_loop():
    # 64 draws at a time take the same numbers from the generator.
    np.testing.assert_array_equal(
        cluster_bootstrap(COUNTS, config(CLUSTERS, 2, 70, 3)), by_a_loop(CLUSTERS, COUNTS, 2, 70, 3)
    )


def test_another_seed_draws_otherwise_and_the_same_the_same():
    first, repeated, other_seed = (
        cluster_bootstrap(COUNTS, config(CLUSTERS, 2, 20, seed)) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, repeated)
    assert (first != other_seed).any()
    second_column = cluster_bootstrap(COUNTS[:, 1:], config(CLUSTERS, 2, 20))
    np.testing.assert_array_equal(second_column, first[:, 1:])


def test_every_draw_has_as_many_earthquakes_and_as_much_noise_as_the_data():
    for weights in draw_weights(config(CLUSTERS, 2, 100)):
        assert (weights[:, ~IS_NOISE].sum(axis=1) == 3).all()
        assert (weights[:, IS_NOISE].sum(axis=1) == 2).all()


def test_clusters_do_not_depend_on_the_order_of_the_traces():
    traces = pd.DataFrame(
        {
            "trace_category": [EVENT, NOISE, EVENT, EVENT, NOISE],
            "earthquake": ["us2", "a", "us10", "us2", "b"],
        }
    )
    made = BootstrapConfig.of_traces(traces)
    assert made.clusters.tolist() == [1, 2, 0, 1, 3]
    assert made.is_noise.tolist() == [False, False, True, True]
    assert BootstrapConfig.of_traces(traces[::-1]).clusters.tolist() == [3, 1, 0, 2, 1]


def test_traces_of_an_earthquake_come_and_go_together():
    clusters = np.repeat(np.arange(50), 4)
    right = np.repeat(np.arange(50) % 2, 4)
    together = cluster_bootstrap(right[:, None], config(clusters, 0, 400))[:, 0].std()
    alone = cluster_bootstrap(right[:, None], config(np.arange(200), 0, 400))[:, 0].std()
    # Four alike say no more than one: the spread is twice that of 200 of their own.
    assert together == pytest.approx(2 * alone, rel=0.2)


def test_the_interval_holds_the_true_share_about_as_often_as_it_says():
    random = np.random.default_rng(0)
    n_inside = 0
    for seed in range(100):
        right = random.random(60) < 0.7
        drawn = cluster_bootstrap(right[:, None], config(np.arange(60), 0, 200, seed))
        low, high = interval(drawn[:, 0] / 60)
        n_inside += low <= 0.7 <= high
    assert 85 <= n_inside <= 100


def test_a_figure_that_is_undefined_in_too_many_draws_has_no_interval():
    assert interval(np.array([np.nan] + [0.5] * 19)) == (0.5, 0.5)
    assert np.isnan(interval(np.array([np.nan] + [0.5] * 18))).all()
    assert np.isnan(interval(np.array([np.nan]))).all()
    assert np.isnan(interval(np.array([]))).all()


def example_counts():
    return ConfusionCounts(
        np.array([1, 1, 0, 1, 0]),
        np.array([0, 1, 0, 0, 1]),
        np.array([0, 0, 1, 0, 0]),
        np.array([0, 0, 0, 0, 0]),
    )


def test_intervals_are_of_the_scores_of_each_draw():
    clusters = np.array([0, 0, 1, 2, 3])
    bounds = score_intervals([("a", example_counts())], config(clusters, 1, 50, 2))["a"]
    sums = by_a_loop(clusters, example_counts().columns, 1, 50, 2)
    scores = [Score(*map(int, row)) for row in sums]
    for name in ("precision", "recall", "f1"):
        values = np.array([getattr(score, name) for score in scores])
        assert bounds[name] == pytest.approx(interval(values))
        assert bounds[name][0] < bounds[name][1]


def test_one_earthquake_or_no_draw_has_no_interval():
    counts = [("a", example_counts())]
    assert score_intervals(counts, config(np.zeros(5, int))) == {"a": {}}
    assert score_intervals(counts, config(np.arange(5), 1, 0)) == {"a": {}}


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


def test_evaluate_and_compare_state_the_same_interval(shared_data, run):
    """The command writes metrics.json; the comparison reads the tables beside it."""
    data, weights = shared_data / "ncedc_a.hdf5", shared_data / "eqt_original.h5"
    command = ("evaluate", "--data", data, "--weights", weights, "--out", "one")
    assert run("eqt", *command).exit_code == 0
    evaluations = [ModelRuns(name, [read_evaluation(Path("one"))]) for name in ("one", "again")]
    figures = compare(evaluations).figures
    in_time = figures[(figures["protocol"] == IN_TIME) & (figures["model"] == "one")]
    bounds = {row["figure"]: (row["low"], row["high"]) for row in in_time.to_dict("records")}
    stated = json.loads(Path("one/metrics.json").read_text())["honest"]["0.5"]
    for name, key in (("detection", "presence"), ("P", "P"), ("S", "S")):
        intervals = stated[key]["intervals"]
        for figure in ("precision", "recall", "F1"):
            assert bounds[f"{name} {figure}"] == tuple(intervals[figure.lower()])
            assert bounds[f"{name} {figure}"][0] < bounds[f"{name} {figure}"][1]
    for phase in "PS":
        expected = stated[phase]["residual_s"]["intervals"]["mae"]
        assert bounds[f"{phase} MAE"] == pytest.approx(expected, rel=1e-12)


def test_the_default_number_of_draws_is_one_everywhere():
    commands = (compare_command, evaluate_command)
    defaults = [p.default for c in commands for p in c.params if p.name == "resamples"]
    assert defaults == [RESAMPLES, RESAMPLES]
