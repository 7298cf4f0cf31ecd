"""Curves over all thresholds, and calibration of probabilities and of uncertainties."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import rankdata, spearmanr

from eqt.metrics.matching import is_within
from eqt.metrics.scores import Score, precision, recall

BINS = 10
QUANTILES = 5


class Curve(NamedTuple):
    """Precision and recall at every threshold that changes them, the highest first."""

    thresholds: np.ndarray
    precision: np.ndarray
    recall: np.ndarray


def roc_auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Compute the area below the receiver operating characteristic.

    It is the chance that one of the positives has a higher score than one of the others; a tie
    counts half. Source: Hanley and McNeil (1982), doi:10.1148/radiology.143.1.7063747.

    Parameters
    ----------
    scores
        Shape (n,).
    positive
        Shape (n,), bool.

    Returns
    -------
    float
        NaN where all or none are positive.

    >>> roc_auc(np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, True, False, False]))
    0.875
    """
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if not n_positive or not n_negative:
        return float("nan")
    # Mann-Whitney's statistic: ranks instead of all pairs of a positive and a negative.
    ranks = rankdata(scores)[positive].sum()
    return float((ranks - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def precision_recall(scores: np.ndarray, right: np.ndarray, there: int) -> Curve:
    """Return precision and recall at every distinct score, from the highest down.

    Parameters
    ----------
    scores
        Of all that was found, shape (n,).
    right
        Which of it is right, bool, shape (n,).
    there
        How many there are to be found.
    """
    # Picks of equal score pass a threshold together: the curve has one point for all of them.
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)[: len(ordered)])
    tp = np.cumsum(right[order])[last]
    return Curve(ordered[last], precision(tp, last + 1 - tp), recall(tp, there - tp))


def average_precision(scores: np.ndarray, right: np.ndarray, there: int) -> float:
    """Average precision over recall: each step of recall times the precision reached there.

    What is never found, at no threshold, adds nothing. NaN if there is nothing to be found.

    >>> average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]), 2)
    0.8333333333333333
    """
    if not there:
        return float("nan")
    curve = precision_recall(scores, right, there)
    return float(np.sum(np.diff(curve.recall, prepend=0) * np.nan_to_num(curve.precision)))


def scores_at(
    thresholds: np.ndarray, scores: np.ndarray, right: np.ndarray, there: int
) -> list[Score]:
    """Count at each threshold what reaches it: right, wrong, and what is missed.

    >>> scores_at(np.array([0.5]), np.array([0.5, 0.4]), np.array([True, True]), 3)
    [Score(tp=1, fp=0, fn=2, tn=0)]
    """
    right_scores = np.sort(scores[right])
    all_scores = np.sort(scores)
    n_found = len(all_scores) - np.searchsorted(all_scores, thresholds, "left")
    tp = len(right_scores) - np.searchsorted(right_scores, thresholds, "left")
    pairs = zip(tp.tolist(), n_found.tolist(), strict=True)
    return [Score(tp=hits, fp=count - hits, fn=there - hits) for hits, count in pairs]


def reliability(stated: np.ndarray, right: np.ndarray, bins: int = BINS) -> pd.DataFrame:
    """Return a reliability diagram: predicted probability and fraction correct in equal bins.

    Parameters
    ----------
    stated
        Probabilities, shape (n,).
    right
        Which came true, bool, shape (n,).

    Returns
    -------
    pandas.DataFrame
        A row a bin: ``low``, ``high``, ``count``, ``stated`` (the mean) and ``right`` (the share),
        NaN where a bin is empty. A probability of 1 belongs to the last bin.

    >>> reliability(np.array([0.9, 1.0]), np.array([True, False]), 2).iloc[1].tolist()
    [0.5, 1.0, 2.0, 0.95, 0.5]
    """
    edges = np.linspace(0, 1, bins + 1)
    # A probability on an edge belongs to the bin above, 1 to the last bin.
    bin_index = np.clip(np.searchsorted(edges, stated, "right") - 1, 0, bins - 1)
    count = np.bincount(bin_index, minlength=bins)
    divisor = np.where(count, count, np.nan)
    return pd.DataFrame(
        {
            "low": edges[:-1],
            "high": edges[1:],
            "count": count,
            "stated": np.bincount(bin_index, stated, bins) / divisor,
            "right": np.bincount(bin_index, right, bins) / divisor,
        }
    )


def calibration_error(table: pd.DataFrame) -> float:
    """Return the expected calibration error: the mean of |fraction correct - probability|.

    Source: Naeini, Cooper and Hauskrecht (2015), doi:10.1609/aaai.v29i1.9602.

    Parameters
    ----------
    table
        As `reliability` makes it.
    """
    if not table["count"].sum():
        return float("nan")
    gaps = (table["right"] - table["stated"]).abs().fillna(0)
    return float((gaps * table["count"]).sum() / table["count"].sum())


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Compute Spearman's rank correlation; NaN below two values or where one never changes.

    >>> rank_correlation(np.array([1, 2, 30]), np.array([0.1, 0.2, 0.3]))
    1.0
    """
    if len(a) < 2 or not np.ptp(a) or not np.ptp(b):
        return float("nan")
    return round(float(spearmanr(a, b).statistic), 12)


def uncertainty_figures(
    uncertainty: np.ndarray, residuals: np.ndarray, tolerance: float
) -> dict[str, object]:
    """Measure how well uncertainty ranks the errors of picks.

    Parameters
    ----------
    uncertainty
        Standard deviation of the probability of each pick.
    residuals
        Pick minus arrival of each, seconds.
    tolerance
        Seconds beyond which a pick is wrong.

    Returns
    -------
    dict
        ``picks``; ``rank_correlation`` of uncertainty with the size of the residual; ``auc``, the
        chance that a wrong pick is more uncertain than a right one; and ``fifths``, from the least
        to the most uncertain: number, mean uncertainty, median size of the residual, share right.
    """
    sizes = np.abs(residuals)
    wrong = ~is_within(residuals, tolerance)
    order = np.argsort(uncertainty, kind="stable")
    fifths = [
        {
            "count": len(members),
            "uncertainty": float(uncertainty[members].mean()),
            "median_size_s": float(np.median(sizes[members])),
            "right": float(1 - wrong[members].mean()),
        }
        for members in np.array_split(order, QUANTILES)
        if len(members)
    ]
    return {
        "picks": len(sizes),
        "rank_correlation": rank_correlation(uncertainty, sizes),
        "auc": roc_auc(uncertainty, wrong),
        "fifths": fifths,
    }
