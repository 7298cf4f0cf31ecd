"""One trace: its waveform, its arrivals, and what else its row says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steadkit.schema import EVENT


@dataclass(frozen=True, eq=False)
class Trace:
    """One minute of one station.

    Parameters
    ----------
    name
        The trace's name in its file.
    waveform
        Shape (6000, 3), float32, counts; components E, N, Z at 100 Hz.
    metadata
        Its row, typed as `steadkit.types.typed_table` does; what is not known is NaN or ``''``.
    """

    name: str
    waveform: np.ndarray = field(repr=False)
    metadata: Mapping[str, Any] = field(repr=False)

    @property
    def is_event(self) -> bool:
        """Whether it holds an earthquake."""
        return bool(self.metadata["trace_category"] == EVENT)

    @property
    def p_arrival_sample(self) -> float:
        """Where P arrives, in samples; NaN if it does not or is not known."""
        return float(self.metadata.get("p_arrival_sample", np.nan))

    @property
    def s_arrival_sample(self) -> float:
        """Where S arrives, in samples; NaN if it does not or is not known."""
        return float(self.metadata.get("s_arrival_sample", np.nan))

    @property
    def coda_end_sample(self) -> float:
        """Where the coda ends, in samples; NaN if that is not known."""
        return float(self.metadata.get("coda_end_sample", np.nan))

    @property
    def snr_db(self) -> np.ndarray:
        """Signal-to-noise ratio of E, N and Z in dB; NaN where it is not known."""
        return np.array([float(self.metadata.get(f"snr_db_{c}", np.nan)) for c in "ENZ"])
