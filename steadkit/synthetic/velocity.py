"""First and later arrivals of P and S in a layered crust over a mantle.

The crust is that of southern California (Hadley and Kanamori 1977, Seismic structure of the
Transverse Ranges, California, GSA Bulletin 88), with the S velocity 1.73 times below that of P.
Rays are direct, refracted along the top of a faster layer, or reflected off the Moho. The Earth
is flat and stations are at sea level: within 150 km both cause errors below a tenth of a second.
"""

import functools
import math
from typing import Final, NamedTuple

TOPS: Final = (0.0, 5.5, 16.0, 32.0)
"""Depth of the top of each layer in km; the last layer is the mantle."""

VP: Final = (5.5, 6.3, 6.7, 7.8)
"""P velocity of each layer in km/s."""

VP_VS: Final = 1.73

BISECTIONS: Final = 50
"""Enough to find a slowness to nearly the last bit of a float."""

# Amplitude of each type of ray relative to a direct one: head waves are weak, and the Moho
# reflects nearly all energy beyond the critical angle.
STRENGTH: Final = {"direct": 1.0, "head": 0.4, "reflected": 0.5, "steep reflected": 0.12}


class Ray(NamedTuple):
    """Ray from source to station with the travel time of P; that of S is ``VP_VS`` times longer."""

    kind: str
    seconds: float
    slowness: float
    takeoff: float

    @property
    def strength(self) -> float:
        """Amplitude relative to a direct ray of the same length."""
        return STRENGTH[self.kind]


@functools.lru_cache(maxsize=16)
def rays(depth_km: float, distance_km: float) -> tuple[Ray, ...]:
    """Return all rays between a source and a station, in order of arrival.

    Examples
    --------
    >>> [ray.kind for ray in rays(5.0, 100.0)]
    ['head', 'head', 'head', 'reflected', 'direct']
    """
    all_rays = [_trace_ray("direct", depth_km, depth_km, distance_km)]
    all_rays += [
        ray for top in range(1, len(TOPS)) for ray in _head_wave(depth_km, top, distance_km)
    ]
    reflected = _trace_ray("reflected", depth_km, TOPS[-1], distance_km)
    if reflected.slowness < 1 / VP[-1]:
        reflected = reflected._replace(kind="steep reflected")
    return tuple(sorted([*all_rays, reflected], key=lambda ray: ray.seconds))


def travel_times(depth_km: float, distance_km: float) -> tuple[float, float]:
    """Seconds from origin to the first P and to the first S.

    Examples
    --------
    >>> travel_times(5.0, 12.0)
    (2.3636363636363638, 4.089090909090909)
    """
    first = rays(depth_km, distance_km)[0].seconds
    return first, VP_VS * first


def _trace_ray(kind: str, depth_km: float, turn_km: float, distance_km: float) -> Ray:
    """Trace the ray that turns at ``turn_km``, or the direct one if that is the source depth."""
    path = _layers_crossed(depth_km, turn_km)
    slowness = _slowness(path, distance_km)
    return _ray(kind, path, slowness, depth_km, distance_km, upward=turn_km == depth_km)


def _head_wave(depth_km: float, top: int, distance_km: float) -> list[Ray]:
    """Trace the head wave along the top of a layer, if it exists at this distance."""
    if depth_km >= TOPS[top]:
        return []
    path, slowness = _layers_crossed(depth_km, TOPS[top]), 1 / VP[top]
    if distance_km < _ray_distance(path, slowness):
        return []
    return [_ray("head", path, slowness, depth_km, distance_km, upward=False)]


def _ray(
    kind: str,
    path: list[tuple[float, float]],
    slowness: float,
    depth_km: float,
    distance_km: float,
    *,
    upward: bool,
) -> Ray:
    # Travel time: horizontal slowness times distance, plus the vertical delay of every layer.
    vertical = sum(km * math.sqrt(max(v**-2 - slowness**2, 0.0)) for km, v in path)
    source_velocity = max(v for top, v in zip(TOPS, VP, strict=True) if top < depth_km)
    angle = math.asin(min(1.0, slowness * source_velocity))
    takeoff = math.pi - angle if upward else angle
    return Ray(kind, slowness * distance_km + vertical, slowness, takeoff)


def _layers_crossed(depth_km: float, turn_km: float) -> list[tuple[float, float]]:
    """Kilometres and velocity of each layer crossed: down to the turn, then up to the surface."""
    crossed = []
    for top, base, v in zip(TOPS, (*TOPS[1:], math.inf), VP, strict=True):
        above = max(0.0, min(depth_km, base) - top)
        below = max(0.0, min(turn_km, base) - max(depth_km, top))
        if above + below > 0:
            crossed.append((above + 2 * below, v))
    return crossed


def _ray_distance(path: list[tuple[float, float]], slowness: float) -> float:
    """Return the distance at which a ray of this slowness reaches the surface, km."""
    reach = 0.0
    for km, v in path:
        # Below one: at the critical slowness the distance would be infinite.
        sine = min(slowness * v, 1 - 1e-15)
        reach += km * sine / math.sqrt(1 - sine**2)
    return reach


def _slowness(path: list[tuple[float, float]], distance_km: float) -> float:
    """Find by bisection the slowness of the ray that reaches ``distance_km``, s/km."""
    low, high = 0.0, 1 / max(v for _, v in path)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if _ray_distance(path, middle) < distance_km else (low, middle)
    return low
