"""Files that a station-day has on request: its probabilities as miniSEED, its pictures."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from obspy import UTCDateTime

from eqt.picking.annotate import probability_traces
from eqt.picking.continuous import NS_PER_SAMPLE
from eqt.prediction.figures import draw_day, draw_detection
from eqt.prediction.unit_store import file_name, unit_name
from eqt.prediction.units import Unit, UnitResult
from steadkit.plots.style import write_figure

CHANNELS: Final = ("EQD", "EQP", "EQS")
"""Channel codes of the probabilities of detection, P and S: SEED has three letters."""


def write_probabilities(folder: Path, unit: Unit, result: UnitResult) -> None:
    """Write the probabilities of the day as miniSEED, float32 at 100 Hz."""
    traces = probability_traces(result.stacked, unit.instrument, CHANNELS)
    start, end = (UTCDateTime(ns=time) for time in unit.span)
    # Up to the last sample of the day: the first one of the next is in the next day's file.
    traces.trim(start, end - NS_PER_SAMPLE / 1e9, nearest_sample=False)
    if traces:
        _place(
            folder / f"{unit_name(unit)}.mseed",
            lambda path: traces.write(str(path), format="MSEED", encoding="FLOAT32"),
        )


def write_plots(folder: Path, unit: Unit, result: UnitResult) -> None:
    """Draw the day and each of its detections."""
    arrivals, detections = result.tables[:2]
    day = str(np.datetime64(unit.day, "D"))
    title = f"{'.'.join(unit.instrument)} {day}"
    first = unit.span.start // NS_PER_SAMPLE
    figure = draw_day(title, result.records, result.stacked, first, arrivals, detections)
    _place(folder / f"{unit_name(unit)}.png", partial(write_figure, figure, file_format="png"))
    for row in detections.itertuples():
        figure = draw_detection(
            f"{row.detection_id}, probability {row.probability:.2f}",
            result.records,
            result.stacked,
            arrivals,
            (row.start, row.end),
        )
        path = folder / f"{file_name(row.detection_id)}.png"
        _place(path, partial(write_figure, figure, file_format="png", dpi=100))


def _place(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file next to its place, under a name of this process, and rename it."""
    path.parent.mkdir(exist_ok=True)
    staged = path.with_name(f".{path.name}.{os.getpid()}.partial")
    write(staged)
    os.replace(staged, path)
