"""Change of the SNR of a trace by an augmentation."""

from math import isnan, nan

import numpy as np

from steadkit.example import Example
from steadkit.schema import COMPONENTS
from steadkit.transforms.statistics import center, mean_squares

WINDOW = 500
"""Samples before P, and from S on, that STEAD's SNR compares: five seconds."""


def snr_after(example: Example, waveform: np.ndarray) -> np.ndarray:
    """Return the SNR of an example after a change of its waveform.

    The catalogue's SNR is changed by the ratio of powers, in dB: that of the five seconds from S on
    (from P on without an S) over that of the five seconds before P, new over old. Both windows are
    shorter where the trace is. NaN if there is no such window, no power in one, or no SNR.
    """
    if not example.is_event or isnan(example.p[0]) or np.isnan(example.snr_db).all():
        return example.snr_db
    p, s = example.p[0], example.s[0]
    onset, signal = round(p), round(p if isnan(s) else s)
    length = min(WINDOW, onset, len(waveform) - signal)
    if length < 2:
        return np.full(len(COMPONENTS), nan)
    # All four windows as one array of twelve columns, which takes as long as three columns.
    windows = [
        waves[start : start + length]
        for start in (signal, onset - length)
        for waves in (waveform, example.waveform)
    ]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        powers = mean_squares(center(np.concatenate(windows, axis=1))).astype(np.float64)
        new_signal, old_signal, new_noise, old_noise = powers.reshape(4, -1)
        change_db = 10 * np.log10(new_signal / old_signal * old_noise / new_noise)
        return np.where(np.isfinite(change_db), example.snr_db + change_db, nan)
