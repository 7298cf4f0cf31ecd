"""Curves over all thresholds: precision against recall, average precision, area below the ROC."""

from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from eqt.metrics.scores import Score, precision, recall


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
