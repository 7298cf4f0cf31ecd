"""Station-days, the units of a prediction: each is computed alone, with what reaches over its ends.

A pick belongs to the day that it falls in, a detection to the day that it starts in. A unit reads
more than its day on both sides, so that windows, filters and detections near midnight are the same
as in a record that is never cut; neighbouring units therefore agree.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import pandas as pd

from eqt.picking.continuous import NS_PER_SAMPLE, stack_probabilities, step_samples
from eqt.picking.station_picks import PickingConfig, pick_station
from eqt.probabilities import Predict
from steadkit.records.gapless import NANO, GaplessRecord, gapless_records
from steadkit.records.instruments import Instrument, choose_components, choose_instruments
from steadkit.records.waveform_files import RecordHeader, read_pieces
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


class UnitTables(NamedTuple):
    """What a unit yields: see `eqt.picking.station_picks` for the columns of the first two."""

    arrivals: pd.DataFrame
    detections: pd.DataFrame
    unused: pd.DataFrame
    coverage: pd.DataFrame


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
        first, last = max(header.start, limits.start), min(header.end, limits.end - 1)
        for day in range(first // DAY_NS, last // DAY_NS + 1):
            by_day.setdefault(day, {}).setdefault(header.instrument, []).append(header)
    units = []
    for day, instruments in by_day.items():
        chosen = list(instruments) if all_instruments else _best_of_stations(instruments)
        for instrument in chosen:
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
    predict: Predict, unit: Unit, limits: Span, config: PickingConfig, normalization: str
) -> UnitTables:
    """Pick one station-day.

    Parameters
    ----------
    predict
        See `eqt.probabilities.predictor`.
    unit
        From `plan_units`.
    limits
        Picks and detections outside of it are left out.
    config
        Thresholds, overlap and the like.
    normalization
        As the network was trained.
    """
    day = Span(max(unit.span.start, limits.start), min(unit.span.end, limits.end))
    context = round(CONTEXT_S * NANO)
    pieces, failed = read_pieces(unit.headers, day.start - context, day.end + context)
    channels = {header.component: header.channel for header in unit.headers}
    records: dict[str, list[GaplessRecord]] = {}
    unused = [(channel, day.start, day.end, reason) for reason in failed for channel in [""]]
    components = choose_components(pieces)
    for component, letter in components.items():
        records[component], rejected = gapless_records(pieces[letter])
        unused += [(channels[letter], *stretch) for stretch in rejected]
    unused += [
        (channels[letter], day.start, day.end, "a component that another stands for")
        for letter in sorted({*pieces} - {*components.values()})
    ]
    records = {component: found for component, found in records.items() if found}
    reach = round(REACH_S * NANO)
    stacked = stack_probabilities(
        predict,
        records,
        ((day.start - reach) // NS_PER_SAMPLE, (day.end + reach) // NS_PER_SAMPLE),
        step_samples(config.overlap),
        normalization,
        config.stacking,
    )
    letters = {component: channels[components[component]] for component in records}
    arrivals, detections = pick_station(stacked, records, unit.instrument, letters, config)
    used = [
        (letters[component], record.start, record.end)
        for component, found in records.items()
        for record in found
    ]
    return UnitTables(
        arrivals[arrivals["time"].between(day.start, day.end - 1)].reset_index(drop=True),
        detections[detections["start"].between(day.start, day.end - 1)].reset_index(drop=True),
        _stretches(unused, unit.instrument, day, ["reason"]),
        _stretches(used, unit.instrument, day, []),
    )


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
