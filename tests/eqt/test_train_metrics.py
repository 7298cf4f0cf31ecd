"""F1 while a network is trained: batch by batch, near what the evaluation counts."""

import numpy as np
import pytest

from eqt.picking.picks import MIN_DETECTION
from eqt.training.metrics import RunningCounts, count_batch

NONE = float("nan")


def test_batches_add_up_and_a_right_pick_is_within_half_a_second():
    candidates = np.array([[500, 650, 900], [MIN_DETECTION - 1, 651, 900], [40, 100, 200]])
    peaks = np.array([[0.9, 0.05], [0.5, 0.5], [0.2, 0.01]])
    arrivals = np.array([[600, 900], [600, NONE], [NONE, NONE]])
    counts = count_batch(candidates, peaks, arrivals)
    assert counts.tp.tolist() == [1, 1, 0]
    assert counts.n_predicted.tolist() == [2, 3, 0] and counts.n_actual.tolist() == [2, 2, 1]
    sums = RunningCounts()
    for n in range(3):
        sums = sums.add(count_batch(candidates[n : n + 1], peaks[n : n + 1], arrivals[n : n + 1]))
    for summed, expected in zip(sums, counts, strict=True):
        np.testing.assert_array_equal(summed, expected)
    f1 = counts.f1
    assert (f1["val_detection_f1"], f1["val_P_f1"], f1["val_S_f1"]) == pytest.approx((0.5, 0.4, 0))


def test_an_s_in_an_earthquake_whose_s_is_not_known_does_not_count():
    candidates = np.array([[500, 600, 900], [500, 600, 900]])
    peaks = np.full((2, 2), 0.9)
    counts = count_batch(candidates, peaks, np.array([[600, 900], [600, NONE]]))
    assert counts.n_predicted.tolist() == [2, 2, 1] and counts.n_actual.tolist() == [2, 2, 1]
    assert counts.f1["val_S_f1"] == 1


def test_where_nothing_is_and_nothing_was_found_there_is_no_f1():
    nothing = count_batch(np.zeros((2, 3)), np.zeros((2, 2)), np.full((2, 2), NONE))
    assert all(np.isnan(value) for value in nothing.f1.values())
