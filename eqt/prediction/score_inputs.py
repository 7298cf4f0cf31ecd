"""Inputs of a score: an analyst's picks, a prediction's picks and its covered record, by receiver.

A receiver is a station, or, where a prediction has all instruments of a station, an instrument:
each is then scored by itself against the station's picks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from eqt.metrics import PHASES
from eqt.prediction.folder import read_run
from eqt.prediction.pick_table import read_candidates, read_continuous_picks, read_coverage
from steadkit.errors import InputError
from steadkit.paths import NUMBER, value_at
from steadkit.records.instruments import split_channel
from steadkit.records.picks import AUTOMATION, SORT_COLUMNS, read_picks
from steadkit.records.text import is_known
from steadkit.schema import SAMPLING_RATE

TABLES: Final = ("picks.csv", "coverage.csv", "candidates.parquet")
"""Tables of a prediction that a score is made from."""

HOUR_NS: Final = 3600 * 10**9
SAMPLE_NS: Final = round(10**9 / SAMPLING_RATE)

OUTSIDE: Final = "outside the record"
NO_RECORD: Final = "no record of the station"


@dataclass(frozen=True)
class ScoreInputs:
    """Tables of a score; all have ``receiver``, times are in ns since 1970.

    Attributes
    ----------
    truth
        The analyst's picks inside covered record: station, phase, time_ns, source_id, status.
    left_out
        Those that are not, with the ``reason``.
    picks, candidates
        Of the scored receivers.
    stretches
        Covered record of each scored receiver, without overlaps: start_ns, end_ns.
    unscored
        Picks by station of stations that the analyst's table does not have.
    notes
        Counts of picks of the table that are not used, by reason, and of automatic ones.
    thresholds, floor
        Of the prediction.
    """

    truth: pd.DataFrame
    left_out: pd.DataFrame
    picks: pd.DataFrame
    candidates: pd.DataFrame
    stretches: pd.DataFrame
    unscored: dict[str, int]
    notes: dict[str, int]
    thresholds: dict[str, float]
    floor: float


def read_score_inputs(
    folder: Path, truth_files: Sequence[Path], all_stations: bool = False
) -> ScoreInputs:
    """Read a prediction and an analyst's picks.

    Parameters
    ----------
    folder
        Of `eqt predict`.
    truth_files
        See `steadkit.records.picks.read_picks`; their picks are taken together.
    all_stations
        Whether stations that the truth does not name are scored too.

    Raises
    ------
    InputError
        A file is missing or damaged, or no pick of the truth is inside the record.
    """
    settings = read_run(folder)["settings"]
    label = f"run.json of {str(folder)!r}"
    thresholds = {
        phase: float(value_at(settings, f"{phase.lower()}_threshold", NUMBER, label))
        for phase in PHASES
    }
    for name in TABLES:
        if not (folder / name).exists():
            raise InputError(f"{str(folder)!r} has no {name}: let eqt predict finish it first")
    truth, notes = read_truth(truth_files)
    by_instrument = bool(settings.get("all_instruments"))
    coverage = _with_receivers(read_coverage(folder / "coverage.csv"), by_instrument)
    truth, left_out = _inside_record(truth, coverage)
    if truth.empty:
        raise InputError(
            f"none of the {len(left_out):,} picks of {_names(truth_files)} is inside the record of "
            f"{str(folder)!r}: check stations and times"
        )
    picks = _with_receivers(read_continuous_picks(folder / "picks.csv"), by_instrument)
    scored = {*truth["station"], *left_out["station"]}
    others = picks["station"][~picks["station"].isin(scored)].value_counts()
    unscored = dict.fromkeys(sorted({*coverage["station"]} - scored), 0) | others.to_dict()
    if all_stations:
        scored, unscored = scored | {*coverage["station"]} | {*picks["station"]}, {}
    candidates = _with_receivers(
        read_candidates(folder / "candidates.parquet", scored), by_instrument
    )
    return ScoreInputs(
        truth=truth,
        left_out=left_out,
        picks=picks[picks["station"].isin(scored)].reset_index(drop=True),
        candidates=candidates,
        stretches=merge_stretches(coverage[coverage["station"].isin(scored)]),
        unscored=unscored,
        notes=notes,
        thresholds=thresholds,
        floor=float(value_at(settings, "floor", NUMBER, label)),
    )


def read_truth(paths: Sequence[Path]) -> tuple[pd.DataFrame, dict[str, int]]:
    """Read the picks of analysts, one of each arrival, and count those that are not used.

    Rejected picks are left out. Of several picks of one arrival, known by its event, the best is
    used, see `steadkit.records.picks.SORT_COLUMNS`.
    """
    every = pd.concat([read_picks(path) for path in dict.fromkeys(paths)], ignore_index=True)
    every["station"] = every["network"] + "." + every["station"]
    picks = every[~every["is_rejected"]].sort_values([*SORT_COLUMNS, "time_ns"], kind="stable")
    if picks.empty:
        raise InputError(f"all picks of {_names(paths)} are rejected: name a table with others")
    arrival = ["station", "phase", "source_id"]
    is_repeated = picks.duplicated(arrival) & picks["source_id"].map(is_known)
    used = picks[~is_repeated].drop_duplicates(["station", "phase", "time_ns"])
    notes = {
        "rejected": len(every) - len(picks),
        "another pick of an arrival than the best": len(picks) - len(used),
        "automatic": int((used["automation"] == AUTOMATION["automatic"]).sum()),
    }
    columns = ["station", "phase", "time_ns", "source_id", "status"]
    return used.sort_values(columns[:3])[columns].reset_index(drop=True), notes


def _with_receivers(rows: pd.DataFrame, by_instrument: bool) -> pd.DataFrame:
    """Set ``station`` to ``NET.STA``, add ``receiver``: the same, or ``NET.STA.LOC.HH``."""
    station = rows["network"] + "." + rows["station"]
    receiver = station
    if by_instrument:
        types = {channel: split_channel(channel)[0] for channel in rows["channel"].unique()}
        receiver = station + "." + rows["location"] + "." + rows["channel"].map(types).astype(str)
    return rows.drop(columns="network").assign(station=station, receiver=receiver)


def _inside_record(
    truth: pd.DataFrame, coverage: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Repeat the truth for each receiver of its station; part it by whether that has record."""
    receivers = coverage[["station", "receiver"]].drop_duplicates()
    rows = truth.merge(receivers, on="station", how="left").sort_values(
        ["time_ns", "receiver", "phase"], ignore_index=True
    )
    has_record = rows["receiver"].notna()
    is_inside = np.zeros(len(rows), bool)
    is_inside[has_record] = is_covered(rows[has_record], merge_stretches(coverage))
    outside = rows[~is_inside]
    left_out = outside.assign(
        reason=np.where(has_record[~is_inside], OUTSIDE, NO_RECORD),
        receiver=outside["receiver"].fillna(outside["station"]),
    )
    return rows[is_inside].reset_index(drop=True), left_out.reset_index(drop=True)


def merge_stretches(coverage: pd.DataFrame) -> pd.DataFrame:
    """Join the stretches of a receiver's channels that overlap or follow on one another.

    Parameters
    ----------
    coverage
        receiver, start_ns and end_ns.

    >>> table = pd.DataFrame({"receiver": ["A", "A", "B"], "start_ns": [0, 5, 0], "end_ns": 9})
    >>> merge_stretches(table).values.tolist()
    [['A', 0, 9], ['B', 0, 9]]
    """
    rows = coverage.sort_values(["receiver", "start_ns"])[["receiver", "start_ns", "end_ns"]]
    latest = rows.groupby("receiver")["end_ns"].cummax().to_numpy()
    # A stretch ends at its last sample: the next sample follows on it.
    is_new = np.ones(len(rows), bool)
    is_new[1:] = (rows["receiver"].to_numpy()[1:] != rows["receiver"].to_numpy()[:-1]) | (
        rows["start_ns"].to_numpy()[1:] > latest[:-1] + SAMPLE_NS
    )
    firsts = np.flatnonzero(is_new)
    lasts = np.append(firsts[1:], len(rows))[: len(firsts)] - 1
    merged = rows.iloc[firsts].assign(end_ns=latest[lasts])
    return merged.reset_index(drop=True)


def is_covered(rows: pd.DataFrame, stretches: pd.DataFrame) -> np.ndarray:
    """Return which times are inside the record of their receiver, both ends of it included.

    Parameters
    ----------
    rows
        receiver and time_ns, in order of time.
    stretches
        From `merge_stretches`.
    """
    by_start = stretches.sort_values("start_ns", ignore_index=True).astype({"receiver": "str"})
    before = pd.merge_asof(
        rows[["receiver", "time_ns"]].astype({"receiver": "str"}),
        by_start[["receiver", "start_ns"]].assign(number=by_start.index),
        left_on="time_ns",
        right_on="start_ns",
        by="receiver",
    )
    numbers = before["number"].fillna(-1).to_numpy(int)
    covered: np.ndarray = numbers >= 0
    ends = by_start["end_ns"].to_numpy()[numbers[covered]]
    covered[covered] = rows["time_ns"].to_numpy()[covered] <= ends
    return covered


def hours_of_record(stretches: pd.DataFrame) -> pd.DataFrame:
    """Return the covered part of each hour of each receiver.

    Returns
    -------
    pandas.DataFrame
        receiver, ``hour`` (since 1970) and ``station_hours``, at most 1.

    >>> half_past = pd.DataFrame({"receiver": ["A"], "start_ns": [HOUR_NS // 2], "end_ns": HOUR_NS})
    >>> hours_of_record(half_past).values.tolist()
    [['A', 0, 0.5]]
    """
    starts, ends = (stretches[name].to_numpy(np.int64) for name in ("start_ns", "end_ns"))
    firsts = starts // HOUR_NS
    counts = np.maximum(-(-ends // HOUR_NS) - firsts, 1)
    rows = np.repeat(np.arange(len(stretches)), counts)
    hours = firsts[rows] + np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    covered = np.minimum(ends[rows], (hours + 1) * HOUR_NS) - np.maximum(
        starts[rows], hours * HOUR_NS
    )
    table = pd.DataFrame(
        {
            "receiver": stretches["receiver"].to_numpy()[rows],
            "hour": hours,
            "station_hours": covered / HOUR_NS,
        }
    )
    return table.groupby(["receiver", "hour"], as_index=False)["station_hours"].sum()


def _names(paths: Iterable[Any]) -> str:
    return ", ".join(repr(str(path)) for path in paths)
