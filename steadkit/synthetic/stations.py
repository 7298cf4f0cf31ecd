"""Stations: position, instrument, site response and noise level."""

import functools
import math
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

TAG: Final = 0
"""Tag of the random stream that draws the stations."""

EARTH_KM: Final = 6371.0

STATIONS_PER_REGION: Final = 10

RADIUS_DEG: Final = 0.75
"""Radius of a region, in degrees of latitude."""


class Region(NamedTuple):
    """A network of stations around a point."""

    network: str
    latitude: float
    longitude: float


REGIONS: Final = (
    Region("X1", 34.1, -117.4),
    Region("X2", 38.8, -122.8),
    Region("X3", 63.4, -149.5),
    Region("X4", 42.8, 13.2),
    Region("X5", 38.4, 39.1),
    Region("X6", -33.1, -70.6),
)


class InstrumentType(NamedTuple):
    """Type of seismometer.

    ``order`` is 1 if it follows the ground's velocity and 2 if its acceleration; ``gain`` and
    ``noise`` are typical, in counts per m/s and m/s, or per m/s^2 and m/s^2. ``cutoff``
    Hz is the anti-alias corner: a BH channel was sampled at 40 Hz before its resampling to 100.
    """

    share: float
    order: int
    gain: float
    noise: float
    cutoff: float


INSTRUMENTS: Final = {
    "HH": InstrumentType(0.50, 1, 6e8, 7e-8, 42.0),
    "EH": InstrumentType(0.25, 1, 4e8, 1.2e-7, 38.0),
    "BH": InstrumentType(0.15, 1, 6e8, 6e-8, 16.0),
    "HN": InstrumentType(0.10, 2, 2e6, 3e-5, 42.0),
}


@dataclass(frozen=True)
class Station:
    """Station with its site and noise parameters."""

    network: str
    code: str
    kind: str
    latitude: float
    longitude: float
    elevation_m: float
    gain: float
    """Counts per unit of ground motion."""
    noise: float
    """Root mean square of its noise between 1 and 45 Hz, in units of ground motion."""
    reddening: float
    """Exponent of the decrease of its noise amplitude with frequency."""
    floor: float
    """White instrument noise, as a fraction of the coloured noise at 1 Hz."""
    culture_hz: float
    culture: float
    """Frequency of the peak of cultural noise, and its height at noon."""
    hum_hz: float
    hum: float
    """Frequency of a machine's line, and its amplitude as a fraction of the noise; mostly 0."""
    coherence: float
    """Coherence of the noise of its components."""
    kappa: float
    """Attenuation kappa of the site, s."""
    site_hz: float
    site: float
    """Frequency of its site resonance, and its amplification."""
    sediment_s: float
    """Delay of S after P through its sediment, s, at whose base waves convert."""

    @property
    def instrument(self) -> InstrumentType:
        """Its instrument type."""
        return INSTRUMENTS[self.kind]


@functools.cache
def network(seed: int, region: int) -> tuple[Station, ...]:
    """Draw the stations of a region."""
    rng = np.random.default_rng([seed, TAG, region])
    return tuple(_station(rng, REGIONS[region], number) for number in range(STATIONS_PER_REGION))


def distance_azimuths(
    from_latitude: float, from_longitude: float, to_latitude: float, to_longitude: float
) -> tuple[float, float, float]:
    """Distance in km along a great circle, azimuth and back azimuth, in degrees.

    Examples
    --------
    >>> [round(value, 6) for value in distance_azimuths(0.0, 0.0, 0.0, 1.0)]
    [111.194927, 90.0, 270.0]
    """
    # Not by `steadkit.geodesy`: the simulated earth is a sphere, and the same seed must give the
    # same bytes, whatever the version of PROJ.
    a, b = math.radians(from_latitude), math.radians(to_latitude)
    turn = math.radians(to_longitude - from_longitude)
    haversine = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(turn / 2) ** 2
    km = 2 * EARTH_KM * math.asin(math.sqrt(haversine))
    return km, _bearing(a, b, turn), _bearing(b, a, -turn)


def _bearing(latitude: float, to_latitude: float, turn: float) -> float:
    east = math.sin(turn) * math.cos(to_latitude)
    north = math.cos(latitude) * math.sin(to_latitude)
    north -= math.sin(latitude) * math.cos(to_latitude) * math.cos(turn)
    return math.degrees(math.atan2(east, north)) % 360


def _station(rng: np.random.Generator, region: Region, number: int) -> Station:
    kind = str(
        rng.choice(
            list(INSTRUMENTS), p=[instrument_type.share for instrument_type in INSTRUMENTS.values()]
        )
    )
    instrument = INSTRUMENTS[kind]
    noise = instrument.noise * rng.lognormal(0, 0.9)
    # The gain of a digitizer is set so that the site noise exceeds its last bits.
    gain = max(instrument.gain * rng.lognormal(0.5, 0.9), 60 / noise)
    # The square root spreads the stations evenly over the disc.
    offset = RADIUS_DEG * math.sqrt(rng.uniform()) * np.exp(2j * math.pi * rng.uniform())
    eastward = float(offset.imag) / math.cos(math.radians(region.latitude))
    return Station(
        network=region.network,
        code=_code(rng, number),
        kind=kind,
        latitude=round(region.latitude + float(offset.real), 4),
        longitude=round(region.longitude + eastward, 4),
        elevation_m=round(float(rng.gamma(2.0, 300.0)), 1),
        gain=gain,
        noise=noise,
        reddening=rng.uniform(0.2, 1.8),
        floor=rng.lognormal(-2.5, 0.8),
        culture_hz=rng.uniform(3, 20),
        culture=rng.lognormal(-0.7, 0.8),
        hum_hz=rng.uniform(6, 32),
        hum=rng.uniform(0.2, 1.0) * (rng.uniform() < 0.2),
        coherence=rng.uniform(0.1, 0.6),
        kappa=rng.uniform(0.012, 0.05),
        site_hz=rng.uniform(1.5, 10),
        site=rng.lognormal(0.0, 0.6),
        sediment_s=rng.uniform(0.15, 0.9),
    )


def _code(rng: np.random.Generator, number: int) -> str:
    """Return three random letters and the station's number, which makes the code unique."""
    return "".join(chr(ord("A") + letter) for letter in rng.integers(0, 26, 3)) + str(number)
