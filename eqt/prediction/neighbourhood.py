"""Units of a prediction in sequence, each with the picks of the days around it."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import pandas as pd

from eqt.prediction.units import UnitTables
from steadkit.records.instruments import split_channel


class Neighbourhood(NamedTuple):
    """A unit with the picks of its instrument in the days before and after.

    A detection belongs to the day in which it starts; its picks may lie beyond midnight.

    Attributes
    ----------
    tables
        Of the unit.
    nearby
        Picks of the unit and of its two neighbours, in order of time.
    detection_ids
        Of the same units.
    """

    tables: UnitTables
    nearby: pd.DataFrame
    detection_ids: frozenset[str]

    @property
    def picks(self) -> pd.DataFrame:
        """Arrivals of the unit that are picks."""
        return _picks(self.tables)


def neighbourhoods(units: Iterable[UnitTables]) -> Iterator[Neighbourhood]:
    """Iterate over units together with their neighbours, in memory of three of them.

    Parameters
    ----------
    units
        In the order of `eqt.prediction.units.plan_units`: by instrument, then by day.
    """
    before: UnitTables | None = None
    unit: UnitTables | None = None
    for after in chain(units, [None]):
        if unit is not None:
            yield _neighbourhood(unit, before, after)
        before, unit = unit, after


def _neighbourhood(
    unit: UnitTables, before: UnitTables | None, after: UnitTables | None
) -> Neighbourhood:
    instrument = _instrument(unit)
    sequence: Sequence[UnitTables | None] = (before, unit, after)
    units = [
        tables
        for tables in sequence
        if tables is not None and (tables is unit or _instrument(tables) == instrument)
    ]
    nearby = pd.concat([_picks(tables) for tables in units], ignore_index=True)
    ids = chain.from_iterable(tables.detections["detection_id"] for tables in units)
    return Neighbourhood(unit, nearby, frozenset(ids))


def _picks(tables: UnitTables) -> pd.DataFrame:
    return tables.arrivals[tables.arrivals["is_pick"]]


def _instrument(tables: UnitTables) -> tuple[str, ...]:
    """Return the codes of a unit's instrument; none if the unit has nothing that names it."""
    arrivals, detections = tables.arrivals, tables.detections
    if len(detections):
        return tuple(detections[["network", "station", "location", "instrument"]].iloc[0])
    if len(arrivals):
        *codes, channel = arrivals[["network", "station", "location", "channel"]].iloc[0]
        return *codes, split_channel(channel)[0]
    return ()
