"""Noise of a station: coloured ground and instrument noise, hum, and transient disturbances."""

import functools
import math
from collections.abc import Callable
from typing import Final

import numpy as np
from scipy import fft

from steadkit.schema import N_SAMPLES, SAMPLING_RATE
from steadkit.synthetic.stations import Station
from steadkit.synthetic.waves import BAND_PASS, FREQUENCIES, LENGTH, white_noise

_SECONDS: Final = np.arange(LENGTH) / SAMPLING_RATE


def ambient(station: Station, hour: float, picked: bool, rng: np.random.Generator) -> np.ndarray:
    """Simulate the counts ``(3, 6000)`` of a station at an hour of its day, band-passed.

    Disturbances are rare in a trace with a ``picked`` earthquake.
    """
    independent = white_noise(rng)
    # Components share a part of their noise; the divisor keeps the variance.
    shared = (independent + station.coherence * np.roll(independent, 1, axis=0)) / math.hypot(
        1, station.coherence
    )
    background = fft.irfft(shared * _colour(station, busy=_activity(hour) > 1), LENGTH)
    ground = background * _wind_level(rng) + _hum(station, rng)
    for disturb, in_noise, in_event in DISTURBANCES:
        if rng.uniform() < (in_event if picked else in_noise):
            ground = ground + disturb(rng) * _polarisation(rng)[:, None]
    level = station.gain * station.noise * _activity(hour) ** 0.5 * rng.lognormal(0, 0.25)
    return level * fft.irfft(fft.rfft(ground) * BAND_PASS, LENGTH)[:, :N_SAMPLES]


def _activity(hour: float) -> float:
    """Return the human activity at an hour, from 0.5 at night to 1.5 in the afternoon."""
    return 1 - 0.5 * math.cos(2 * math.pi * (hour - 2) / 24)


@functools.lru_cache(maxsize=256)
def _colour(station: Station, *, busy: bool) -> np.ndarray:
    """Return the amplitude spectrum of the noise whose RMS after the band-pass is one count."""
    # Bounded: the power law grows without limit towards zero frequency.
    f = np.maximum(FREQUENCIES, 0.3)
    ground = f**-station.reddening
    width = 0.35 * station.culture_hz
    people = station.culture * station.culture_hz**-0.5 * (1.0 if busy else 0.4)
    ground += people * _peak(f, station.culture_hz, width)
    amplitude = ground + station.floor * f ** (station.instrument.order - 1)
    # Anti-alias filter: the amplitude of a Butterworth of order 8.
    amplitude /= np.sqrt(1 + (FREQUENCIES / station.instrument.cutoff) ** 16)
    return amplitude / math.sqrt(np.mean(np.abs(amplitude * BAND_PASS) ** 2))


def _peak(frequencies: np.ndarray, centre: float, width: float) -> np.ndarray:
    return np.exp(-0.5 * ((frequencies - centre) / width) ** 2)


def _wind_level(rng: np.random.Generator) -> np.ndarray:
    """Return the varying level of wind noise within the minute, around one."""
    strength = rng.uniform(0, 0.3) * rng.standard_normal(12)
    knots = np.arange(12) * LENGTH / 12
    return np.exp(np.interp(np.arange(LENGTH), knots, strength, period=LENGTH))


def _hum(station: Station, rng: np.random.Generator) -> np.ndarray:
    """Return the hum of a machine whose frequency drifts a little."""
    if not station.hum:
        return np.zeros((3, LENGTH))
    wander = 0.3 * np.sin(2 * np.pi * _SECONDS / rng.uniform(5, 30))
    phase = rng.uniform(0, 2 * np.pi, (3, 1))
    return station.hum * np.sin(2 * np.pi * (station.hum_hz * _SECONDS + wander) + phase)


def _polarisation(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(0, 1, 3) / math.sqrt(3) + rng.choice((-0.5, 0.5), 3)


def _decaying_oscillation(start: float, hertz: float, fall: float) -> np.ndarray:
    """Return an oscillation that starts at a time and decays exponentially."""
    elapsed = np.maximum(_SECONDS - start, 0)
    return np.sin(2 * np.pi * hertz * elapsed) * np.exp(-elapsed / fall)


def _footsteps(rng: np.random.Generator) -> np.ndarray:
    """Return the footsteps of a passer-by."""
    pace, hertz, steps = rng.uniform(0.45, 0.7), rng.uniform(10, 30), rng.integers(6, 25)
    first = rng.uniform(0, 45)
    proximity = np.exp(-0.5 * (np.linspace(-2, 2, steps) + rng.normal(0, 0.5)) ** 2)
    blows = [
        weight * rng.uniform(0.6, 1.2) * _decaying_oscillation(first + pace * step, hertz, 0.06)
        for step, weight in enumerate(proximity)
    ]
    return rng.lognormal(1.8, 0.5) * np.sum(blows, axis=0)


def _vehicle(rng: np.random.Generator) -> np.ndarray:
    """Return a passing vehicle: emergent, without an onset."""
    nearest, width, hertz = rng.uniform(0, 60), rng.uniform(2, 8), rng.uniform(4, 18)
    bandwidth = rng.uniform(0.2, 0.5) * hertz
    spectrum = _peak(FREQUENCIES, hertz, bandwidth) * fft.rfft(rng.standard_normal(LENGTH))
    roar = fft.irfft(spectrum, LENGTH)
    swell = np.exp(-0.5 * ((_SECONDS - nearest) / width) ** 2)
    return rng.lognormal(1.2, 0.6) * swell * roar / roar.std()


def _slam(rng: np.random.Generator) -> np.ndarray:
    """Return a single impact: one wave, without the S wave of an earthquake."""
    blow = _decaying_oscillation(rng.uniform(0, 55), rng.uniform(3, 20), rng.lognormal(-1.6, 0.6))
    return rng.lognormal(2.3, 0.7) * blow


def _spikes(rng: np.random.Generator) -> np.ndarray:
    """Return a few spikes, as of digitizer errors."""
    spikes = np.zeros(LENGTH)
    samples = rng.integers(0, N_SAMPLES, rng.integers(1, 5))
    spikes[samples] = rng.lognormal(3.2, 0.6, len(samples)) * rng.choice((-1, 1), len(samples))
    return spikes


def _step(rng: np.random.Generator) -> np.ndarray:
    """Return an offset step; beyond the trace it ramps to zero, as the FFT is periodic."""
    start = rng.integers(0, N_SAMPLES)
    shift = np.clip((LENGTH - np.arange(LENGTH)) / (LENGTH - N_SAMPLES), 0, 1)
    shift[:start] = 0
    return rng.lognormal(2.8, 0.6) * shift


# Disturbance, its probability in a noise trace, and in an event trace.
Disturbance = Callable[[np.random.Generator], np.ndarray]
DISTURBANCES: Final[tuple[tuple[Disturbance, float, float], ...]] = (
    (_footsteps, 0.08, 0.01),
    (_vehicle, 0.12, 0.02),
    (_slam, 0.08, 0.01),
    (_spikes, 0.04, 0.01),
    (_step, 0.03, 0.005),
)
