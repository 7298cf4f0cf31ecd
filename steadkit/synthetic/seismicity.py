"""Earthquakes: drawn by Gutenberg and Richter's law, where enough stations can record them."""

import math
from typing import Final, NamedTuple

import numpy as np

from steadkit.synthetic import source, stations

TAG: Final = 1
"""Of the random stream that draws the earthquakes."""

B_VALUE: Final = 1.0
MAGNITUDES: Final = np.linspace(0.5, 5.5, 51)

DETECTABLE_DB: Final = 12.0
"""Signal over noise at which a network would have a pick."""

MIN_STATIONS: Final = 3
"""Stations that must detect an earthquake for it to be located."""

NEAR_STATION_FRACTION: Final = 0.4
"""Share of the earthquakes that lie close to a station."""

MAX_DISTANCE_KM: Final = 150.0

SLOTS: Final = 2**20
SLOT_SECONDS: Final = 600
"""Time is cut into slots, one earthquake in each: no two windows of a station can then start in
the same second, which keeps trace names apart."""


class Path(NamedTuple):
    """From an earthquake to a station; angles in degrees."""

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
    chosen = np.sort(rng.permutation(audible)[:n_recording])
    return Quake(
        number=number,
        origin=start_of_slot(number) + round(rng.uniform(0, 100), 2),
        latitude=latitude,
        longitude=longitude,
        depth_km=depth_km,
        magnitude=round(magnitude, 2),
        stress_drop=stress_drop,
        mechanism=source.draw_mechanism(rng),
        paths=tuple(paths[index] for index in chosen),
    )


def start_of_slot(number: int) -> int:
    """Seconds since the catalogue began; an odd factor scatters the numbers over all slots."""
    return number * 648_391 % SLOTS * SLOT_SECONDS


def _epicentre(
    rng: np.random.Generator, region: stations.Region, network: tuple[stations.Station, ...]
) -> tuple[float, float]:
    """Spread over the region, or below a station: networks are dense where the ground shakes."""
    nearest = network[int(rng.integers(len(network)))]
    centre, degrees = (nearest, 0.08) if rng.uniform() < NEAR_STATION_FRACTION else (region, 0.3)
    north, east = (float(offset) for offset in rng.normal(0, degrees, 2))
    east /= math.cos(math.radians(region.latitude))
    return round(centre.latitude + north, 4), round(centre.longitude + east, 4)


def _path(latitude: float, longitude: float, station: stations.Station) -> Path:
    receiver = (station.latitude, station.longitude)
    return Path(station, *stations.distance_azimuths(latitude, longitude, *receiver))


def _signal_to_noise_db(depth_km: float, stress_drop: float, path: Path) -> np.ndarray:
    """Peak of S over noise at a station, roughly, for each of ``MAGNITUDES``."""
    if path.km > MAX_DISTANCE_KM:
        return np.full(len(MAGNITUDES), -np.inf)
    km, station = math.hypot(path.km, depth_km), path.station
    corner = source.corner_frequency(MAGNITUDES, stress_drop)
    # A pulse is as wide as its source and its way through the rock make it, and each derivative
    # of the displacement divides by that width once more.
    width = 1 / (2 * corner) + math.pi / 2 * (station.kappa + km / 1500)
    displacement = source.MEAN_PATTERN["S"] * source.plateau("S", MAGNITUDES, km)
    peak = displacement / width ** (1 + station.instrument.order)
    return 20 * np.log10(peak / station.noise)


def _magnitude(rng: np.random.Generator, located: np.ndarray) -> float:
    """Draw a magnitude among those that are located, the small ones the most often."""
    rate = np.where(located, 10 ** (-B_VALUE * MAGNITUDES), 0.0)
    if not located.any():
        return float(MAGNITUDES[-1])
    step = MAGNITUDES[1] - MAGNITUDES[0]
    drawn = float(rng.choice(MAGNITUDES, p=rate / rate.sum())) + rng.uniform(0, step)
    return min(drawn, float(MAGNITUDES[-1]))
