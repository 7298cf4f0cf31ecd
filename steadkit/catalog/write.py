"""Writer of text tables as CSV that are read back unchanged; digest of its cells."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd
from blake3 import blake3

from steadkit.errors import InputError

BATCH_ROWS = 10_000


def write_csv(path: Path, columns: Sequence[str], tables: Iterable[pd.DataFrame]) -> str:
    """Write text tables as one CSV; a column that a table lacks stays empty.

    Returns
    -------
    str
        The digest of its cells, see `CellsDigest`.
    """
    digest = CellsDigest(columns)
    with path.open("wb") as file:
        file.write(csv_text(pd.DataFrame([list(columns)], columns=list(columns))).encode())
        for table in tables:
            full = table.reindex(columns=list(columns), fill_value="")
            for start in range(0, len(full), BATCH_ROWS):
                content = csv_text(full.iloc[start : start + BATCH_ROWS]).encode()
                file.write(content)
                digest.add(content)
    return digest.hexdigest()


def csv_text(table: pd.DataFrame) -> str:
    r"""Return the rows of a text table as CSV, without a header.

    >>> csv_text(pd.DataFrame({"a": ["1", "x\ry"], "b": ["2, 3", ""]}))
    '1,"2, 3"\n"x\ry",\n'
    """
    text: str = table.to_csv(header=False, index=False, lineterminator="\n")
    # A lone carriage return ends a row for every reader, and Python before 3.13 leaves it bare.
    return _with_returns_quoted(table) if "\r" in text else text


def csv_lines(table: pd.DataFrame) -> list[str]:
    """Return each row of a text table as a CSV line with its line end."""
    lines = io.StringIO(csv_text(table), newline="\n").readlines()
    # A field may contain a line end: then format row by row.
    if len(lines) != len(table):
        lines = [csv_text(table.iloc[[number]]) for number in range(len(table))]
    return lines


def _with_returns_quoted(table: pd.DataFrame) -> str:
    lines = []
    for row in table.itertuples(index=False, name=None):
        buffer = io.StringIO()
        # Characters of the line's end are quoted wherever they occur in a field.
        csv.writer(buffer, lineterminator="\r\n").writerow(row)
        lines.append(buffer.getvalue().removesuffix("\r\n") + "\n")
    return "".join(lines)


# NUL is a safe separator: no cell holds one, as the reader refuses it.
_PLAIN_TO_CELLS = bytes.maketrans(b",\n", b"\0\0")


class CellsDigest:
    r"""BLAKE3 of the number of columns, the headings and all cells, each followed by a NUL.

    Parameters
    ----------
    columns
        The headings, in their order.

    >>> quoted, plain = CellsDigest(["a", "b"]), CellsDigest(["a", "b"])
    >>> quoted.add(b'1,2\n"3","4"\r\n'), plain.add(b"1,2\n"), plain.add(b"3,4\n")
    (None, None, None)
    >>> quoted.hexdigest() == plain.hexdigest()
    True
    """

    def __init__(self, columns: Sequence[str]):
        self._hash = blake3(_cells([str(len(columns)), *columns]))

    def add(self, content: bytes) -> None:
        """Update the digest with complete lines of the CSV.

        Raises
        ------
        InputError
            A cell in quotes is longer than any reader of CSV accepts.
        """
        if b'"' not in content and b"\r" not in content:
            self._hash.update(content.translate(_PLAIN_TO_CELLS))
            return
        try:
            for row in csv.reader(io.StringIO(content.decode(), newline="")):
                self._hash.update(_cells(row))
        except csv.Error as error:
            raise InputError("a cell of the CSV is too long: take the original") from error

    def hexdigest(self) -> str:
        """Return the digest of all rows added, 32 bytes as hexadecimal text."""
        return self._hash.hexdigest()


def _cells(row: Sequence[str]) -> bytes:
    return "\0".join([*row, ""]).encode()
