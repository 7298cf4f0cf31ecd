"""Tables in the columns of EQTransformer, PhaseNet, GaMMA and PyOcto.

Times are UTC without a letter for the zone, as these programs write them and expect them.
"""

from collections.abc import Collection, Mapping
from typing import Final

import numpy as np
import pandas as pd

from eqt.picking.continuous import NS_PER_SAMPLE
from eqt.picking.station_picks import PHASES
from eqt.prediction.neighbourhood import Neighbourhood
from eqt.prediction.table_text import (
    DECIBELS,
    SIGNIFICANT,
    number_texts,
    seconds_text,
    station_days,
    station_ids,
    time_texts,
)
from eqt.prediction.units import DAY_NS
from steadkit.geodesy import geodesics
from steadkit.records.instruments import split_channel
from steadkit.records.stations import Coordinates

Stations = Mapping[tuple[str, str], Coordinates]
"""Coordinates by network and station code."""

EQTRANSFORMER_COLUMNS: Final = (
    *("file_name", "network", "station", "instrument_type"),
    *("station_lat", "station_lon", "station_elv", "event_start_time", "event_end_time"),
    *("detection_probability", "detection_uncertainty"),
    *("p_arrival_time", "p_probability", "p_uncertainty", "p_snr"),
    *("s_arrival_time", "s_probability", "s_uncertainty", "s_snr"),
)

PHASENET_COLUMNS: Final = (
    *("station_id", "begin_time", "phase_index", "phase_time", "phase_score"),
    *("phase_type", "file_name", "phase_amplitude", "phase_amp"),
)

GAMMA_COLUMNS: Final = ("id", "timestamp", "prob", "type", "amp")
GAMMA_STATION_COLUMNS: Final = (
    *("id", "x(km)", "y(km)", "z(km)"),
    *("longitude", "latitude", "elevation_m"),
)

PYOCTO_COLUMNS: Final = ("station", "phase", "time", "probability")
PYOCTO_STATION_COLUMNS: Final = ("id", "latitude", "longitude", "elevation")

_NEVER: Final = -(2**62)
"""A time before all picks, in 1823."""


def eqtransformer_rows(units: Neighbourhood, stations: Stations) -> pd.DataFrame:
    """Return a row per detection with its P and S.

    A P or S that is not among the picks stays empty: it lies outside the limits of the prediction,
    or in a day of which another instrument is used.
    """
    detections = units.tables.detections
    names = zip(detections["network"], detections["station"], strict=True)
    unknown = Coordinates(np.nan, np.nan)
    places = [stations.get(name, unknown) for name in names]
    instrument_ids = station_ids(detections) + "." + detections["instrument"]
    columns = {
        "file_name": station_days(instrument_ids, detections["start"]),
        "network": detections["network"],
        "station": detections["station"],
        "instrument_type": detections["instrument"],
        "station_lat": number_texts(place.latitude for place in places),
        "station_lon": number_texts(place.longitude for place in places),
        "station_elv": number_texts(place.elevation_m for place in places),
        "event_start_time": time_texts(detections["start"], " "),
        "event_end_time": time_texts(detections["end"], " "),
        "detection_probability": number_texts(detections["probability"], SIGNIFICANT),
        "detection_uncertainty": number_texts(detections["uncertainty"], SIGNIFICANT),
    }
    for phase in PHASES:
        name = phase.lower()
        picks = _picks_at(units.nearby[units.nearby["phase"] == phase], detections[f"{name}_time"])
        columns[f"{name}_arrival_time"] = time_texts(picks["time"], " ")
        columns[f"{name}_probability"] = number_texts(picks["probability"], SIGNIFICANT)
        columns[f"{name}_uncertainty"] = number_texts(picks["uncertainty"], SIGNIFICANT)
        columns[f"{name}_snr"] = number_texts(picks["snr_db"], DECIBELS)
    return pd.DataFrame(columns)


def _picks_at(picks: pd.DataFrame, times: pd.Series) -> pd.DataFrame:
    """Return the pick at each time, missing values where none is within half a sample.

    Two days that compute the same pick may differ by the rounding of the record's clock.
    """
    pick_times = picks["time"].to_numpy(np.int64)
    rows = np.full(len(times), -1)
    if len(pick_times):
        target = times.fillna(_NEVER).to_numpy(np.int64)
        row_after = np.searchsorted(pick_times, target).clip(max=len(pick_times) - 1)
        row_before = (row_after - 1).clip(min=0)
        offset_before = np.abs(pick_times[row_before] - target)
        offset_after = np.abs(pick_times[row_after] - target)
        rows = np.where(offset_before <= offset_after, row_before, row_after)
        rows[np.minimum(offset_before, offset_after) > NS_PER_SAMPLE // 2] = -1
    # The index has no label -1: such rows become missing values.
    return picks.astype({"time": "Int64"}).reset_index(drop=True).reindex(rows)


def phasenet_rows(units: Neighbourhood, stations: Stations) -> pd.DataFrame:
    """Return a row per pick; its file is the day, and its index counts samples since midnight."""
    picks = units.picks
    types = [split_channel(channel)[0] for channel in picks["channel"]]
    ids = station_ids(picks) + "." + pd.Series(types, index=picks.index, dtype="str")
    start = picks["time"] // DAY_NS * DAY_NS
    amplitude = number_texts(picks["amplitude"], SIGNIFICANT)
    return pd.DataFrame(
        {
            "station_id": ids,
            "begin_time": time_texts(start),
            "phase_index": (picks["time"] - start + NS_PER_SAMPLE // 2) // NS_PER_SAMPLE,
            "phase_time": time_texts(picks["time"]),
            "phase_score": number_texts(picks["probability"], SIGNIFICANT),
            "phase_type": picks["phase"],
            "file_name": station_days(ids, picks["time"]),
            "phase_amplitude": amplitude,
            "phase_amp": amplitude,
        }
    )


def gamma_rows(units: Neighbourhood, stations: Stations) -> pd.DataFrame:
    """Return a row per pick; the stations are those of `gamma_stations`."""
    picks = units.picks
    return pd.DataFrame(
        {
            "id": station_ids(picks),
            "timestamp": time_texts(picks["time"]),
            "prob": number_texts(picks["probability"], SIGNIFICANT),
            "type": picks["phase"].str.lower(),
            "amp": number_texts(picks["amplitude"], SIGNIFICANT),
        }
    )


def pyocto_rows(units: Neighbourhood, stations: Stations) -> pd.DataFrame:
    """Return a row per pick; the stations are those of `pyocto_stations`."""
    picks = units.picks
    return pd.DataFrame(
        {
            "station": station_ids(picks),
            "phase": picks["phase"],
            "time": [seconds_text(time) for time in picks["time"].tolist()],
            "probability": number_texts(picks["probability"], SIGNIFICANT),
        }
    )


def gamma_stations(places: pd.DataFrame) -> pd.DataFrame:
    """Return GaMMA's station table: km to the east, to the north and down from the centre.

    Parameters
    ----------
    places
        From `known_places`.
    """
    if places.empty:
        return pd.DataFrame(columns=list(GAMMA_STATION_COLUMNS))
    latitude, longitude = (places[name].to_numpy(float) for name in ("latitude", "longitude"))
    # The mean direction, not the mean number: stations may lie on both sides of 180 degrees.
    centre = np.degrees(np.angle(np.exp(1j * np.radians(longitude)).mean()))
    lines = geodesics(
        np.full_like(latitude, latitude.mean()),
        np.full_like(longitude, centre),
        latitude,
        longitude,
    )
    azimuth = np.radians(lines.azimuth)
    return places.assign(
        **{
            "x(km)": number_texts(lines.km * np.sin(azimuth), ".3f"),
            "y(km)": number_texts(lines.km * np.cos(azimuth), ".3f"),
            "z(km)": number_texts(-places["elevation_m"] / 1000, ".3f"),
        }
    )


def pyocto_stations(places: pd.DataFrame) -> pd.DataFrame:
    """Return PyOcto's station table, elevations in metres."""
    return places.rename(columns={"elevation_m": "elevation"})


def known_places(codes: Collection[tuple[str, str, str]], stations: Stations) -> pd.DataFrame:
    """Return id, latitude, longitude and elevation_m of stations, in the order of their ids.

    Parameters
    ----------
    codes
        Network, station and location codes; those without coordinates are left out.
    stations
        An elevation that is not known counts as sea level: GaMMA drops the picks of a station with
        an empty cell, PyOcto fails.
    """
    rows = [
        (".".join(code), place.latitude, place.longitude, np.nan_to_num(place.elevation_m))
        for code in sorted(codes)
        if (place := stations.get(code[:2])) is not None
    ]
    return pd.DataFrame(rows, columns=["id", "latitude", "longitude", "elevation_m"])
