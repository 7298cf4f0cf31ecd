"""Filters of a selection: geographic boxes and circles, and lists of trace names."""

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from steadkit.catalog import check_name
from steadkit.errors import InputError, error_detail
from steadkit.manifest import load
from steadkit.paths import require_file

EARTH_RADIUS_KM = 6371.0
"""The mean radius: distances on this sphere are right to 0.6 %."""

HALF_CIRCUMFERENCE_KM = np.pi * EARTH_RADIUS_KM

MAX_BYTES = 500_000_000
"""STEAD's complete CSV has 400 MB; a file of waveforms named by mistake is not read to its end."""


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


@dataclass(frozen=True)
class NameSet:
    """A set of trace names with its size and digest; from a recipe without the names.

    Parameters
    ----------
    number
        Number of distinct names.
    digest
        BLAKE2b, 16 bytes, of the sorted names, one per line, as hexadecimal text.
    names
        The names; None if the set comes from a recipe, which does not list them.
    """

    number: int
    digest: str
    names: frozenset[str] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        plain = isinstance(self.number, int) and not isinstance(self.number, bool)
        if not plain or self.number < 0 or not isinstance(self.digest, str):
            raise InputError(
                f"{self.number!r} names with digest {self.digest!r}: a number and a text are needed"
            )


def name_set(names: Iterable[str]) -> NameSet:
    """Build a set of names, with its digest.

    >>> name_set(["b_EV", "a_NO", "b_EV"]).number
    2
    """
    distinct = frozenset(names)
    text = "\n".join(sorted(distinct))
    digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    return NameSet(len(distinct), digest, distinct)


def read_names(paths: Sequence[Path]) -> NameSet:
    """Read trace names from files and join them.

    Parameters
    ----------
    paths
        Text files with a name per line (empty lines and those that begin with # are skipped),
        CSVs with a column ``trace_name``, or manifests.

    Raises
    ------
    InputError
        A file is missing, is none of these, or has an invalid trace name.
    """
    return name_set(name for path in paths for name in _read_file(path))


def _read_file(path: Path) -> Sequence[str]:
    text = _read_text(path)
    first_line = text.partition("\n")[0]
    if first_line.startswith("# steadkit manifest"):
        return load(path).traces
    if "trace_name" in (cell.strip('" \r') for cell in first_line.split(",")):
        names = _parse_csv_names(text, path)
    else:
        lines = (line.strip() for line in text.splitlines())
        names = [line for line in lines if line and not line.startswith("#")]
    for name in names:
        check_name(name, path)
    return names


def _read_text(path: Path) -> str:
    require_file(path)
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{str(path)!r} is too large for a list of traces: a name a line is one")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{str(path)!r} is not a text file: list a trace name a line, or use a CSV"
        ) from error
    return text


def _parse_csv_names(text: str, path: Path) -> list[str]:
    try:
        rows = csv.DictReader(io.StringIO(text), skipinitialspace=True)
        return [row["trace_name"] or "" for row in rows]
    except (csv.Error, KeyError) as error:
        raise InputError(
            f"{str(path)!r} is not a CSV with a column trace_name ({error_detail(error)})"
        ) from error
