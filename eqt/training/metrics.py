"""How right a network is, batch by batch, while it is trained: cheap, and near what counts.

A detection is as many samples above the threshold as `eqt.picking.picks` asks for, wherever they
are. The pick of a phase is its highest sample above the threshold, whether there is a detection or
not. So the figures are near those of ``eqt evaluate``, but not the same.
"""

from typing import Final, NamedTuple

import numpy as np

from eqt.metrics import TOLERANCE, Score
from eqt.picking.picks import MIN_DETECTION, Thresholds
from steadkit.schema import SAMPLING_RATE

NAMES: Final = ("detection", "P", "S")


class RunningCounts(NamedTuple):
    """True positives, what was found, and what there is: each for detection, P and S."""

    right: np.ndarray = np.zeros(3, int)
    found: np.ndarray = np.zeros(3, int)
    there: np.ndarray = np.zeros(3, int)

    def plus(self, other: "RunningCounts") -> "RunningCounts":
        """Add the counts of other traces."""
        return RunningCounts(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    @property
    def f1(self) -> dict[str, float]:
        """F1 by name; NaN where there is nothing, and nothing was found."""
        scores = [
            Score(tp=int(tp), fp=int(found - tp), fn=int(there - tp))
            for tp, found, there in zip(*self, strict=True)
        ]
        return {f"val_{name}_f1": score.f1 for name, score in zip(NAMES, scores, strict=True)}


def count(found: np.ndarray, peaks: np.ndarray, arrivals: np.ndarray) -> RunningCounts:
    """Count what was found in some traces.

    Parameters
    ----------
    found
        Shape (traces, 3): samples above the detection threshold, and where P and S are highest.
    peaks
        Shape (traces, 2): how high.
    arrivals
        Shape (traces, 2): P and S in samples, NaN where there is none. A trace with a P is an
        earthquake; if it has no S, that is not known, and an S found in it does not count.

    Examples
    --------
    >>> found = np.array([[500, 610, 2000], [0, 17, 30]])
    >>> peaks, arrivals = np.array([[0.9, 0.8], [0.01, 0.2]]), np.array([[600, 900], [np.nan] * 2])
    >>> counts = count(found, peaks, arrivals)
    >>> counts.right.tolist(), counts.found.tolist(), counts.there.tolist()
    ([1, 1, 0], [1, 1, 2], [1, 1, 1])
    """
    limits = Thresholds()
    is_there = np.column_stack([~np.isnan(arrivals[:, 0]), ~np.isnan(arrivals)])
    is_found = np.column_stack([found[:, 0] >= MIN_DETECTION, peaks > (limits.p, limits.s)])
    is_found[:, 2] &= is_there[:, 2] | ~is_there[:, 0]
    near = np.abs(found[:, 1:] - arrivals) <= TOLERANCE * SAMPLING_RATE
    is_right = is_found & is_there & np.column_stack([is_there[:, 0], near])
    return RunningCounts(*(flags.sum(axis=0) for flags in (is_right, is_found, is_there)))
