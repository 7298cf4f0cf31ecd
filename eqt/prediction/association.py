"""Association of picks to earthquakes by PyOcto, an optional extra.

Source: Münchmeyer (2024), PyOcto: A high-throughput seismic phase associator, Seismica 3(1),
doi:10.26443/seismica.v3i1.1130.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from steadkit.errors import InputError
from steadkit.geodesy import geodesics
from steadkit.records.stations import Coordinates
from steadkit.records.text import iter_text_chunks, read_csv_header
from steadkit.types import parse_numbers

EVENT_COLUMNS: Final = (
    *("event_id", "time_ns", "latitude", "longitude", "depth_km"),
    *("n_picks", "n_p", "n_s", "residual_rms_s"),
)

GRID_KM: Final = 1.0
"""Spacing of the grid of travel times."""

KM_PER_DEGREE: Final = 111.19

VELOCITY_COLUMNS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("depth_km", "depth", "z", "z_km"), "depth"),
    **dict.fromkeys(("vp_km_s", "vp", "p"), "vp"),
    **dict.fromkeys(("vs_km_s", "vs", "s"), "vs"),
}
"""Headings of a velocity model's table, and the names that PyOcto has for them."""


@dataclass(frozen=True)
class AssociationConfig:
    """Settings of an association.

    Parameters
    ----------
    min_picks, min_p, min_s, min_both
        Minimum numbers of picks, of P, of S, and of stations with both of an earthquake.
    min_probability
        Less probable picks are left out.
    max_depth_km
        Depth of the search.
    margin_km
        Distance beyond the outermost stations in which earthquakes are searched.
    tolerance_s
        Largest difference of a pick from its predicted time.
    """

    min_picks: int = 8
    min_p: int = 3
    min_s: int = 3
    min_both: int = 2
    min_probability: float = 0.0
    max_depth_km: float = 60.0
    margin_km: float = 50.0
    tolerance_s: float = 1.5

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value >= 0:
                raise InputError(f"{name.replace('_', ' ')} is {value:g}: use 0 or more")
        if not (0 < self.max_depth_km <= 800 and 0 < self.tolerance_s <= 60):
            raise InputError(
                f"a depth of {self.max_depth_km:g} km or a tolerance of {self.tolerance_s:g} s is "
                "not possible: use up to 800 km and 60 s"
            )


class Association(NamedTuple):
    """Earthquakes in order of time, and their picks.

    Attributes
    ----------
    events
        `EVENT_COLUMNS`.
    assignments
        The columns of the picks, ``event_id``, ``residual_s`` and ``distance_km``; in order of
        event and time.
    n_without_station
        Number of picks of stations without coordinates.
    """

    events: pd.DataFrame
    assignments: pd.DataFrame
    n_without_station: int


def default_velocities() -> pd.DataFrame:
    """Return the crust and upper mantle of iasp91, as ObsPy has it: depth in km, vp and vs in km/s.

    Source: Kennett and Engdahl (1991), doi:10.1111/j.1365-246X.1991.tb06724.x.
    """
    from obspy.taup import __file__ as taup_file
    from obspy.taup.velocity_model import VelocityModel

    path = Path(taup_file).parent / "data" / "iasp91.tvel"
    layers = VelocityModel.read_velocity_file(str(path)).layers
    tops = [(row["top_depth"], row["top_p_velocity"], row["top_s_velocity"]) for row in layers]
    bottoms = [(row["bot_depth"], row["bot_p_velocity"], row["bot_s_velocity"]) for row in layers]
    rows = [row for pair in zip(tops, bottoms, strict=True) for row in pair]
    table = pd.DataFrame(rows, columns=["depth", "vp", "vs"]).astype(float)
    return table[table["depth"] <= 800].drop_duplicates().reset_index(drop=True)


def read_velocities(path: Path) -> pd.DataFrame:
    """Read a velocity model: a CSV with depth_km, vp_km_s and vs_km_s, a row a depth.

    Velocities are linear between the rows; two rows of one depth are a discontinuity.

    Raises
    ------
    InputError
        A column is missing, a number cannot be read, or depths do not increase from 0.
    """
    names = {name: VELOCITY_COLUMNS.get(name.strip().lower()) for name in read_csv_header(path)}
    wanted = {new: old for old, new in names.items() if new}
    if missing := [name for name in ("depth", "vp", "vs") if name not in wanted]:
        raise InputError(
            f"{str(path)!r} has no column of {missing[0]}: a velocity model needs depth_km, "
            "vp_km_s and vs_km_s"
        )
    texts = pd.concat(list(iter_text_chunks(path)), ignore_index=True)
    columns = {}
    for name, heading in wanted.items():
        columns[name], malformed = parse_numbers(texts[heading])
        if malformed.any() or not np.isfinite(columns[name]).all():
            wrong = malformed | ~np.isfinite(columns[name])
            text = texts[heading].iloc[int(wrong.argmax())]
            raise InputError(f"{str(path)!r} has {heading} = {text[:60]!r}: a number is needed")
    table = pd.DataFrame(columns)[["depth", "vp", "vs"]]
    depths = table["depth"].to_numpy()
    if not len(depths) or depths[0] > 0 or (np.diff(depths) < 0).any():
        raise InputError(f"{str(path)!r} does not begin at depth 0 and go down: sort its rows")
    if not ((table["vs"] > 0) & (table["vp"] > table["vs"])).all():
        raise InputError(f"{str(path)!r} has a vs that is not between 0 and vp: correct it")
    return table


def associate_picks(
    picks: pd.DataFrame,
    stations: Mapping[tuple[str, str], Coordinates],
    velocities: pd.DataFrame,
    config: AssociationConfig,
) -> Association:
    """Find the earthquakes that explain picks.

    Parameters
    ----------
    picks
        As `eqt.prediction.pick_table.read_continuous_picks` returns them.
    stations
        Coordinates by network and station code.
    velocities
        Columns depth (km), vp and vs (km/s).
    config
        Settings.

    Raises
    ------
    InputError
        PyOcto is not installed, or no pick is of a station with coordinates.
    """
    names = picks["network"] + "." + picks["station"]
    places = station_table(stations, set(names))
    used = picks.assign(name=names)[
        names.isin(places["id"]) & (picks["probability"] >= config.min_probability)
    ].reset_index(drop=True)
    if used.empty:
        raise InputError(
            "no pick is of a station with coordinates: name a table of stations that has "
            f"{', '.join(sorted(set(names))[:3]) or 'those of the picks'}"
        )
    events, matches = run_pyocto(used, places, velocities, config)
    n_without = int((~names.isin(places["id"])).sum())
    return Association(*build_tables(events, matches, used, places), n_without)


def station_table(stations: Mapping[tuple[str, str], Coordinates], names: set[str]) -> pd.DataFrame:
    """Return the stations that have picks: id, latitude, longitude, elevation in m."""
    rows = [
        (f"{network}.{code}", place.latitude, place.longitude, place.elevation_m)
        for (network, code), place in sorted(stations.items())
        if f"{network}.{code}" in names
    ]
    table = pd.DataFrame(rows, columns=["id", "latitude", "longitude", "elevation"])
    # An unknown elevation counts as the sea's level.
    return table.assign(elevation=table["elevation"].astype(float).fillna(0.0))


def run_pyocto(
    picks: pd.DataFrame,
    places: pd.DataFrame,
    velocities: pd.DataFrame,
    config: AssociationConfig,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the events of PyOcto, and which pick belongs to which with its residual.

    Raises
    ------
    InputError
        PyOcto or pyrocko, which it makes travel times with, is not installed.
    """
    try:
        import pyocto
        import pyrocko.modelling.eikonal  # noqa: F401
    except ImportError as error:
        raise InputError(
            'association needs PyOcto and pyrocko: pip install "steadkit[associate]"'
        ) from error
    latitude, longitude, reach = search_area(places, config)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "travel_times"
        depth = config.max_depth_km + 10
        pyocto.VelocityModel1D.create_model(
            sample_velocities(velocities, depth), GRID_KM, reach, depth, path
        )
        top = velocities.iloc[0]
        model = pyocto.VelocityModel1D(
            path, config.tolerance_s, surface_p_velocity=top["vp"], surface_s_velocity=top["vs"]
        )
        associator = pyocto.OctoAssociator.from_area(
            latitude,
            longitude,
            (0.0, config.max_depth_km),
            model,
            time_before=reach / float(top["vs"]),
            n_picks=config.min_picks,
            n_p_picks=config.min_p,
            n_s_picks=config.min_s,
            n_p_and_s_picks=config.min_both,
            pick_match_tolerance=config.tolerance_s,
        )
        projected = associator.transform_stations(places.copy())
        table = picks[["phase", "probability"]].assign(
            station=picks["name"], time=picks["time_ns"] / 1e9
        )
        events, matches = associator.associate(table, projected)
        associator.transform_events(events)
    return events, matches


def search_area(
    places: pd.DataFrame, config: AssociationConfig
) -> tuple[tuple[float, float], tuple[float, float], float]:
    """Return the limits of latitude and longitude, and the longest way through the area in km."""
    margin = config.margin_km / KM_PER_DEGREE
    south, north = places["latitude"].min() - margin, places["latitude"].max() + margin
    # Degrees of longitude are shorter; near the poles no area has limits of longitude.
    stretch = margin / max(np.cos(np.deg2rad(max(abs(south), abs(north)))), 0.05)
    west, east = places["longitude"].min() - stretch, places["longitude"].max() + stretch
    corners = (np.array([value]) for value in (south, west, north, east))
    diagonal = float(geodesics(*corners).km[0])
    return (south, north), (west, east), float(np.hypot(diagonal, config.max_depth_km)) + 10


def sample_velocities(velocities: pd.DataFrame, depth_km: float) -> pd.DataFrame:
    """Return velocities at every kilometre of depth; PyOcto divides by the thickness of layers."""
    depths = np.arange(0, depth_km + GRID_KM, GRID_KM)
    # Of two rows of one depth the lower one counts from there on.
    tops = velocities["depth"].to_numpy(float) + 1e-9 * np.arange(len(velocities))
    columns = {name: np.interp(depths + 1e-6, tops, velocities[name]) for name in ("vp", "vs")}
    return pd.DataFrame({"depth": depths, **columns})


def build_tables(
    events: pd.DataFrame, matches: pd.DataFrame, picks: pd.DataFrame, places: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables of an `Association` from PyOcto's.

    Parameters
    ----------
    events
        idx, time (s since 1970), latitude, longitude, depth.
    matches
        event_idx, pick_idx (a row of `picks`) and residual.
    picks, places
        What was associated.
    """
    events = events.reindex(columns=["idx", "time", "latitude", "longitude", "depth"])
    events = events.sort_values("time", kind="stable").reset_index(drop=True)
    time_ns = (events["time"].astype(float) * 1e6).round().astype("int64") * 1000
    # Ids of the time: the same whatever the order in which threads find the events.
    moments = pd.to_datetime(time_ns, unit="ns").dt.strftime("%Y%m%dT%H%M%S%f")
    events = events.assign(time_ns=time_ns, event_id=[f"eq{moment}" for moment in moments])
    ids = dict(zip(events["idx"], events["event_id"], strict=True))
    assignments = picks.iloc[matches["pick_idx"].to_numpy(int)].reset_index(drop=True)
    assignments = assignments.assign(
        event_id=[ids[index] for index in matches["event_idx"]],
        residual_s=matches["residual"].to_numpy(float).round(3),
    )
    assignments = assignments.assign(distance_km=_distances(assignments, events, places))
    assignments = assignments.sort_values(["event_id", "time_ns", "phase"], kind="stable")
    assignments = assignments.drop(columns="name").reset_index(drop=True)
    return _event_table(events, assignments), assignments


def _distances(assignments: pd.DataFrame, events: pd.DataFrame, places: pd.DataFrame) -> np.ndarray:
    source = events.set_index("event_id").loc[assignments["event_id"]]
    place = places.set_index("id").loc[assignments["name"]]
    points = [table[name].to_numpy(float) for table in (source, place) for name in COORDINATES]
    distances: np.ndarray = geodesics(*points).km.round(3)
    return distances


COORDINATES: Final = ("latitude", "longitude")


def _event_table(events: pd.DataFrame, assignments: pd.DataFrame) -> pd.DataFrame:
    counted: dict[str, Any] = {"n_picks": [], "n_p": [], "n_s": [], "residual_rms_s": []}
    for event_id in events["event_id"]:
        rows = assignments[assignments["event_id"] == event_id]
        counted["n_picks"].append(len(rows))
        counted["n_p"].append(int((rows["phase"] == "P").sum()))
        counted["n_s"].append(int((rows["phase"] == "S").sum()))
        counted["residual_rms_s"].append(round(float(np.sqrt((rows["residual_s"] ** 2).mean())), 3))
    places = {name: events[name].astype(float).round(5) for name in COORDINATES}
    depth = events["depth"].astype(float).round(3)
    return events.assign(**places, depth_km=depth, **counted)[[*EVENT_COLUMNS]]
