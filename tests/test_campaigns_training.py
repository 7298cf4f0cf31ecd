"""The long campaigns of trainings, a little of each with a fixed seed."""

from dataclasses import replace

import pandas as pd
from campaigns import repeated_trainings, shuffle_block, training_kills, unknown_arrivals
from conftest import SHORT, TINY

import steadkit
from eqt.picking.picks import Thresholds


def test_a_training_that_was_killed_ends_with_the_same_weights():
    seen = training_kills.campaign(kills=1, seed=3)
    assert sum(count for what, count in seen.items() if "killed" in what) == 1


def test_equal_trainings_have_equal_digests(tmp_path):
    training_kills.prepare(tmp_path)
    options = ["--model", tmp_path / "tiny.toml", "--config", tmp_path / "training.toml"]
    first, second = repeated_trainings.repeat(tmp_path, 2, options)
    assert first == second
    (third,) = repeated_trainings.repeat(tmp_path, 1, [*options, "--seed", 1])
    assert third != first


def test_a_small_training_of_each_order(tmp_path):
    files = shuffle_block.write_files(tmp_path, events=24, noise=12)
    names = {name: steadkit.open_dataset(path).names for name, path in files.items()}
    assert sorted(names["random"]) == sorted(names["catalogue"]) != names["random"]
    assert [name[-2:] for name in names["catalogue"]] == ["NO"] * 12 + ["EV"] * 24
    compared = shuffle_block.orders(block=5)
    arguments = tmp_path, files, TINY, SHORT, compared, 1
    results = shuffle_block.campaign(*arguments)
    assert results["order"].tolist() == [order.name for order in compared] * 2
    assert results["augment"].tolist() == ["none"] * 4 + ["eqt"] * 4
    assert results["val_loss"].nunique() >= 6, "every order is a training of its own"
    again = shuffle_block.campaign(*arguments)
    pd.testing.assert_frame_equal(again, results)
    assert shuffle_block.summary(results).shape == (8, 12)


def test_labels_that_are_removed_leave_the_scores_of_the_others(tmp_path):
    files = unknown_arrivals.write_files(tmp_path, events=24, noise=12)
    low = Thresholds(1e-6, 1e-6, 1e-6)  # so that an untrained network picks
    config = replace(SHORT, epochs=1)
    found = unknown_arrivals.campaign(files, TINY, config, low)
    rows = found.set_index(["trained with", "evaluated with", "kind"])
    for kind in ("P", "presence"):
        for labels in ("half", "none"):
            one, other = (rows.loc[("all", name, kind)] for name in ("all", labels))
            assert one[["precision", "recall"]].equals(other[["precision", "recall"]])
    arrivals = [rows.loc[("all", labels, "S"), "arrivals"] for labels in ("all", "half", "none")]
    assert arrivals[0] > arrivals[1] > arrivals[2] == 0
