"""Resampling, filtering and cutting of records to STEAD's rate, length and components.

All processing of the samples: a sampling rate other than 100 Hz is changed with a polyphase filter
(`scipy.signal.resample_poly` with a linear-phase low pass that is flat to 92 % of the lower Nyquist
frequency and 80 dB down at it, so nothing is aliased and no arrival is delayed). On request the
linear trend is removed and a two-corner Butterworth band-pass of 1 to 45 Hz is applied forwards and
backwards, at 100 Hz. Then a minute is cut out, filled with the level of the record where that is
shorter. At 100 Hz without the band-pass the samples stay as they are.
"""

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Final

import numpy as np
from scipy import signal

from steadkit.sampling import rank
from steadkit.schema import COMPONENTS, N_SAMPLES, SAMPLING_RATE, TRACE_SHAPE

P_SAMPLES: Final = (400, 900)
"""Range of the P arrival in STEAD, in samples: a window begins 4 to 9 seconds before P."""

RATE_RANGE: Final = (1.0, 1000.0)
"""Accepted sampling rates, in Hz."""

BAND: Final = (1.0, 45.0)
"""Pass band of STEAD's waveforms, in Hz."""

CORNERS: Final = 2
MAX_TERM: Final = 1000
RATE_TOLERANCE: Final = 1e-5
"""Relative error of a resampling ratio; over a minute it is a sixteenth of a sample."""

HALF_TAPS: Final = 64
KAISER_WINDOW: Final = ("kaiser", 8.0)
"""Window of the low pass.

SciPy's default filter is shorter and lets a thousandth of an offset through as a high tone.
"""

MIN_SAMPLES: Final = 100
"""Length of the shortest record in samples at 100 Hz: one second."""

COMPONENT_LETTERS: Final[Mapping[str, Sequence[str]]] = {"E": "E2", "N": "N1", "Z": "Z3"}
"""Last letters of channel codes by component, the preferred first.

SEED's 1, 2 and 3 are orthogonal but may point anywhere; by custom 1 is nearest north, 2 east.
"""

HYDROPHONE: Final = "H"


class UnusableError(ValueError):
    """A record that cannot become a trace; the message is the reason, by which it is counted."""


def component_indices(letters: Sequence[str]) -> list[int | None]:
    """Return the indices of E, N and Z among component letters; None for a missing one.

    >>> component_indices("ZNE"), component_indices("Z12H"), component_indices("Z")
    ([2, 1, 0], [2, 1, 0], [None, None, 0])
    """
    return [
        next(
            (letters.index(letter) for letter in COMPONENT_LETTERS[component] if letter in letters),
            None,
        )
        for component in COMPONENTS
    ]


def is_known_order(letters: Sequence[str]) -> bool:
    """Return whether each letter is a component or a hydrophone, and no component is repeated.

    >>> is_known_order("Z12H"), is_known_order("XYZ"), is_known_order("ZZZ"), is_known_order("Z3")
    (True, False, False, False)
    """
    components = [
        component
        for letter in letters
        for component, accepted in COMPONENT_LETTERS.items()
        if letter in accepted
    ]
    n_hydrophones = sum(letter == HYDROPHONE for letter in letters)
    is_unique = len(set(components)) == len(components)
    return is_unique and len(components) + n_hydrophones == len(letters)


def ratio_to_stead(rate: float) -> Fraction:
    """Return 100 Hz over a sampling rate in Hz, as a ratio of integers up to `MAX_TERM`.

    Raises
    ------
    UnusableError
        The rate is not in `RATE_RANGE`, or no such ratio is within `RATE_TOLERANCE`.

    >>> ratio_to_stead(40.0), ratio_to_stead(99.9999)
    (Fraction(5, 2), Fraction(1, 1))
    """
    if not RATE_RANGE[0] <= rate <= RATE_RANGE[1]:
        raise UnusableError(
            f"a sampling rate that is not {RATE_RANGE[0]:g} to {RATE_RANGE[1]:g} Hz"
        )
    exact = SAMPLING_RATE / rate
    ratio = Fraction(exact).limit_denominator(MAX_TERM)
    if abs(float(ratio) / exact - 1) > RATE_TOLERANCE or ratio.numerator > MAX_TERM:
        raise UnusableError("a sampling rate with no simple ratio to 100 Hz")
    return ratio


def resample_to_stead(samples: np.ndarray, ratio: Fraction, band_pass: bool = False) -> np.ndarray:
    """Resample to 100 Hz, and filter on request.

    Parameters
    ----------
    samples
        Shape (n, components), in counts or any unit; sample 0 keeps its time.
    ratio
        100 Hz over the sampling rate, from `ratio_to_stead`.
    band_pass
        Whether to remove the linear trend and filter to 1 to 45 Hz.

    Returns
    -------
    numpy.ndarray
        Shape (ceil(n * ratio), components).

    Raises
    ------
    UnusableError
        The record is shorter than a second.
    """
    if ratio != 1:
        # "line": the record is extended along the line between its ends, so that no step rings.
        samples = signal.resample_poly(
            samples.astype(float),
            ratio.numerator,
            ratio.denominator,
            axis=0,
            window=low_pass(max(ratio.numerator, ratio.denominator)),
            padtype="line",
        )
    if len(samples) < MIN_SAMPLES:
        raise UnusableError("a record of less than a second")
    if band_pass:
        sos = signal.butter(CORNERS, BAND, "bandpass", fs=SAMPLING_RATE, output="sos")
        detrended = signal.detrend(samples.astype(float), axis=0)
        samples = signal.sosfiltfilt(sos, detrended, axis=0)
    return samples


@lru_cache(maxsize=16)
def low_pass(factor: int) -> np.ndarray:
    """Design the anti-aliasing filter: 80 dB down at the lower Nyquist frequency."""
    taps: np.ndarray = signal.firwin(
        2 * HALF_TAPS * factor + 1, 0.96 / factor, window=KAISER_WINDOW
    )
    return taps


def hash_uniform(name: str, seed: int) -> float:
    """Hash seed and name of a trace to a number from 0 to 1."""
    return float(rank([name], seed, "window")[0]) / 2.0**64


def window_start(length: int, p: float, s: float, is_event: bool, fraction: float) -> int:
    """Choose the sample of a record at which its window begins; below 0 the window is padded.

    A record of one minute is used as it is. Else P lies 400 to 900 samples after the start, S
    within the minute, and the padding is as short as possible.

    Parameters
    ----------
    length
        Samples in the record, at 100 Hz.
    p, s
        Arrivals in samples of the record; NaN where there is none.
    is_event
        Whether a P is required.
    fraction
        A number from 0 to 1 that selects one of the possible starts.

    Raises
    ------
    UnusableError
        No window of one minute contains the arrivals.

    >>> window_start(6000, 2000.0, 3000.0, True, 0.5)
    0
    >>> window_start(12000, 5000.0, 6000.0, True, 0.0), window_start(3000, 100.0, 900.0, True, 0.0)
    (4100, -800)
    """
    if not all(math.isnan(arrival) or 0 <= arrival < length for arrival in (p, s)):
        raise UnusableError("an arrival outside its record")
    if length == N_SAMPLES:
        return 0
    spare = length - N_SAMPLES
    if math.isnan(p):
        if is_event and spare > 0:
            raise UnusableError("no P arrival to cut a minute by")
        return int(fraction * (spare + 1)) if spare > 0 else 0
    first, last = math.ceil(p - P_SAMPLES[1]), math.floor(p - P_SAMPLES[0])
    if not math.isnan(s):
        first = max(first, math.floor(s) - N_SAMPLES + 1)
    if first > last:
        raise UnusableError("S too late after P for one minute")
    low, high = max(first, min(spare, 0)), min(last, max(spare, 0))
    if low > high:  # every start needs padding: take the one with the least
        low = high = last if last < min(spare, 0) else first
    return low + int(fraction * (high - low + 1))


def cut_window(samples: np.ndarray, start: int) -> np.ndarray:
    """Cut a minute out of E, N, Z, padded with the level of the record.

    The level is the mean of the adjacent second: zeros next to a record with an offset would be a
    step larger than any earthquake. A window outside the record is zero.

    Parameters
    ----------
    samples
        Shape (n, 3), at 100 Hz.
    start
        The sample at which the window begins, which may be negative.

    Returns
    -------
    numpy.ndarray
        Shape (6000, 3), float32.

    Raises
    ------
    UnusableError
        A sample is NaN or infinite, or too large for float32.
    """
    minute = np.zeros(TRACE_SHAPE, np.float32)
    first, last = max(start, 0), min(start + N_SAMPLES, len(samples))
    with np.errstate(over="ignore", invalid="ignore"):
        minute[first - start : last - start] = samples[first:last]
        if first < last:
            inside, second = samples[first:last], round(SAMPLING_RATE)
            minute[: first - start] = inside[:second].mean(axis=0, dtype=float)
            minute[last - start :] = inside[-second:].mean(axis=0, dtype=float)
    if not np.isfinite(minute).all():
        raise UnusableError("NaN or infinity among the samples")
    return minute
