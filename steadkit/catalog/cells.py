"""The digest of a CSV's cells: what a table says, however it is quoted and its lines end."""

import csv
import io
from collections.abc import Sequence

from blake3 import blake3

from steadkit.errors import InputError

# No cell holds a NUL: readers end there, and ours refuses it.
_PLAIN_TO_CELLS = bytes.maketrans(b",\n", b"\0\0")


class CellsDigest:
    r"""BLAKE3 of the number of columns, the headings and all cells, a NUL behind each.

    Parameters
    ----------
    columns
        The headings, in their order.

    >>> one, other = CellsDigest(["a", "b"]), CellsDigest(["a", "b"])
    >>> one.add(b'1,2\n"3",4\n'), other.add(b"1,2\n"), other.add(b'3,"4"\r\n')
    (None, None, None)
    >>> one.hexdigest() == other.hexdigest()
    True
    """

    def __init__(self, columns: Sequence[str]):
        self._hash = blake3(_cells([str(len(columns)), *columns]))

    def add(self, content: bytes) -> None:
        """Take in some rows, whole lines of the CSV.

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
        """Identify all that was taken in: 32 bytes as hexadecimal text."""
        return self._hash.hexdigest()


def _cells(row: Sequence[str]) -> bytes:
    return "\0".join([*row, ""]).encode()
