"""Distances and azimuths between pairs of points on the WGS84 ellipsoid, vectorized.

Source: Karney (2013), Algorithms for geodesics, Journal of Geodesy 87, 43-55,
doi:10.1007/s00190-012-0578-z, as PROJ computes them.
"""

import math
from typing import Final, NamedTuple

import numpy as np

KM_PER_DEGREE: Final = 111.19
"""Of a great circle on the mean sphere, as STEAD's source_distance_deg counts them."""


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
    """Return geodesics from the first points to the second ones, also antipodal ones.

    Parameters
    ----------
    latitude, longitude, to_latitude, to_longitude
        Degrees, of one shape. NaN or an impossible latitude gives NaN.

    Returns
    -------
    Geodesics
        Azimuths are 0 between equal points.

    >>> flat = geodesics(*np.array([[37.0], [-122.0], [38.0], [-121.0]]))
    >>> [float(values[0].round(3)) for values in flat]
    [141.903, 38.242, 218.85]
    """
    from pyproj import Geod  # loads PROJ's library, which most commands do without

    # PROJ takes the longitude first, and counts azimuths from -180 to 180 degrees.
    points = np.array([longitude, latitude, to_longitude, to_latitude], float)
    shape = points.shape[1:]
    if math.prod(shape) == 1:  # with NumPy 1 pyproj takes arrays of one element for numbers
        points = np.repeat(points.reshape(4, 1), 2, axis=1)
    lines = Geod(ellps="WGS84").inv(points[0], points[1], points[2], points[3])
    azimuth, back_azimuth, metres = (
        np.ravel(values)[: math.prod(shape)].reshape(shape) for values in lines
    )
    # Between equal points PROJ reports the directions of a line to the south.
    azimuths = (np.where(metres == 0, 0.0, angle % 360) for angle in (azimuth, back_azimuth))
    return Geodesics(metres / 1000, *azimuths)
