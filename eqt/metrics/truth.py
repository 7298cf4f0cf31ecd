"""What there is to be found: the earthquakes of many traces, any number in each."""

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
    p, s = (np.asarray(one, float).reshape(len(one), -1) for one in (p, s))
    trace, which = np.nonzero(~(np.isnan(p) & np.isnan(s)))
    return Truth(len(p), trace, p[trace, which], s[trace, which])
