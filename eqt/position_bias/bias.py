"""Position bias: variance of pick errors explained by P's position, with a permutation test."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

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
