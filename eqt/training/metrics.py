"""Approximate F1 during training, accumulated batch by batch.

A trace counts as detected with `eqt.picking.picks.MIN_DETECTION` samples above the threshold,
consecutive or not. The pick of a phase is its most probable sample above the threshold, with or
without a detection. So the scores are close to those of ``eqt evaluate``, but not the same.
"""

from typing import Final, NamedTuple

import numpy as np

from eqt.metrics import TOLERANCE, Score, is_within
from eqt.picking.picks import MIN_DETECTION, Thresholds
from steadkit.schema import SAMPLING_RATE

NAMES: Final = ("detection", "P", "S")


class RunningCounts(NamedTuple):
    """True positives, positives of the network and of the labels, for detection, P and S."""

    tp: np.ndarray = np.zeros(3, int)
    n_predicted: np.ndarray = np.zeros(3, int)
    n_actual: np.ndarray = np.zeros(3, int)

    def add(self, counts: "RunningCounts") -> "RunningCounts":
        """Return the sum with the counts of further traces."""
        return RunningCounts(*(total + added for total, added in zip(self, counts, strict=True)))

    @property
    def f1(self) -> dict[str, float]:
        """F1 by column of the history; NaN without any positive, actual or predicted."""
        scores = [
            Score(tp=int(tp), fp=int(n_predicted - tp), fn=int(n_actual - tp))
            for tp, n_predicted, n_actual in zip(*self, strict=True)
        ]
        return {f"val_{name}_f1": score.f1 for name, score in zip(NAMES, scores, strict=True)}


def count_batch(candidates: np.ndarray, peaks: np.ndarray, arrivals: np.ndarray) -> RunningCounts:
    """Count true, predicted and actual positives in some traces.

    Parameters
    ----------
    candidates
        Shape (traces, 3): number of samples above the detection threshold, and the samples at which
        P and S are most probable.
    peaks
        Shape (traces, 2): the probabilities of P and S at these samples.
    arrivals
        Shape (traces, 2): P and S in samples, NaN where there is none. A trace with a P is an
        earthquake; if it has no S, its S is unlabelled, and a predicted S does not count.

    Examples
    --------
    >>> candidates = np.array([[500, 610, 2000], [0, 17, 30]])
    >>> peaks, arrivals = np.array([[0.9, 0.8], [0.01, 0.2]]), np.array([[600, 900], [np.nan] * 2])
    >>> counts = count_batch(candidates, peaks, arrivals)
    >>> counts.tp.tolist(), counts.n_predicted.tolist(), counts.n_actual.tolist()
    ([1, 1, 0], [1, 1, 2], [1, 1, 1])
    """
    thresholds = Thresholds()
    is_actual = np.column_stack([~np.isnan(arrivals[:, 0]), ~np.isnan(arrivals)])
    is_predicted = np.column_stack(
        [candidates[:, 0] >= MIN_DETECTION, peaks > (thresholds.p, thresholds.s)]
    )
    # A predicted S of an earthquake without a labelled one is neither right nor wrong.
    is_predicted[:, 2] &= is_actual[:, 2] | ~is_actual[:, 0]
    # NaN, where there is no arrival, is within no tolerance.
    is_near = is_within((candidates[:, 1:] - arrivals) / SAMPLING_RATE, TOLERANCE)
    is_matched = is_predicted & is_actual & np.column_stack([is_actual[:, 0], is_near])
    return RunningCounts(*(flags.sum(axis=0) for flags in (is_matched, is_predicted, is_actual)))
