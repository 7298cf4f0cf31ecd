"""Folder of an association: tables, QuakeML, a map, a time-distance picture and a page."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from obspy import UTCDateTime

from eqt.plots.html import page, paragraph, picture, section, table
from eqt.plots.style import LABEL_COLOURS
from eqt.prediction.association import KM_PER_DEGREE, Association
from steadkit.plots.maps import map_figure
from steadkit.plots.style import GREY, show_message, styled, write_figure
from steadkit.records.quakeml import write_quakeml
from steadkit.records.stations import Coordinates

FILES: Final = (
    *("association.json", "events.csv", "assignments.csv", "catalog.xml"),
    *("map.png", "time_distance.png", "summary.html"),
)

MAX_DRAWN: Final = 6
"""Earthquakes with most picks, which are drawn."""


def write_association(
    folder: Path,
    association: Association,
    stations: Mapping[tuple[str, str], Coordinates],
    settings: Mapping[str, Any],
) -> None:
    """Write all files into an empty folder."""
    text = json.dumps({"format": "eqt association 1", **settings}, indent=2)
    (folder / "association.json").write_text(text + "\n", encoding="utf-8")
    events = with_time_text(association.events)
    events.to_csv(folder / "events.csv", index=False)
    assignment_rows(association).to_csv(folder / "assignments.csv", index=False)
    write_quakeml(folder / "catalog.xml", list(quakeml_events(association)))
    figures = {
        "map.png": draw_epicentres(association, stations),
        "time_distance.png": draw_time_distance(association),
    }
    for name, figure in figures.items():
        write_figure(figure, folder / name, "png")
    (folder / "summary.html").write_text(
        _page(events, association, list(figures.values()), settings), encoding="utf-8"
    )


def with_time_text(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with ``time`` as text in place of ``time_ns``."""
    times = [UTCDateTime(ns=int(ns)).strftime("%Y-%m-%dT%H:%M:%S.%fZ") for ns in rows["time_ns"]]
    named = rows.rename(columns={"time_ns": "time"})
    return named.assign(time=pd.Series(times, index=rows.index, dtype=str))


def assignment_rows(association: Association) -> pd.DataFrame:
    """Return picks with their event and its origin, as a table of picks has it.

    `steadkit convert from-records --picks` reads it.
    """
    origins = with_time_text(association.events).set_index("event_id")
    source = origins.loc[association.assignments["event_id"]].reset_index(drop=True)
    columns = source[["time", "latitude", "longitude", "depth_km"]]
    columns = columns.rename(columns={"time": "origin_time"})
    picks = with_time_text(association.assignments).assign(status="automatic")
    return pd.concat([picks, columns], axis=1)


def quakeml_events(association: Association) -> Iterator[Sequence[Mapping[str, Any]]]:
    """Yield the picks of each earthquake as `steadkit.records.quakeml.write_quakeml` takes them."""
    for event in association.events.itertuples():
        source = {
            "source_id": event.event_id,
            "time": UTCDateTime(ns=int(event.time_ns)),
            "source_latitude": event.latitude,
            "source_longitude": event.longitude,
            "source_depth_km": event.depth_km,
            "source_error_sec": event.residual_rms_s,
        }
        rows = association.assignments[association.assignments["event_id"] == event.event_id]
        yield [
            {
                **{name: getattr(row, name) for name in ("network", "station", "location")},
                **{name: getattr(row, name) for name in ("channel", "phase", "residual_s")},
                "time": UTCDateTime(ns=int(row.time_ns)),
                "status": "automatic",
                "weight": row.probability,
                "name": f"{row.network}.{row.station}.{row.location}.{row.channel}.{row.time_ns}",
                "distance_deg": row.distance_km / KM_PER_DEGREE,
                "source": source,
            }
            for row in rows.itertuples()
        ]


def draw_epicentres(
    association: Association, stations: Mapping[tuple[str, str], Coordinates]
) -> Figure:
    """Draw the map of stations and epicentres."""
    places = pd.DataFrame(
        [(place.latitude, place.longitude) for place in stations.values()],
        columns=["receiver_latitude", "receiver_longitude"],
    )
    events = association.events.rename(
        columns={"latitude": "source_latitude", "longitude": "source_longitude"}
    )
    rows = pd.concat([places, events[["source_latitude", "source_longitude"]]], ignore_index=True)
    return map_figure(rows.assign(source_magnitude=np.nan).astype(float))


@styled
def draw_time_distance(association: Association) -> Figure:
    """Draw the picks of the earthquakes with most picks over distance."""
    largest = association.events.sort_values(["n_picks", "event_id"], ascending=[False, True])
    drawn = largest.head(MAX_DRAWN)
    n_rows = max(-(-len(drawn) // 2), 1)
    figure = Figure(figsize=(9, 2.8 * n_rows), layout="constrained")
    axes = figure.subplots(n_rows, 2, squeeze=False).ravel()
    if drawn.empty:
        show_message(axes[0], "no earthquake")
    for ax, event in zip(axes, drawn.itertuples(), strict=False):
        rows = association.assignments[association.assignments["event_id"] == event.event_id]
        for phase in ("P", "S"):
            picks = rows[rows["phase"] == phase].sort_values("distance_km")
            seconds = (picks["time_ns"] - event.time_ns) / 1e9
            colour = LABEL_COLOURS[phase]
            # What the velocity model predicts is the pick less its residual.
            ax.plot(picks["distance_km"], seconds - picks["residual_s"], color=GREY, linewidth=0.8)
            ax.plot(picks["distance_km"], seconds, "o", color=colour, markersize=4, label=phase)
        ax.set_title(f"{event.event_id}: {event.n_picks} picks, depth {event.depth_km:.0f} km")
        ax.set_xlabel("distance (km); line: predicted")
        ax.set_ylabel("time after the origin (s)")
        ax.legend()
    for ax in axes[len(drawn) or 1 :]:
        ax.set_axis_off()
    return figure


def _page(
    events: pd.DataFrame,
    association: Association,
    figures: Sequence[Figure],
    settings: Mapping[str, Any],
) -> str:
    rows = pd.DataFrame(
        [(name.replace("_", " "), str(value)) for name, value in settings.items()],
        columns=["setting", "value"],
    )
    text = (
        f"{len(events):,} earthquakes of {len(association.assignments):,} picks. Locations are "
        "those of the associator: preliminary, to be refined by a location program."
    )
    return page(
        "Earthquakes",
        paragraph(text),
        section("Map", picture(figures[0])),
        section("Picks over distance", picture(figures[1])),
        section("Earthquakes", table(events.head(500))),
        section("Settings", table(rows)),
    )
