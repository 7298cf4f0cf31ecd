"""Validation of CSV lines before pandas reads them: as many fields as the header.

Pandas pads a truncated row; where only some columns are read, it ignores extra fields; and it ends
a field at a NUL. All three are errors here.
"""

import codecs
import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from steadkit.errors import InputError, damage_remedy
from steadkit.paths import require_file

CHUNK_BYTES = 2**18
MAX_LINE_BYTES = 2**20


class CheckedLines(io.TextIOBase):
    """Text stream of a CSV in complete lines, each with the same number of fields.

    Parameters
    ----------
    path
        The CSV file, UTF-8.
    fields
        How many fields each line must have; None does not count them.
    starts
        Records the byte offsets of the lines.

    Raises
    ------
    InputError
        On reading: a line has another number of fields, or the file holds a NUL.
    UnicodeDecodeError
        On reading: the file is not text.
    """

    def __init__(self, path: Path, fields: int | None = None, starts: "LineStarts | None" = None):
        self._path, self._fields, self._starts = path, fields, starts
        require_file(path)
        self._file = path.open("rb")
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int | None = -1) -> str:
        """Read the next complete lines; `size`, which pandas passes, is ignored."""
        chunk = self._file.read(CHUNK_BYTES)
        line_end = b"" if chunk.endswith(b"\n") else self._file.readline(MAX_LINE_BYTES)
        if len(line_end) == MAX_LINE_BYTES:
            raise InputError(
                f"{str(self._path)!r} has a line of more than {MAX_LINE_BYTES:,} bytes: "
                "it is not a STEAD CSV"
            )
        chunk += line_end
        if b"\0" in chunk:
            raise InputError(f"{str(self._path)!r} holds a NUL byte: it is damaged or no CSV")
        if not self._file.peek(1):
            chunk = _without_blank_end(chunk)
        starts = None if self._fields is None else line_starts(chunk, self._fields)
        if self._fields is not None and starts is None:
            check_rows(self._path, self._fields)
            self._fields = None  # `check_rows` has validated the file to its end
        if self._starts is not None:
            self._starts.add(chunk, starts)
        return self._decoder.decode(chunk, final=not chunk)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


class LineStarts:
    r"""Byte offsets of a CSV's lines, recorded while it is read.

    >>> starts = LineStarts()
    >>> for chunk in (b"x,y\na,b\n", b"c,d"):
    ...     starts.add(chunk, line_starts(chunk, 2))
    >>> starts.byte_ranges()
    (array([4, 8]), array([ 7, 11]))
    """

    def __init__(self) -> None:
        self._parts: list[np.ndarray] = []
        self._end, self._are_plain = 0, True

    def add(self, chunk: bytes, starts: np.ndarray | None) -> None:
        """Record the line starts of the next chunk, None if they are not known."""
        self._are_plain &= starts is not None and b"\r" not in chunk
        if starts is not None and self._are_plain:
            self._parts.append(self._end + starts)
            self._end += len(chunk) if chunk.endswith(b"\n") or not chunk else len(chunk) + 1

    def byte_ranges(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Return first byte and end of every row; None if the file holds a quote or a CR."""
        if not self._are_plain:
            return None
        starts = np.concatenate([*self._parts, [self._end]]).astype(np.int64)
        return starts[1:-1], starts[2:] - 1


def iter_plain_chunks(path: Path, fields: int) -> Iterator[list[str]]:
    """Yield the lines of a CSV unparsed, without the header, as long as they are plain.

    Plain rows have no quotes: pandas would write them as it has read them. The iterator stops
    before the first chunk with other rows.

    Parameters
    ----------
    path
        The CSV file.
    fields
        How many fields each line must have.
    """
    with CheckedLines(path, fields) as file:
        header = 1
        while text := file.read():
            if '"' in text or "\r" in text or line_starts(text.encode(), fields) is None:
                return
            yield io.StringIO(text, newline="\n").readlines()[header:]
            header = 0


def _without_blank_end(chunk: bytes) -> bytes:
    """Drop blank lines at the end of a file, which many editors leave."""
    text = chunk.rstrip(b"\r\n")
    return text + b"\n" if text else b""


def line_starts(chunk: bytes, fields: int) -> np.ndarray | None:
    r"""Return the line starts if each line has `fields` fields; None: `check_rows` must decide.

    >>> line_starts(b"a,b\r\nc,d\n", 2), line_starts(b"a,b\nc,d,\n", 2), line_starts(b'"a,b"\n', 1)
    (array([0, 5]), None, None)
    """
    if not chunk:
        return np.empty(0, np.int64)
    returns_alone = b"\r" in chunk and chunk.count(b"\r") != chunk.count(b"\r\n")
    if fields > 256 or b'"' in chunk or returns_alone:
        return None
    commas = np.frombuffer(chunk, np.uint8) == ord(",")
    ends = np.flatnonzero(np.frombuffer(chunk, np.uint8) == ord("\n"))
    starts = np.concatenate(([0], ends + 1))
    starts = starts[starts < len(chunk)]
    # An 8-bit counter per line counts modulo 256; as the total is right too, no line has 256
    # commas too many.
    in_line = np.add.reduceat(commas.view(np.uint8), starts, dtype=np.uint8)
    total = np.count_nonzero(commas)
    is_regular = (in_line == fields - 1).all() and total == len(starts) * (fields - 1)
    return starts if is_regular else None


def check_rows(path: Path, fields: int) -> None:
    """Check the number of fields of every row with a CSV parser: quotes may hide commas.

    Raises
    ------
    InputError
        A row has more fields than the header, or fewer.
    """
    blank: tuple[int, int] | None = None
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        try:
            for row in rows:
                if row and (blank or len(row) != fields):
                    _refuse_row(path, *(blank or (rows.line_num, len(row))), fields)
                # Blank lines are no error where no row follows them.
                blank = blank or (None if row else (rows.line_num, 0))
        except csv.Error as error:
            raise InputError(
                f"{str(path)!r} cannot be read as a CSV: {damage_remedy(error)}"
            ) from error


def _refuse_row(path: Path, line: int, n_fields: int, fields: int) -> None:
    cause = "it has been cut" if n_fields < fields else "a comma in a field needs quotes around it"
    raise InputError(
        f"{str(path)!r} has {n_fields} fields in line {line}, its header {fields}: {cause}"
    )
