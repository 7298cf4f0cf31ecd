"""Addresses of the data of many datasets, by vectorized matching of their object headers.

The datasets of a file were written by one program, so there are few patterns of header. The first
header of each pattern is parsed and checked; the others are compared with it as arrays, up to the
last of the messages that describe the storage: dataspace, datatype and layout.
"""

import os
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from steadkit.hdf5.object_header import (
    CONTINUATION,
    DATASPACE,
    DATATYPE,
    FIRST_READ,
    LAYOUT,
    MESSAGE,
    DamageError,
    FileReader,
    NewStyleError,
    Storage,
    parse_storage,
    read_object_header,
)

MAX_PATTERNS: Final = 64
"""Patterns that are learned in one call; headers of further ones are not found."""

CHUNK: Final = 1 << 13
"""Headers compared at once: 10 MB of them."""

HEAD_BYTES: Final = 5
"""Type, size and flags of a message; the rest of its head is reserved."""

NEEDED: Final = {DATASPACE, DATATYPE, LAYOUT}


class HeaderPattern(NamedTuple):
    """One pattern of header up to the last of the messages that describe the storage.

    HDF5's library moves any of these messages to a later block where it needs the room.
    """

    first_bytes: int
    """Bytes of the first block."""
    blocks: list[tuple[int, int]]
    """Position of the address of each further block, and its bytes."""
    columns: np.ndarray
    """Positions of the bytes that must be the same: heads of messages, and storage."""
    content: np.ndarray
    """The bytes at these positions."""
    address_position: int
    """Position of the address of the data."""


def data_addresses(
    raw: FileReader, headers: np.ndarray, is_accepted: Callable[[Storage], bool]
) -> np.ndarray:
    """Return the address of the data of each dataset, int64; -1 where it was not found.

    Parameters
    ----------
    raw
        The file.
    headers
        Addresses of object headers; in ascending order they are read from front to back.
    is_accepted
        Whether datasets of a storage are accepted; the address of others is -1. Accepted ones must
        be contiguous.
    """
    data = np.full(len(headers), -1, np.int64)
    patterns: list[HeaderPattern] = []
    n_learned = 0
    for first in range(0, len(headers), CHUNK):
        chunk = headers[first : first + CHUNK]
        # One read of 1,200 bytes a header, all compared as one array: to parse each takes longer.
        table = _read_starts(raw, chunk)
        unmatched = np.arange(len(chunk))
        number = 0
        while len(unmatched) and (number < len(patterns) or n_learned < MAX_PATTERNS):
            if number == len(patterns):
                n_learned += 1
                pattern = _header_pattern(raw, int(chunk[unmatched[0]]), is_accepted)
                # A header that cannot be parsed here is left to the caller, which reports it or
                # asks h5py.
                if pattern is None:
                    unmatched = unmatched[1:]
                    continue
                patterns.append(pattern)
            rows, addresses = _match(raw, chunk, table, unmatched, patterns[number])
            data[first + rows] = addresses
            # What the first pattern did not match is tried with the next one only.
            unmatched = np.setdiff1d(unmatched, rows, assume_unique=True)
            number += 1
    return data


def _read_starts(raw: FileReader, headers: np.ndarray) -> np.ndarray:
    """Read the beginnings of headers, shape (n, FIRST_READ), with zeros behind the file's end."""
    descriptor, base, last = raw.descriptor, raw.base, raw.size - raw.base
    contents = [
        os.pread(descriptor, FIRST_READ, base + address) if address < last else b""
        for address in headers.tolist()
    ]
    # Headers at the end of the file are shorter than a read; zeros match no pattern.
    padded = b"".join([content.ljust(FIRST_READ, b"\0") for content in contents])
    return np.frombuffer(padded, np.uint8).reshape(len(headers), FIRST_READ)


def _match(
    raw: FileReader,
    headers: np.ndarray,
    table: np.ndarray,
    unmatched: np.ndarray,
    pattern: HeaderPattern,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that match a pattern, and the addresses of their data."""
    # First by the bytes at hand: only headers that match so far are worth further reads.
    n_first = int(np.searchsorted(pattern.columns, min(pattern.first_bytes, FIRST_READ)))
    starts = table[unmatched]
    same = (starts[:, pattern.columns[:n_first]] == pattern.content[:n_first]).all(axis=1)
    rows, contents = unmatched[same], starts[same, : pattern.first_bytes]
    if pattern.first_bytes > FIRST_READ:
        rest = _read_all(raw, headers[rows] + FIRST_READ, pattern.first_bytes - FIRST_READ)
        contents = np.concatenate([contents, rest], axis=1)
    for position, size in pattern.blocks:
        # `view` needs bytes that are adjacent in memory, and a column slice is not.
        addresses = np.ascontiguousarray(contents[:, position : position + 8]).view("<u8")[:, 0]
        contents = np.concatenate([contents, _read_all(raw, addresses, size)], axis=1)
    same = (contents[:, pattern.columns] == pattern.content).all(axis=1)
    fields = contents[same, pattern.address_position : pattern.address_position + 8]
    return rows[same], np.ascontiguousarray(fields).view("<i8")[:, 0]


def _read_all(raw: FileReader, addresses: np.ndarray, size: int) -> np.ndarray:
    """Read blocks of one size, a row each; zeros, which match no pattern, outside the file."""

    def read(address: int) -> bytes:
        try:
            return raw.read(address, size)
        except DamageError:
            return bytes(size)

    content = b"".join([read(address) for address in addresses.tolist()])
    return np.frombuffer(content, np.uint8).reshape(len(addresses), size)


def _header_pattern(
    raw: FileReader, address: int, is_accepted: Callable[[Storage], bool]
) -> HeaderPattern | None:
    """Return the pattern of a header; None where it is not accepted or cannot be matched."""
    try:
        header = read_object_header(raw, address)
        storage = parse_storage(header)
    except (NewStyleError, DamageError):
        return None
    if storage is None or storage.address is None or not is_accepted(storage):
        return None
    # Attributes behind them are not compared: their values differ from trace to trace.
    n_messages = 1 + max(
        n for n, (message_type, _, _) in enumerate(header.messages) if message_type in NEEDED
    )
    end = header.messages[n_messages - 1][2] + len(header.messages[n_messages - 1][1])
    sizes = [size for _, size in header.blocks(address)]
    # Only the blocks up to the last needed message are read.
    n_blocks = 1 + int(np.searchsorted(np.cumsum(sizes), end))
    message_types = [message_type for message_type, _, _ in header.messages]
    # `parse_storage` uses the last message of a type, the pattern the first one.
    if any(message_types.count(message_type) > 1 for message_type in NEEDED):
        return None
    columns = [0]  # the version; the numbers of messages, names and bytes may differ
    for message_type, content, start in header.messages[:n_messages]:
        columns += range(start - MESSAGE.size, start - MESSAGE.size + HEAD_BYTES)
        fixed = range(start, start + len(content))
        if message_type in NEEDED:
            columns += [
                offset for offset in fixed if message_type != LAYOUT or not 2 <= offset - start < 10
            ]
        elif message_type == CONTINUATION:
            columns += fixed[8:]  # the size of the block
    byte_columns = np.array(columns)
    continuations = [start for start, _ in header.spans(CONTINUATION)]
    return HeaderPattern(
        sizes[0] if n_blocks > 1 else end,
        list(zip(continuations, sizes[1:n_blocks], strict=False)),
        byte_columns,
        np.frombuffer(header.content, np.uint8)[byte_columns],
        header.spans(LAYOUT)[0][0] + 2,  # behind version and class
    )
