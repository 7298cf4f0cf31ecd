"""A training example on its way: a waveform, the arrivals in it, its coda end and its SNR."""

from dataclasses import dataclass, field
from math import inf, isnan, nan

import numpy as np

from steadkit.schema import COMPONENTS

USUAL_CODA = 5.0
"""Where a coda has ended if nobody says where, in times S minus P after P.

In nineteen of twenty rows of STEAD it ends before.
"""


def _unknown_snr() -> np.ndarray:
    return np.full(len(COMPONENTS), np.nan)


@dataclass(frozen=True, eq=False)
class Example:
    """What an augmentation takes and gives back, changed.

    Times are samples from the start of the waveform. One may lie outside, below 0 or beyond the
    last sample, where the window cuts through an event: then it has no label of its own, but
    detection still knows by it what of the event lies inside.

    Parameters
    ----------
    waveform
        Shape (6000, 3), float32; components E, N, Z at 100 Hz. A record that windows are still
        to be cut out of may be longer.
    p
        P of each event, the main one first; may be fractional. Empty for noise.
    s
        S of each event, NaN where it has none.
    coda_end
        Where the coda of the main event ends; NaN if that is not known. One before its last
        arrival, or at infinity, counts as not known.
    snr_db
        Signal-to-noise ratio of each component for the main event, in dB; NaN if not known.
    """

    waveform: np.ndarray = field(repr=False)
    p: tuple[float, ...] = ()
    s: tuple[float, ...] = ()
    coda_end: float = nan
    snr_db: np.ndarray = field(default_factory=_unknown_snr)

    @property
    def is_event(self) -> bool:
        """Whether it holds an earthquake."""
        return len(self.p) > 0

    @property
    def signal_end(self) -> float:
        """Where the last of its events has died away, in samples; NaN if nobody knows.

        The main event ends with its coda, and the others, or one whose coda end is not known,
        five times S minus P after P, as long as nineteen of twenty in STEAD.

        >>> Example(np.zeros((6000, 3)), p=(600.0, 3000.0), s=(900.0, 3300.0)).signal_end
        4500.0
        """
        ends = [p + USUAL_CODA * (s - p) for p, s in zip(self.p, self.s, strict=True)]
        # An S of NaN is never the larger one: comparing with it is false.
        if ends and max(self.p[0], self.s[0]) < self.coda_end < inf:
            ends[0] = self.coda_end
        # The maximum of a list with NaN depends on its order; a sum does not.
        return nan if not ends or isnan(sum(ends)) else max(ends)

    def shifted(self, samples: float, waveform: np.ndarray) -> "Example":
        """Take another waveform, in which everything comes so many samples later."""
        return Example(
            waveform,
            tuple([p + samples for p in self.p]),
            tuple([s + samples for s in self.s]),
            self.coda_end + samples,
            self.snr_db,
        )

    def with_waveform(self, waveform: np.ndarray, snr_db: np.ndarray | None = None) -> "Example":
        """Take another waveform in which everything comes when it came, and perhaps its SNR."""
        snr_db = self.snr_db if snr_db is None else snr_db
        return Example(waveform, self.p, self.s, self.coda_end, snr_db)
