"""Picks and truth to figures: the study's 25 columns, and how many picks are right in time."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

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

TOLERANCE = 0.5
"""Seconds that a pick may be off and still be right."""


@dataclass(frozen=True)
class Score:
    """True and false positives and negatives, and what follows from them; NaN where undefined.

    >>> Score(tp=8, fp=2, fn=0).f1
    0.8888888888888888
    """

    tp: int
    fp: int
    fn: int
    tn: int = 0

    @property
    def precision(self) -> float:
        """Share of what was found that is right."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Share of what there is that was found."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


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


def presence(event: np.ndarray, found: np.ndarray) -> Score:
    """Count by trace: what is an event, and where something was found."""
    return Score(
        tp=int((event & found).sum()),
        fp=int((~event & found).sum()),
        fn=int((event & ~found).sum()),
        tn=int((~event & ~found).sum()),
    )


def timely(
    arrivals: Mapping[str, float], picks: pd.DataFrame, tolerance: float = TOLERANCE
) -> tuple[Score, np.ndarray]:
    """Count picks by whether they are right in time.

    An arrival is found by its nearest pick within the tolerance; every other pick, in noise or in
    an event, is wrong.

    Parameters
    ----------
    arrivals
        Seconds from the start of the trace to the arrival, of the traces that have one.
    picks
        All picks: ``trace_name`` and ``seconds``.
    tolerance
        Seconds, the bound included.

    Returns
    -------
    score : Score
        One true positive at most for each arrival.
    residuals : numpy.ndarray
        Pick minus arrival of the true positives, seconds.
    """
    truth = picks["trace_name"].map(arrivals).to_numpy(float)
    residuals = (picks["seconds"] - truth).to_numpy(float)
    # Seconds are hundredths: without rounding, 0.5 may turn out as 0.5000000001.
    near = np.round(np.abs(residuals), 6) <= tolerance
    ordered = picks.assign(residual=residuals, size=np.abs(residuals))[near].sort_values("size")
    right = ordered.drop_duplicates("trace_name")
    tp = len(right)
    score = Score(tp=tp, fp=len(picks) - tp, fn=len(arrivals) - tp)
    return score, right["residual"].to_numpy(float)


def residual_figures(residuals: np.ndarray) -> dict[str, float]:
    """Summarise residuals: mean, sigma, mean absolute error and root mean square, seconds."""
    if not len(residuals):
        return dict.fromkeys(("mean", "sigma", "mae", "rmse"), float("nan"))
    return {
        "mean": float(residuals.mean()),
        "sigma": float(residuals.std()),
        "mae": float(np.abs(residuals).mean()),
        "rmse": float(np.sqrt((residuals**2).mean())),
    }
