"""Parsers of numbers and times in text, for tables, options and conditions; typed columns.

A number is a plain decimal: sign, ASCII digits, point, exponent, spaces around it; it is finite.
A time is ISO 8601, with T or a space before the clock, up to nine digits of a second, and UTC
where it has no offset; its year is 1 to 9999. ``1_000``, ``0x10``, ``inf``, ``now`` are neither.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction
from itertools import compress
from typing import Final, Literal

import numpy as np
import pandas as pd

from steadkit.errors import InputError
from steadkit.schema import COLUMNS, COMPONENTS, MISSING, TEXT_COLUMNS

SNR_COLUMNS: Final = tuple(f"snr_db_{component}" for component in COMPONENTS)
"""SNR per component; the CSV has all three in ``snr_db``."""

TIME_COLUMNS: Final = ("source_origin_time", "trace_start_time")

MAX_MAGNITUDE: Final = 1e12
"""Upper bound of any value of a seismogram: larger ones overflow in products and plots."""

MAX_DIGITS: Final = 19
"""Of an integer; Python reads one of 400 digits, but no array or file format holds it."""

MAX_FRACTION_CHARACTERS: Final = 40

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_INTEGER = re.compile(rf"[+-]?\d{{1,{MAX_DIGITS}}}", re.ASCII)
# Fraction expands an exponent digit by digit: 1e999999999 would take minutes.
_FRACTION = re.compile(r"\+?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d\d?)?|\d+/\d+)", re.ASCII)
_TIME = re.compile(
    r"(?!\d{6}$)(\d{4})(?:(-?)(\d\d)(?:\2(\d\d)(?:[T ](\d\d)(?:(:?)(\d\d)(?:\6(\d\d)"
    r"(?:[.,](\d{1,9}))?)?)?(Z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?)?)?)?",
    re.ASCII,
)
# Only brackets and the markers of a missing value.
_MISSING_PATTERN = rf"[\[\]\s]*(?:(?:{'|'.join(filter(None, MISSING))})[\[\]\s]*)*"
_PADDING = "[] \t\r\n"
_IS_BLANK = np.array([chr(code).isspace() for code in range(256)])

_EPOCH = datetime(1970, 1, 1)
_FIRST_TIME = np.datetime64("0001-01-01", "us")
_SECONDS = range(-62_135_596_800, 253_402_300_800)
"""Seconds since 1970 of the years 1 to 9999."""
NS_PER_SECOND: Final = 1_000_000_000

# Separators in STEAD's form of a time, 2006-07-23 15:58:50.88, by their position.
_STEAD_MARKS: Final = ((4, b"-"), (7, b"-"), (10, b" T"), (13, b":"), (16, b":"))
_STEAD_DIGITS: Final = (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18)
_WIDTH = 30
_NAT = int(np.datetime64("NaT", "us").view("i8"))


def is_numeric(column: str) -> bool:
    """Return whether a column of STEAD holds numbers."""
    return column in COLUMNS and column not in TEXT_COLUMNS


def parse_number(text: str) -> float:
    """Parse a plain decimal number.

    Raises
    ------
    ValueError
        It is none, or too large to be finite.

    >>> parse_number(" 3.6 "), parse_number("-1e-2")
    (3.6, -0.01)
    """
    stripped = text.strip()
    value = float(stripped) if _NUMBER.fullmatch(stripped) else np.inf
    if not np.isfinite(value):
        raise ValueError(f"{text[:60]!r} is not a number: use one such as 0.5")
    return value


def parse_cell(text: str) -> float:
    """Parse the number in a cell of a table, in brackets or not; NaN if it is missing.

    Raises
    ------
    ValueError
        It is neither a number nor missing, or beyond `MAX_MAGNITUDE`.

    >>> parse_cell("[[ 2896.]]"), parse_cell("None")
    (2896.0, nan)
    """
    stripped = text.strip(_PADDING)
    value = np.nan if stripped in MISSING else parse_number(stripped)
    if abs(value) > MAX_MAGNITUDE:
        raise ValueError(f"{text[:60]!r} is larger than any figure of a seismogram")
    return value


def parse_integer(text: str) -> int:
    """Parse an integer of at most `MAX_DIGITS` digits.

    Raises
    ------
    ValueError
        It is none.

    >>> parse_integer(" 12 ")
    12
    """
    stripped = text.strip()
    if not _INTEGER.fullmatch(stripped):
        raise ValueError(f"{text[:60]!r} is not a whole number of at most {MAX_DIGITS} digits")
    return int(stripped)


def parse_fraction(text: str) -> Fraction:
    """Parse ``0.01``, ``1e-2`` or ``1/100`` exactly.

    Raises
    ------
    InputError
        It is no number, or not above 0 and at most 1.

    >>> parse_fraction("0.29")
    Fraction(29, 100)
    """
    stripped = text.strip()
    if len(stripped) > MAX_FRACTION_CHARACTERS:
        raise InputError(
            f"fraction {text[:40]!r} is too long: use at most {MAX_FRACTION_CHARACTERS} characters"
        )
    try:
        fraction = Fraction(stripped) if _FRACTION.fullmatch(stripped) else None
    except ZeroDivisionError:
        fraction = None
    if fraction is None:
        raise InputError(f"fraction {text!r} is not a number: use one such as 0.01")
    if not 0 < fraction <= 1:
        raise InputError(f"fraction {text} is not above 0 and at most 1: use one such as 0.01")
    return fraction


def parse_nanoseconds(text: str) -> int:
    """Parse a time as nanoseconds since 1970, UTC.

    Raises
    ------
    ValueError
        It is not ISO 8601, or no such day or hour exists.

    >>> parse_nanoseconds("1970-01-01T01:00:00.5+01:00")
    500000000
    """
    stripped = text.strip()
    match = _TIME.fullmatch(stripped)
    if not match:
        raise ValueError(f"{text[:60]!r} is not a time: use one such as 2010-01-31T23:59:59.5")
    year, month, day, hour, minute, second = match.group(1, 3, 4, 5, 7, 8)
    try:
        date = datetime(int(year), int(month or 1), int(day or 1))
        clock = date.replace(hour=int(hour or 0), minute=int(minute or 0), second=int(second or 0))
    except ValueError as error:
        raise ValueError(f"{text[:60]!r} is not a time: {error}") from error
    since = clock - _EPOCH
    seconds = since.days * 86400 + since.seconds - _offset(match[10])
    if seconds not in _SECONDS:
        raise ValueError(f"{text[:60]!r} is outside the years 1 to 9999")
    return seconds * NS_PER_SECOND + int((match[9] or "").ljust(9, "0"))


def _offset(zone: str | None) -> int:
    """Return the seconds that a zone is ahead of UTC."""
    if zone in (None, "Z"):
        return 0
    digits = str(zone)[1:].replace(":", "").ljust(4, "0")
    seconds = 3600 * int(digits[:2]) + 60 * int(digits[2:])
    return -seconds if str(zone).startswith("-") else seconds


def parse_time(text: str) -> np.datetime64:
    """Parse a time, UTC, to the microsecond.

    Raises
    ------
    ValueError
        It is not ISO 8601, or no such day or hour exists.

    >>> parse_time("2006-07-23 15:58:50.88"), parse_time("2010-01-01T02:00+02:00")
    (np.datetime64('2006-07-23T15:58:50.880000'), np.datetime64('2010-01-01T00:00:00.000000'))
    """
    return np.datetime64(parse_nanoseconds(text) // 1000, "us")


def parse_numbers(
    text: pd.Series, max_magnitude: float = MAX_MAGNITUDE
) -> tuple[np.ndarray, np.ndarray]:
    """Parse the cells of a column as float64.

    Parameters
    ----------
    text
        Numbers, in brackets or not, and markers of missing values.
    max_magnitude
        Largest magnitude; cells beyond it are malformed.

    Returns
    -------
    values
        NaN where there is no number.
    malformed
        True for cells that are neither a number nor missing.

    >>> values, malformed = parse_numbers(pd.Series(["[[ 2896.]]", "None", "x", "inf"], dtype=str))
    >>> values.tolist(), malformed.tolist()
    ([2896.0, nan, nan, nan], [False, False, True, True])
    """
    # Pandas has the grammar of `parse_number`, but for words such as inf, and reads ten times
    # as fast.
    stripped = pd.Series([cell.strip(_PADDING) for cell in text.tolist()], dtype=object)
    values = pd.to_numeric(stripped, errors="coerce").to_numpy(float, copy=True)
    values[~(np.abs(values) <= max_magnitude)] = np.nan
    return values, _malformed(text, np.isnan(values))


def parse_components(text: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Parse cells such as ``[ 56.8 55.4 47.4]`` as float64, shape (rows, 3), NaN if missing.

    Returns values and, as `parse_numbers`, which cells are malformed.

    >>> parse_components(pd.Series(["[ 56.8 55.4  47.4]", "None"]))[0]
    array([[56.8, 55.4, 47.4],
           [ nan,  nan,  nan]])
    """
    # All cells are split at once, as one text with a space before each.
    cells = [cell.strip(_PADDING) for cell in text.tolist()]
    joined = " ".join(["", *cells]).encode("ascii", "replace")
    cell_starts = np.cumsum([0, *[len(cell) + 1 for cell in cells]])
    is_blank = _IS_BLANK[np.frombuffer(joined, np.uint8)]
    part_starts = np.flatnonzero(~is_blank[1:] & is_blank[:-1])
    n_parts = np.diff(np.searchsorted(part_starts, cell_starts))
    complete = n_parts == len(COMPONENTS)
    flat = list(compress(joined.decode().split(), np.repeat(complete, n_parts).tolist()))
    flat_values, flat_malformed = parse_numbers(pd.Series(flat, dtype=object))
    values = np.full((len(text), len(COMPONENTS)), np.nan)
    values[complete] = flat_values.reshape(-1, len(COMPONENTS))
    malformed = _malformed(text, ~complete)
    malformed[complete] = flat_malformed.reshape(-1, len(COMPONENTS)).any(axis=1)
    return values, malformed


def parse_times(text: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Parse the cells of a column as datetime64, UTC, to the microsecond.

    Returns
    -------
    times
        NaT where there is no time.
    malformed
        True for cells that are neither a time nor missing.

    >>> times, malformed = parse_times(pd.Series(["2006-07-23 15:59:00.96", "noon", ""]))
    >>> np.isnat(times).tolist(), malformed.tolist()
    ([False, True, True], [False, True, False])
    """
    times = np.full(len(text), np.datetime64("NaT", "us"))
    regular = _parse_stead_times(text, times)
    irregular_cells = text[~regular]
    times[~regular] = np.array([_microseconds(cell) for cell in irregular_cells], "i8").view(
        "M8[us]"
    )
    return times, _malformed(text, np.isnat(times))


def _parse_stead_times(text: pd.Series, times: np.ndarray) -> np.ndarray:
    """Parse times of STEAD's form by NumPy, twenty times as fast; return which they are."""
    no_cells = np.zeros(len(text), bool)
    try:
        cells = np.array(text.to_numpy(object), f"S{_WIDTH}")
    except UnicodeEncodeError:
        return no_cells
    characters = cells.view(np.uint8).reshape(-1, _WIDTH)
    # NumPy also accepts `now` and time zones. So it gets only cells that look like a clock without
    # a zone, and refuses those that are no valid time.
    is_regular = _are_digits(characters[:, _STEAD_DIGITS]).all(axis=1)
    for position, marks in _STEAD_MARKS:
        is_regular &= np.logical_or.reduce([characters[:, position] == mark for mark in marks])
    point, fraction = characters[:, 19], characters[:, 20:]
    is_regular &= (point == 0) | ((point == ord(".")) & _are_digits(fraction[:, 0]))
    is_past_end = characters[:, 19:] == 0
    is_regular &= (is_past_end[:, 1:] | (_are_digits(fraction) & ~is_past_end[:, :-1])).all(
        axis=1
    ) & is_past_end[:, -1]
    try:
        times[is_regular] = cells[is_regular].astype("M8[us]")
    except ValueError:  # a 30 February, say; the slow parser finds which cell it is
        return no_cells
    return is_regular & (times >= _FIRST_TIME)


def _are_digits(characters: np.ndarray) -> np.ndarray:
    return characters - np.uint8(ord("0")) < 10  # unsigned: smaller codes wrap around


def _microseconds(text: str) -> int:
    try:
        return parse_nanoseconds(text) // 1000
    except ValueError:
        return _NAT


def _malformed(text: pd.Series, unread: np.ndarray) -> np.ndarray:
    """Return which unparsed cells are not markers of a missing value."""
    malformed = unread.copy()
    # Mostly few distinct values, 'None' and the empty cell: match each only once.
    distinct = text[unread]
    unknown = pd.Series(distinct.unique(), dtype=str)
    unknown = unknown[unknown.str.fullmatch(_MISSING_PATTERN)]
    malformed[unread] = ~distinct.isin(unknown).to_numpy()
    return malformed


def number_column(table: pd.DataFrame, column: str) -> np.ndarray:
    """Return a column of a text table as float64, NaN where it is missing.

    Raises
    ------
    InputError
        A cell is neither a number nor missing.

    >>> table = pd.DataFrame({"p_arrival_sample": ["700.0", "None", ""]})
    >>> number_column(table, "p_arrival_sample")
    array([700.,  nan,  nan])
    """
    max_magnitude = MAX_MAGNITUDE if column in COLUMNS else np.finfo(float).max
    values, malformed = parse_numbers(table[column], max_magnitude)
    _refuse(table, column, malformed, "a number is needed")
    return values


def time_column(table: pd.DataFrame, column: str) -> np.ndarray:
    """Return a column of a text table as datetime64, UTC, NaT where it is missing.

    Raises
    ------
    InputError
        A cell is neither a time nor missing.
    """
    times, malformed = parse_times(table[column])
    _refuse(table, column, malformed, "a time such as 2010-01-31 23:59:59.5 is needed")
    return times


def _refuse(table: pd.DataFrame, column: str, malformed: np.ndarray, remedy: str) -> None:
    if malformed.any():
        row = int(np.flatnonzero(malformed)[0])
        raise InputError(
            f"trace {table['trace_name'].iloc[row]!r} has {column} = "
            f"{table[column].iloc[row][:60]!r}: {remedy}"
        )


def component_columns(table: pd.DataFrame) -> np.ndarray:
    """Return ``snr_db`` of a text table as float64, shape (rows, 3), NaN where it is missing."""
    return parse_components(table["snr_db"])[0]


def typed_table(
    table: pd.DataFrame,
    on_error: Literal["raise", "missing"] = "raise",
    columns: Iterable[str] | None = None,
) -> pd.DataFrame:
    """Convert the columns of a text table: numbers to float64, ``snr_db`` to one column each.

    ``snr_db`` becomes ``snr_db_E``, ``snr_db_N`` and ``snr_db_Z``.

    Parameters
    ----------
    table
        As `steadkit.catalog.read_table` reads it.
    on_error
        Raise an error for a cell that is no number, or read it as missing.
    columns
        Columns to convert; all by default.

    Raises
    ------
    InputError
        A trace has no number where one is needed.
    """
    typed: dict[str, np.ndarray] = {}
    for column in table.columns if columns is None else columns:
        text = table[column]
        if column == "snr_db":
            typed |= dict(zip(SNR_COLUMNS, component_columns(table).T, strict=True))
        elif not is_numeric(column):
            typed[column] = text.where(~text.isin(MISSING), "").to_numpy()
        elif on_error == "raise":
            typed[column] = number_column(table, column)
        else:
            typed[column] = parse_numbers(text)[0]
    return pd.DataFrame(typed)
