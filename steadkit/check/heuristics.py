"""STA/LTA detection of unlabelled earthquakes.

The ratio of short-term to long-term average of the energy (STA/LTA; Allen 1978, Automatic
earthquake recognition and timing from single traces, Bulletin of the Seismological Society of
America 68(5), 1521-1532), over all components. It detects gaps, spikes and passing cars as well,
so a finding is a hint, not an error.
"""

from typing import Final

import numpy as np
from scipy.signal import butter, sosfilt

from steadkit.check.samples import Components
from steadkit.schema import EVENT, SAMPLING_RATE

BAND_HZ: Final = (2.0, 20.0)
"""Band in which local earthquakes exceed the noise."""

STA_SAMPLES: Final = 100
LTA_SAMPLES: Final = 1000
"""Samples of the two averages: 1 s, and the 10 s before it."""

MIN_RATIO: Final = 10.0
"""Energy ratio from which a rise is reported."""

FILTER_SETTLING: Final = 200
"""Samples until the transient of the band-pass filter has decayed."""


def energy_rise(components: np.ndarray) -> np.ndarray:
    """Return the STA/LTA ratio of the energy: each second over the ten seconds before it.

    Parameters
    ----------
    components
        Waveforms, shape (traces, 3, samples), finite, counts at 100 Hz.

    Returns
    -------
    numpy.ndarray
        Ratios, shape (traces, samples), at the first sample of the short window; 0 where the
        trace is too short for both windows.
    """
    filters = butter(4, BAND_HZ, "bandpass", fs=SAMPLING_RATE, output="sos")
    centred = components - components.mean(axis=-1, keepdims=True, dtype=np.float64)
    power = sosfilt(filters, centred, axis=-1) ** 2
    # Components are weighted equally whatever their gain; dead ones have no weight.
    level = np.where(Components(components).vary, power.mean(axis=-1), np.inf)[..., None]
    energy = (power / np.maximum(level, np.finfo(float).tiny)).sum(axis=1)
    total = np.cumsum(np.pad(energy, ((0, 0), (1, 0))), axis=-1)
    begin = np.arange(LTA_SAMPLES + FILTER_SETTLING, components.shape[-1] - STA_SAMPLES)
    short = (total[:, begin + STA_SAMPLES] - total[:, begin]) / STA_SAMPLES
    long = (total[:, begin] - total[:, begin - LTA_SAMPLES]) / LTA_SAMPLES
    # The running sums round at a billionth of the mean: do not divide by less.
    ratios = np.zeros(energy.shape)
    ratios[:, begin] = short / np.maximum(long, 1e-9)
    return ratios


def find_rises(
    components: np.ndarray, categories: np.ndarray, arrivals: np.ndarray
) -> dict[str, list[str]]:
    """Find the largest rise in noise, and in events after the coda.

    Parameters
    ----------
    components
        Waveforms, shape (traces, 3, samples), finite.
    categories
        The category of each trace.
    arrivals
        P, S and coda end of each trace in samples, shape (traces, 3), NaN where not known.

    Returns
    -------
    dict
        For ``second-event`` and ``unlabelled-event`` a text for each trace, empty without a
        rise.
    """
    ratios = energy_rise(components)
    is_event = categories == EVENT
    ratios[np.arange(ratios.shape[1]) < _search_starts(is_event, arrivals)[:, None]] = 0
    samples = ratios.argmax(axis=-1)
    texts = [
        f"energy rises {ratio:.0f} times at sample {sample}" if ratio >= MIN_RATIO else ""
        for ratio, sample in zip(ratios.max(axis=-1), samples, strict=True)
    ]
    return {
        "second-event": [text if e else "" for text, e in zip(texts, is_event, strict=True)],
        "unlabelled-event": ["" if e else text for text, e in zip(texts, is_event, strict=True)],
    }


def _search_starts(is_event: np.ndarray, arrivals: np.ndarray) -> np.ndarray:
    """Return the sample from which a rise counts: in events a second after the coda."""
    p, s, coda = arrivals.T
    coda_end = np.fmax(coda, s + (s - p))
    # Without any of these the end of the first earthquake is unknown: report nothing.
    after = np.where(np.isnan(coda_end), np.inf, coda_end + SAMPLING_RATE)
    return np.where(is_event, after, 0.0)
