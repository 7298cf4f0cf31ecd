"""Training example during augmentation: waveform, arrivals, coda end and SNR."""

from dataclasses import dataclass, field
from math import inf, isnan, nan

import numpy as np

from steadkit.schema import COMPONENTS

DEFAULT_CODA = 5.0
"""Coda end where it is not known, in multiples of S minus P after P.

In 95 % of STEAD's rows the coda ends earlier.
"""


@dataclass(frozen=True, eq=False)
class Example:
    """Immutable argument and result of an augmentation.

    Times are samples from the start of the waveform. A time may be outside, below 0 or after the
    last sample, where the window cuts an event: an arrival there has no label, but determines how
    much of the event is detected inside.

    Parameters
    ----------
    waveform
        Shape (6000, 3), float32; components E, N, Z at 100 Hz. A record from which windows
        are cut may be longer.
    p
        P of each event, the main event first; may be fractional. Empty for noise.
    s
        S of each event, NaN where it has none.
    coda_end
        Coda end of the main event; NaN if it is not known. A value before its last arrival, or
        infinity, counts as unknown.
    snr_db
        Signal-to-noise ratio of each component for the main event, in dB; NaN if not known.
    """

    waveform: np.ndarray = field(repr=False)
    p: tuple[float, ...] = ()
    s: tuple[float, ...] = ()
    coda_end: float = nan
    snr_db: np.ndarray = field(default_factory=lambda: np.full(len(COMPONENTS), np.nan))

    @property
    def is_event(self) -> bool:
        """Whether the trace contains an earthquake."""
        return len(self.p) > 0

    @property
    def signal_end(self) -> float:
        """Last sample with signal: end of the last coda; NaN if it is not known.

        The main event ends with its coda. Further events, and a main event of unknown coda end,
        end at five times S minus P after P, later than 95 % of STEAD's.

        >>> Example(np.zeros((6000, 3)), p=(600.0, 3000.0), s=(900.0, 3300.0)).signal_end
        4500.0
        """
        ends = [p + DEFAULT_CODA * (s - p) for p, s in zip(self.p, self.s, strict=True)]
        # An S of NaN is never the larger one: comparing with it is false.
        if ends and max(self.p[0], self.s[0]) < self.coda_end < inf:
            ends[0] = self.coda_end
        # The maximum of a list with NaN depends on its order; a sum does not.
        return nan if not ends or isnan(sum(ends)) else max(ends)

    def shifted(self, samples: float, waveform: np.ndarray) -> "Example":
        """Return a copy with another waveform, in which all times are `samples` later."""
        return Example(
            waveform,
            tuple([p + samples for p in self.p]),
            tuple([s + samples for s in self.s]),
            self.coda_end + samples,
            self.snr_db,
        )

    def with_waveform(self, waveform: np.ndarray, snr_db: np.ndarray | None = None) -> "Example":
        """Return a copy with another waveform at the same times, and its SNR if given."""
        snr_db = self.snr_db if snr_db is None else snr_db
        return Example(waveform, self.p, self.s, self.coda_end, snr_db)
