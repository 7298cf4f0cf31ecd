"""Rows for files of STEAD's size: simulated ones, repeated at other times, each a trace of its own.

A repetition moves the times of all rows by a whole number of seconds, numbers its earthquakes
anew, and alters weights and magnitudes; texts keep their lengths. So rows agree with themselves
as the simulated ones do, and every field stands where it stood.
"""

import datetime
from collections.abc import Iterator
from itertools import count
from typing import Final

import numpy as np

from steadkit import synthetic
from steadkit.demo import cell_text
from steadkit.schema import COLUMNS, EVENT, NOISE

EVENTS, NOISES = 1_030_231, 235_426
STEAD: Final = EVENTS + NOISES
"""Traces of each category in STEAD, and in all."""

PATTERNS: Final = {NOISE: 256, EVENT: 1024}
"""Rows simulated of each category, in STEAD's proportion but for little."""

MOVED: Final = ("source_origin_time", "trace_start_time")
TEXTS: Final = ("network_code", "source_id", *MOVED, "trace_name")
NUMBERS: Final = ("p_weight", "s_weight", "source_magnitude")
"""Columns that a repetition alters, where a row has them."""

LETTERS: Final = "XYZABCDEFGHIJKLMNOPQRSTUVW"
"""With which the network codes of one repetition after another begin."""

MIN_STEP: Final = 86_400
"""Seconds between two repetitions, at least."""

Values = dict[str, list[str] | np.ndarray]
"""Altered columns of one repetition: texts of one length, or float64."""


class Pattern:
    """Simulated rows of one category, with their waveforms.

    Parameters
    ----------
    category
        ``earthquake_local`` or ``noise``.
    traces
        How many are wanted in all; of more than ``PATTERNS`` the rest are repetitions.
    seed
        Of the simulation.
    """

    def __init__(self, category: str, traces: int = STEAD, seed: int = 0):
        simulate = synthetic.earthquakes if category == EVENT else synthetic.noise
        simulated = list(simulate(min(traces, PATTERNS[category]), seed))
        self.rows = [row for row, _ in simulated]
        self.waveforms = np.array([waveform for _, waveform in simulated], order="C")
        known = [column for column, value in self.rows[0].items() if str(value)]
        self.texts = [column for column in TEXTS if column in known]
        self.numbers = [column for column in NUMBERS if column in known]
        self._times = {c: [_time(row[c]) for row in self.rows] for c in MOVED if c in known}
        self._step = _step(self.rows, self._times["trace_start_time"])
        altered = [*self.texts, *self.numbers]
        self._columns = [column for column in COLUMNS if column in altered]
        self._lines = [_line(row, altered) for row in self.rows]
        for column in self.texts:
            if len({len(str(row[column])) for row in self.rows}) > 1:
                raise ValueError(f"texts of {column!r} differ in length: they must not")

    def __len__(self) -> int:
        return len(self.rows)

    def repetition(self, number: int) -> Values:
        """Return the altered columns of a repetition; number 0 is as simulated."""
        # Backward in time: forward, some traces would be recorded in the future.
        shift = datetime.timedelta(seconds=-number * self._step)
        moved = {c: [time + shift for time in times] for c, times in self._times.items()}
        letter = LETTERS[number % len(LETTERS)]
        values: Values = {
            "trace_start_time": [f"{t:%Y-%m-%d %H:%M:%S.%f}" for t in moved["trace_start_time"]],
            # Some 150 networks, as in STEAD; the simulated ones begin with X.
            "network_code": [letter + str(row["network_code"])[1:] for row in self.rows],
        }
        values["trace_name"] = [
            f"{row['receiver_code']}.{network}_{t:%Y%m%d%H%M%S}_{str(row['trace_name'])[-2:]}"
            for row, network, t in zip(
                self.rows, values["network_code"], moved["trace_start_time"], strict=True
            )
        ]
        if "source_id" in self.texts:
            ids = np.array([int(str(row["source_id"])) for row in self.rows])
            values["source_id"] = [*map(str, ids + number * (np.ptp(ids) + 1))]
            origins = moved["source_origin_time"]
            values["source_origin_time"] = [f"{t:%Y-%m-%d %H:%M:%S.%f}"[:-4] for t in origins]
        for column in self.numbers:
            simulated = np.array([row[column] for row in self.rows], float)
            values[column] = np.round(simulated + 0.01 * (number % 20), 2)
        return values

    def lines(self, values: Values) -> Iterator[str]:
        """Write the rows of a repetition as lines of the CSV."""
        columns = [
            texts if isinstance(texts, list) else map(cell_text, texts.tolist())
            for texts in (values[column] for column in self._columns)
        ]
        return map(str.__mod__, self._lines, zip(*columns, strict=True))

    def row(self, number: int, values: Values) -> dict[str, object]:
        """Return all 35 columns of one row of a repetition, as attributes have them."""
        altered = {column: values[column][number] for column in self._columns}
        return self.rows[number] | altered


def counts(traces: int) -> dict[str, int]:
    """Return how many noise and event traces a file of so many traces has, in STEAD's proportion.

    >>> counts(1_265_657)
    {'noise': 235426, 'earthquake_local': 1030231}
    """
    noise = round(traces * NOISES / STEAD)
    return {NOISE: noise, EVENT: traces - noise}


def _time(text: object) -> datetime.datetime:
    return datetime.datetime.fromisoformat(str(text))


def _step(rows: list[dict[str, object]], starts: list[datetime.datetime]) -> int:
    """Find seconds between repetitions at which no station starts twice in the same second."""
    stations = [(row["receiver_code"], row["network_code"]) for row in rows]
    epoch, second = datetime.datetime(1970, 1, 1), datetime.timedelta(seconds=1)
    begins = [(start - epoch) // second for start in starts]
    for step in count(MIN_STEP):
        remainders = {(*station, at % step) for station, at in zip(stations, begins, strict=True)}
        if len(remainders) == len(rows):
            return step
    raise AssertionError


def _line(row: dict[str, object], altered: list[str]) -> str:
    """Write a row as a line of the CSV, with ``%s`` where a repetition alters it."""
    texts = {column: cell_text(value) for column, value in row.items()}
    if any(mark in text for text in texts.values() for mark in ',"\n%'):
        raise ValueError(f"row {texts['trace_name']!r} has a value that needs quotes")
    return ",".join("%s" if column in altered else texts[column] for column in COLUMNS) + "\n"
