"""Result of a position test: tables by P's position, and its bias with a permutation test."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from eqt.metrics import PHASES
from eqt.picking.picks import Thresholds
from steadkit.schema import SAMPLING_RATE

PERMUTATIONS = 499
"""Number of shuffles: the smallest p-value is 1 / 500."""

SECOND_WIDTH, WINDOW_WIDTH = 10, 500
"""Samples of a bin of the second, and of one of the window."""


@dataclass(frozen=True)
class Bias:
    """Fraction of the errors' variance that the position explains, and its p-value.

    Parameters
    ----------
    share
        Fraction of the variance of the hits' absolute error within traces that lies between
        positions, less that of shuffled errors: 0 without bias, 1 where the position decides all.
        NaN where there is nothing to compare.
    chance
        Fraction of permutations, errors shuffled within each trace, that explain at least as much:
        the p-value of the bias.
    """

    share: float
    chance: float

    @property
    def is_real(self) -> bool:
        """Whether the p-value is below 0.05."""
        return self.chance < 0.05


@dataclass(frozen=True, eq=False)
class PositionResult:
    """Result of a position test.

    Parameters
    ----------
    windows
        A row per window and phase: ``trace_name``, ``phase``, ``position`` (the sample at which P
        lies), ``arrival`` (of the phase), ``pick`` (the most probable sample), ``probability``,
        ``residual`` (pick minus arrival) and ``hit``, whether it lies within the tolerance and
        above the threshold. All in samples.
    bias
        Bias of the errors of ``P`` and ``S`` by P's position in the ``second`` and in the
        ``window``.
    left_out
        Number of events that could not be shifted: too little noise before P.
    thresholds
        Thresholds of a hit.
    seed
        Seed of the positions and of the permutations.
    """

    windows: pd.DataFrame = field(repr=False)
    bias: Mapping[str, Mapping[str, Bias]]
    left_out: int
    thresholds: Thresholds
    seed: int

    def rows_of(self, phase: str) -> pd.DataFrame:
        """Return the rows of a phase."""
        return self.windows[self.windows["phase"] == phase]

    def hits(self, phase: str) -> pd.DataFrame:
        """Return the rows of a phase's hits."""
        return self.windows[(self.windows["phase"] == phase) & self.windows["hit"]]


def bin_in_second(position: np.ndarray, width: int = SECOND_WIDTH) -> np.ndarray:
    """Return the bin of the second in which a position lies; bin 0 is centred on the whole second.

    >>> bin_in_second(np.array([500, 504, 505, 694, 695])).tolist()
    [0, 0, 1, 9, 0]
    """
    rate = int(SAMPLING_RATE)
    return (position + width // 2) % rate // width


def position_biases(hits: pd.DataFrame, seed: int) -> dict[str, Bias]:
    """Compute the bias of one phase's hits by P's position in the ``second`` and in the ``window``.

    Traces differ in difficulty, so the errors of each are centred on their mean and shuffled among
    the windows of the same trace. The explained fraction is that of an analysis of variance, the
    ratio of sums of squares between bins and in total, less the mean of the shuffled errors.

    Source: Good (2005), Permutation, Parametric and Bootstrap Tests of Hypotheses.
    """
    size, position = np.abs(hits["residual"].to_numpy(float)), hits["position"].to_numpy(int)
    traces = pd.factorize(hits["trace_name"])[0]
    bins = {"second": bin_in_second(position), "window": position // WINDOW_WIDTH}
    return {
        name: explained_variance(size, traces, places, np.random.default_rng((seed, number)))
        for number, (name, places) in enumerate(bins.items())
    }


def explained_variance(
    size: np.ndarray, traces: np.ndarray, places: np.ndarray, random: np.random.Generator
) -> Bias:
    """Return the fraction of the errors' variance within traces that the bins explain.

    Parameters
    ----------
    size
        Absolute errors, shape (hits,).
    traces, places
        Numbers of the trace and of the bin of each hit, from 0 on.
    random
        Generator of the shuffles.

    >>> traces, places = np.repeat(np.arange(50), 4), np.tile(np.arange(4), 50)
    >>> size = np.where(places == 0, 1.0, 9.0)
    >>> explained_variance(size, traces, places, np.random.default_rng(0))
    Bias(share=1.0, chance=0.002)
    """
    order = np.argsort(traces, kind="stable")
    size, traces, places = size[order], traces[order], places[order]
    counts = np.bincount(traces)
    centred = size - (np.bincount(traces, size) / np.maximum(counts, 1))[traces]
    total = float((centred**2).sum())
    if total == 0 or len(np.unique(places)) < 2:
        return Bias(np.nan, np.nan)
    share = _sum_squares_between(centred, places) / total
    shuffled = [
        # lexsort orders by its last key, the trace, then by the random numbers: since `traces` is
        # sorted, each trace is shuffled among its own windows.
        _sum_squares_between(centred[np.lexsort((random.random(len(size)), traces))], places)
        / total
        for _ in range(PERMUTATIONS)
    ]
    # Sums in another order may differ by rounding; equal shares count as exceeding.
    n_exceeding = sum(value >= share - 1e-12 for value in shuffled)
    expected_share = float(np.mean(shuffled))
    return Bias(
        max((share - expected_share) / (1 - expected_share), 0.0) if expected_share < 1 else np.nan,
        (1 + n_exceeding) / (1 + PERMUTATIONS),
    )


def _sum_squares_between(centred: np.ndarray, places: np.ndarray) -> float:
    """Return the sum of squares between bins: squared bin means, weighted by their counts."""
    counts, sums = np.bincount(places), np.bincount(places, centred)
    return float((sums[counts > 0] ** 2 / counts[counts > 0]).sum())


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
            rows.append({"phase": phase, "position": float(middle), **error_figures(bin_windows)})
    return pd.DataFrame(rows)


def error_figures(windows: pd.DataFrame) -> dict[str, Any]:
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
        row: dict[str, Any] = {"phase": phase, **error_figures(windows)}
        row["on_seconds"] = error_figures(windows[distance <= SECOND_WIDTH / 2])["mean_error"]
        row["between"] = error_figures(windows[distance >= SAMPLING_RATE / 4])["mean_error"]
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
