"""Earthquakes: source spectrum, radiation pattern, and a catalogue above a detection threshold.

Magnitudes follow Gutenberg and Richter's law, spectra Brune (1970), Tectonic stress and the spectra
of seismic shear waves, JGR 75; the pattern of a double couple is that of Aki and Richards,
Quantitative Seismology, 2nd edition, equations 4.89 to 4.91.
"""

import math
from typing import Final, NamedTuple

import numpy as np

from steadkit.synthetic import stations

TAG: Final = 1
"""Tag of the random stream that draws the earthquakes."""

B_VALUE: Final = 1.0
MAGNITUDES: Final = np.linspace(0.5, 5.5, 51)

DETECTABLE_DB: Final = 12.0
"""Signal-to-noise ratio from which a network picks an arrival."""

MIN_STATIONS: Final = 3
"""Stations that must detect an earthquake for it to be located."""

NEAR_STATION_FRACTION: Final = 0.4
"""Fraction of the earthquakes close to a station."""

MAX_DISTANCE_KM: Final = 150.0

SLOTS: Final = 2**20
SLOT_SECONDS: Final = 600
"""Time is divided into slots of one earthquake: no two windows of a station then start in the same
second, so trace names are unique."""

DENSITY: Final = 2700.0
"""Of the rock at the source, in kg/m^3."""

SOURCE_VP: Final = 6300.0
SOURCE_VS: Final = 3640.0
"""Velocities at the source, in m/s."""

FREE_SURFACE: Final = 2.0
"""Amplification of the free surface: twice the incident amplitude."""

P_CORNER: Final = 1.3
"""Ratio of the corner frequencies of P and S (Madariaga 1976)."""

MEAN_PATTERN: Final = {"P": math.sqrt(4 / 15), "S": math.sqrt(2 / 5)}
"""Root mean square of the radiation pattern over the sphere."""


class Mechanism(NamedTuple):
    """Strike, dip and rake in degrees."""

    strike: float
    dip: float
    rake: float


class Path(NamedTuple):
    """Path from an earthquake to a station; angles in degrees."""

    station: stations.Station
    km: float
    azimuth: float
    back_azimuth: float


class Quake(NamedTuple):
    """One earthquake and the stations that record it."""

    number: int
    origin: float
    latitude: float
    longitude: float
    depth_km: float
    magnitude: float
    stress_drop: float
    mechanism: Mechanism
    paths: tuple[Path, ...]


def quake(seed: int, number: int) -> Quake:
    """Draw an earthquake of the seed's catalogue."""
    rng = np.random.default_rng([seed, TAG, number])
    region = int(rng.integers(len(stations.REGIONS)))
    network = stations.network(seed, region)
    latitude, longitude = _epicentre(rng, stations.REGIONS[region], network)
    depth_km = round(float(np.clip(rng.lognormal(2.1, 0.5), 1.0, 28.0)), 2)
    stress_drop = 3e6 * rng.lognormal(0, 0.8)
    paths = [
        Path(s, *stations.distance_azimuths(latitude, longitude, s.latitude, s.longitude))
        for s in network
    ]
    snr_is_enough = (
        np.array([_signal_to_noise_db(depth_km, stress_drop, path) for path in paths])
        > DETECTABLE_DB
    )
    magnitude = _magnitude(rng, snr_is_enough.sum(axis=0) >= MIN_STATIONS)
    audible = np.flatnonzero(snr_is_enough[:, np.searchsorted(MAGNITUDES, magnitude + 1e-9) - 1])
    n_recording = min(int(rng.integers(3, 9)), len(audible))
    recording = np.sort(rng.permutation(audible)[:n_recording])
    return Quake(
        number=number,
        origin=start_of_slot(number) + round(rng.uniform(0, 100), 2),
        latitude=latitude,
        longitude=longitude,
        depth_km=depth_km,
        magnitude=round(magnitude, 2),
        stress_drop=stress_drop,
        mechanism=draw_mechanism(rng),
        paths=tuple(paths[index] for index in recording),
    )


def start_of_slot(number: int) -> int:
    """Return seconds since the start of the catalogue; an odd factor permutes the slots."""
    return number * 648_391 % SLOTS * SLOT_SECONDS


def _epicentre(
    rng: np.random.Generator, region: stations.Region, network: tuple[stations.Station, ...]
) -> tuple[float, float]:
    """Draw an epicentre in the region or near a station: networks are dense in seismic areas."""
    nearest = network[int(rng.integers(len(network)))]
    centre, degrees = (nearest, 0.08) if rng.uniform() < NEAR_STATION_FRACTION else (region, 0.3)
    north, east = (float(offset) for offset in rng.normal(0, degrees, 2))
    # A degree of longitude shrinks with latitude.
    east /= math.cos(math.radians(region.latitude))
    return round(centre.latitude + north, 4), round(centre.longitude + east, 4)


def _signal_to_noise_db(depth_km: float, stress_drop: float, path: Path) -> np.ndarray:
    """Return the approximate SNR of the S peak at a station, dB, for each of ``MAGNITUDES``."""
    if path.km > MAX_DISTANCE_KM:
        return np.full(len(MAGNITUDES), -np.inf)
    km, station = math.hypot(path.km, depth_km), path.station
    corner = corner_frequency(MAGNITUDES, stress_drop)
    # The pulse width is that of the source and of attenuation along the path. Each derivative
    # of the displacement divides the peak by that width.
    width = 1 / (2 * corner) + math.pi / 2 * (station.kappa + km / 1500)
    displacement = MEAN_PATTERN["S"] * plateau("S", MAGNITUDES, km)
    peak = displacement / width ** (1 + station.instrument.order)
    return 20 * np.log10(peak / station.noise)


def _magnitude(rng: np.random.Generator, located: np.ndarray) -> float:
    """Draw a magnitude among those that are located, by Gutenberg and Richter's law."""
    rate = np.where(located, 10 ** (-B_VALUE * MAGNITUDES), 0.0)
    if not located.any():
        return float(MAGNITUDES[-1])
    step = MAGNITUDES[1] - MAGNITUDES[0]
    magnitude = float(rng.choice(MAGNITUDES, p=rate / rate.sum())) + rng.uniform(0, step)
    return min(magnitude, float(MAGNITUDES[-1]))


def moment(magnitude: float | np.ndarray) -> float | np.ndarray:
    """Seismic moment in N m (Hanks and Kanamori 1979)."""
    return 10 ** (1.5 * magnitude + 9.1)


def corner_frequency(magnitude: float | np.ndarray, stress_drop: float) -> float | np.ndarray:
    """Corner of the S spectrum in Hz, for a stress drop in Pa.

    Examples
    --------
    >>> round(corner_frequency(3.0, 3e6), 2)
    7.49
    """
    return 0.37 * SOURCE_VS * (16 * stress_drop / (7 * moment(magnitude))) ** (1 / 3)


def plateau(wave: str, magnitude: float | np.ndarray, km: float | np.ndarray) -> np.ndarray:
    """Long-period level in m s of the displacement ``km`` away, before the radiation pattern."""
    velocity = SOURCE_VP if wave == "P" else SOURCE_VS
    spreading = 4 * math.pi * DENSITY * velocity**3 * np.asarray(km) * 1000
    return FREE_SURFACE * moment(magnitude) / spreading


def brune(frequencies: np.ndarray, corner: float) -> np.ndarray:
    """Omega-square displacement spectrum with a plateau of one."""
    return 1 / (1 + (frequencies / corner) ** 2)


def draw_mechanism(rng: np.random.Generator) -> Mechanism:
    """Draw a double couple of random orientation: fault poles uniform on the sphere."""
    # Uniform in the cosine: as many poles for each solid angle.
    dip = math.degrees(math.acos(rng.uniform(0, 1)))
    strike, rake = rng.uniform(0, 360), rng.uniform(-180, 180)
    return Mechanism(round(strike, 1), round(dip, 1), round(rake, 1))


def radiation(mechanism: Mechanism, takeoff: float, azimuth: float) -> tuple[float, float, float]:
    """Pattern of P, SV and SH for a ray leaving at angles in radians, ``takeoff`` from down.

    Examples
    --------
    A vertical strike-slip fault that strikes north pushes to the northeast, pulls to the northwest.

    >>> strike_slip = Mechanism(0, 90, 0)
    >>> [round(radiation(strike_slip, math.pi / 2, math.radians(a))[0], 3) for a in (45, 315)]
    [1.0, -1.0]
    """
    strike, dip, rake = (math.radians(angle) for angle in mechanism)
    turn = azimuth - strike
    sin_i, cos_i, sin_2i, cos_2i = (f(k * takeoff) for k in (1, 2) for f in (math.sin, math.cos))
    sin_t, cos_t, sin_2t, cos_2t = (f(k * turn) for k in (1, 2) for f in (math.sin, math.cos))
    # The four faces of a double couple: strike slip and dip slip, each on a fault of any dip.
    strike_vertical = math.cos(rake) * math.sin(dip)
    strike_flat = math.cos(rake) * math.cos(dip)
    dip_half = math.sin(rake) * math.sin(2 * dip)
    dip_turned = math.sin(rake) * math.cos(2 * dip)
    p = (
        strike_vertical * sin_i**2 * sin_2t
        - strike_flat * sin_2i * cos_t
        + dip_half * (cos_i**2 - sin_i**2 * sin_t**2)
        + dip_turned * sin_2i * sin_t
    )
    sv = (
        dip_turned * cos_2i * sin_t
        - strike_flat * cos_2i * cos_t
        + 0.5 * strike_vertical * sin_2i * sin_2t
        - 0.5 * dip_half * sin_2i * (1 + sin_t**2)
    )
    sh = (
        strike_flat * cos_i * sin_t
        + strike_vertical * sin_i * cos_2t
        + dip_turned * cos_i * cos_t
        - 0.5 * dip_half * sin_i * sin_2t
    )
    return p, sv, sh
