"""Metadata row of an imported record: station, picks, source, measurements."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from steadkit.records.archive import NANO, Instrument, Window
from steadkit.records.measure import coda_end, distance_and_azimuth, filter_band, snr_db
from steadkit.records.picks import Onset
from steadkit.records.stations import Coordinates
from steadkit.records.text import bracketed, coda_text, is_known, sample_text, time_text
from steadkit.schema import COLUMNS, EVENT, SAMPLING_RATE
from steadkit.types import parse_cell, parse_nanoseconds

NANO_PER_SAMPLE: Final = round(NANO / SAMPLING_RATE)

Stations = Mapping[tuple[str, str], Coordinates]


def microseconds(nanoseconds: int) -> np.datetime64:
    """Return a time in ns since 1970 as a NumPy time in microseconds."""
    return np.datetime64(nanoseconds // 1000, "us")


def station_row(instrument: Instrument, window: Window, stations: Stations) -> dict[str, str]:
    """Return a row of STEAD with station and start time filled in, all other columns empty."""
    row = dict.fromkeys(COLUMNS, "")
    row |= {
        "network_code": instrument.network,
        "receiver_code": instrument.station,
        "receiver_type": instrument.receiver_type,
        "trace_start_time": time_text(microseconds(window.start)),
    }
    coordinates = stations.get(instrument[:2])
    if coordinates is not None:
        row |= {
            "receiver_latitude": str(coordinates.latitude),
            "receiver_longitude": str(coordinates.longitude),
            "receiver_elevation_m": ""
            if np.isnan(coordinates.elevation_m)
            else str(coordinates.elevation_m),
        }
    return row


def event_row(
    onset: Onset, window: Window, waveform: np.ndarray, stations: Stations
) -> dict[str, str]:
    """Return the columns of an event: picks, source, SNR, coda end and distances."""
    p = (onset.p - window.start) / NANO_PER_SAMPLE
    s = float("nan") if onset.s is None else (onset.s - window.start) / NANO_PER_SAMPLE
    filtered = filter_band(waveform)
    row = dict(onset.row) | {
        "p_arrival_sample": sample_text(p),
        "s_arrival_sample": "" if onset.s is None else sample_text(s),
        "snr_db": bracketed(snr_db(filtered, p, s)),
        "coda_end_sample": coda_text(coda_end(filtered, p, s)),
        "trace_category": EVENT,
    }
    return row | _travel_time(onset) | _distances(onset, stations)


def _travel_time(onset: Onset) -> dict[str, str]:
    text = onset.row["source_origin_time"]
    if not is_known(text):
        return {}
    seconds = (onset.p - parse_nanoseconds(text)) / NANO
    return {"p_travel_sec": str(round(seconds, 3))}


def _distances(onset: Onset, stations: Stations) -> dict[str, str]:
    coordinates = stations.get((onset.network, onset.station))
    source = tuple(parse_cell(onset.row[f"source_{axis}"]) for axis in ("latitude", "longitude"))
    if coordinates is None or np.isnan(source).any():
        return {}
    measured = distance_and_azimuth(
        (source[0], source[1]), (coordinates.latitude, coordinates.longitude)
    )
    return {column: str(value) for column, value in measured.items()}
