"""Figures of a prediction: a day of a station, a detection, picks over time, covered days."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import ConciseDateFormatter
from matplotlib.figure import Figure

from eqt.picking.continuous import (
    NS_PER_SAMPLE,
    ComponentRecords,
    StackedProbabilities,
    cut_waveform,
)
from eqt.plots.style import COLOURS, LABEL_COLOURS, TITLES
from steadkit.labels import TARGETS
from steadkit.plots.style import BLACK, GREY, show_message, styled
from steadkit.plots.trace import draw_components
from steadkit.schema import COMPONENTS, SAMPLING_RATE

HOUR_SAMPLES = round(3600 * SAMPLING_RATE)
HOURS = 24

N_BINS = 1200
"""Bins of an hour, each drawn from its lowest to its highest sample."""

MIN_DRAWN = 0.06
"""Minutes of the shortest mark of a detection, to be visible."""

MARGIN_S = 10
"""Seconds drawn on both sides of a detection."""

MAX_STATIONS = 60
"""Rows of the picture of covered days; the tables have all."""


@styled
def draw_day(
    title: str,
    records: ComponentRecords,
    stacked: StackedProbabilities,
    first: int,
    arrivals: pd.DataFrame,
    detections: pd.DataFrame,
) -> Figure:
    """Draw a day of one instrument, a line an hour, with its picks and detections.

    Parameters
    ----------
    title
        Codes and date.
    records, stacked
        Of the instrument; Z is drawn where it is recorded.
    first
        Number of the day's first sample, in 10 ms since 1970.
    arrivals, detections
        As `eqt.picking.station_picks.pick_station` returns them.
    """
    figure = Figure(figsize=(11, 8.5), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left")
    ax = figure.subplots()
    component = "Z" if records.get("Z") else next(iter(records), "Z")
    drawn = {component: records[component]} if component in records else {}
    starts = first + HOUR_SAMPLES * np.arange(HOURS)
    column = COMPONENTS.index(component)
    envelopes = np.stack(
        [
            _envelope(cut_waveform(drawn, start, HOUR_SAMPLES)[:, column])
            for start in starts.tolist()
        ]
    )
    # Where nothing is recorded, the waveform is what fills a window's gaps: it is not drawn.
    is_recorded = np.zeros(HOURS * HOUR_SAMPLES, bool)
    offset = first - stacked.first
    source = stacked.is_recorded[max(offset, 0) : max(offset + len(is_recorded), 0)]
    is_recorded[max(-offset, 0) :][: len(source)] = source
    is_drawn: np.ndarray = np.all(is_recorded.reshape(HOURS, N_BINS, -1), axis=2)
    envelopes[np.broadcast_to(~is_drawn[:, None], envelopes.shape)] = np.nan
    # The loudest 3 % are clipped, so that one earthquake leaves the rest visible.
    peaks = np.abs(envelopes).max(axis=1)[is_drawn]
    scale = max(np.quantile(peaks, 0.97), 1e-30) if len(peaks) else 1.0
    minutes = np.linspace(0, 60, N_BINS)
    for hour, envelope in enumerate(envelopes):
        low, high = np.clip(envelope / scale, -1, 1) * 0.48 - hour
        ax.fill_between(minutes, low, high, color=GREY, linewidth=0.3)
    _mark_day(ax, first, arrivals, detections)
    ax.set_yticks(-np.arange(HOURS), [f"{hour:02d}:00" for hour in range(HOURS)])
    ax.set(xlim=(0, 60), ylim=(-HOURS + 0.4, 0.6))
    ax.set_xlabel(f"minutes; {component}, 1 to 45 Hz; green: detections; blue: P, red: S")
    return figure


def _envelope(samples: np.ndarray) -> np.ndarray:
    """Return the lowest and the highest sample of each bin, shape (2, bins)."""
    bins = samples.reshape(N_BINS, -1)
    return np.stack([bins.min(axis=1), bins.max(axis=1)])


def _mark_day(ax: Axes, first: int, arrivals: pd.DataFrame, detections: pd.DataFrame) -> None:
    start = first * NS_PER_SAMPLE
    for phase, shift in (("P", 0.46), ("S", -0.46)):
        rows = arrivals[arrivals["is_pick"] & (arrivals["phase"] == phase)]
        hours, minutes = _hour_and_minute(rows["time"].to_numpy() - start)
        ax.plot(
            minutes, shift / 2 - hours, "|", color=LABEL_COLOURS[phase], markersize=9,
            markeredgewidth=1.0,
        )  # fmt: skip
    begin_hours, begin = _hour_and_minute(detections["start"].to_numpy() - start)
    length = (detections["end"] - detections["start"]).to_numpy() / 60e9
    ax.hlines(
        -begin_hours, begin, np.minimum(begin + np.maximum(length, MIN_DRAWN), 60),
        color=LABEL_COLOURS["detection"], linewidth=3, zorder=3,
    )  # fmt: skip


def _hour_and_minute(nanoseconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    hours = nanoseconds // 3_600_000_000_000
    return hours, (nanoseconds - hours * 3_600_000_000_000) / 60e9


@styled
def draw_detection(
    title: str,
    records: ComponentRecords,
    stacked: StackedProbabilities,
    arrivals: pd.DataFrame,
    span: tuple[int, int],
) -> Figure:
    """Draw a detection: its components above, the probabilities below, picks dotted.

    Parameters
    ----------
    title
        Its identifier and probability.
    records, stacked
        Of the instrument.
    arrivals
        All picks; those in the picture are drawn.
    span
        First and last time of the detection in ns since 1970.
    """
    figure = Figure(figsize=(9, 5), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left")
    upper, lower = figure.subplots(2, sharex=True, height_ratios=(3, 1.4))
    margin = round(MARGIN_S * SAMPLING_RATE)
    first = span[0] // NS_PER_SAMPLE - margin
    length = (span[1] - span[0]) // NS_PER_SAMPLE + 2 * margin
    seconds = np.arange(length) / SAMPLING_RATE
    waveform = cut_waveform(records, first, length)
    draw_components(upper, seconds, waveform, 2 * max(np.abs(waveform).max(), 1e-30))
    inside = np.arange(first, first + length) - stacked.first
    is_inside = (inside >= 0) & (inside < len(stacked.mean))
    for column, name in enumerate(TARGETS):
        values = np.full(length, np.nan)
        values[is_inside] = stacked.mean[inside[is_inside], column]
        lower.plot(seconds, values, color=COLOURS[name], label=TITLES[name], linewidth=1.0)
    for row in arrivals[arrivals["is_pick"]].itertuples():
        second = row.time / 1e9 - first / SAMPLING_RATE
        if 0 <= second <= seconds[-1]:
            for ax in (upper, lower):
                ax.axvline(second, color=LABEL_COLOURS[row.phase], linestyle=":", linewidth=1.2)
    lower.set(xlim=(0, seconds[-1]), ylim=(-0.02, 1.05), ylabel="probability")
    lower.set_xlabel("time (s)")
    lower.legend(ncols=3, loc="upper right")
    return figure


@styled
def draw_rate(hours: Mapping[int, Mapping[str, int]]) -> Figure:
    """Draw the picks of P and S and the detections over time, by hour or by day.

    Parameters
    ----------
    hours
        Counts of ``P``, ``S`` and ``detection`` by the number of the hour since 1970.
    """
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    ax = figure.subplots()
    if not hours:
        show_message(ax, "no pick")
        return figure
    numbers = np.array([*hours])
    step = 1 if np.ptp(numbers) < 24 * 14 else 24
    first, last = numbers.min() // step, numbers.max() // step
    times = (np.arange(first, last + 2) * step).astype("datetime64[h]").astype("datetime64[s]")
    for label in ("detection", "P", "S"):
        counts = np.zeros(last - first + 1)
        for number, of_hour in hours.items():
            counts[number // step - first] += of_hour.get(label, 0)
        ax.stairs(counts, times, color=LABEL_COLOURS[label], label=label, linewidth=1.2)
    ax.xaxis_date()
    ax.xaxis.set_major_formatter(ConciseDateFormatter(ax.xaxis.get_major_locator()))
    ax.set_ylabel("number an hour" if step == 1 else "number a day")
    ax.set_ylim(bottom=0)
    ax.legend(ncols=3)
    return figure


@styled
def draw_coverage(
    stations: Sequence[str], days: Sequence[np.datetime64], hours: np.ndarray
) -> Figure:
    """Draw the hours of record of each station and day, shape (stations, days)."""
    n_rows = min(len(stations), MAX_STATIONS)
    figure = Figure(figsize=(9, 1.4 + 0.16 * n_rows), layout="constrained")
    ax = figure.subplots()
    picture = ax.imshow(
        hours[:n_rows], aspect="auto", vmin=0, vmax=24, cmap="Greys", interpolation="nearest"
    )
    ax.set_yticks(range(n_rows), stations[:n_rows])
    places = np.unique(np.linspace(0, len(days) - 1, min(len(days), 8)).round().astype(int))
    ax.set_xticks(places, [str(days[place]) for place in places])
    figure.colorbar(picture, ax=ax, label="hours", shrink=min(1, 4 / max(n_rows, 1)))
    ax.spines[:].set_color(BLACK)
    return figure
