"""Reader of STEAD's CSV as text, exactly as written, complete or in chunks."""

import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from steadkit.catalog.validate import CheckedLines, LineStarts, iter_plain_chunks
from steadkit.catalog.write import CellsDigest, csv_lines
from steadkit.errors import InputError, damage_remedy
from steadkit.schema import CATEGORIES, COLUMNS

KEY_COLUMNS = ("trace_name", "trace_category")
"""Columns that every table must have."""

MAX_NAME_BYTES = 200
CHUNK_ROWS = 50_000
CHUNK_COMPLETE_ROWS = 10_000
"""Rows read at once, of some columns and of all."""

# A blank line is a row like any other here: pandas would also strip a space that begins a row.
_AS_TEXT: Final[dict[str, Any]] = {
    "dtype": str,
    "keep_default_na": False,
    "na_filter": False,
    "skip_blank_lines": False,
}

# One path component, so that a name can never lead out of the data group or a folder.
_NAME = re.compile(r"(?!\.{1,2}$)[^\s/\\\x00-\x1f\x7f]+")

# Bytes that no plain ASCII name has, except the line feed that joins names in `_all_plain`.
_UNSAFE = bytes({*range(0x21), 0x7F, *b"/\\"} - {*b"\n"})


def read_table(
    path: Path, columns: Sequence[str] | None = None, starts: LineStarts | None = None
) -> pd.DataFrame:
    """Read a STEAD CSV as text, exactly as written; missing values are empty strings or ``None``.

    Parameters
    ----------
    path
        The CSV file.
    columns
        Columns to read; all by default.
    starts
        Records the byte offsets of the rows.

    Raises
    ------
    InputError
        The file is not a CSV, lacks a column, or has a hostile or repeated trace name.
    """
    return pd.concat(iter_checked_chunks(path, columns, starts), ignore_index=True)


def read_tables(
    paths: Sequence[Path],
    columns: Sequence[Sequence[str]],
    starts: Sequence[LineStarts] | None = None,
    require_unique: bool = True,
) -> pd.DataFrame:
    """Read several STEAD CSV files as one table.

    Parameters
    ----------
    paths
        The CSV files.
    columns
        Columns to read of each file.
    starts
        Record the byte offsets of the rows of each file.
    require_unique
        Whether a trace of two files is refused.

    Returns
    -------
    pandas.DataFrame
        The columns, and ``source`` and ``row``: number of the file and of the row in it.

    Raises
    ------
    InputError
        As `read_table`, or a trace is in two files.
    """
    tables = []
    for number, (path, names) in enumerate(zip(paths, columns, strict=True)):
        table = read_table(path, names, starts[number] if starts else None)
        tables.append(table.assign(source=number, row=np.arange(len(table))))
    rows = pd.concat(tables, ignore_index=True)
    if require_unique:
        names = rows["trace_name"]
        repeated = names[names.duplicated()]
        if len(repeated):
            pair = [paths[number] for number in rows["source"][names == repeated.iloc[0]]]
            raise repeated_error(repeated.iloc[0], pair)
    return rows


def repeated_error(name: str, paths: Sequence[Path]) -> InputError:
    """Return the error of a trace that two files have."""
    path_a, path_b = (str(path) for path in paths[:2])
    if path_a == path_b:
        return InputError(f"{path_a!r} is named twice: name each file once")
    return InputError(
        f"trace {name!r} is in both {path_a!r} and {path_b!r}: merge them first, or name one"
    )


def iter_checked_chunks(
    path: Path, columns: Sequence[str] | None = None, starts: LineStarts | None = None
) -> Iterator[pd.DataFrame]:
    """Read a STEAD CSV in chunks, checked as by `read_table`.

    Raises
    ------
    InputError
        As `read_table`; a repeated name is refused after the last chunk.
    """
    hashes = []
    for chunk in iter_chunks(path, columns, starts=starts):
        names = chunk["trace_name"].to_numpy(object)
        check_names(names.tolist(), path)
        _check_categories(chunk["trace_category"], path)
        # A million names as Python has them take 100 MB: they are compared by their hashes.
        hashes.append(pd.util.hash_array(names, categorize=False))
        yield chunk
    _refuse_repeated(np.concatenate(hashes), path)


def iter_rows_named(path: Path, names: Iterable[str]) -> Iterator[pd.DataFrame]:
    """Read only the rows of the traces in `names`, in chunks, all columns as text."""
    selected_names = set(names)
    for chunk in iter_chunks(path, None):
        yield chunk[chunk["trace_name"].isin(selected_names)]


def iter_rows_at(path: Path, numbers: np.ndarray) -> Iterator[pd.DataFrame]:
    """Read only the rows of these ascending numbers, from 0, in chunks, as text."""
    n_read = 0
    for chunk in iter_chunks(path, rows=CHUNK_COMPLETE_ROWS):
        first, last = np.searchsorted(numbers, (n_read, n_read + len(chunk)))
        yield chunk.iloc[numbers[first:last] - n_read]
        n_read += len(chunk)


def iter_lines_at(path: Path, numbers: np.ndarray, columns: Sequence[str]) -> Iterator[list[str]]:
    """Read only the rows of these ascending numbers, from 0, as CSV lines of these columns.

    Where a file has exactly these columns and no quotes, as STEAD's has, its lines are copied
    unparsed: pandas takes ten times as long to read and write the same.
    """
    file_columns, n_read, n_written = columns_of(path), 0, 0
    if list(columns) == file_columns:
        with _csv_errors(path):
            for rows in iter_plain_chunks(path, len(file_columns)):
                last = n_written + int(np.searchsorted(numbers[n_written:], n_read + len(rows)))
                yield [rows[number] for number in (numbers[n_written:last] - n_read).tolist()]
                n_read, n_written = n_read + len(rows), last
    if n_written < len(numbers):
        for chunk in iter_rows_at(path, numbers[n_written:]):
            yield csv_lines(chunk.reindex(columns=list(columns), fill_value=""))


def csv_digest(path: Path, rows: int) -> str:
    """Return the digest of headings and cells of a CSV with this many rows, see `CellsDigest`."""
    columns = columns_of(path)
    digest = CellsDigest(columns)
    for lines in iter_lines_at(path, np.arange(rows), columns):
        digest.add("".join(lines).encode())
    return digest.hexdigest()


def columns_of(path: Path) -> list[str]:
    """Read a CSV's header; refuse repeated columns and a header without `KEY_COLUMNS`."""
    with _csv_errors(path), CheckedLines(path) as lines:
        columns = pd.read_csv(lines, header=None, nrows=1, **_AS_TEXT).iloc[0].tolist()
    if len(set(columns)) < len(columns):
        repeated = next(name for name, count in Counter(columns).items() if count > 1)
        raise InputError(f"{str(path)!r} has the column {repeated[:60]!r} twice: rename one")
    _require_columns(columns, KEY_COLUMNS, path)
    return columns


def iter_chunks(
    path: Path,
    columns: Sequence[str] | None = None,
    rows: int = CHUNK_ROWS,
    starts: LineStarts | None = None,
) -> Iterator[pd.DataFrame]:
    """Read a CSV in chunks of bounded memory; yields at least one, which may be empty.

    Parameters
    ----------
    path
        The CSV file.
    columns
        Columns to read; all by default.
    rows
        Rows in a chunk.
    starts
        Records the byte offsets of the rows.

    Raises
    ------
    InputError
        The file is not a CSV, lacks a column, or has a row with more or fewer fields than names.
    """
    file_columns = columns_of(path)
    _require_columns(file_columns, columns or (), path)
    yield pd.DataFrame(columns=list(columns or file_columns), dtype=str)
    with (
        _csv_errors(path),
        CheckedLines(path, len(file_columns), starts) as lines,
        pd.read_csv(
            lines,
            names=file_columns,
            header=0,
            usecols=None if columns is None else list(columns),
            index_col=False,
            chunksize=rows,
            **_AS_TEXT,
        ) as reader,
    ):
        yield from reader


@contextmanager
def _csv_errors(path: Path) -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            # Pandas truncates a row longer than the header with a warning: here it is an error.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            yield
    except (pd.errors.EmptyDataError, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise InputError(f"{str(path)!r} is not a STEAD CSV: {damage_remedy(error)}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{str(path)!r} is not a text file: save it as UTF-8") from error


def _require_columns(file_columns: Sequence[str], required: Sequence[str], path: Path) -> None:
    if missing := [column for column in required if column not in file_columns]:
        raise InputError(
            f"{str(path)!r} has no column {missing[0]!r}: "
            f"STEAD's CSV has {len(COLUMNS)} columns, this one {len(file_columns)}"
        )


def check_names(names: list[str], path: Path) -> None:
    """Refuse trace names as `check_name` does; where all are plain, at once."""
    if names and not _all_plain(names):
        for name in names:
            check_name(name, path)


def _refuse_repeated(hashes: np.ndarray, path: Path) -> None:
    sorted_hashes = np.sort(hashes)
    repeated_hashes = sorted_hashes[1:][sorted_hashes[1:] == sorted_hashes[:-1]]
    if len(repeated_hashes):
        names = pd.concat([chunk["trace_name"] for chunk in iter_chunks(path, ["trace_name"])])
        candidates = names[np.isin(hashes, repeated_hashes)].tolist()
        repeated = next((name for name, count in Counter(candidates).items() if count > 1), None)
        if repeated is not None:
            raise InputError(f"{str(path)!r} lists {repeated!r} twice: drop one row")


def _all_plain(names: list[str]) -> bool:
    """Return whether all names are plain ASCII, by one pass; False: check each of them."""
    joined = "\n".join(names).encode(errors="replace")
    lengths = set(map(len, names))
    return (
        joined.isascii()
        and joined.count(b"\n") == len(names) - 1
        and len(joined.translate(None, _UNSAFE)) == len(joined)
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
