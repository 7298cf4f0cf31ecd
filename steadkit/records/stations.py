"""Station coordinates from StationXML or a CSV, by network and station code.

A CSV needs the columns ``network``, ``station``, ``latitude`` and ``longitude``, in degrees; it may
have ``elevation_m``.
"""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from obspy import read_inventory

from steadkit.errors import InputError
from steadkit.records.quakeml import check_values
from steadkit.records.text import is_known, iter_text_chunks, require_columns
from steadkit.types import parse_cell

REQUIRED_COLUMNS: Final = ("network", "station", "latitude", "longitude")


class Coordinates(NamedTuple):
    """Coordinates of a station in degrees and metres; the elevation may be NaN."""

    latitude: float
    longitude: float
    elevation_m: float = float("nan")


def is_station_xml(path: Path) -> bool:
    """Return whether a station table is StationXML, by its name."""
    return path.suffix.lower() == ".xml"


def read_stations(path: Path) -> Mapping[tuple[str, str], Coordinates]:
    """Read a station table, StationXML (suffix ``.xml``) or CSV, by (network, station).

    Raises
    ------
    InputError
        A column is missing, or coordinates cannot be read or are out of range.
    """
    rows = _from_xml(path) if is_station_xml(path) else _from_csv(path)
    stations = {}
    for key, coordinates in rows:
        if not (abs(coordinates.latitude) <= 90 and abs(coordinates.longitude) <= 360):
            raise InputError(f"{str(path)!r} has {'.'.join(key)} at {coordinates[:2]}: correct it")
        stations[key] = coordinates
    return stations


def _from_xml(path: Path) -> Iterator[tuple[tuple[str, str], Coordinates]]:
    check_values(path)
    try:
        inventory = read_inventory(io.BytesIO(path.read_bytes()), format="STATIONXML")
    except Exception as error:  # ObsPy raises whatever its parser meets
        raise InputError(f"{str(path)!r} is not StationXML: {type(error).__name__}") from error
    for network in inventory:
        for station in network:
            coordinates = Coordinates(station.latitude, station.longitude, station.elevation)
            yield (network.code, station.code), coordinates


def _from_csv(path: Path) -> Iterator[tuple[tuple[str, str], Coordinates]]:
    require_columns(path, REQUIRED_COLUMNS, "station table")
    for chunk in iter_text_chunks(path):
        for row in chunk.to_dict("records"):
            texts = [row[name] for name in ("latitude", "longitude")]
            try:
                coordinates = Coordinates(*map(parse_cell, [*texts, row.get("elevation_m", "")]))
            except ValueError as error:
                raise InputError(f"{str(path)!r} has a place {texts}: give degrees") from error
            # A station without coordinates is not an error: its distances stay unknown.
            if any(map(is_known, texts)):
                yield (row["network"].strip(), row["station"].strip()), coordinates
