"""The study's protocol: 25 columns, in which any pick in an event counts."""

import numpy as np
import pandas as pd

from eqt.metrics.scores import presence
from steadkit.schema import EVENT

STUDY_COLUMNS = (
    "model_name",
    "det_recall",
    "det_precision",
    "d_tp",
    "d_fp",
    "d_tn",
    "d_fn",
    "p_recall",
    "p_precision",
    "p_mae",
    "p_rmse",
    "p_tp",
    "p_fp",
    "p_tn",
    "p_fn",
    "s_recall",
    "s_precision",
    "s_mae",
    "s_rmse",
    "s_tp",
    "s_fp",
    "s_tn",
    "s_fn",
    "#events",
    "#noise",
)
"""The columns in which the study compares its models."""


def study_row(picks: pd.DataFrame, model_name: str) -> dict[str, object]:
    """Compute the study's 25 columns, to the letter.

    There a true positive is any event trace that got a pick, wherever it lies; the errors, in
    seconds, are those of all such picks.

    Parameters
    ----------
    picks
        One row a trace, as in ``picks.csv``: ``trace_category``, ``number_of_detections``,
        ``P_pick``, ``P_error``, ``S_pick``, ``S_error``.
    model_name
        The first column.
    """
    event = (picks["trace_category"] == EVENT).to_numpy()
    row: dict[str, object] = {"model_name": model_name}
    row |= _study_counts("d", "det", event, (picks["number_of_detections"] > 0).to_numpy())
    for phase in ("P", "S"):
        picked = picks[f"{phase}_pick"].notna().to_numpy()
        row |= _study_counts(phase.lower(), phase.lower(), event, picked)
        # An event whose arrival is not known has a pick, but no error.
        errors = picks[f"{phase}_error"][event & picked].dropna().to_numpy(float)
        row[f"{phase.lower()}_mae"] = float(np.abs(errors).mean()) if len(errors) else float("nan")
        row[f"{phase.lower()}_rmse"] = (
            float(np.sqrt((errors**2).mean())) if len(errors) else float("nan")
        )
    row |= {"#events": int(event.sum()), "#noise": int((~event).sum())}
    return {column: row[column] for column in STUDY_COLUMNS}


def _study_counts(short: str, long: str, event: np.ndarray, found: np.ndarray) -> dict[str, object]:
    score = presence(event, found)
    return {
        f"{long}_recall": score.recall,
        f"{long}_precision": score.precision,
        f"{short}_tp": score.tp,
        f"{short}_fp": score.fp,
        f"{short}_tn": score.tn,
        f"{short}_fn": score.fn,
    }
