"""Metrics by hand: the study's columns to the letter, scores and residuals."""

import math

import numpy as np
import pandas as pd
import pytest

from eqt.metrics import STUDY_COLUMNS, Score, residual_figures, study_row

NAN = float("nan")


ARRIVALS = (700.0, 900.0)


def results(rows):
    """Make rows of the tester: category, P and S picks; noise has no arrivals."""
    table = pd.DataFrame(rows, columns=["trace_category", "P_pick", "S_pick"])
    is_picked = table[["P_pick", "S_pick"]].notna()
    table["detection_probability"] = is_picked.any(axis=1).map({True: 0.9, False: NAN})
    for phase, arrival in zip("PS", ARRIVALS, strict=True):
        table[f"{phase}_probability"] = is_picked[f"{phase}_pick"].map({True: 0.5, False: NAN})
        event = table["trace_category"] == "earthquake_local"
        table[f"{phase.lower()}_arrival_sample"] = event.map({True: arrival, False: NAN})
    return table


def test_the_studys_columns_by_hand():
    row = study_row(
        results(
            [
                ("earthquake_local", 690, 940),
                ("earthquake_local", 3700, 903),  # far off, and yet a "true" pick
                ("earthquake_local", 650, NAN),  # counts as found, but not for the errors
                ("earthquake_local", NAN, NAN),
                ("noise", NAN, 100),
                ("noise", NAN, NAN),
            ]
        ),
        "hand",
    )
    assert tuple(row) == STUDY_COLUMNS
    assert len(row) == 25
    assert [row[c] for c in ("d_tp", "d_fp", "d_tn", "d_fn")] == [3, 1, 1, 1]
    assert [row[c] for c in ("p_tp", "p_fp", "p_tn", "p_fn")] == [3, 0, 2, 1]
    assert [row[c] for c in ("s_tp", "s_fp", "s_tn", "s_fn")] == [2, 1, 1, 2]
    assert row["det_recall"] == row["det_precision"] == pytest.approx(3 / 4)
    assert (row["p_recall"], row["p_precision"]) == (pytest.approx(3 / 4), 1)
    assert row["p_mae"] == pytest.approx((10 + 3000) / 2)
    assert row["p_rmse"] == pytest.approx(math.sqrt((100 + 9_000_000) / 2))
    assert row["s_mae"] == pytest.approx((40 + 3) / 2)
    assert row["s_rmse"] == pytest.approx(math.sqrt((1600 + 9) / 2))
    assert (row["#events"], row["#noise"]) == (4, 2)


def test_what_is_undefined_is_nan():
    row = study_row(results([("noise", NAN, NAN)]), "silent")
    undefined = ("det_recall", "det_precision", "p_recall", "p_precision", "p_mae", "s_rmse")
    assert all(math.isnan(row[column]) for column in undefined)


def test_an_event_without_its_arrival_does_not_spoil_the_errors():
    rows = results([("earthquake_local", 710, 900), ("earthquake_local", 710, 930)])
    rows.loc[0, "s_arrival_sample"] = NAN
    row = study_row(rows, "x")
    assert (row["s_mae"], row["s_rmse"], row["s_tp"]) == (pytest.approx(30), pytest.approx(30), 2)
    assert row["p_mae"] == 10


def test_scores():
    score = Score(tp=6, fp=2, fn=4)
    assert score.precision == 0.75
    assert score.recall == 0.6
    assert score.f1 == pytest.approx(2 * 0.75 * 0.6 / 1.35)
    assert math.isnan(Score(0, 0, 0).f1)
    assert math.isnan(Score(1, 0, 0).mcc)


@pytest.mark.parametrize("counts", [(6, 2, 4, 3), (10**6, 3, 2, 10**5), (0, 3, 4, 5), (1, 1, 1, 1)])
def test_mcc_is_the_correlation_of_truth_and_finding(counts):
    tp, fp, fn, tn = counts
    truth = np.repeat([1, 0, 1, 0], [tp, fp, fn, tn])
    detected = np.repeat([1, 1, 0, 0], [tp, fp, fn, tn])
    expected = np.corrcoef(truth, detected)[0, 1]
    assert Score(tp, fp, fn, tn).mcc == pytest.approx(expected, abs=1e-12)


def test_residuals_are_summarised():
    figures = residual_figures(np.array([0.1, -0.3]))
    assert figures["mean"] == pytest.approx(-0.1)
    assert figures["sigma"] == pytest.approx(0.2)
    assert figures["mae"] == pytest.approx(0.2)
    assert figures["rmse"] == pytest.approx(math.sqrt(0.05))
    assert figures["median"] == pytest.approx(-0.1)
    assert all(math.isnan(value) for value in residual_figures(np.array([])).values())


def test_one_large_residual_does_not_change_the_mad():
    close = np.array([-0.02, -0.01, 0.0, 0.01, 0.02])
    figures = residual_figures(np.append(close, 50.0))
    assert figures["mad"] == pytest.approx(0.015)
    assert figures["mae"] > 8
