"""STEAD's CSV: read as text, so that nothing is altered, and as typed columns to compute with."""

import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from steadkit.errors import InputError
from steadkit.schema import ARRAY_COLUMNS, CATEGORIES, COLUMNS, COMPONENTS, MISSING, TEXT_COLUMNS

KEY_COLUMNS = ("trace_name", "trace_category")
"""What every table must have, whatever is done with it."""

GROUP_COLUMNS = ("source_id", "source_origin_time")
"""What tells the earthquake of a trace, the surest first."""

MAX_NAME_BYTES = 200
CHUNK_ROWS = 50_000

# One path component, so that a name can never lead out of the data group or a folder.
_NAME = re.compile(r"(?!\.{1,2}$)[^\s/\\\x00-\x1f\x7f]+")


# Any character that a plain ASCII name lacks, but for the line feed that joins names here.
_UNSAFE = re.compile(r"[/\\\x00-\x09\x0b-\x20\x7f]")


def read_table(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a STEAD CSV as text, exactly as written; missing values are empty strings or ``None``.

    Parameters
    ----------
    path
        The CSV file.
    columns
        Which columns are needed; all that the file has by default.

    Raises
    ------
    InputError
        The file is not a CSV, lacks a column, or has a hostile or repeated trace name.
    """
    table = pd.concat(list(_parts(path, columns)), ignore_index=True)
    _check_names(table["trace_name"].tolist(), path)
    _check_categories(table["trace_category"], path)
    return table


def row_parts(path: Path, names: Iterable[str]) -> Iterator[pd.DataFrame]:
    """Read only the rows of the traces in `names`, piece by piece, all columns as text."""
    wanted = set(names)
    for part in _parts(path, None):
        yield part[part["trace_name"].isin(wanted)]


def rows_at(path: Path, numbers: np.ndarray) -> Iterator[pd.DataFrame]:
    """Read only the rows of these numbers, ascending from 0, piece by piece, as text."""
    passed = 0
    for part in _parts(path, None):
        first, last = np.searchsorted(numbers, (passed, passed + len(part)))
        yield part.iloc[numbers[first:last] - passed]
        passed += len(part)


def columns_of(path: Path) -> list[str]:
    """Read a CSV's header, checked to have the columns every table needs."""
    with _faults_in_one_line(path):
        columns = list(pd.read_csv(path, nrows=0, dtype=str).columns)
    _require(columns, KEY_COLUMNS, path)
    return columns


def _parts(path: Path, columns: Sequence[str] | None) -> Iterator[pd.DataFrame]:
    """Read a CSV in pieces, so that memory is bounded by what is kept of each; at least one."""
    present = columns_of(path)
    _require(present, columns or (), path)
    yield pd.DataFrame(columns=list(columns or present), dtype=str)
    with (
        _faults_in_one_line(path),
        pd.read_csv(
            path,
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
def _faults_in_one_line(path: Path) -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            # A row longer than the header would be cut with a warning: it is a fault.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            yield
    except (pd.errors.EmptyDataError, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise InputError(f"{str(path)!r} is not a STEAD CSV: {error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{str(path)!r} is not a text file: {error.reason}") from error


def _require(present: Sequence[str], needed: Sequence[str], path: Path) -> None:
    if missing := [column for column in needed if column not in present]:
        raise InputError(
            f"{str(path)!r} has no column {missing[0]!r}: "
            f"STEAD's CSV has {len(COLUMNS)} columns, this one {len(present)}"
        )


def _check_names(names: list[str], path: Path) -> None:
    if not _all_plain(names):
        for name in names:
            check_name(name, path)
    if len(set(names)) < len(names):
        repeated = next(name for name, count in Counter(names).items() if count > 1)
        raise InputError(f"{str(path)!r} lists {repeated!r} twice: drop one row")


def _all_plain(names: list[str]) -> bool:
    """Tell quickly that all names are fine; False means that each must be looked at."""
    together = "\n".join(names)
    lengths = set(map(len, names))
    return (
        together.isascii()
        and together.count("\n") == len(names) - 1
        and not _UNSAFE.search(together)
        and 2 < min(lengths) <= max(lengths) <= MAX_NAME_BYTES
    )


def check_name(name: str, path: Path) -> None:
    """Refuse a trace name that could lead out of its group, or that no table could hold.

    >>> check_name("../x", Path("evil.csv"))
    Traceback (most recent call last):
    ...
    steadkit.errors.InputError: 'evil.csv' has the trace name '../x': ...
    """
    if not _NAME.fullmatch(name) or len(name.encode(errors="replace")) > MAX_NAME_BYTES:
        raise InputError(
            f"{str(path)!r} has the trace name {name[:60]!r}: a name is at most "
            f"{MAX_NAME_BYTES} bytes without slashes, spaces or control characters"
        )


def _check_categories(categories: pd.Series, path: Path) -> None:
    unknown = categories[~categories.isin(CATEGORIES)]
    if len(unknown):
        raise InputError(
            f"{str(path)!r} has trace_category {unknown.iloc[0][:60]!r} in row "
            f"{unknown.index[0] + 2}: use one of {', '.join(CATEGORIES)}"
        )


def numbers(table: pd.DataFrame, column: str) -> np.ndarray:
    """Read a column of text as float64; what is not known is NaN.

    >>> numbers(pd.DataFrame({"p_arrival_sample": ["700.0", "None", ""]}), "p_arrival_sample")
    array([700.,  nan,  nan])
    """
    text = table[column].str.strip()
    if column in ARRAY_COLUMNS:
        text = text.str.strip("[]").str.strip()
    values = pd.to_numeric(text.where(~text.isin(MISSING)), errors="coerce").to_numpy(float)
    wrong = np.isnan(values) & ~text.isin(MISSING).to_numpy()
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"trace {table['trace_name'].iloc[row]!r} has {column} = "
            f"{table[column].iloc[row][:60]!r}: a number is needed"
        )
    return values


def component_numbers(table: pd.DataFrame, column: str = "snr_db") -> np.ndarray:
    """Read a column such as ``[ 56.8 55.4 47.4]`` as float64, shape (rows, 3), NaN if not known.

    >>> component_numbers(pd.DataFrame({"snr_db": ["[ 56.8 55.4  47.4]", "None"]}))
    array([[56.8, 55.4, 47.4],
           [ nan,  nan,  nan]])
    """
    unknown = (np.nan,) * len(COMPONENTS)
    rows = [_bracketed(text) or unknown for text in table[column]]
    return np.array(rows, dtype=float).reshape(len(rows), len(COMPONENTS))


def _bracketed(text: str) -> tuple[float, ...] | None:
    try:
        values = tuple(float(part) for part in text.strip().strip("[]").split())
    except ValueError:
        return None
    return values if len(values) == len(COMPONENTS) else None


def tidy(table: pd.DataFrame) -> pd.DataFrame:
    """Type the columns of a text table: numbers as float64, text as text, one SNR a component.

    ``snr_db`` becomes ``snr_db_E``, ``snr_db_N`` and ``snr_db_Z``.
    """
    typed = {}
    for column in table.columns:
        if column == "snr_db":
            for component, values in zip(COMPONENTS, component_numbers(table).T, strict=True):
                typed[f"snr_db_{component}"] = values
        elif column in COLUMNS and column not in TEXT_COLUMNS:
            typed[column] = numbers(table, column)
        else:
            typed[column] = table[column].where(~table[column].isin(MISSING), "").to_numpy()
    return pd.DataFrame(typed)


def earthquakes_of(table: pd.DataFrame) -> np.ndarray:
    """Name the earthquake of each row: its source id, else its origin time, else the trace itself.

    Noise, which has no source, stands for itself.
    """
    groups = "trace " + table["trace_name"]
    for column in reversed(GROUP_COLUMNS):
        if column in table:
            known = ~table[column].isin(MISSING)
            groups = groups.where(~known, f"{column} " + table[column])
    return groups.to_numpy(dtype=object)


def in_order(columns: Iterable[str]) -> list[str]:
    """Put STEAD's columns first and in STEAD's order, others behind, each once."""
    present = dict.fromkeys(columns)
    return [c for c in COLUMNS if c in present] + [c for c in present if c not in COLUMNS]


def write_csv(path: Path, columns: Sequence[str], tables: Iterable[pd.DataFrame]) -> None:
    """Write text tables below one another as one CSV; a column that a table lacks stays empty."""
    with path.open("w", encoding="utf-8", newline="") as file:
        pd.DataFrame(columns=list(columns)).to_csv(file, index=False, lineterminator="\n")
        for table in tables:
            full = table.reindex(columns=list(columns), fill_value="")
            full.to_csv(file, header=False, index=False, lineterminator="\n")


def counts(categories: Iterable[str]) -> dict[str, int]:
    """Count the traces of each category, events first.

    >>> counts(["noise", "earthquake_local", "noise"])
    {'earthquake_local': 1, 'noise': 2}
    """
    found = pd.Series(list(categories), dtype=object).value_counts()
    return {category: int(found.get(category, 0)) for category in CATEGORIES}
