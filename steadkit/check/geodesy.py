"""Distances and azimuths between pairs of points on the WGS84 ellipsoid, vectorized.

Source: Vincenty (1975), Direct and inverse solutions of geodesics on the ellipsoid with
application of nested equations, Survey Review 23(176), 88-93, doi:10.1179/sre.1975.23.176.88.
"""

from typing import Final, NamedTuple

import numpy as np

EQUATOR_KM: Final = 6378.137
FLATTENING: Final = 1 / 298.257223563
POLE_KM: Final = EQUATOR_KM * (1 - FLATTENING)
MEAN_KM: Final = 6371.0088

KM_PER_DEGREE: Final = 111.19
"""Of a great circle on the mean sphere, as STEAD's source_distance_deg counts them."""

MAX_ITERATIONS: Final = 100


class Geodesics(NamedTuple):
    """Shortest lines between pairs of points.

    Attributes
    ----------
    km
        Lengths.
    azimuth
        Direction at the first point towards the second, degrees from north, 0 to 360.
    back_azimuth
        Direction at the second point towards the first.
    """

    km: np.ndarray
    azimuth: np.ndarray
    back_azimuth: np.ndarray


def geodesics(
    latitude: np.ndarray, longitude: np.ndarray, to_latitude: np.ndarray, to_longitude: np.ndarray
) -> Geodesics:
    """Return geodesics from the first points to the second ones (Vincenty's inverse formula).

    Parameters
    ----------
    latitude, longitude, to_latitude, to_longitude
        Degrees, of one shape. NaN or an impossible latitude gives NaN.

    Returns
    -------
    Geodesics
        Azimuths are 0 between equal points. Between nearly antipodal ones, where Vincenty's
        iteration does not converge, they are NaN and the length is that on the mean sphere.

    >>> flat = geodesics(*np.array([[37.0], [-122.0], [38.0], [-121.0]]))
    >>> [float(values[0].round(3)) for values in flat]
    [141.903, 38.242, 218.85]
    """
    latitude, to_latitude = (
        np.where(np.abs(values) <= 90, values, np.nan) for values in (latitude, to_latitude)
    )
    # tan of the reduced latitude; the latitudes are those of points on the auxiliary sphere.
    u, to_u = (
        np.arctan2((1 - FLATTENING) * np.sin(r), np.cos(r))
        for r in (np.radians(latitude), np.radians(to_latitude))
    )
    east = np.radians((np.asarray(to_longitude) - longitude + 180) % 360 - 180)
    angle, converged = _angle_on_sphere(u, to_u, east)
    arc = _arc(u, to_u, angle)
    spherical = np.radians(latitude), np.radians(to_latitude), east
    km = np.where(converged, _length(arc), MEAN_KM * _arc(*spherical).sigma)
    coincident = (latitude == to_latitude) & (east == 0)
    forward = np.arctan2(np.cos(to_u) * np.sin(angle), _northward(u, to_u, angle))
    backward = np.arctan2(-np.cos(u) * np.sin(angle), _northward(to_u, u, angle))
    azimuths = (np.where(coincident, 0, np.degrees(a) % 360) for a in (forward, backward))
    is_known = np.isfinite(km)
    return Geodesics(
        np.where(coincident & is_known, 0.0, km),
        *(np.where(converged & is_known, a, np.nan) for a in azimuths),
    )


class _Arc(NamedTuple):
    """Arcs of great circles on the auxiliary sphere, angles in radians."""

    sigma: np.ndarray
    sin_alpha: np.ndarray
    cos2_alpha: np.ndarray
    cos_2middle: np.ndarray


def _northward(u: np.ndarray, to_u: np.ndarray, angle: np.ndarray) -> np.ndarray:
    return np.cos(u) * np.sin(to_u) - np.sin(u) * np.cos(to_u) * np.cos(angle)


def _arc(u: np.ndarray, to_u: np.ndarray, angle: np.ndarray) -> _Arc:
    sin_sigma = np.hypot(np.cos(to_u) * np.sin(angle), _northward(u, to_u, angle))
    cos_sigma = np.sin(u) * np.sin(to_u) + np.cos(u) * np.cos(to_u) * np.cos(angle)
    # Equal points have no direction, and lines along the equator no vertex: the terms vanish.
    product = np.cos(u) * np.cos(to_u) * np.sin(angle)
    sin_alpha = np.divide(product, sin_sigma, out=np.zeros_like(product), where=sin_sigma > 0)
    cos2_alpha = 1 - sin_alpha**2
    vertex = np.divide(
        2 * np.sin(u) * np.sin(to_u),
        cos2_alpha,
        out=np.zeros_like(product),
        where=cos2_alpha > 1e-14,
    )
    cos_2middle = np.where(cos2_alpha > 1e-14, cos_sigma - vertex, 0.0)
    return _Arc(np.arctan2(sin_sigma, cos_sigma), sin_alpha, cos2_alpha, cos_2middle)


def _angle_on_sphere(
    u: np.ndarray, to_u: np.ndarray, east: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Iterate for the longitude difference on the auxiliary sphere; return it and convergence."""
    angle = east
    for _ in range(MAX_ITERATIONS):
        arc = _arc(u, to_u, angle)
        c = FLATTENING / 16 * arc.cos2_alpha * (4 + FLATTENING * (4 - 3 * arc.cos2_alpha))
        series = arc.cos_2middle + c * np.cos(arc.sigma) * (2 * arc.cos_2middle**2 - 1)
        correction = arc.sigma + c * np.sin(arc.sigma) * series
        new = east + (1 - c) * FLATTENING * arc.sin_alpha * correction
        change, angle = np.abs(new - angle), new
        if not (change > 1e-12).any():
            break
    return angle, (change <= 1e-12) & (np.abs(angle) <= np.pi)


def _length(arc: _Arc) -> np.ndarray:
    square = arc.cos2_alpha * (EQUATOR_KM**2 / POLE_KM**2 - 1)
    a = 1 + square / 16384 * (4096 + square * (-768 + square * (320 - 175 * square)))
    b = square / 1024 * (256 + square * (-128 + square * (74 - 47 * square)))
    middle, sin_sigma, cos_sigma = arc.cos_2middle, np.sin(arc.sigma), np.cos(arc.sigma)
    third = b / 6 * middle * (4 * sin_sigma**2 - 3) * (4 * middle**2 - 3)
    second = b / 4 * (cos_sigma * (2 * middle**2 - 1) - third)
    length: np.ndarray = POLE_KM * a * (arc.sigma - b * sin_sigma * (middle + second))
    return length
