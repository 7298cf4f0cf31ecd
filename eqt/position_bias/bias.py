"""How much of the picks' error is due to where P lies, and whether that may be chance."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from steadkit.schema import SAMPLING_RATE

PERMUTATIONS = 499
"""So that the least chance is 0.002."""

SECOND_WIDTH, WINDOW_WIDTH = 10, 500
"""Samples of a bin of the second, and of one of the window."""


@dataclass(frozen=True)
class Bias:
    """What the place explains of the errors' size.

    Parameters
    ----------
    share
        Of the variance of the hits' absolute error within the same trace, the part that differs
        from place to place, less what chance alone explains: 0 without bias, 1 where the place
        decides all. NaN where there is nothing to compare.
    chance
        How often errors that are shuffled within each trace show at least as much: below 0.05
        or so the bias is real.
    """

    share: float
    chance: float

    @property
    def is_real(self) -> bool:
        """Whether shuffled errors show as much less than once in twenty times."""
        return self.chance < 0.05


def bin_in_second(position: np.ndarray, width: int = SECOND_WIDTH) -> np.ndarray:
    """Tell which bin of the second a position is in, the first lying about the whole second.

    >>> bin_in_second(np.array([500, 504, 505, 694, 695])).tolist()
    [0, 0, 1, 9, 0]
    """
    rate = int(SAMPLING_RATE)
    return (position + width // 2) % rate // width


def position_biases(hits: pd.DataFrame, seed: int) -> dict[str, Bias]:
    """Judge the errors of one phase's hits by P's place in the ``second`` and in the ``window``.

    Traces differ in how hard they are, so each one's errors are compared with its own mean, and
    shuffled among its own windows. The part explained is that of an analysis of variance, the
    ratio of sums of squares between bins and in total; what shuffled errors show on average counts
    as nothing.

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
    """Tell what part of the errors' variance within traces the places explain.

    Parameters
    ----------
    size
        Absolute errors, shape (hits,).
    traces, places
        The number of each one's trace and place, from 0 on.
    random
        Shuffles.

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
        # By trace first and then at random: each trace is shuffled by itself.
        _sum_squares_between(centred[np.lexsort((random.random(len(size)), traces))], places)
        / total
        for _ in range(PERMUTATIONS)
    ]
    as_much = sum(other >= share - 1e-12 for other in shuffled)
    usual = float(np.mean(shuffled))
    return Bias(
        max((share - usual) / (1 - usual), 0.0) if usual < 1 else np.nan,
        (1 + as_much) / (1 + PERMUTATIONS),
    )


def _sum_squares_between(centred: np.ndarray, places: np.ndarray) -> float:
    """Sum the squares of the places' means, each as often as it stands."""
    counts, sums = np.bincount(places), np.bincount(places, centred)
    return float((sums[counts > 0] ** 2 / counts[counts > 0]).sum())
