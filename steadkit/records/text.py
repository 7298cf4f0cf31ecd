"""Tables as text: CSVs of other sources in chunks; STEAD's times, samples, lists, trace names."""

import hashlib
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from steadkit.catalog import CheckedLines
from steadkit.errors import InputError, error_detail
from steadkit.paths import require_file
from steadkit.schema import ARRAY_COLUMNS, EVENT, MISSING, NOISE
from steadkit.types import is_numeric, parse_cell, parse_number, parse_time

CHUNK_ROWS: Final = 10_000

SUFFIX: Final = {EVENT: "EV", NOISE: "NO"}
"""Suffix of a trace name, by category."""

_STEAD_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,9})?")
_UNSAFE = re.compile(r"[^A-Za-z0-9-]")


def read_csv_header(path: Path) -> list[str]:
    """Read the header of a CSV.

    Raises
    ------
    InputError
        The file is missing, or is not a CSV.
    """
    with _csv_errors(path), CheckedLines(path) as lines:
        return list(pd.read_csv(lines, nrows=0, dtype=str).columns)


def require_columns(path: Path, required: Sequence[str], table_name: str) -> list[str]:
    """Read the header of a CSV that must have certain columns.

    Raises
    ------
    InputError
        A column is missing, or the file is not a CSV.
    """
    columns = read_csv_header(path)
    if missing := [column for column in required if column not in columns]:
        raise InputError(
            f"{str(path)!r} has no column {missing[0]!r}: a {table_name} needs "
            f"{', '.join(required)}"
        )
    return columns


def iter_text_chunks(path: Path, columns: Sequence[str] | None = None) -> Iterator[pd.DataFrame]:
    """Read a CSV as text exactly as written, in chunks of `CHUNK_ROWS`.

    Parameters
    ----------
    path
        The CSV.
    columns
        Columns to read; all by default.

    Yields
    ------
    pandas.DataFrame
        Rows; the first chunk is empty, so that there is always one with the columns.

    Raises
    ------
    InputError
        The file is not a CSV.
    """
    yield pd.DataFrame(columns=list(columns or read_csv_header(path)), dtype=str)
    with (
        _csv_errors(path),
        CheckedLines(path) as lines,
        pd.read_csv(
            lines,
            usecols=None if columns is None else list(columns),
            dtype=str,
            keep_default_na=False,
            na_filter=False,
            index_col=False,
            chunksize=CHUNK_ROWS,
        ) as reader,
    ):
        yield from reader


@contextmanager
def _csv_errors(path: Path) -> Iterator[None]:
    require_file(path)
    try:
        with warnings.catch_warnings():
            # Pandas truncates a row longer than the header, with a warning only: raise it.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            yield
    except (pd.errors.EmptyDataError, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise InputError(
            f"{str(path)!r} is not a CSV: save it with commas ({error_detail(error)})"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{str(path)!r} is not a text file: save it as UTF-8") from error


def is_known(text: str) -> bool:
    """Return whether a cell holds a value.

    >>> is_known("None"), is_known(" "), is_known("0")
    (False, False, True)
    """
    return text.strip() not in MISSING


def typed_attributes(row: Mapping[str, str]) -> dict[str, object]:
    """Convert a row of text to HDF5 attributes of STEAD's types; unknown values stay text.

    >>> typed_attributes({"network_code": "12", "source_magnitude": "3.6", "p_weight": "None"})
    {'network_code': '12', 'source_magnitude': 3.6, 'p_weight': 'None'}
    """
    return {column: _typed(column, text) for column, text in row.items()}


def _typed(column: str, text: str) -> object:
    if not is_numeric(column) or not is_known(text):
        return text
    try:
        if column not in ARRAY_COLUMNS:
            return parse_number(text)
        values = np.array([parse_cell(part) for part in text.strip("[] ").split()])
    except ValueError:
        return text
    return values.reshape(1, -1) if column == "coda_end_sample" else values


def bracketed(values: Sequence[float] | np.ndarray) -> str:
    """Write one value per component as STEAD does.

    >>> bracketed([56.8, 55.0, 47.4])
    '[56.8 55.0 47.4]'
    """
    return "[" + " ".join(str(float(value)) for value in values) + "]"


def coda_text(sample: float) -> str:
    """Write a coda end as STEAD does.

    >>> coda_text(2896)
    '[[2896.]]'
    """
    return f"[[{sample:.2f}".rstrip("0") + "]]"


def sample_text(sample: float) -> str:
    """Write an arrival in samples, to a hundredth: finer than any pick.

    >>> sample_text(700), sample_text(412.371)
    ('700.0', '412.37')
    """
    return str(round(float(sample), 2))


def time_text(time: np.datetime64) -> str:
    """Write a time, in UTC, as STEAD does.

    >>> time_text(np.datetime64("2006-07-23T15:58:50.88"))
    '2006-07-23 15:58:50.880000'
    """
    return np.datetime_as_string(time, unit="us").replace("T", " ")


def stead_time(text: str) -> str:
    """Write a time of another source, with slashes too, as STEAD does.

    A time in STEAD's format and an unknown one are returned unchanged.

    Raises
    ------
    ValueError
        The text is not a time.

    >>> stead_time("2007/01/01 01:42:45.08"), stead_time("2006-07-23 15:59:00.96")
    ('2007-01-01 01:42:45.080000', '2006-07-23 15:59:00.96')
    """
    if not is_known(text):
        return text
    time = parse_time(text.replace("/", "-"))
    return text if _STEAD_TIME.fullmatch(text) else time_text(time)


def stead_name(station: str, network: str, start: np.datetime64, category: str) -> str:
    """Name a trace as STEAD does: station, network and start time to the second.

    >>> stead_name("109C", "TA", np.datetime64("2006-07-23T15:58:50.9"), "earthquake_local")
    '109C.TA_20060723155850_EV'
    """
    time = "unknown"
    if not np.isnat(start):
        time = re.sub(r"\D", "", np.datetime_as_string(start, unit="s"))
    codes = (_UNSAFE.sub("", code)[:20] or "XX" for code in (station, network))
    return f"{'.'.join(codes)}_{time}_{SUFFIX[category]}"


def make_unique(names: pd.Series, identities: pd.Series) -> pd.Series:
    """Append a hash of the row's identity to repeated names; independent of the row order.

    >>> make_unique(pd.Series(["A_EV", "B_EV", "A_EV"]), pd.Series(["1", "2", "3"])).tolist()
    ['A-fc942c07_EV', 'B_EV', 'A-397b6e68_EV']
    """
    is_repeated = names.duplicated(keep=False)
    stems, suffixes = names.str[:-3], names.str[-3:]
    return names.where(~is_repeated, stems + "-" + identities.map(_short_hash) + suffixes)


def _short_hash(identity: str) -> str:
    return hashlib.blake2b(identity.encode(errors="replace"), digest_size=4).hexdigest()
