"""Protocol of the study: 25 columns from the published tester's rows, where any pick counts."""

from typing import Final

import numpy as np
import pandas as pd

from eqt.metrics.scores import ConfusionCounts
from steadkit.schema import EVENT

STUDY_COLUMNS = (
    "model_name",
    *("det_recall", "det_precision", "d_tp", "d_fp", "d_tn", "d_fn"),
    *("p_recall", "p_precision", "p_mae", "p_rmse", "p_tp", "p_fp", "p_tn", "p_fn"),
    *("s_recall", "s_precision", "s_mae", "s_rmse", "s_tp", "s_fp", "s_tn", "s_fn"),
    *("#events", "#noise"),
)
"""The columns in which the study compares its models."""

OUTPUTS: Final = {"d": ("det", "detection"), "p": ("p", "P"), "s": ("s", "S")}
"""Prefixes of counts, of recall and precision, and of the columns that they are counted from."""


def study_row(results: pd.DataFrame, model_name: str) -> dict[str, object]:
    """Compute the study's 25 columns exactly as published.

    A true positive is any event trace with a probability in its row, wherever the pick lies.
    The errors are those of `study_errors`.

    Parameters
    ----------
    results
        One row a trace, as in ``X_test_results.csv``: ``trace_category``, and of detection, P and S
        ``_probability``, of P and S ``_pick`` and ``_arrival_sample``, samples.
    model_name
        The first column.
    """
    event = (results["trace_category"] == EVENT).to_numpy()
    row: dict[str, object] = {"model_name": model_name}
    for short, (long, name) in OUTPUTS.items():
        is_detected = results[f"{name}_probability"].notna().to_numpy()
        score = ConfusionCounts.of_traces(event, is_detected).score()
        row |= {f"{long}_recall": score.recall, f"{long}_precision": score.precision}
        row |= {f"{short}_{outcome}": count for outcome, count in vars(score).items()}
    for phase, errors in study_errors(results).items():
        known = errors[~np.isnan(errors)]
        mean, squares = (
            float(values.mean()) if len(known) else float("nan") for values in (known, known**2)
        )
        row |= {f"{phase}_mae": mean, f"{phase}_rmse": squares**0.5}
    row |= {"#events": int(event.sum()), "#noise": int((~event).sum())}
    return {column: row[column] for column in STUDY_COLUMNS}


def study_errors(results: pd.DataFrame) -> dict[str, np.ndarray]:
    """Compute the sizes of the errors of P and S that the study counts, in samples.

    They are those of events with both picks; NaN elsewhere, and where the arrival is not known.

    Parameters
    ----------
    results
        See `study_row`.

    Returns
    -------
    dict
        ``p`` and ``s``, each of shape (traces,).
    """
    # The study's evaluation script averages errors over events with both picks.
    counts = results["trace_category"] == EVENT
    for phase in ("P", "S"):
        counts &= results[f"{phase}_pick"].notna()
    errors = {}
    for phase in ("P", "S"):
        off = results[f"{phase}_pick"] - results[f"{phase.lower()}_arrival_sample"]
        errors[phase.lower()] = off.abs().where(counts).to_numpy(float)
    return errors
