"""Geographic filters: a box of latitudes and longitudes, and a circle."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from steadkit.errors import InputError

EARTH_RADIUS_KM = 6371.0
"""The mean radius: distances on this sphere are right to 0.6 %."""

HALF_CIRCUMFERENCE_KM = np.pi * EARTH_RADIUS_KM


def check_box(box: Any) -> tuple[float, ...]:
    """Check a box: south, west, north, east in degrees.

    A west that lies east of the east is a box across the date line.

    >>> check_box([-50, 160, -30, -170])
    (-50.0, 160.0, -30.0, -170.0)
    """
    south, west, north, east = values = _check_numbers(
        box, "box", ("south", "west", "north", "east")
    )
    _check_range("box", "latitude", (south, north), 90)
    _check_range("box", "longitude", (west, east), 180)
    if south > north:
        raise InputError(f"box from latitude {south:g} to {north:g}: south comes before north")
    return values


def check_circle(circle: Any) -> tuple[float, ...]:
    """Check a circle: latitude and longitude in degrees, radius in km."""
    names = ("latitude", "longitude", "km")
    latitude, longitude, radius = values = _check_numbers(circle, "circle", names)
    _check_range("circle", "latitude", (latitude,), 90)
    _check_range("circle", "longitude", (longitude,), 180)
    if not 0 < radius <= HALF_CIRCUMFERENCE_KM:
        raise InputError(f"circle of {radius:g} km: use a radius above 0, at most 20,015 km")
    return values


def _check_numbers(values: Any, shape: str, names: Sequence[str]) -> tuple[float, ...]:
    numbers = values if isinstance(values, list | tuple) else ()
    plain = all(isinstance(v, int | float) and not isinstance(v, bool) for v in numbers)
    if len(numbers) != len(names) or not plain or not all(abs(v) < 1e9 for v in numbers):
        raise InputError(
            f"{shape} {str(values)[:60]} is not {', '.join(names)}: give these numbers"
        )
    return tuple(map(float, numbers))


def _check_range(shape: str, name: str, values: Sequence[float], limit: float) -> None:
    for value in values:
        if not -limit <= value <= limit:
            raise InputError(f"{shape} has {name} {value:g}: use -{limit:g} to {limit:g} degrees")


def in_box(latitudes: np.ndarray, longitudes: np.ndarray, box: Sequence[float]) -> np.ndarray:
    """Return which points are in a box or on its edge; unknown ones are not.

    >>> in_box(np.zeros(3), np.array([179.0, -179.0, 0.0]), (-1, 170, 1, -170))
    array([ True,  True, False])
    """
    south, west, north, east = box
    # Some catalogues give longitudes from 0 to 360.
    longitudes = np.where(longitudes > 180, longitudes - 360, longitudes)
    behind_west, before_east = longitudes >= west, longitudes <= east
    between = behind_west & before_east if west <= east else behind_west | before_east
    return between & (latitudes >= south) & (latitudes <= north)


def in_circle(latitudes: np.ndarray, longitudes: np.ndarray, circle: Sequence[float]) -> np.ndarray:
    """Return which points are within a distance of a point on a sphere; unknown ones are not.

    The haversine formula is accurate for small distances too.

    >>> in_circle(np.array([0.0, 0.0]), np.array([0.9, -1.0]), (0, 0, 111))
    array([ True, False])
    """
    latitude, longitude, radius = circle
    # On a sphere, not by `steadkit.geodesy`: the ellipsoid differs by up to 0.6 %, and traces near
    # the edge would enter or leave the selections that manifests record.
    phi, centre = np.radians(latitudes), np.radians(latitude)
    half_north = np.sin((phi - centre) / 2) ** 2
    half_east = np.sin(np.radians(longitudes - longitude) / 2) ** 2
    haversine = half_north + np.cos(phi) * np.cos(centre) * half_east
    distance = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(haversine, 0, 1)))
    return distance <= radius
