"""Pick tables, CSV or QuakeML: one row per pick, then one onset (P and S) per trace.

A CSV needs the columns ``network``, ``station``, ``phase`` and ``time`` (UTC, ISO 8601). It may
have ``location``, ``channel``, ``status`` or ``mode`` (manual, automatic, rejected) and ``weight``
of the pick, ``event_id``, and any of STEAD's ``source_*`` columns, some of which have short names
too (`ALIASES`). Other columns are ignored.

Of several picks of one arrival the best is used, see `build_onsets`.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from steadkit.errors import InputError
from steadkit.records.quakeml import USED, read_quakeml
from steadkit.records.resample import P_SAMPLES
from steadkit.records.text import is_known, iter_text_chunks, require_columns, time_text
from steadkit.schema import COLUMNS, N_SAMPLES, SAMPLING_RATE, TEXT_COLUMNS
from steadkit.types import parse_cell, parse_nanoseconds, parse_times

REQUIRED_COLUMNS: Final = ("network", "station", "phase", "time")
PICK_COLUMNS: Final = (*REQUIRED_COLUMNS, "location", "channel", "status", "weight")
QUALITY_COLUMNS: Final = ("mode", "evaluation_status", "used")
"""QuakeML's further columns that decide which of several picks of one arrival is used."""

SORT_COLUMNS: Final = ("is_rejected", "is_unused", "automation", "lightness")
"""Columns by which picks of one arrival are sorted in ascending order, the best first."""

AUTOMATION: Final = {"manual": 0, "": 1, "automatic": 2, "autopicker": 2}
REJECTED: Final = "rejected"
SOURCE_COLUMNS: Final = tuple(column for column in COLUMNS if column.startswith("source_"))

ALIASES: Final[Mapping[str, str]] = {
    "event_id": "source_id",
    "origin_time": "source_origin_time",
    "latitude": "source_latitude",
    "longitude": "source_longitude",
    "depth_km": "source_depth_km",
    "magnitude": "source_magnitude",
    "magnitude_type": "source_magnitude_type",
    "magnitude_author": "source_magnitude_author",
}
"""Short names of STEAD's columns."""

PHASES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("P", "p", "Pg", "Pn", "Pb", "P*", "P1"), "P"),
    **dict.fromkeys(("S", "s", "Sg", "Sn", "Sb", "S*", "S1"), "S"),
}
"""Names of first arrivals; reflections and amplitudes are ignored."""

_HAS_CLOCK = re.compile(r"\d[T ]\d")
MIN_TIME_NS, MAX_TIME_NS = (parse_nanoseconds(year) for year in ("1680", "2261"))
"""Years whose nanoseconds since 1970 fit into int64."""

MAX_S_MINUS_P_S: Final = (N_SAMPLES - P_SAMPLES[0]) / SAMPLING_RATE
"""Largest S minus P, in seconds, for both to be in one minute."""


@dataclass(frozen=True)
class Onset:
    """P and, where picked, S of one earthquake at one station.

    Parameters
    ----------
    network, station
        SEED codes.
    location, channel
        SEED codes of the pick of P, or ``""``.
    p, s
        Times in nanoseconds since 1970, UTC; `s` is None where there is no S.
    row
        Source and picks, in STEAD's columns.
    """

    network: str
    station: str
    location: str
    channel: str
    p: int
    s: int | None
    row: Mapping[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """Name of the onset, which does not depend on other rows of the table."""
        source = self.row.get("source_id", "")
        return f"{self.network}.{self.station}.{self.p}.{source}"


def read_picks(path: Path) -> pd.DataFrame:
    """Read and check a pick table, as text, with ``time_ns`` as int64.

    Parameters
    ----------
    path
        A CSV, or QuakeML with the suffix ``.xml``, ``.qml`` or ``.quakeml``.

    Returns
    -------
    pandas.DataFrame
        One row per pick of P or S: network, station, location, channel, phase (``P`` or ``S``),
        status, weight, time_ns, STEAD's source columns, and `SORT_COLUMNS`.

    Raises
    ------
    InputError
        A column is missing, or a time, number or coordinate cannot be read.
    """
    is_xml = path.suffix.lower() in (".xml", ".qml", ".quakeml")
    table = pd.DataFrame(read_quakeml(path)) if is_xml else _read_csv(path)
    columns = [*PICK_COLUMNS, *QUALITY_COLUMNS, *SOURCE_COLUMNS]
    table = table.reindex(columns=columns, fill_value="").fillna("")
    table = table[table["phase"].str.strip().isin(PHASES)].copy()
    if table.empty:
        raise InputError(f"{str(path)!r} has no pick of P or S: name another table")
    for column in ("network", "station", "location", "channel"):
        table[column] = table[column].str.strip().where(table[column].map(is_known), "")
    table["phase"] = table["phase"].str.strip().map(PHASES)
    table["time_ns"] = [_pick_time(text, path) for text in table["time"]]
    table["source_origin_time"] = _origin_times(table, path)
    _check_numbers(table, path)
    table = _add_sort_columns(table).drop(columns=["time", *QUALITY_COLUMNS])
    # Sorted by all columns: of two equal picks the same one is kept in any order of the rows.
    first = ["time_ns", *SORT_COLUMNS]
    ordered = table.sort_values([*first, *table.columns.drop(first)])
    keys = ["network", "station", "source_id", "phase", "time_ns"]
    return ordered.drop_duplicates(keys).reset_index(drop=True)


def _add_sort_columns(table: pd.DataFrame) -> pd.DataFrame:
    statuses = [
        table[name].where(table[name].map(is_known), "").str.strip().str.lower()
        for name in ("status", "mode", "evaluation_status")
    ]
    is_rejected = np.logical_or.reduce([column == REJECTED for column in statuses])
    # A CSV may have manual or automatic in either of the two columns.
    mode = statuses[1].where(statuses[1] != "", statuses[0])
    return table.assign(
        status=table["status"].where(statuses[0] != "", table["mode"]),
        is_rejected=is_rejected,
        is_unused=table["used"] != USED,
        automation=mode.map(AUTOMATION).fillna(AUTOMATION[""]).astype(int),
        lightness=[
            -weight if weight == weight else 0.0 for weight in table["weight"].map(parse_cell)
        ],
    )


def _read_csv(path: Path) -> pd.DataFrame:
    columns = require_columns(path, REQUIRED_COLUMNS, "pick table")
    table = pd.concat(list(iter_text_chunks(path)), ignore_index=True)
    aliases = {alias: column for alias, column in ALIASES.items() if column not in columns}
    return table.rename(columns=aliases)


def _pick_time(text: str, path: Path) -> int:
    try:
        time = parse_nanoseconds(text)
    except ValueError:
        time = None
    # A date without a clock is not a pick time.
    if time is None or not _HAS_CLOCK.search(text) or not MIN_TIME_NS <= time < MAX_TIME_NS:
        raise InputError(
            f"{str(path)!r} has the time {text[:60]!r}: write one of the years 1680 to "
            "2260 as 2024-02-03T05:24:31.2"
        )
    return time


def _origin_times(table: pd.DataFrame, path: Path) -> list[str]:
    texts = table["source_origin_time"]
    times, wrong = parse_times(texts)
    if wrong.any():
        text = texts.iloc[int(wrong.argmax())]
        raise InputError(f"{str(path)!r} has origin time {text[:60]!r}: write 2024-02-03T05:24:28")
    return ["" if np.isnat(time) else time_text(time) for time in times]


def _check_numbers(table: pd.DataFrame, path: Path) -> None:
    limits = {"source_latitude": 90.0, "source_longitude": 360.0}
    numeric = [column for column in SOURCE_COLUMNS if column not in TEXT_COLUMNS]
    for column in [*numeric, "weight"]:
        for text in table[column].unique():
            try:
                wrong = abs(parse_cell(text)) > limits.get(column, float("inf"))
            except ValueError:
                wrong = True
            if wrong:
                raise InputError(f"{str(path)!r} has {column} = {text[:60]!r}: correct it")


def build_onsets(picks: pd.DataFrame, skipped: Counter[str]) -> list[Onset]:
    """Pair P and S of one earthquake at one station; return the onsets in the order of P.

    Rejected picks are left out. With an event id, the best P and the best S after it are used:
    picks that the preferred origin was located with come first, then manual before automatic ones,
    the larger weight, and the earlier time. Picks without an event id are paired by time: each P
    with the first S after it, if that comes before the next P and within 56 s.

    Parameters
    ----------
    picks
        From `read_picks`.
    skipped
        Gets the counts of unused picks, by reason.
    """
    onsets: list[Onset] = []
    if rejected := int(picks["is_rejected"].sum()):
        skipped["a rejected pick"] += rejected
    picks = picks[~picks["is_rejected"]]
    keys = ["network", "station", "source_id"]
    for (_, _, source), group in picks.groupby(keys, sort=True):
        by_time = ["time_ns", "phase", "channel"]
        if is_known(source):
            onsets.extend(_event_onset(group.sort_values([*SORT_COLUMNS, *by_time]), skipped))
        else:
            onsets.extend(_pair_onsets(group.sort_values(by_time), skipped))
    return sorted(onsets, key=lambda onset: (onset.p, onset.identity))


def _event_onset(group: pd.DataFrame, skipped: Counter[str]) -> Iterator[Onset]:
    """Make an onset of the picks of one event at one station, sorted by quality."""
    p_picks = group[group["phase"] == "P"]
    if p_picks.empty:
        skipped["S without a P"] += 1
        return
    p = p_picks.iloc[0].to_dict()
    s_picks = group[(group["phase"] == "S") & (group["time_ns"] > p["time_ns"])]
    if n_unused := len(p_picks) + len(s_picks) - 1 - bool(len(s_picks)):
        skipped["another pick of an arrival than the best"] += n_unused
    yield _onset(p, s_picks.head(1).to_dict("records"))


def _pair_onsets(group: pd.DataFrame, skipped: Counter[str]) -> Iterator[Onset]:
    """Pair each P with the next S, in picks sorted by time that have no event id."""
    p = None
    # None at the end closes the last pair as another P would.
    for pick in [*group.to_dict("records"), None]:
        if pick is not None and pick["phase"] == "S":
            is_pair = p and pick["time_ns"] - p["time_ns"] < MAX_S_MINUS_P_S * 1e9
            if is_pair:
                yield _onset(p, [pick])
            elif p:
                yield _onset(p, [])
            if not is_pair:
                skipped["S without a P"] += 1
            p = None
        else:
            if p:
                yield _onset(p, [])
            p = pick


def _onset(p: Mapping, s: Sequence[Mapping]) -> Onset:
    row = {column: p[column] for column in SOURCE_COLUMNS}
    row |= {"p_status": p["status"], "p_weight": p["weight"]}
    if s:
        row |= {"s_status": s[0]["status"], "s_weight": s[0]["weight"]}
    codes = {key: p[key] for key in ("network", "station", "location", "channel")}
    return Onset(**codes, p=p["time_ns"], s=s[0]["time_ns"] if s else None, row=row)
