"""Record section of one earthquake: epicentral distance over time since origin."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from steadkit.errors import InputError
from steadkit.plots.style import BLACK, BLUE, GREY, VERMILLION, styled
from steadkit.plots.trace import component_number, read_text_cell
from steadkit.schema import N_SAMPLES, SAMPLING_RATE
from steadkit.types import TIME_COLUMNS, parse_times

LABELS_PER_INCH = 8


@styled
def section_figure(waveforms: np.ndarray, table: pd.DataFrame, component: str = "Z") -> Figure:
    """Draw one earthquake's traces, each normalised, at their distances.

    Parameters
    ----------
    waveforms
        Shape (traces, 6000, 3), counts.
    table
        A row a trace, typed as `steadkit.types.typed_table` does.
    component
        Component to draw.

    Raises
    ------
    InputError
        No trace has both a distance and an origin time.
    """
    column = component_number(component)
    starts = since_origin(table)
    distances = table["source_distance_km"].to_numpy(float)
    rows = np.flatnonzero(np.isfinite(starts) & np.isfinite(distances))
    if not len(rows):
        raise InputError(
            f"no trace of {_event(table)} has distance and origin time: choose another --event"
        )
    # By distance, then by name: the figure must not depend on the order of the rows.
    names = table["trace_name"].to_numpy()
    rows = np.array(sorted(rows, key=lambda i: (distances[i], names[i])))
    figure = Figure(figsize=(7.2, float(np.clip(3.5 + 0.2 * len(rows), 4.5, 9))))
    ax = figure.subplots()
    scale = trace_height(distances[rows])
    for i in rows:
        _draw_trace(ax, waveforms[i, :, column], starts[i], distances[i], scale)
    for phase, colour in (("p", BLUE), ("s", VERMILLION)):
        arrivals = table[f"{phase}_arrival_sample"].to_numpy(float)[rows] / SAMPLING_RATE
        _mark(ax, starts[rows] + arrivals, distances[rows], 0.5 * scale, colour, phase.upper())
    inches = figure.get_size_inches()[1] - 1.0
    least_gap = (np.ptp(distances[rows]) + 2 * scale) / (LABELS_PER_INCH * inches)
    _label_stations(ax, table.iloc[rows], distances[rows], float(least_gap))
    _finish(ax, table, component, len(rows))
    return figure


def since_origin(table: pd.DataFrame) -> np.ndarray:
    """Return the start of each trace, seconds since the origin; NaN where it is not known.

    Where the origin time is missing it follows from the P arrival and its travel time.
    """
    origins, starts = (parse_times(table[column])[0] for column in TIME_COLUMNS)
    seconds = (starts - origins) / np.timedelta64(1, "s")
    by_travel = (
        table["p_travel_sec"].to_numpy(float)
        - table["p_arrival_sample"].to_numpy(float) / SAMPLING_RATE
    )
    return np.where(np.isfinite(seconds), seconds, by_travel)


def trace_height(distances: np.ndarray) -> float:
    """Return the height of a trace's largest amplitude in km: the mean distance step, bounded."""
    span = float(np.ptp(distances)) or 10.0
    return float(np.clip(span / len(distances), 0.015 * span, 0.05 * span))


def _draw_trace(ax: Axes, samples: np.ndarray, start: float, distance: float, scale: float) -> None:
    seconds = start + np.arange(N_SAMPLES) / SAMPLING_RATE
    centred = samples.astype(float) - np.median(samples)
    largest = float(np.abs(centred).max()) or 1.0
    ax.plot(seconds, distance + scale * centred / largest, color=BLACK, linewidth=0.3)


def _mark(
    ax: Axes, seconds: np.ndarray, distances: np.ndarray, half: float, colour: str, label: str
) -> None:
    is_known = np.isfinite(seconds)
    if is_known.any():
        ax.vlines(
            seconds[is_known],
            distances[is_known] - half,
            distances[is_known] + half,
            colors=colour,
            linewidths=1.3,
            label=label,
            zorder=3,
        )


def _label_stations(ax: Axes, table: pd.DataFrame, distances: np.ndarray, least_gap: float) -> None:
    """Label the stations at the right edge, except those that would overlap."""
    last = -np.inf
    for (_, row), distance in zip(table.iterrows(), distances, strict=True):
        if distance - last < least_gap:
            continue
        last = distance
        ax.annotate(
            ".".join(filter(None, [row["network_code"], row["receiver_code"]])),
            (1.0, distance),
            xycoords=ax.get_yaxis_transform(),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=6,
            color=GREY,
        )


def _finish(ax: Axes, table: pd.DataFrame, component: str, n_drawn: int) -> None:
    ax.margins(x=0)
    ax.set_xlabel("time since origin (s)")
    ax.set_ylabel("epicentral distance (km)")
    first = table.sort_values("trace_name").iloc[0]
    facts = [_event(table), read_text_cell(first, "source_origin_time")]
    magnitude = first["source_magnitude"]
    facts.append("" if np.isnan(magnitude) else f"M {magnitude:g}")
    left_out = len(table) - n_drawn
    omitted = f"; {left_out} without distance or origin time left out" if left_out else ""
    traces = f"{n_drawn} traces, component {component}, each normalised{omitted}"
    ax.set_title("\n".join([", ".join(filter(None, facts)), traces]))
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)


def _event(table: pd.DataFrame) -> str:
    sources: Sequence[str] = sorted(set(table["source_id"]) - {""})
    return f"earthquake {sources[0]}" if sources else "this earthquake"
