"""One trace: its waveform and the metadata of its CSV row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steadkit.schema import EVENT


@dataclass(frozen=True, eq=False)
class Trace:
    """One minute of one station, with its metadata.

    Parameters
    ----------
    name
        Name of the trace in its file.
    waveform
        Shape (6000, 3), float32, counts; components E, N, Z at 100 Hz.
    metadata
        The CSV row, typed by `steadkit.types.typed_table`; unknown values are NaN or ``''``.
    """

    name: str
    waveform: np.ndarray = field(repr=False)
    metadata: Mapping[str, Any] = field(repr=False)

    @property
    def is_event(self) -> bool:
        """Whether the trace contains an earthquake."""
        return bool(self.metadata["trace_category"] == EVENT)

    @property
    def p_arrival_sample(self) -> float:
        """P arrival in samples; NaN if there is none or it is not known."""
        return float(self.metadata.get("p_arrival_sample", np.nan))

    @property
    def s_arrival_sample(self) -> float:
        """S arrival in samples; NaN if there is none or it is not known."""
        return float(self.metadata.get("s_arrival_sample", np.nan))

    @property
    def coda_end_sample(self) -> float:
        """Coda end in samples; NaN if it is not known."""
        return float(self.metadata.get("coda_end_sample", np.nan))

    @property
    def snr_db(self) -> np.ndarray:
        """Signal-to-noise ratio of E, N and Z in dB; NaN where it is not known."""
        return np.array([float(self.metadata.get(f"snr_db_{c}", np.nan)) for c in "ENZ"])
