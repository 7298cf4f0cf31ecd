"""Calibration of probabilities, and rank correlation of uncertainties with errors."""

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from eqt.metrics.curves import roc_auc

BINS = 10
QUANTILES = 5


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
    if len(a) < 2:
        return float("nan")
    ranks_a, ranks_b = (rankdata(values) - (len(a) + 1) / 2 for values in (a, b))
    size = float(np.sqrt((ranks_a**2).sum() * (ranks_b**2).sum()))
    return round(float((ranks_a * ranks_b).sum()) / size, 12) if size else float("nan")


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
    wrong = np.round(sizes, 6) > tolerance
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
