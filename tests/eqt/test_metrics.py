"""Metrics by hand: the study's columns to the letter, and picks right in time."""

import math

import numpy as np
import pandas as pd
import pytest

from eqt.metrics import STUDY_COLUMNS, Score, residual_figures, study_row, timely

NAN = float("nan")


def picks(rows):
    columns = ["trace_category", "number_of_detections", "P_pick", "P_error", "S_pick", "S_error"]
    return pd.DataFrame(rows, columns=columns)


def test_the_studys_columns_by_hand():
    row = study_row(
        picks(
            [
                ("earthquake_local", 1, 700, 0.1, 900, -0.4),
                ("earthquake_local", 2, 650, -30.0, NAN, NAN),  # far off, and yet a "true" pick
                ("earthquake_local", 0, NAN, NAN, NAN, NAN),
                ("noise", 1, NAN, NAN, 100, NAN),
                ("noise", 0, NAN, NAN, NAN, NAN),
            ]
        ),
        "hand",
    )
    assert tuple(row) == STUDY_COLUMNS
    assert len(row) == 25
    assert [row[c] for c in ("d_tp", "d_fp", "d_tn", "d_fn")] == [2, 1, 1, 1]
    assert [row[c] for c in ("p_tp", "p_fp", "p_tn", "p_fn")] == [2, 0, 2, 1]
    assert [row[c] for c in ("s_tp", "s_fp", "s_tn", "s_fn")] == [1, 1, 1, 2]
    assert row["det_recall"] == row["det_precision"] == pytest.approx(2 / 3)
    assert (row["p_recall"], row["p_precision"]) == (pytest.approx(2 / 3), 1)
    assert row["p_mae"] == pytest.approx(15.05)
    assert row["p_rmse"] == pytest.approx(math.sqrt((0.01 + 900) / 2))
    assert (row["s_mae"], row["s_rmse"]) == (pytest.approx(0.4), pytest.approx(0.4))
    assert (row["#events"], row["#noise"]) == (3, 2)


def test_what_is_undefined_is_nan():
    row = study_row(picks([("noise", 0, NAN, NAN, NAN, NAN)]), "silent")
    undefined = ("det_recall", "det_precision", "p_recall", "p_precision", "p_mae", "s_rmse")
    assert all(math.isnan(row[column]) for column in undefined)


def test_an_event_without_its_arrival_does_not_spoil_the_errors():
    row = study_row(
        picks(
            [
                ("earthquake_local", 1, 700, 0.1, 900, NAN),
                ("earthquake_local", 1, 700, 0.1, 900, 0.3),
            ]
        ),
        "x",
    )
    assert (row["s_mae"], row["s_rmse"], row["s_tp"]) == (pytest.approx(0.3), pytest.approx(0.3), 2)


def found(*pairs):
    return pd.DataFrame(pairs, columns=["trace_name", "seconds"])


def test_picks_right_in_time_by_hand():
    score, residuals = timely(
        {"a": 7.0, "b": 8.0, "c": 9.0},
        found(("a", 7.1), ("a", 7.05), ("b", 8.6), ("n", 3.0)),
    )
    # One of a's picks is right, the nearer; b's is 0.6 s off, c has none, n is noise.
    assert (score.tp, score.fp, score.fn) == (1, 3, 2)
    np.testing.assert_allclose(residuals, [0.05])


@pytest.mark.parametrize(("seconds", "right"), [(7.5, 1), (6.5, 1), (7.51, 0), (6.49, 0)])
def test_the_tolerance_is_inclusive_on_both_sides(seconds, right):
    assert timely({"a": 7.0}, found(("a", seconds)))[0].tp == right


def test_no_picks_and_no_arrivals():
    nothing, _ = timely({"a": 7.0}, found())
    assert (nothing.tp, nothing.fp, nothing.fn) == (0, 0, 1)
    only_false, _ = timely({}, found(("n", 3.0)))
    assert (only_false.tp, only_false.fp, only_false.fn) == (0, 1, 0)


def test_scores():
    score = Score(tp=6, fp=2, fn=4)
    assert score.precision == 0.75
    assert score.recall == 0.6
    assert score.f1 == pytest.approx(2 * 0.75 * 0.6 / 1.35)
    assert math.isnan(Score(0, 0, 0).f1)


def test_residuals_are_summarised():
    figures = residual_figures(np.array([0.1, -0.3]))
    assert figures["mean"] == pytest.approx(-0.1)
    assert figures["sigma"] == pytest.approx(0.2)
    assert figures["mae"] == pytest.approx(0.2)
    assert figures["rmse"] == pytest.approx(math.sqrt(0.05))
    assert math.isnan(residual_figures(np.array([]))["mae"])
