"""Addresses of the data of many datasets, read from the beginnings of their object headers.

The datasets of a file were written by one program, so their headers begin with the same messages
(dataspace, datatype, fill value, layout) but for the address of the data. The first header of a
kind is parsed and checked; the others are compared with it as arrays up to the end of the layout.
"""

import os
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from steadkit.hdf5.messages import (
    LAYOUT,
    PREFIX,
    DamageError,
    NewStyleError,
    RawFile,
    Storage,
    read_header,
    storage_of,
)

LEAD_BYTES: Final = 512
"""Bytes read of each header; the layout ends at 168 in STEAD's files, at 176 in ours."""

MAX_KINDS: Final = 16
"""Kinds of header that are learned in one call; the headers of others are not found."""

CHUNK: Final = 1 << 13
"""Headers compared at once: 4 MB of them."""


class Lead(NamedTuple):
    """The beginning of one kind of header, up to the end of its layout message."""

    mask: np.ndarray
    pattern: np.ndarray
    address: int
    """Where in the header the address of the data is."""


def data_addresses(
    raw: RawFile, headers: np.ndarray, is_accepted: Callable[[Storage], bool]
) -> np.ndarray:
    """Return the address of the data of each dataset, int64; -1 where it was not found.

    Parameters
    ----------
    raw
        The file.
    headers
        Addresses of object headers; in ascending order they are read from front to back.
    is_accepted
        Whether datasets of a storage are wanted; the address of others is -1. What it accepts
        must be in one piece.
    """
    found = np.full(len(headers), -1, np.int64)
    leads: list[Lead | None] = []
    for first in range(0, len(headers), CHUNK):
        some = headers[first : first + CHUNK]
        table = _read_starts(raw, some)
        waiting = np.arange(len(some))
        number = 0
        while len(waiting) and number < MAX_KINDS:
            if number == len(leads):
                leads.append(_learn(raw, int(some[waiting[0]]), is_accepted))
            lead = leads[number]
            number += 1
            if lead is None:
                continue
            same = ((table[waiting] & lead.mask) == lead.pattern).all(axis=1)
            fields = table[waiting[same], lead.address : lead.address + 8]
            found[first + waiting[same]] = np.ascontiguousarray(fields).view("<i8")[:, 0]
            waiting = waiting[~same]
    return found


def _read_starts(raw: RawFile, headers: np.ndarray) -> np.ndarray:
    """Read the beginnings of headers, shape (n, LEAD_BYTES), zeros behind the file's end."""
    descriptor, base, last = raw.descriptor, raw.base, raw.size - raw.base
    contents = [
        os.pread(descriptor, LEAD_BYTES, base + address) if address < last else b""
        for address in headers.tolist()
    ]
    padded = b"".join([content.ljust(LEAD_BYTES, b"\0") for content in contents])
    return np.frombuffer(padded, np.uint8).reshape(len(headers), LEAD_BYTES)


def _learn(raw: RawFile, address: int, is_accepted: Callable[[Storage], bool]) -> Lead | None:
    """Parse one header; returns None where others like it are not wanted, or cannot be told."""
    try:
        header = read_header(raw, address)
        storage = storage_of(header)
    except (NewStyleError, DamageError):
        return None
    if storage is None or storage.address is None or not is_accepted(storage):
        return None
    start, end = header.places(LAYOUT)[0]
    if end > LEAD_BYTES or len(header.places(LAYOUT)) > 1:
        return None
    mask = np.zeros(LEAD_BYTES, np.uint8)
    mask[PREFIX.size : end] = 0xFF
    mask[0] = 0xFF  # the version; the counts of messages, names and bytes may differ
    field = start + 2  # behind version and class
    mask[field : field + 8] = 0
    content = np.frombuffer(header.content[:LEAD_BYTES].ljust(LEAD_BYTES, b"\0"), np.uint8)
    return Lead(mask, content & mask, field)
