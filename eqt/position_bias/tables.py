"""Tables of a position test: errors and hit rates by P's position in the window and the second."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from eqt.metrics import PHASES
from eqt.position_bias.bias import SECOND_WIDTH, bin_in_second
from eqt.position_bias.windows import PositionResult
from steadkit.schema import SAMPLING_RATE

POSITION_WIDTH = 250
"""Samples of a bin of the window."""

Middles = Callable[[np.ndarray], np.ndarray]
"""Maps positions to the middles of their bins."""


def by_position(result: PositionResult, width: int = POSITION_WIDTH) -> pd.DataFrame:
    """Tabulate errors and hit rates by P's position in the window.

    Parameters
    ----------
    result
        Result of `position_test`.
    width
        Samples of a bin.

    Returns
    -------
    pandas.DataFrame
        A row per phase and bin: ``phase``, ``position`` (the middle of the bin), ``windows``,
        ``hit_rate``, and of the hits ``mean_error`` (absolute), ``median_error`` (absolute) and
        ``mean``, in samples.
    """
    return _bin_figures(result, lambda position: position // width * width + width / 2)


def by_second(result: PositionResult, width: int = SECOND_WIDTH) -> pd.DataFrame:
    """Tabulate errors and hit rates by P's position in the second, modulo 100 samples.

    The first bin is centred on the whole second: with a width of 10, from 95 to 4. The columns are
    those of `by_position`; ``position`` is 0 in the first bin.
    """
    return _bin_figures(result, lambda position: bin_in_second(position, width) * width)


def _bin_figures(result: PositionResult, bins: Middles) -> pd.DataFrame:
    rows = []
    for phase in PHASES:
        windows = result.rows_of(phase)
        middles = bins(windows["position"].to_numpy())
        for middle, bin_windows in windows.groupby(middles):
            rows.append({"phase": phase, "position": float(middle), **figures_of(bin_windows)})
    return pd.DataFrame(rows)


def figures_of(windows: pd.DataFrame) -> dict[str, Any]:
    """Count windows and hits, and measure the hits' errors in samples; NaN without any."""
    residual = windows["residual"][windows["hit"]].to_numpy()
    size = np.abs(residual)
    return {
        "windows": len(windows),
        "hit_rate": float(windows["hit"].mean()) if len(windows) else np.nan,
        "mean_error": float(size.mean()) if len(size) else np.nan,
        "median_error": float(np.median(size)) if len(size) else np.nan,
        "mean": float(residual.mean()) if len(size) else np.nan,
    }


def summary(result: PositionResult) -> pd.DataFrame:
    """Summarise a position test, a row per phase.

    Returns
    -------
    pandas.DataFrame
        ``phase`` and the columns of `by_position`, over all windows; ``on_seconds`` and
        ``between``, the mean errors where P lies within 5 samples of a whole second, and at least
        25 from it; ``snapped``, see `snapped`; the `Bias` by the position in the second and by
        that in the window.
    """
    rows = []
    for phase in PHASES:
        windows = result.rows_of(phase)
        distance = distance_from_second(windows["position"].to_numpy())
        row: dict[str, Any] = {"phase": phase, **figures_of(windows)}
        row["on_seconds"] = figures_of(windows[distance <= SECOND_WIDTH / 2])["mean_error"]
        row["between"] = figures_of(windows[distance >= SAMPLING_RATE / 4])["mean_error"]
        row["snapped"] = snapped(result.hits(phase))
        for name, bias in result.bias[phase].items():
            row |= {f"{name}_share": bias.share, f"{name}_chance": bias.chance}
        rows.append(row)
    return pd.DataFrame(rows)


def distance_from_second(position: np.ndarray) -> np.ndarray:
    """Return the distance of positions from the nearest whole second, in samples.

    >>> distance_from_second(np.array([500, 510, 590, 550])).tolist()
    [0, 10, 10, 50]
    """
    rate = int(SAMPLING_RATE)
    return np.minimum(position % rate, -position % rate)


def snapped(hits: pd.DataFrame) -> float:
    """Return the fraction of hits picked on a whole second although the arrival is between seconds.

    On: at most a sample away; between: more than 5 away. Of picks that are independent of the
    second at most 3 in 100 fall there.

    >>> snapped(pd.DataFrame({"arrival": [520.0, 530.0, 600.0], "pick": [501, 533, 600]}))
    0.5
    """
    is_between = distance_from_second(hits["arrival"].to_numpy(float)) > SECOND_WIDTH / 2
    is_on_second = distance_from_second(hits["pick"].to_numpy(float)) <= 1
    return float(is_on_second[is_between].mean()) if is_between.any() else np.nan
