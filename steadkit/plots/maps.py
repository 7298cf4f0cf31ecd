"""Map of stations and sources on plain latitude and longitude, across the date line too."""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MultipleLocator

from steadkit.errors import InputError
from steadkit.plots.style import BLACK, BLUE, GREY, VERMILLION, nice_step, styled

KM_PER_DEGREE = 111.19

MAGNITUDE = "source_magnitude"

OPACITY = 0.65

GRATICULES = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60)

GLOBAL_GAP = 20.0
"""Degrees of longitude that must be empty for a map to show less than the whole globe."""


@styled
def map_figure(table: pd.DataFrame) -> Figure:
    """Draw the map of stations and sources.

    Parameters
    ----------
    table
        ``receiver_latitude``, ``receiver_longitude``, ``source_latitude``, ``source_longitude``
        and ``source_magnitude`` as float64, degrees, NaN where not known; a row a trace.

    Raises
    ------
    InputError
        No row has coordinates of a station or a source.
    """
    figure = Figure(figsize=(7.2, 6.4))
    ax = figure.subplots()
    if not draw_map(ax, table):
        raise InputError("no trace has the coordinates of its station or source: nothing to map")
    _fit(figure, ax)
    figure.legend(
        handles=legend_handles(table),
        loc="outside lower center",
        ncols=8,
        handletextpad=0.4,
        columnspacing=1.4,
    )
    return figure


def draw_map(ax: Axes, table: pd.DataFrame) -> bool:
    """Draw a map into a panel; returns False, having drawn nothing, where no place is known."""
    stations = unique_places(table, "receiver")
    sources = unique_places(table, "source", MAGNITUDE)
    longitudes = np.concatenate([stations["longitude"], sources["longitude"]])
    if not len(longitudes):
        return False
    west = western_edge(longitudes)
    for frame in (stations, sources):
        frame["longitude"] = unwrap_longitudes(frame["longitude"].to_numpy(), west)
    all_places = pd.concat([stations, sources])
    _draw_sources(ax, sources)
    _draw_stations(ax, stations, bool(np.ptp(all_places["longitude"]) > 30))
    _frame(ax, all_places)
    return True


def unique_places(table: pd.DataFrame, end: str, *more: str) -> pd.DataFrame:
    """Return the places of stations (``receiver``) or sources, each once, sorted.

    Latitudes beyond 90 and longitudes beyond 360 degrees are left out.
    """
    columns = [f"{end}_latitude", f"{end}_longitude", *more]
    rows = table.reindex(columns=columns).drop_duplicates()
    rows.columns = ["latitude", "longitude", *more]
    is_valid = (rows["latitude"].abs() <= 90) & (rows["longitude"].abs() <= 360)
    # The largest sources first, so that the small ones are drawn over them and stay visible.
    order = [*more, "latitude", "longitude"]
    return rows[is_valid].sort_values(order, ascending=not more, ignore_index=True)


def western_edge(longitudes: np.ndarray) -> float:
    """Return the western edge of a map: east of the widest gap in longitude, or 180° W.

    >>> western_edge(np.array([179.0, -178.0, 176.5]))
    176.5
    >>> western_edge(np.arange(-180.0, 180.0, 5.0))
    -180.0
    """
    around = np.unique(np.round(longitudes, 6) % 360)
    gaps = np.diff(around, append=around[0] + 360)
    widest = int(gaps.argmax())
    if gaps[widest] < GLOBAL_GAP:
        return -180.0
    edge = float(around[(widest + 1) % len(around)])
    return edge if edge <= 180 else edge - 360


def _fit(figure: Figure, ax: Axes) -> None:
    """Set the height of the page to the shape of the map, within limits."""
    (west, east), (south, north) = ax.get_xlim(), ax.get_ylim()
    shape = (north - south) / (east - west) * float(ax.get_aspect())
    width = figure.get_size_inches()[0]
    figure.set_size_inches(width, min(max(0.92 * width * shape + 0.7, 2.5), 8.5))


def unwrap_longitudes(longitudes: np.ndarray, west: float) -> np.ndarray:
    """Return longitudes that increase from a western edge, beyond 180 where necessary.

    >>> unwrap_longitudes(np.array([179.0, -178.0, 176.5]), 176.5)
    array([179. , 182. , 176.5])
    """
    # Rounding must not move a place on the edge by 360 degrees.
    slack = 1e-6
    return (longitudes - west + slack) % 360 - slack + west


def _draw_sources(ax: Axes, sources: pd.DataFrame) -> None:
    if sources.empty:
        return
    is_dense = len(sources) > 5000
    ax.scatter(
        sources["longitude"],
        sources["latitude"],
        s=marker_area(sources["source_magnitude"].to_numpy(), len(sources)),
        facecolor=VERMILLION,
        edgecolor="none" if is_dense else BLACK,
        linewidth=0.25,
        alpha=0.25 if is_dense else OPACITY,
        # A hundred thousand circles as paths would make a PDF that no viewer opens.
        rasterized=is_dense,
    )


def _draw_stations(ax: Axes, stations: pd.DataFrame, wide: bool) -> None:
    ax.plot(
        stations["longitude"],
        stations["latitude"],
        "^",
        markersize=3 if wide or len(stations) > 300 else 5,
        markerfacecolor=BLUE,
        markeredgecolor="white",
        markeredgewidth=0.3,
    )


def marker_area(magnitudes: np.ndarray, count: int = 1) -> np.ndarray:
    """Return the area of a source's circle, points²; unknown magnitudes count as 2.

    It grows by 1.7 per magnitude, and decreases with the number of sources.

    >>> marker_area(np.array([0.0, 1.0, 2.0, np.nan])).round(1)
    array([3. , 5.1, 8.7, 8.7])
    """
    filled = np.where(np.isnan(magnitudes), 2.0, magnitudes)
    return 3.0 * 1.7 ** np.clip(filled, -1, 9) * float(np.clip((500 / count) ** 0.5, 0.05, 1))


def legend_handles(table: pd.DataFrame) -> list[Line2D]:
    """Return the legend: stations, sources, and the circles of a few magnitudes."""
    stations, sources = unique_places(table, "receiver"), unique_places(table, "source", MAGNITUDE)
    station = _handle("^", 5, BLUE, format_count(len(stations), "station"))
    handles = [station] if len(stations) else []
    if len(sources):
        handles.append(_handle("o", 5, VERMILLION, format_count(len(sources), "source")))
    for magnitude in legend_magnitudes(sources[MAGNITUDE]):
        area = marker_area(np.array([float(magnitude)]), len(sources))
        handles.append(_handle("o", float(area[0]) ** 0.5, VERMILLION, f"M {magnitude}"))
    return handles


def legend_magnitudes(known: pd.Series) -> list[int]:
    """Return a few integer magnitudes within the range of the sources.

    >>> legend_magnitudes(pd.Series([0.9, 4.3, np.nan]))
    [1, 2, 3, 4]
    >>> legend_magnitudes(pd.Series([], dtype=float))
    []
    """
    if not known.notna().any():
        return []
    low, high = round(known.min()), round(known.max())
    return list(range(low, high + 1, max(1, math.ceil((high - low) / 4))))


def _handle(marker: str, size: float, colour: str, label: str) -> Line2D:
    return Line2D(
        [],
        [],
        linestyle="none",
        marker=marker,
        markersize=size,
        markerfacecolor=colour,
        markeredgecolor=BLACK,
        markeredgewidth=0.25,
        alpha=OPACITY if marker == "o" else 1,
        label=label,
    )


def _frame(ax: Axes, all_places: pd.DataFrame) -> None:
    """Set limits, aspect, graticule and scale bar."""
    west, east = _padded(all_places["longitude"])
    south, north = _padded(all_places["latitude"])
    with_bar = east - west < 60
    if with_bar:
        south -= 0.08 * (north - south)
    south, north = max(south, -90.0), min(north, 90.0)
    if east - west > 360:
        west, east = west + (east - west - 360) / 2, east - (east - west - 360) / 2
    middle = math.cos(math.radians((south + north) / 2))
    ax.set_xlim(west, east)
    ax.set_ylim(south, north)
    # A degree of longitude is shorter than one of latitude by the cosine of the latitude.
    ax.set_aspect(1 / max(middle, 0.1))
    ax.grid(color=GREY, linewidth=0.3, alpha=0.5)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(True)
    step = graticule(max((east - west) * middle, north - south))
    for axis, letters in ((ax.xaxis, "EW"), (ax.yaxis, "NS")):
        axis.set_major_locator(MultipleLocator(step))
        axis.set_major_formatter(FuncFormatter(_degrees(letters)))
    if with_bar:
        _scale_bar(ax, west, east, south, north, middle)


def graticule(span: float) -> float:
    """Return the spacing of the grid lines for a map of a given span, degrees.

    >>> graticule(350.0), graticule(12.0), graticule(2.1)
    (60, 2, 0.5)
    """
    return next(step for step in GRATICULES if step >= span / 8)


def format_count(count: int, noun: str) -> str:
    """Return a count with its noun.

    >>> format_count(1, "station"), format_count(2600, "station")
    ('1 station', '2,600 stations')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _padded(values: pd.Series) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = max(0.05 * (high - low), 0.1)
    return low - margin, high + margin


def _degrees(letters: str) -> Callable[[float, int | None], str]:
    def text(value: float, _: int | None = None) -> str:
        value = round((value + 180) % 360 - 180, 6) if letters == "EW" else round(value, 6)
        letter = "" if value in (0, -180) else letters[0] if value > 0 else letters[1]
        return f"{abs(value):g}°{letter}"

    return text


def _scale_bar(
    ax: Axes, west: float, east: float, south: float, north: float, cosine: float
) -> None:
    kilometres = nice_step((east - west) * cosine * KM_PER_DEGREE / 6, 1)
    width = kilometres / (cosine * KM_PER_DEGREE)
    left, height = west + 0.03 * (east - west), south + 0.04 * (north - south)
    ax.plot([left, left + width], [height, height], color=BLACK, linewidth=2, solid_capstyle="butt")
    ax.annotate(
        f"{kilometres:g} km",
        (left + width / 2, height),
        xytext=(0, 3),
        textcoords="offset points",
        ha="center",
        fontsize=7,
    )
