"""Lengths of the records of miniSEED, by which a truncated file or answer is recognised."""

import mmap
from pathlib import Path
from typing import Final, Literal

FIXED_HEADER_BYTES: Final = 48
MAX_HEADER_BYTES: Final = 256
"""Bytes of the fixed header, and of it with the blockettes that are looked at."""

LENGTH_BLOCKETTE: Final = 1000
LENGTH_EXPONENTS: Final = range(7, 21)
YEARS: Final = range(1900, 2101)


def is_truncated_file(path: Path) -> bool:
    """Return whether the last record of a miniSEED file is incomplete; see `is_truncated`."""
    size = path.stat().st_size
    with path.open("rb") as file:
        # Records of one length are the rule: then the size tells, without reading the file.
        length = _record_length(file.read(MAX_HEADER_BYTES))
        if not length or not size % length:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return is_truncated(content)


def is_truncated(content: bytes | mmap.mmap) -> bool:
    """Return whether the last record of miniSEED is incomplete.

    False where that is not known: after a record without its length in a blockette 1000.

    >>> is_truncated(b""), is_truncated(b"000001D")
    (False, True)
    """
    end = 0
    while end < len(content):
        length = _record_length(content[end : end + MAX_HEADER_BYTES])
        if length is None:
            return len(content) - end < FIXED_HEADER_BYTES
        end += length
    return end > len(content)


def _record_length(header: bytes) -> int | None:
    """Return the length of a record by its blockette 1000; None where it has none."""
    if len(header) < FIXED_HEADER_BYTES or header[6:7] not in (b"D", b"R", b"Q", b"M"):
        return None
    # The byte order of a header is not declared; its year tells it.
    is_big_endian = int.from_bytes(header[20:22], "big") in YEARS
    order: Literal["big", "little"] = "big" if is_big_endian else "little"
    position = int.from_bytes(header[46:48], order)
    for _ in range(header[39]):
        blockette = header[position : position + 8]
        if len(blockette) < 8:
            return None
        if int.from_bytes(blockette[:2], order) == LENGTH_BLOCKETTE:
            return 1 << blockette[6] if blockette[6] in LENGTH_EXPONENTS else None
        position = int.from_bytes(blockette[2:4], order)
    return None
