"""How an augmentation changes the SNR of a trace."""

import numpy as np

from steadkit.example import Example
from steadkit.schema import COMPONENTS
from steadkit.transforms.components import centred, mean_squares

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
    p, s = example.p[0], example.s[0]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        signal = _gain(example.waveform, waveform, p if np.isnan(s) else s)
        snr_db = example.snr_db + 10 * np.log10(
            signal / _gain(example.waveform, waveform, p - WINDOW)
        )
        return np.where(np.isfinite(snr_db), snr_db, np.nan)


def _gain(old: np.ndarray, new: np.ndarray, start: float) -> np.ndarray:
    """Compare the power of each component in the window that begins at a sample."""
    first = 0 if np.isnan(start) else round(start)
    window = slice(max(first, 0), max(first + WINDOW, 0))
    both = np.concatenate([old[window], new[window]], axis=1)
    if np.isnan(start) or len(both) < 2:
        return np.full(len(COMPONENTS), np.nan)
    power = mean_squares(centred(both))
    return power[len(COMPONENTS) :] / power[: len(COMPONENTS)]
