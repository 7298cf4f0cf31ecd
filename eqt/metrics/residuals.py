"""Summary statistics of pick residuals."""

import numpy as np


def residual_figures(residuals: np.ndarray) -> dict[str, float]:
    """Summarise residuals, seconds; NaN where there are none.

    Returns
    -------
    dict
        ``mean``, ``median``, ``sigma`` (the standard deviation), ``mae`` (mean of the absolute
        values), ``rmse`` (root mean square) and ``mad``, the median distance from the median,
        which a few large ones do not change.

    >>> residual_figures(np.array([-0.25, 0.0, 1.0]))["mad"]
    0.25
    """
    if not len(residuals):
        return dict.fromkeys(("mean", "median", "sigma", "mae", "rmse", "mad"), float("nan"))
    median = float(np.median(residuals))
    return {
        "mean": float(residuals.mean()),
        "median": median,
        "sigma": float(residuals.std()),
        "mae": float(np.abs(residuals).mean()),
        "rmse": float(np.sqrt((residuals**2).mean())),
        "mad": float(np.median(np.abs(residuals - median))),
    }
