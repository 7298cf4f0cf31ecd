"""How an augmentation changes the SNR of a trace."""

import numpy as np

from steadkit.example import Example
from steadkit.schema import COMPONENTS

WINDOW = 500
"""Samples before P, and from S on, that STEAD's SNR compares: five seconds."""


def snr_after(example: Example, waveform: np.ndarray) -> np.ndarray:
    """Move an example's SNR by what a change of its waveform does to signal over noise.

    The SNR stays the catalogue's, and moves by as many dB as the power of the five seconds from S
    on (from P on without an S) over that of the five seconds before P has moved. NaN where there
    is no such window, no power in one, or no SNR to begin with.
    """
    if not example.is_event or np.isnan(example.snr_db).all():
        return example.snr_db
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = _db(example, waveform) - _db(example, example.waveform)
        return np.where(np.isfinite(moved), example.snr_db + moved, np.nan)


def _db(example: Example, waveform: np.ndarray) -> np.ndarray:
    p, s = example.p[0], example.s[0]
    return 10 * np.log10(_power(waveform, p if np.isnan(s) else s) / _power(waveform, p - WINDOW))


def _power(waveform: np.ndarray, start: float) -> np.ndarray:
    if np.isnan(start):
        return np.full(len(COMPONENTS), np.nan)
    window = waveform[max(round(start), 0) : max(round(start) + WINDOW, 0)]
    if len(window) < 2:
        return np.full(len(COMPONENTS), np.nan)
    return np.var(np.ascontiguousarray(window.T, np.float64), axis=1)
