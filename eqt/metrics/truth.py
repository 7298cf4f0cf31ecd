"""Labelled earthquakes of many traces, any number in each."""

from typing import NamedTuple

import numpy as np

from steadkit.schema import SAMPLING_RATE


class Truth(NamedTuple):
    """Earthquakes in order of their traces, each column of shape (earthquakes,)."""

    traces: int
    """How many traces there are, those without an earthquake too."""

    trace: np.ndarray
    p: np.ndarray
    s: np.ndarray
    """Arrivals in samples, NaN where not known."""

    def arrivals(self, phase: str) -> tuple[np.ndarray, np.ndarray]:
        """List the traces and the seconds of the arrivals of P or S that are known."""
        samples = self.p if phase == "P" else self.s
        known = ~np.isnan(samples)
        return self.trace[known], samples[known] / SAMPLING_RATE

    def unknown(self, phase: str) -> np.ndarray:
        """Return the numbers of the earthquakes whose P or S is not known."""
        return np.flatnonzero(np.isnan(self.p if phase == "P" else self.s))

    def lacks(self, phase: str) -> np.ndarray:
        """Return which traces have an earthquake whose P or S is not known, shape (traces,)."""
        return np.bincount(self.trace[self.unknown(phase)], minlength=self.traces) > 0

    def can_judge(self, phase: str, traces: np.ndarray, seconds: np.ndarray) -> np.ndarray:
        """Return which picks cannot be an unlabelled arrival.

        An unlabelled S lies anywhere after its P, and an unlabelled P anywhere before its S.

        Parameters
        ----------
        phase
            ``P`` or ``S``.
        traces, seconds
            Of each pick.

        >>> truth = truth_of(np.array([600.0, 600.0]), np.array([900.0, np.nan]))
        >>> truth.can_judge("S", np.array([0, 1, 1]), np.array([30.0, 30.0, 2.0]))
        array([ True, False,  True])
        """
        unknown = self.unknown(phase)
        known_arrival = (self.s if phase == "P" else self.p)[unknown] / SAMPLING_RATE
        if phase == "P":
            bound = np.full(self.traces, -np.inf)
            np.maximum.at(bound, self.trace[unknown], known_arrival)
            return seconds > bound[traces]
        bound = np.full(self.traces, np.inf)
        np.minimum.at(bound, self.trace[unknown], known_arrival)
        return seconds < bound[traces]

    @property
    def is_event(self) -> np.ndarray:
        """Which traces have an earthquake, shape (traces,)."""
        return np.bincount(self.trace, minlength=self.traces) > 0


def truth_of(p: np.ndarray, s: np.ndarray) -> Truth:
    """List the earthquakes of traces.

    Parameters
    ----------
    p, s
        Arrivals in samples, shape (traces,), or (traces, earthquakes) where some have several;
        NaN where there is none.

    >>> truth_of(np.array([[600.0, 3000.0], [np.nan, np.nan]]), np.full((2, 2), np.nan)).trace
    array([0, 0])
    """
    p, s = (np.asarray(arrivals, float).reshape(len(arrivals), -1) for arrivals in (p, s))
    trace, column = np.nonzero(~(np.isnan(p) & np.isnan(s)))
    return Truth(len(p), trace, p[trace, column], s[trace, column])
