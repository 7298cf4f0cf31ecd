"""Catalogue of earthquakes after Gutenberg and Richter's law, above a detection threshold."""

import math
from typing import Final, NamedTuple

import numpy as np

from steadkit.synthetic import source, stations

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
    mechanism: source.Mechanism
    paths: tuple[Path, ...]


def quake(seed: int, number: int) -> Quake:
    """Draw an earthquake of the seed's catalogue."""
    rng = np.random.default_rng([seed, TAG, number])
    region = int(rng.integers(len(stations.REGIONS)))
    network = stations.network(seed, region)
    latitude, longitude = _epicentre(rng, stations.REGIONS[region], network)
    depth_km = round(float(np.clip(rng.lognormal(2.1, 0.5), 1.0, 28.0)), 2)
    stress_drop = 3e6 * rng.lognormal(0, 0.8)
    paths = [_path(latitude, longitude, station) for station in network]
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
        mechanism=source.draw_mechanism(rng),
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
    east /= math.cos(math.radians(region.latitude))
    return round(centre.latitude + north, 4), round(centre.longitude + east, 4)


def _path(latitude: float, longitude: float, station: stations.Station) -> Path:
    receiver = (station.latitude, station.longitude)
    return Path(station, *stations.distance_azimuths(latitude, longitude, *receiver))


def _signal_to_noise_db(depth_km: float, stress_drop: float, path: Path) -> np.ndarray:
    """Return the approximate SNR of the S peak at a station, dB, for each of ``MAGNITUDES``."""
    if path.km > MAX_DISTANCE_KM:
        return np.full(len(MAGNITUDES), -np.inf)
    km, station = math.hypot(path.km, depth_km), path.station
    corner = source.corner_frequency(MAGNITUDES, stress_drop)
    # The pulse width is that of the source and of attenuation along the path. Each derivative
    # of the displacement divides the peak by that width.
    width = 1 / (2 * corner) + math.pi / 2 * (station.kappa + km / 1500)
    displacement = source.MEAN_PATTERN["S"] * source.plateau("S", MAGNITUDES, km)
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
