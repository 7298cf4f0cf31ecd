"""Station-days, the units of a prediction: each is computed alone, with what reaches over its ends.

A pick belongs to the day that it falls in, a detection to the day that it starts in. A unit reads
more than its day on both sides, so that windows, filters and detections near midnight are the same
as in a record that is never cut; neighbouring units therefore agree.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

import pandas as pd

from eqt.picking.continuous import (
    NS_PER_SAMPLE,
    ComponentRecords,
    StackedProbabilities,
    stack_probabilities,
    step_samples,
)
from eqt.picking.station_picks import (
    DETECTION_COLUMNS,
    PICK_COLUMNS,
    PickingConfig,
    ToVelocity,
    pick_station,
)
from eqt.prediction.inputs import read_records
from eqt.probabilities import WindowPredict
from steadkit.records.fdsn import NO_DATA
from steadkit.records.gapless import NANO, GaplessRecords, Piece, gapless_records
from steadkit.records.instruments import Instrument, choose_components, choose_instruments
from steadkit.records.waveform_files import RecordHeader
from steadkit.schema import N_SAMPLES, SAMPLING_RATE

DAY_NS: Final = 86_400 * NANO

REACH_S: Final = 300
"""Seconds beyond a day in which its detections may end and their S may lie."""

CONTEXT_S: Final = REACH_S + N_SAMPLES / SAMPLING_RATE + 30
"""Seconds read beyond a day: the reach, a window, and what a filter needs to settle."""

STRETCH_COLUMNS: Final = ("network", "station", "location", "channel", "start", "end")
"""Columns of used and unused stretches; times in ns since 1970."""


class Span(NamedTuple):
    """Limits of a prediction in ns since 1970; the end is not part of it."""

    start: int
    end: int


class Unit(NamedTuple):
    """One instrument and one day: its number since 1970, and all records that it may need."""

    instrument: Instrument
    day: int
    headers: tuple[RecordHeader, ...]

    @property
    def span(self) -> Span:
        """Limits of the day."""
        return Span(self.day * DAY_NS, (self.day + 1) * DAY_NS)


CODES: Final = dict.fromkeys(("network", "station", "location"), "str")
TABLE_TYPES: Final[Mapping[str, Mapping[str, str]]] = {
    "arrivals": {
        **dict.fromkeys(PICK_COLUMNS, "float64"),
        **dict.fromkeys(("channel", "phase", "detection_id"), "str"),
        **CODES,
        "time": "int64",
        "is_pick": "bool",
    },
    "detections": {
        **dict.fromkeys(DETECTION_COLUMNS, "float64"),
        **dict.fromkeys(("instrument", "detection_id"), "str"),
        **CODES,
        **dict.fromkeys(("start", "end"), "int64"),
        **dict.fromkeys(("p_time", "s_time"), "Int64"),
    },
    "unused": {**CODES, "channel": "str", "start": "int64", "end": "int64", "reason": "str"},
    "coverage": {**CODES, "channel": "str", "start": "int64", "end": "int64"},
}
"""Columns of a unit's tables and their pandas types, equal for empty tables too."""


class UnitTables(NamedTuple):
    """What a unit yields: see `eqt.picking.station_picks` for the columns of the first two."""

    arrivals: pd.DataFrame
    detections: pd.DataFrame
    unused: pd.DataFrame
    coverage: pd.DataFrame


class UnitResult(NamedTuple):
    """Tables of a unit, the files that could not be read, and what the computation cost."""

    tables: UnitTables
    failed: Counter[str]
    n_windows: int
    seconds: dict[str, float]
    """Time spent ``reading``, ``filtering``, ``predicting`` and ``picking``."""
    stacked: StackedProbabilities
    records: ComponentRecords


class UnitSettings(NamedTuple):
    """What all units of a prediction have in common."""

    limits: Span
    picking: PickingConfig
    normalization: str


def plan_units(
    headers: Iterable[RecordHeader], limits: Span, all_instruments: bool = False
) -> list[Unit]:
    """List the station-days of some records, by instrument and day.

    Parameters
    ----------
    headers
        Of all files.
    limits
        Only days that reach into it.
    all_instruments
        Whether every instrument of a station is used, not only the best of each day.
    """
    by_day: dict[int, dict[Instrument, list[RecordHeader]]] = {}
    for header in headers:
        # A day more on both sides: a unit reads over the limits, as it does over midnight.
        first = max(header.start, limits.start - DAY_NS) // DAY_NS
        last = min(header.end, limits.end + DAY_NS) // DAY_NS
        for day in range(first, last + 1):
            by_day.setdefault(day, {}).setdefault(header.instrument, []).append(header)
    units = []
    for day in by_day:
        span = Span(max(day * DAY_NS, limits.start), min((day + 1) * DAY_NS, limits.end))
        instruments = {
            instrument: inside
            for instrument, of_day in by_day[day].items()
            if (inside := [h for h in of_day if h.start < span.end and h.end >= span.start])
        }
        for instrument in instruments if all_instruments else _best_of_stations(instruments):
            near = (
                h for d in (day - 1, day, day + 1) for h in by_day.get(d, {}).get(instrument, ())
            )
            units.append(Unit(instrument, day, tuple(dict.fromkeys(near))))
    return sorted(units, key=lambda unit: unit[:2])


def _best_of_stations(instruments: dict[Instrument, list[RecordHeader]]) -> Sequence[Instrument]:
    amounts = {
        instrument: (
            max(header.rate for header in headers),
            sum(header.end - header.start for header in headers) / NANO,
        )
        for instrument, headers in instruments.items()
    }
    return choose_instruments(amounts)


def predict_unit(
    predict_station: Callable[[str], WindowPredict],
    unit: Unit,
    settings: UnitSettings,
    to_velocity: ToVelocity | None = None,
) -> UnitResult:
    """Pick one station-day.

    Parameters
    ----------
    predict_station
        See `eqt.probabilities.window_predictor`.
    unit
        From `plan_units`.
    settings
        Limits outside of which nothing is returned, thresholds, overlap and the like.
    to_velocity
        Converts waveforms to m/s for the amplitudes of picks, see `pick_station`.
    """
    seconds: dict[str, float] = defaultdict(float)
    limits, config = settings.limits, settings.picking
    day = Span(max(unit.span.start, limits.start), min(unit.span.end, limits.end))
    with _timed(seconds, "reading"):
        context = round(CONTEXT_S * NANO)
        pieces, failed = read_records(unit.headers, day.start - context, day.end + context)
    with _timed(seconds, "filtering"):
        records, channels, unused = _filtered_records(unit, day, pieces, failed)
        del failed[NO_DATA]  # a data centre without records of a day has not failed
    with _timed(seconds, "predicting"):
        stacked = stack_probabilities(
            predict_station(".".join(unit.instrument)),
            records,
            _sample_limits(records, day),
            step_samples(config.overlap),
            settings.normalization,
            config.stacking,
        )
    with _timed(seconds, "picking"):
        arrivals, detections = pick_station(
            stacked, records, unit.instrument, channels, config, to_velocity
        )
    used = [
        (channels[component], record.start, record.end)
        for component, component_records in records.items()
        for record in component_records
    ]
    tables = UnitTables(
        arrivals[arrivals["time"].between(day.start, day.end - 1)],
        detections[detections["start"].between(day.start, day.end - 1)],
        _stretches(unused, unit.instrument, day, ["reason"]),
        _stretches(used, unit.instrument, day, []),
    )
    return UnitResult(with_types(tables), failed, stacked.n_windows, seconds, stacked, records)


def _sample_limits(records: ComponentRecords, day: Span) -> tuple[int, int]:
    """Return the first sample and the one after the last of the day, its reach, and its records."""
    reach = round(REACH_S * NANO)
    every = [record for of_component in records.values() for record in of_component]
    start = max(day.start - reach, min((record.start for record in every), default=day.start))
    end = min(day.end + reach, max((record.end for record in every), default=day.start))
    # Two samples more: a record's clock may be off by one from the nominal one.
    first = start // NS_PER_SAMPLE
    return first, max(end // NS_PER_SAMPLE + 2, first)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] += time.perf_counter() - start


def with_types(tables: Iterable[pd.DataFrame]) -> UnitTables:
    """Return tables with the columns and types of `TABLE_TYPES`."""
    return UnitTables(
        *(
            table[[*types]].astype(dict(types)).reset_index(drop=True)
            for table, types in zip(tables, TABLE_TYPES.values(), strict=True)
        )
    )


def _filtered_records(
    unit: Unit, day: Span, pieces: Mapping[str, Sequence[Piece]], failed: Iterable[str]
) -> tuple[dict[str, GaplessRecords], dict[str, str], list[tuple[str, int, int, str]]]:
    """Return the records and the channel code of each component, and the unused stretches."""
    codes = {header.component: header.channel for header in unit.headers}
    components = choose_components(pieces)
    records, channels = {}, {}
    unused = [("", *day, reason) for reason in failed]
    for component, letter in components.items():
        component_records, rejected = gapless_records(pieces[letter])
        unused += [(codes[letter], *stretch) for stretch in rejected]
        if component_records:
            records[component], channels[component] = component_records, codes[letter]
    unused += [
        (codes[letter], *day, "a component that another is used for")
        for letter in sorted({*pieces} - {*components.values()})
    ]
    return records, channels, unused


def _stretches(
    rows: Sequence[tuple], instrument: Instrument, day: Span, further: list[str]
) -> pd.DataFrame:
    """Make a table of stretches of record, cut to the day and in order of time."""
    table = pd.DataFrame(rows, columns=["channel", "start", "end", *further])
    table = table[(table["start"] < day.end) & (table["end"] >= day.start)]
    codes = dict(zip(STRETCH_COLUMNS[:3], instrument[:3], strict=True))
    limits = {
        "start": table["start"].clip(lower=day.start),
        "end": table["end"].clip(upper=day.end),
    }
    table = table.assign(**codes, **limits).sort_values(["start", "channel"], kind="stable")
    return table[[*STRETCH_COLUMNS, *further]].reset_index(drop=True)
