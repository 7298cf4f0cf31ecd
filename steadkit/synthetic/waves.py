"""The noiseless seismogram of an earthquake: causal wavelets, later phases and scattered coda.

Every wave starts at its arrival and never before: a wavelet is the minimum-phase one of its
amplitude spectrum, so that attenuation disperses as causality demands (Azimi 1968), and the
band-pass is a causal Butterworth filter. Coda is noise in three bands under the decaying envelopes
of Aki and Chouet (1975), Origin of coda waves, JGR 80.
"""

import math
from typing import Final, NamedTuple

import numpy as np
from scipy import fft, signal

from steadkit.schema import N_SAMPLES, SAMPLING_RATE
from steadkit.synthetic import seismicity, velocity
from steadkit.synthetic.seismicity import Path, Quake
from steadkit.synthetic.stations import Station

WAVELET_SAMPLES: Final = 1200
"""Maximum length of a wavelet, samples."""

LENGTH: Final = N_SAMPLES + WAVELET_SAMPLES
"""Length of every FFT: padded, so that no wavelet wraps around to the start of the trace."""

FREQUENCIES: Final = fft.rfftfreq(LENGTH, 1 / SAMPLING_RATE)

_SECONDS: Final = np.arange(N_SAMPLES) / SAMPLING_RATE

BAND_PASS: Final = signal.sosfreqz(
    signal.butter(2, (1.0, 45.0), "bandpass", fs=SAMPLING_RATE, output="sos"),
    FREQUENCIES,
    fs=SAMPLING_RATE,
)[1]
"""STEAD's band-pass of 1 to 45 Hz, causal."""

DERIVATIVE: Final = (1 - np.exp(-2j * np.pi * FREQUENCIES / SAMPLING_RATE)) * SAMPLING_RATE
"""Transfer function of the backward difference, which is causal."""

BANDS: Final = (2.0, 7.0, 22.0)
"""Centre frequencies of the coda bands, Hz."""

Q_SHEAR: Final = 160.0
Q_POWER: Final = 0.6
"""Q of S along the path is Q_SHEAR f^Q_POWER; that of P is a half larger."""

CODA_Q: Final = 110.0

# Fraction of each wave's coda on E, N and Z, and attenuation relative to that of S.
CODA_SHARE: Final = {"P": np.array([0.7, 0.7, 1.0]), "S": np.array([1.0, 1.0, 0.7])}
Q_RATIO: Final = {"P": 1.5, "S": 1.0}
KAPPA_RATIO: Final = {"P": 0.6, "S": 1.0}

SURFACE_VELOCITY: Final = {"P": 3.0, "S": 1.6}
"""Velocity at the surface in km/s, which refracts rays towards the vertical."""

SCATTERED_FRACTION: Final = 0.15
"""Fraction of the energy that scattering makes independent of the radiation pattern."""


class Arrival(NamedTuple):
    """Deterministic wave: its sample, amplitude on E, N and Z, and coda level."""

    wave: str
    sample: int
    motion: np.ndarray
    coda: float


def _bands() -> np.ndarray:
    """Return weights of the frequencies in each of ``BANDS``, which add up to one."""
    octave = np.log2(np.maximum(FREQUENCIES, 0.1))
    return np.array([np.interp(octave, np.log2(BANDS), row) for row in np.eye(len(BANDS))])


_BAND_WEIGHTS: Final = _bands()


def seismogram(
    quake: Quake, path: Path, p_sample: int, rng: np.random.Generator
) -> tuple[np.ndarray, int]:
    """Simulate the counts ``(3, 6000)`` of one station, band-passed, and the sample of first S."""
    arrivals = _arrivals(quake, path, p_sample, rng)
    s_sample = _first_s(arrivals)
    amplitude = {wave: _amplitude(wave, quake, path) for wave in "PS"}
    pulses = np.array([_pulses(wave, arrivals) for wave in "PS"])
    pulses[1, :, p_sample:N_SAMPLES] += _coda(arrivals, amplitude, p_sample, rng)
    wavelets = _wavelets(np.array([amplitude[wave] for wave in "PS"]), path)
    ground = (fft.rfft(pulses) * wavelets[:, None]).sum(axis=0)
    return path.station.gain * fft.irfft(ground, LENGTH)[:, :N_SAMPLES], s_sample


def _arrivals(quake: Quake, path: Path, p_sample: int, rng: np.random.Generator) -> list[Arrival]:
    rays = velocity.rays(quake.depth_km, path.km)
    arrivals = []
    for ray in rays:
        for wave, slowdown in (("P", 1.0), ("S", velocity.VP_VS)):
            delay = slowdown * ray.seconds - rays[0].seconds
            sample = p_sample + round(delay * SAMPLING_RATE)
            motion = ray.strength * _motion(wave, quake, path, ray)
            arrivals.append(Arrival(wave, sample, motion, ray.strength))
    return arrivals + [
        _convert_at_sediment(arrival, path.station, p_sample, rng) for arrival in arrivals
    ]


def _first_s(arrivals: list[Arrival]) -> int:
    """Return the sample of the first S; an S-to-P conversion at the sediment precedes it."""
    return min(arrival.sample for arrival in arrivals if arrival.wave == "S" and arrival.coda)


def _motion(wave: str, quake: Quake, path: Path, ray: velocity.Ray) -> np.ndarray:
    """Return the amplitude of a ray on E, N and Z, for a source of unit strength."""
    azimuth = math.radians(path.azimuth)
    p, sv, sh = seismicity.radiation(quake.mechanism, ray.takeoff, azimuth)
    onward = math.radians(path.back_azimuth + 180)
    radial = np.array([math.sin(onward), math.cos(onward), 0.0])
    transverse = np.array([math.cos(onward), -math.sin(onward), 0.0])
    up = np.array([0.0, 0.0, 1.0])
    slowness = ray.slowness * (1.0 if wave == "P" else velocity.VP_VS)
    sine = slowness * SURFACE_VELOCITY[wave]
    cosine = math.sqrt(1 - sine**2)
    if wave == "P":
        return _fill_nodes(p, "P") * (cosine * up + sine * radial)
    return _fill_nodes(sv, "S") * (sine * up - cosine * radial) + _fill_nodes(sh, "S") * transverse


def _fill_nodes(pattern: float, wave: str) -> float:
    """Fill the nodes of a radiation pattern as scattering does."""
    energy = (1 - SCATTERED_FRACTION) * pattern**2 + SCATTERED_FRACTION * seismicity.MEAN_PATTERN[
        wave
    ] ** 2 / 2
    return math.copysign(math.sqrt(energy), pattern)


def _convert_at_sediment(
    arrival: Arrival, station: Station, p_sample: int, rng: np.random.Generator
) -> Arrival:
    """Return the conversion at the base of the sediment: P to S, later, or S to P, earlier."""
    lag = round(station.sediment_s * SAMPLING_RATE)
    size = math.hypot(*arrival.motion) * rng.uniform(-0.35, 0.35)
    if arrival.wave == "P":
        turn = rng.uniform(0, 2 * math.pi)
        across = size * np.array([math.sin(turn), math.cos(turn), 0.0])
        return Arrival("P", arrival.sample + lag, across, 0.0)
    # Sediment delays S after P by no more than the complete path does.
    lead = min(lag, (arrival.sample - p_sample) // 2)
    return Arrival("S", arrival.sample - lead, size * np.array([0.0, 0.0, 0.4]), 0.0)


def _amplitude(wave: str, quake: Quake, path: Path) -> np.ndarray:
    """Amplitude spectrum of the ground's displacement at the station."""
    km = math.hypot(path.km, quake.depth_km)
    station = path.station
    corner = float(seismicity.corner_frequency(quake.magnitude, quake.stress_drop))
    seconds = km * 1000 / (seismicity.SOURCE_VP if wave == "P" else seismicity.SOURCE_VS)
    attenuation_s = seconds * np.maximum(FREQUENCIES, 0.1) ** -Q_POWER / (Q_SHEAR * Q_RATIO[wave])
    attenuation_s += KAPPA_RATIO[wave] * station.kappa
    spectrum = seismicity.brune(FREQUENCIES, corner * (seismicity.P_CORNER if wave == "P" else 1.0))
    spectrum *= seismicity.plateau(wave, quake.magnitude, km) * np.exp(
        -np.pi * FREQUENCIES * attenuation_s
    )
    if wave == "S":
        detuning = (FREQUENCIES - station.site_hz) / (0.3 * station.site_hz)
        spectrum *= 1 + station.site / (1 + detuning**2)
    return spectrum


def _wavelets(amplitude: np.ndarray, path: Path) -> np.ndarray:
    """Transform the causal wavelets with these spectra, as the station records them."""
    instrument = path.station.instrument
    recorded = amplitude / np.sqrt(1 + (FREQUENCIES / instrument.cutoff) ** 16)
    largest = recorded.max(axis=1, keepdims=True)
    # Minimum phase from the real cepstrum: its anticausal half is folded onto the causal one. The
    # floor keeps the logarithm finite.
    cepstrum = fft.irfft(np.log(np.maximum(recorded, 1e-7 * largest)), LENGTH)
    cepstrum[:, 1 : LENGTH // 2] *= 2
    cepstrum[:, LENGTH // 2 + 1 :] = 0
    response = np.exp(fft.rfft(cepstrum)) * DERIVATIVE**instrument.order * BAND_PASS
    wavelets = fft.irfft(response, LENGTH)
    # Remove the small acausal part, which the FFT wraps to the end.
    wavelets[:, WAVELET_SAMPLES:] = 0
    return fft.rfft(wavelets) * SAMPLING_RATE


def _pulses(wave: str, arrivals: list[Arrival]) -> np.ndarray:
    pulses = np.zeros((3, LENGTH))
    for arrival in arrivals:
        if arrival.wave == wave and arrival.sample < N_SAMPLES:
            pulses[:, arrival.sample] += arrival.motion
    return pulses


def _coda(
    arrivals: list[Arrival],
    amplitude: dict[str, np.ndarray],
    start: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return scattered waves on E, N and Z after ``start``, before convolution with a wavelet."""
    indices = np.searchsorted(FREQUENCIES, BANDS)
    lag = _first_s(arrivals) - start
    shape = {"P": _p_envelope(lag, rng), "S": _s_envelope(lag, rng)}
    scattered = fft.irfft(white_noise(rng)[:, None] * _BAND_WEIGHTS, LENGTH)[:, :, start:N_SAMPLES]
    coda = np.zeros((3, N_SAMPLES - start))
    for wave in "PS":
        level = seismicity.MEAN_PATTERN[wave] * amplitude[wave][indices] / amplitude["S"][indices]
        share = CODA_SHARE[wave] * rng.lognormal(0, 0.15, 3)
        envelope = level[:, None] * _sum_envelopes(wave, arrivals, shape[wave], start)
        coda += share[:, None] * np.einsum("cbt,bt->ct", scattered, envelope)
    return coda


def _sum_envelopes(wave: str, arrivals: list[Arrival], shape: np.ndarray, start: int) -> np.ndarray:
    """Return the sum of the coda envelopes of a wave's arrivals."""
    envelope = np.zeros((len(BANDS), N_SAMPLES - start))
    for arrival in arrivals:
        if arrival.wave == wave and arrival.coda and arrival.sample < N_SAMPLES:
            envelope[:, arrival.sample - start :] += (
                arrival.coda * shape[:, : N_SAMPLES - arrival.sample]
            )
    return envelope


def white_noise(rng: np.random.Generator) -> np.ndarray:
    """Return the FFT of white noise of unit variance, one row for each component."""
    real, imaginary = rng.standard_normal((2, 3, len(FREQUENCIES)))
    return (real + 1j * imaginary) * math.sqrt(LENGTH / 2)


def _p_envelope(lag: int, rng: np.random.Generator) -> np.ndarray:
    """Return the envelope of P coda: an exponential decay over about S minus P."""
    fall = (0.5 + 0.6 * lag / SAMPLING_RATE) * rng.lognormal(0, 0.45)
    falls = fall * np.array([1.25, 1.0, 0.8])
    rise = rng.lognormal(-2.5, 0.6)
    level = 0.2 * rng.lognormal(0, 0.45)
    return level * -np.expm1(-_SECONDS / rise) * np.exp(-_SECONDS / falls[:, None])


def _s_envelope(lag: int, rng: np.random.Generator) -> np.ndarray:
    """Return the envelope of S coda: t^-n exp(-pi f t / Q)."""
    soon = (0.15 + 0.16 * lag / SAMPLING_RATE) * rng.lognormal(0, 0.3)
    fall = (1 + _SECONDS / soon) ** -rng.uniform(1.0, 1.5)
    rise = rng.lognormal(-2.3, 0.6)
    level = 0.16 * rng.lognormal(0, 0.3)
    loss = np.pi * np.array(BANDS) ** (1 - Q_POWER) / CODA_Q
    return level * fall * -np.expm1(-_SECONDS / rise) * np.exp(-np.outer(loss, _SECONDS))
