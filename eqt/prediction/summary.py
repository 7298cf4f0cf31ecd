"""Page of a prediction, made while its units pass: coverage, rates, stations, what is not used."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from eqt.plots.html import page, paragraph, picture, section, table
from eqt.prediction.figures import draw_coverage, draw_rate
from eqt.prediction.units import DAY_NS, UnitTables

HOUR_NS: Final = DAY_NS // 24

MAX_ROWS: Final = 200
"""Rows of a table of the page; the CSVs have all."""


@dataclass
class Overview:
    """Counts of a prediction; their number grows with station-days, not with picks."""

    hours_of_record: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    """Seconds by station and day."""
    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Picks of P and S, and detections, by station."""
    rates: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """The same by hour since 1970."""
    unused: Counter[str] = field(default_factory=Counter)
    """Seconds of all channels by reason."""

    def watch(self, units: Iterable[UnitTables]) -> Iterator[UnitTables]:
        """Count units as they pass."""
        for unit in units:
            self._add(unit)
            yield unit

    def _add(self, unit: UnitTables) -> None:
        picks = unit.arrivals[unit.arrivals["is_pick"]]
        labels = [(picks, "time", label) for label in ("P", "S")]
        for rows, column, label in [*labels, (unit.detections, "start", "detection")]:
            chosen = rows if label == "detection" else rows[rows["phase"] == label]
            for station, count in Counter(_stations(chosen)).items():
                self.counts[station][label] += count
            for hour, count in Counter((chosen[column] // HOUR_NS).tolist()).items():
                self.rates[hour][label] += count
        for (station, day), seconds in _covered_seconds(unit.coverage).items():
            self.hours_of_record[station][day] += seconds
        lengths = (unit.unused["end"] - unit.unused["start"]) // 10**9
        for reason, seconds in zip(unit.unused["reason"], lengths, strict=True):
            self.unused[reason] += int(seconds)


def _stations(rows: pd.DataFrame) -> list[str]:
    return (rows["network"] + "." + rows["station"]).tolist()


def _covered_seconds(coverage: pd.DataFrame) -> dict[tuple[str, int], int]:
    """Return the seconds by station and day, of the channel that has most."""
    totals: Counter[tuple[str, int, str]] = Counter()
    lengths = ((coverage["end"] - coverage["start"]) // 10**9).tolist()
    days = (coverage["start"] // DAY_NS).tolist()
    keys = zip(_stations(coverage), days, coverage["channel"], strict=True)
    for key, seconds in zip(keys, lengths, strict=True):
        totals[key] += seconds
    longest: dict[tuple[str, int], int] = {}
    for (station, day, _), seconds in totals.items():
        longest[station, day] = max(longest.get((station, day), 0), seconds)
    return longest


def summary_page(
    overview: Overview,
    settings: Mapping[str, Any],
    skipped: Mapping[str, int],
    failed: Mapping[str, int],
) -> str:
    """Return the page as self-contained HTML, without anything that differs from run to run."""
    totals = sum(overview.counts.values(), Counter())
    record = sum(sum(days.values()) for days in overview.hours_of_record.values())
    head = (
        f"{totals['P']:,} picks of P, {totals['S']:,} of S and {totals['detection']:,} detections "
        f"in {record / 3600:,.1f} station-hours of record of "
        f"{len(overview.hours_of_record):,} stations."
    )
    blocks = [
        section("Over time", picture(draw_rate(overview.rates), "Times are UTC.")),
        section("Stations", *_coverage_picture(overview), table(_station_table(overview))),
        section("Not used", *_unused(overview, skipped, failed)),
        section("Settings", table(_settings_table(settings))),
    ]
    return page("Picks of continuous records", paragraph(head), *blocks)


def _coverage_picture(overview: Overview) -> list[str]:
    stations = sorted(overview.hours_of_record)
    days = [day for of_station in overview.hours_of_record.values() for day in of_station]
    if not days:
        return []
    first, last = min(days), max(days)
    hours = np.zeros((len(stations), last - first + 1))
    for row, station in enumerate(stations):
        for day, seconds in overview.hours_of_record[station].items():
            hours[row, day - first] = seconds / 3600
    dates = list(np.arange(first, last + 1).astype("datetime64[D]"))
    return [picture(draw_coverage(stations, dates, hours), "Hours of record of each day.")]


def _station_table(overview: Overview) -> pd.DataFrame:
    rows = []
    for station in sorted({*overview.hours_of_record, *overview.counts})[:MAX_ROWS]:
        hours = sum(overview.hours_of_record[station].values()) / 3600
        counts = overview.counts[station]
        rows.append(
            {
                "station": station,
                "hours": round(hours, 2),
                **{label: counts[label] for label in ("P", "S", "detection")},
                "P an hour": counts["P"] / hours if hours else np.nan,
            }
        )
    return pd.DataFrame(rows)


def _unused(overview: Overview, skipped: Mapping[str, int], failed: Mapping[str, int]) -> list[str]:
    blocks = []
    for caption, unit, counts in (
        ("Stretches of record, channels counted one by one (unused.csv has each)", "hours",
         {reason: round(s / 3600, 3) for reason, s in overview.unused.items()}),
        ("Files and channels that were passed over", "number", skipped),
        ("Files that could not be read", "number", failed),
    ):  # fmt: skip
        if counts:
            rows = pd.DataFrame(sorted(counts.items()), columns=["reason", unit])
            blocks.append(table(rows, caption))
    return blocks or [paragraph("Everything was used.")]


def _settings_table(settings: Mapping[str, Any]) -> pd.DataFrame:
    rows = [(name.replace("_", " "), _shown(value)) for name, value in settings.items()]
    return pd.DataFrame(rows, columns=["setting", "value"])


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "-" if value is None else str(value)


def write_summary(
    path: Path,
    overview: Overview,
    settings: Mapping[str, Any],
    skipped: Mapping[str, int],
    failed: Mapping[str, int],
) -> None:
    """Write `summary_page`."""
    path.write_text(summary_page(overview, settings, skipped, failed), encoding="utf-8")
