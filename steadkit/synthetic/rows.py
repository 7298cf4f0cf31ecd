"""The 35 columns of a trace, written as in STEAD; unknown values are ``''``."""

import datetime
import math
from typing import Final

import numpy as np

from steadkit import schema
from steadkit.synthetic.seismicity import Path, Quake
from steadkit.synthetic.stations import EARTH_KM, Station

BEGINNING: Final = datetime.datetime(2003, 1, 1)
"""Start of the catalogue; its slots end with 2022."""

FIRST_ID: Final = 10_000_000

MECHANISM_FROM: Final = 3.0
"""Magnitude from which the catalogue has mechanisms."""


SUFFIX: Final = {schema.EVENT: "EV", schema.NOISE: "NO"}
"""Suffix of a trace's name for each category."""


def noise_row(station: Station, start: float) -> dict[str, object]:
    """Return the row of a noise trace that starts ``start`` seconds after the ``BEGINNING``."""
    return _trace_columns(station, start, schema.NOISE)


def event_row(
    quake: Quake, path: Path, p_sample: int, travel: float, rng: np.random.Generator
) -> dict[str, object]:
    """Return the row of an event trace without the measured columns: S, SNR and coda end."""
    start = round(quake.origin + travel - p_sample / schema.SAMPLING_RATE, 2)
    row = _trace_columns(path.station, start, schema.EVENT)
    row.update(p_arrival_sample=float(p_sample), p_travel_sec=travel)
    return (
        row
        | _pick_columns("p", rng)
        | _pick_columns("s", rng)
        | _source_columns(quake)
        | _path_columns(path)
    )


def _trace_columns(station: Station, start: float, category: str) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(schema.COLUMNS, "")
    moment = BEGINNING + datetime.timedelta(seconds=start)
    row.update(
        network_code=station.network,
        receiver_code=station.code,
        receiver_type=station.kind,
        receiver_latitude=station.latitude,
        receiver_longitude=station.longitude,
        receiver_elevation_m=station.elevation_m,
        trace_start_time=moment.strftime("%Y-%m-%d %H:%M:%S.%f"),
        trace_category=category,
        trace_name=f"{station.code}.{station.network}_{moment:%Y%m%d%H%M%S}_{SUFFIX[category]}",
    )
    return row


def _pick_columns(wave: str, rng: np.random.Generator) -> dict[str, object]:
    status = "manual" if rng.uniform() < 0.7 else "autopicker"
    return {f"{wave}_status": status, f"{wave}_weight": round(rng.uniform(0.5, 0.8), 2)}


def _source_columns(quake: Quake) -> dict[str, object]:
    origin = BEGINNING + datetime.timedelta(seconds=quake.origin)
    has_mechanism = quake.magnitude >= MECHANISM_FROM
    # The uncertainty grows with the azimuthal gap, and falls with the number of stations.
    gap = _gap(quake)
    uncertainty = (0.5 + gap / 360) / math.sqrt(len(quake.paths))
    return {
        "source_id": str(FIRST_ID + quake.number),
        "source_origin_time": origin.strftime("%Y-%m-%d %H:%M:%S.%f")[:-4],
        "source_origin_uncertainty_sec": round(0.6 * uncertainty, 2),
        "source_latitude": quake.latitude,
        "source_longitude": quake.longitude,
        "source_error_sec": round(0.8 * uncertainty, 4),
        "source_gap_deg": round(gap, 3),
        "source_horizontal_uncertainty_km": round(2.5 * uncertainty, 4),
        "source_depth_km": quake.depth_km,
        "source_depth_uncertainty_km": round(1.5 * uncertainty, 2),
        "source_magnitude": quake.magnitude,
        "source_magnitude_type": "ml",
        "source_magnitude_author": "SYN",
        "source_mechanism_strike_dip_rake": _mechanism(quake) if has_mechanism else "None",
    }


def _path_columns(path: Path) -> dict[str, object]:
    return {
        "source_distance_deg": round(math.degrees(path.km / EARTH_KM), 2),
        "source_distance_km": round(path.km, 2),
        "back_azimuth_deg": round(path.back_azimuth, 1) % 360,
    }


def _mechanism(quake: Quake) -> str:
    return "[" + " ".join(str(angle) for angle in quake.mechanism) + "]"


def _gap(quake: Quake) -> float:
    """Return the azimuthal gap: the widest angle at the source without a station, degrees."""
    azimuths = np.sort([path.azimuth for path in quake.paths])
    return float(np.diff(azimuths, append=azimuths[0] + 360).max())
