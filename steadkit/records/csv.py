"""CSV files of other sources: the header, and the rows as text in chunks."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pandas as pd

from steadkit.catalog import CheckedLines
from steadkit.errors import InputError, error_detail
from steadkit.paths import require_file

CHUNK_ROWS: Final = 10_000


def read_header(path: Path) -> list[str]:
    """Read the header of a CSV.

    Raises
    ------
    InputError
        The file is missing, or is not a CSV.
    """
    with _csv_errors(path), CheckedLines(path) as lines:
        return list(pd.read_csv(lines, nrows=0, dtype=str).columns)


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
    yield pd.DataFrame(columns=list(columns or read_header(path)), dtype=str)
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
