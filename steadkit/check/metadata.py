"""Rules for the rows of the CSV, evaluated for many traces at once."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from steadkit.check.findings import concatenate, findings_table
from steadkit.check.issues import ISSUES
from steadkit.check.reading import format_derived, parse_rows
from steadkit.geodesy import KM_PER_DEGREE
from steadkit.schema import COMPONENTS, EVENT, N_SAMPLES, NOISE
from steadkit.types import parse_times

SUFFIXES: Final = {"_EV": EVENT, "_NO": NOISE}
"""Suffix of a trace's name for each category."""

DEFAULT_DEPTHS_KM: Final = (33.0, 5.0, 10.0)

TRAVEL_TOLERANCE_S: Final = 0.1
DISTANCE_TOLERANCE: Final = 0.02
"""Relative; a sphere instead of the ellipsoid makes 0.6 %."""
DISTANCE_TOLERANCE_KM: Final = 0.5
DEGREE_ROUNDING: Final = 0.01
AZIMUTH_TOLERANCE_DEG: Final = 1.0
COORDINATE_ROUNDING_KM: Final = 0.02
"""Coordinates have four decimals: 11 m, and twice that over both ends."""
MAX_AZIMUTH_TOLERANCE_DEG: Final = 30.0
"""A back azimuth less certain than this, of a source next to its station, is not checked."""

WEAK_COMPONENT_DB: Final = 20.0


@dataclass(frozen=True)
class RowRule:
    """Rule for one issue of a row.

    Parameters
    ----------
    code
        The issue.
    is_wrong
        Maps the values (`steadkit.check.reading.parse_rows`) to one bool a row.
    shown
        Columns whose text a finding quotes.
    computed
        Column of `steadkit.check.reading.DERIVED` with the expected value.
    """

    code: str
    is_wrong: Callable[[pd.DataFrame], np.ndarray]
    shown: tuple[str, ...]
    computed: str = ""


def check_rows(table: pd.DataFrame, codes: Collection[str] = tuple(ISSUES)) -> pd.DataFrame:
    """Return the issues of single rows.

    Parameters
    ----------
    table
        Text as `steadkit.catalog.read_table` gives it.
    codes
        Codes of the issues to look for.

    Returns
    -------
    pandas.DataFrame
        Findings, as `steadkit.check.findings.concatenate` orders them.
    """
    values, malformed = parse_rows(table)
    tables = [malformed] if "malformed-value" in codes else []
    tables += [_apply_rule(rule, table, values) for rule in RULES if rule.code in codes]
    return concatenate(tables)


def _apply_rule(rule: RowRule, table: pd.DataFrame, values: pd.DataFrame) -> pd.DataFrame:
    rows = np.asarray(rule.is_wrong(values), dtype=bool)
    # Comparisons with NaN are false, so an unknown value breaks no rule.
    hits = table[rows]
    quoted_cells = pd.Series("", index=hits.index, dtype=str)
    for column in rule.shown:
        if column in hits:
            quoted_cells = quoted_cells + " " + column + " " + hits[column]
    expected = format_derived(values[rows], rule.computed) if rule.computed else None
    return findings_table(rule.code, hits["trace_name"], quoted_cells.str.strip(), expected)


def _wrong_suffix(t: pd.DataFrame) -> np.ndarray:
    category = t["trace_name"].str[-3:].map(SUFFIXES).fillna("")
    return ((category != "") & (category != t["trace_category"])).to_numpy()


def _is_category(t: pd.DataFrame, category: str) -> pd.Series:
    return t["trace_category"] == category


def _outside_trace(t: pd.DataFrame, column: str, last: int = N_SAMPLES - 1) -> np.ndarray:
    return _outside_range(t, column, 0, last)


def _outside_range(t: pd.DataFrame, column: str, low: float, high: float) -> np.ndarray:
    return ((t[column] < low) | (t[column] > high)).to_numpy()


def _coordinates(t: pd.DataFrame) -> np.ndarray:
    wrong = np.zeros(len(t), dtype=bool)
    for end in ("receiver", "source"):
        wrong |= _outside_range(t, f"{end}_latitude", -90, 90) | _outside_range(
            t, f"{end}_longitude", -180, 180
        )
    return wrong


def _travel_time(t: pd.DataFrame) -> np.ndarray:
    error = (t["p_after_origin"] - t["p_travel_sec"]).abs()
    # An origin after P is a separate issue.
    return ((error > TRAVEL_TOLERANCE_S) & (t["p_after_origin"] >= 0)).to_numpy()


def _distance(t: pd.DataFrame) -> np.ndarray:
    error = (t["source_distance_km"] - t["geodesic_km"]).abs()
    return (error > DISTANCE_TOLERANCE_KM + DISTANCE_TOLERANCE * t["geodesic_km"]).to_numpy()


def _distance_units(t: pd.DataFrame) -> np.ndarray:
    error = (t["source_distance_deg"] - t["source_distance_km"] / KM_PER_DEGREE).abs()
    disagree = error > DEGREE_ROUNDING + DISTANCE_TOLERANCE * t["source_distance_deg"].abs()
    # If the kilometres are wrong too, report only that.
    return (disagree & ~_distance(t)).to_numpy()


def _azimuth_error(t: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the error of each back azimuth and its tolerance, degrees.

    STEAD turned the azimuth at the source by 180 degrees, which differs from the azimuth at the
    station by the convergence of the meridians: the tolerance includes it.
    """
    error = _angle_between(t["back_azimuth_deg"], t["geodesic_back_azimuth"])
    convergence = 180 - _angle_between(t["geodesic_azimuth"], t["geodesic_back_azimuth"])
    rounding = np.degrees(np.arctan2(COORDINATE_ROUNDING_KM, t["geodesic_km"].to_numpy()))
    tolerance = AZIMUTH_TOLERANCE_DEG + convergence + rounding
    return error, np.where(tolerance < MAX_AZIMUTH_TOLERANCE_DEG, tolerance, np.nan)


def _angle_between(azimuth_a: pd.Series, azimuth_b: pd.Series) -> np.ndarray:
    """Return the smaller angle between two directions, degrees."""
    angle: np.ndarray = np.abs((azimuth_a - azimuth_b + 180) % 360 - 180).to_numpy(float)
    return angle


def _reversed(t: pd.DataFrame) -> np.ndarray:
    error, tolerance = _azimuth_error(t)
    reverse: np.ndarray = error >= 180 - tolerance
    return reverse


def _azimuth_off(t: pd.DataFrame) -> np.ndarray:
    error, tolerance = _azimuth_error(t)
    is_off: np.ndarray = (error > tolerance) & (error < 180 - tolerance)
    return is_off


def _weak_component(t: pd.DataFrame) -> np.ndarray:
    levels = t[[f"snr_db_{c}" for c in COMPONENTS]].to_numpy(float)
    weak: np.ndarray = levels.max(axis=1) - levels.min(axis=1) >= WEAK_COMPONENT_DB
    return weak


P, S, CODA = "p_arrival_sample", "s_arrival_sample", "coda_end_sample"

RULES: Final = (
    RowRule("name-category", _wrong_suffix, ("trace_category",)),
    RowRule("arrivals-missing", lambda t: _is_category(t, EVENT) & t[P].isna() & t[S].isna(), ()),
    RowRule("s-without-p", lambda t: _is_category(t, EVENT) & t[P].isna() & t[S].notna(), (S,)),
    RowRule("s-missing", lambda t: _is_category(t, EVENT) & t[P].notna() & t[S].isna(), (P,)),
    RowRule("coda-missing", lambda t: _is_category(t, EVENT) & t[CODA].isna(), ()),
    RowRule(
        "noise-with-arrivals",
        lambda t: _is_category(t, NOISE) & t[[P, S, CODA]].notna().any(axis=1),
        (P, S, CODA),
    ),
    RowRule("p-outside", lambda t: _outside_trace(t, P), (P,)),
    RowRule("s-outside", lambda t: _outside_trace(t, S), (S,)),
    RowRule("coda-outside", lambda t: _outside_trace(t, CODA, N_SAMPLES), (CODA,)),
    RowRule("s-before-p", lambda t: t[S] <= t[P], (P, S)),
    RowRule("coda-before-s", lambda t: t[CODA] < t[S], (S, CODA)),
    RowRule(
        "origin-after-p",
        lambda t: t["p_after_origin"] < 0,
        ("source_origin_time", "trace_start_time", P),
    ),
    RowRule(
        "travel-time",
        _travel_time,
        ("p_travel_sec", "source_origin_time", "trace_start_time", P),
    ),
    RowRule(
        "coordinates-outside",
        _coordinates,
        ("receiver_latitude", "receiver_longitude", "source_latitude", "source_longitude"),
    ),
    RowRule(
        "magnitude-outside",
        lambda t: _outside_range(t, "source_magnitude", -4, 10),
        ("source_magnitude",),
    ),
    RowRule(
        "distance-units",
        _distance_units,
        ("source_distance_deg", "source_distance_km"),
        "source_distance_deg",
    ),
    RowRule("distance-coordinates", _distance, ("source_distance_km",), "source_distance_km"),
    RowRule("back-azimuth-reversed", _reversed, ("back_azimuth_deg",), "back_azimuth_deg"),
    RowRule("back-azimuth-off", _azimuth_off, ("back_azimuth_deg",), "back_azimuth_deg"),
    RowRule(
        "default-depth",
        lambda t: t["source_depth_km"].isin(DEFAULT_DEPTHS_KM),
        ("source_depth_km",),
    ),
    RowRule("weak-component", _weak_component, ("snr_db",)),
)
"""One rule an issue; ``malformed-value`` is found by the parser, ``duplicate-window`` over all
rows."""


def repair_rows(table: pd.DataFrame, findings: pd.DataFrame) -> pd.DataFrame:
    """Return a copy of a text table with the derived columns of the findings recomputed.

    Cells without a finding, or without known coordinates, are not changed.
    """
    values, _ = parse_rows(table)
    fixed = table.copy()
    for code, group in findings.groupby("fault"):
        rows = table["trace_name"].isin(group["trace_name"])
        for column in ISSUES[code].repairs:
            new = format_derived(values, column)
            is_known = rows & (new != "")
            if column in fixed:
                fixed.loc[is_known, column] = new[is_known]
    return fixed


def repairable(findings: pd.DataFrame) -> pd.Series:
    """Return which findings `repair_rows` repairs."""
    codes = [code for code, issue in ISSUES.items() if issue.repairs]
    return findings["fault"].isin(codes) & (findings["expected"] != "")


def window_keys(table: pd.DataFrame) -> np.ndarray:
    """Return a hash of station, instrument and start time; 0 where they are not known.

    It has 64 bits: two of STEAD's windows collide by chance once in 20 million checks.
    """
    empty = pd.Series("", index=table.index, dtype=str)
    names = ("network_code", "receiver_code", "receiver_type", "trace_start_time")
    columns = {name: table.get(name, empty) for name in names}
    start = pd.Series(parse_times(columns["trace_start_time"])[0], index=table.index)
    keys = pd.util.hash_pandas_object(pd.DataFrame(columns | {names[-1]: start}), index=False)
    is_known = start.notna() & (columns["receiver_code"] != "")
    return np.where(is_known, keys, np.uint64(0))


def find_duplicates(code: str, names: pd.Series, keys: np.ndarray) -> pd.DataFrame:
    """Return findings of traces with the key of another one: all but the first by name.

    Zero or empty keys are unknown and match nothing.

    >>> keys = np.array([7, 7, 0, 0], np.uint64)
    >>> find_duplicates("duplicate-window", pd.Series(["B", "A", "C", "D"]), keys)["value"].tolist()
    ['same as A']
    """
    rows = np.flatnonzero(keys != keys.dtype.type())
    rows = rows[np.argsort(keys[rows], kind="stable")]
    as_next = keys[rows[1:]] == keys[rows[:-1]]
    shared = rows[np.append(as_next, False) | np.insert(as_next, 0, False)[: len(rows)]]
    table = pd.DataFrame({"name": names.to_numpy()[shared], "key": keys[shared]})
    first = table.groupby("key")["name"].transform("min")
    repeated = table["name"] != first
    return findings_table(code, table["name"][repeated], "same as " + first[repeated])
