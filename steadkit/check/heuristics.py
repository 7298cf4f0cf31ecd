"""Rules of thumb for earthquakes that nobody labelled: a rise of the short-term energy.

The ratio of short-term to long-term average of the energy (STA/LTA; Allen 1978, Automatic
earthquake recognition and timing from single traces, Bulletin of the Seismological Society of
America 68(5), 1521-1532), over all components. It finds gaps, spikes and passing cars as well, so
it only says where to look.
"""

from typing import Final

import numpy as np
from scipy.signal import butter, sosfilt

from steadkit.check.samples import Components
from steadkit.schema import EVENT, SAMPLING_RATE

BAND_HZ: Final = (2.0, 20.0)
"""Where the energy of local earthquakes stands out of noise."""

STA_SAMPLES: Final = 100
LTA_SAMPLES: Final = 1000
"""Samples of the two averages: 1 s, and the 10 s before it."""

MIN_RATIO: Final = 10.0
"""Of energies, from which a rise is told."""

FILTER_SETTLING: Final = 200
"""Samples until the filter has forgotten where the record begins."""


def energy_rise(components: np.ndarray) -> np.ndarray:
    """Compare the energy of each second with that of the ten seconds before it.

    Parameters
    ----------
    components
        Waveforms, shape (traces, 3, samples), finite, counts at 100 Hz.

    Returns
    -------
    numpy.ndarray
        Ratios, shape (traces, samples), at the sample where the short second begins; 0 where
        there is not room for both averages.
    """
    filters = butter(4, BAND_HZ, "bandpass", fs=SAMPLING_RATE, output="sos")
    centred = components - components.mean(axis=-1, keepdims=True, dtype=np.float64)
    power = sosfilt(filters, centred, axis=-1) ** 2
    # Each component that lives counts alike, whatever its gain.
    level = np.where(Components(components).vary, power.mean(axis=-1), np.inf)[..., None]
    energy = (power / np.maximum(level, np.finfo(float).tiny)).sum(axis=1)
    total = np.cumsum(np.pad(energy, ((0, 0), (1, 0))), axis=-1)
    begin = np.arange(LTA_SAMPLES + FILTER_SETTLING, components.shape[-1] - STA_SAMPLES)
    short = (total[:, begin + STA_SAMPLES] - total[:, begin]) / STA_SAMPLES
    long = (total[:, begin] - total[:, begin - LTA_SAMPLES]) / LTA_SAMPLES
    # Rounding of the running sums, a billionth of the mean, must not pass for silence.
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
        For ``second-event`` and ``unlabelled-event`` a text for each trace, empty where
        nothing rises.
    """
    ratios = energy_rise(components)
    event = categories == EVENT
    ratios[np.arange(ratios.shape[1]) < _search_starts(event, arrivals)[:, None]] = 0
    at = ratios.argmax(axis=-1)
    texts = [
        f"energy rises {ratio:.0f} times at sample {sample}" if ratio >= MIN_RATIO else ""
        for ratio, sample in zip(ratios.max(axis=-1), at, strict=True)
    ]
    return {
        "second-event": [text if e else "" for text, e in zip(texts, event, strict=True)],
        "unlabelled-event": ["" if e else text for text, e in zip(texts, event, strict=True)],
    }


def _search_starts(event: np.ndarray, arrivals: np.ndarray) -> np.ndarray:
    """Give the sample from which a rise counts: in events a second after the coda."""
    p, s, coda = arrivals.T
    last = np.fmax(coda, s + (s - p))
    # Without any of these nobody knows where the first earthquake ends.
    after = np.where(np.isnan(last), np.inf, last + SAMPLING_RATE)
    return np.where(event, after, 0.0)
