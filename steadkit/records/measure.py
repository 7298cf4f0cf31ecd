"""Measurements of STEAD on a trace, and between station and source: SNR, coda end, distances.

The SNR follows Mousavi et al. (2019), doi:10.1109/ACCESS.2019.2947848: the 95th percentile of the
amplitude in a short window of S over that in a window of the same length before P. The paper
gives no length; here it is five seconds. It does not define the coda end either; here it is the
sample at which the power of the waves has fallen to that of the noise before P. Both are measured
between 1 and 45 Hz, STEAD's band, even where the samples are kept as they were recorded.
"""

import math
from fractions import Fraction
from typing import Final

import numpy as np

from steadkit.geodesy import geodesics
from steadkit.records.resample import resample_to_stead
from steadkit.schema import N_SAMPLES

SNR_WINDOW: Final = 500
"""Samples before P, and from S on: five seconds."""

MAX_DB: Final = 100.0
"""SNR of a signal over zeros, which has no logarithm."""

MEAN_RADIUS_KM: Final = 6371.0
"""Of the sphere on which STEAD's source_distance_deg is counted."""

SAMPLES_PER_SECOND: Final = 100
QUIET_SECONDS: Final = 2
"""Consecutive quiet seconds that end the coda."""


def snr_db(waveform: np.ndarray, p: float, s: float) -> np.ndarray:
    """Measure the SNR of each component in dB, one decimal; a dead component has 0.

    Parameters
    ----------
    waveform
        Shape (6000, 3), or (traces, 6000, 3).
    p, s
        Arrivals in samples; without S (NaN) the signal window begins at P.

    >>> waveform = np.ones((6000, 3)); waveform[900:] = 10.0; waveform[:, 0] = 0
    >>> snr_db(waveform, 700.0, 900.0)
    array([ 0., 20., 20.])
    """
    noise, peak = amplitude_levels(waveform, p, s)
    live = (noise > 0) | (peak > 0)
    # Each level is at least MAX_DB below the other, so neither log(0) nor a division by zero.
    floor = 10 ** (-MAX_DB / 20)
    ratio = np.maximum(peak, floor * noise) / np.maximum(noise, floor * peak).clip(1e-300)
    # Adding zero makes a negative zero positive.
    return np.round(np.where(live, 20 * np.log10(ratio.clip(floor)), 0.0), 1) + 0.0


def amplitude_levels(
    waveform: np.ndarray, p: float, s: float, window: int = SNR_WINDOW
) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95th percentile of each component's amplitude before P, and from S (or P) on.

    Parameters
    ----------
    waveform
        Shape (6000, components), or (traces, 6000, components).
    p, s
        Arrivals in samples; S may be NaN.
    window
        Samples before P and from S on.
    """
    onset, signal = round(p), round(p if np.isnan(s) else s)
    # In float64: rounded float32 values would not print with one decimal.
    amplitude = np.abs(waveform.astype(float))
    before = amplitude[..., max(onset - window, 0) : max(onset, 1), :]
    after = amplitude[..., signal : signal + window, :]
    return np.percentile(before, 95, axis=-2), np.percentile(after, 95, axis=-2)


def coda_end(waveform: np.ndarray, p: float, s: float) -> int:
    """Find the sample at which the coda falls to the noise level, or the last sample.

    In each second after S the power of the live components, each over its power before P, is
    averaged; a power under two for two seconds means that noise outweighs the remaining waves.

    Parameters
    ----------
    waveform
        Shape (6000, 3).
    p, s
        Arrivals in samples; without S (NaN) the search begins at P.
    """
    onset, begin = round(p), round(p if np.isnan(s) else s)
    centred = waveform - waveform[: max(onset, 1)].mean(axis=0, dtype=float)
    noise = np.mean(centred[max(onset - SNR_WINDOW, 0) : max(onset, 1)] ** 2, axis=0)
    live = noise > 0
    n_seconds = (N_SAMPLES - begin) // SAMPLES_PER_SECOND
    if not live.any() or n_seconds < QUIET_SECONDS:
        return N_SAMPLES - 1
    coda = centred[begin : begin + SAMPLES_PER_SECOND * n_seconds, live]
    blocks = coda.reshape(n_seconds, SAMPLES_PER_SECOND, -1)
    quiet = (np.mean(blocks**2, axis=1) / noise[live]).mean(axis=1) < 2
    # The second of S counts as signal even where S is emergent and its waves grow later.
    quiet[0] = False
    ends = np.flatnonzero(quiet[:-1] & quiet[1:])
    return begin + SAMPLES_PER_SECOND * int(ends[0]) if len(ends) else N_SAMPLES - 1


def filter_band(waveform: np.ndarray) -> np.ndarray:
    """Band-pass a waveform at 100 Hz to 1 to 45 Hz, in which SNR and coda are measured."""
    return resample_to_stead(waveform, Fraction(1), band_pass=True)


def distance_and_azimuth(
    source: tuple[float, float], station: tuple[float, float]
) -> dict[str, float]:
    """Return distance and back azimuth on the WGS84 ellipsoid, by STEAD's column.

    Parameters
    ----------
    source, station
        Latitude and longitude in degrees.

    >>> distance_and_azimuth((33.7496, -117.4938), (32.8889, -117.1051))
    {'source_distance_deg': 0.92, 'source_distance_km': 102.09, 'back_azimuth_deg': 339.3}
    """
    line = geodesics(*np.array([*station, *source])[:, np.newaxis])
    km = float(line.km[0])
    return {
        "source_distance_deg": round(math.degrees(km / MEAN_RADIUS_KM), 2),
        "source_distance_km": round(km, 2),
        "back_azimuth_deg": round(float(line.azimuth[0]), 1) % 360,
    }
