"""How far a copy got, so that a later run can go on: its blocks, each with the digests to check it.

The journal is a file beside the copy: the identity of the copy, then a record for every block
that is whole, each with a digest of itself. Nothing in it is believed that the copy does not
bear out, so neither a kill nor a lost write can do more than cost time.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import numpy as np
from blake3 import blake3

from steadkit.hdf5 import ATTRIBUTES_DIGEST
from steadkit.store.samples import TRACE_BYTES, WAVEFORM_DIGEST, waveform_digest

IDENTITY_BYTES: Final = 32
CHECK_BYTES: Final = 16

ROW: Final = np.dtype(
    [
        ("header", "<u8"),
        ("waveform", f"V{WAVEFORM_DIGEST}"),
        ("attributes", f"V{ATTRIBUTES_DIGEST}"),
    ]
)
"""What is known of a trace copied: where its header is, and its digests."""

_HEAD = struct.Struct(f"<QQ{CHECK_BYTES}s")
"""A record begins with the number of traces, the end of their headers, and a digest of these."""


class Record(NamedTuple):
    """A block that is whole: its rows, where its headers end, and that as the journal has it."""

    rows: np.ndarray
    end: int
    content: bytes


def record_of(rows: np.ndarray, end: int, headers: bytes | memoryview) -> Record:
    """Make the record of a block from its rows and the bytes of its headers."""
    content = _HEAD.pack(len(rows), end, _check(headers)) + rows.tobytes()
    return Record(rows, end, content + _check(content))


def resume(journal: Path, identity: bytes, target: Path, data: int, headers: int) -> list[Record]:
    """Find the blocks that a run cut off has left whole, and clear away the rest.

    Parameters
    ----------
    journal, target
        The journal and the copy, where there are any.
    identity
        What must stand at the beginning of the journal, 32 bytes.
    data, headers
        Where in the copy the samples and the headers begin.
    """
    records = []
    if target.exists() and journal.exists():
        content = journal.read_bytes()
        if content[:IDENTITY_BYTES] == identity:
            with target.open("rb") as file:
                records = list(_complete_records(content[IDENTITY_BYTES:], file, data, headers))
    if records:
        os.truncate(journal, IDENTITY_BYTES + sum(len(record.content) for record in records))
    else:
        target.unlink(missing_ok=True)
        journal.write_bytes(identity)
    return records


def _complete_records(journal: bytes, file: BinaryIO, data: int, headers: int) -> Iterator[Record]:
    """Read the records as far as the blocks are in the file as they should be."""
    position = 0
    while len(journal) - position >= _HEAD.size:
        count, end, check = _HEAD.unpack_from(journal, position)
        length = _HEAD.size + count * ROW.itemsize
        record = journal[position : position + length]
        position += length + CHECK_BYTES
        if journal[position - CHECK_BYTES : position] != _check(record):
            return
        rows = np.frombuffer(record[_HEAD.size :], ROW)
        if not _samples_are_whole(file, data, rows):
            return
        file.seek(headers)
        if _check(file.read(end - headers)) != check:
            return
        yield Record(rows, end, record + _check(record))
        data, headers = data + count * TRACE_BYTES, end


def _samples_are_whole(file: BinaryIO, data: int, rows: np.ndarray) -> bool:
    file.seek(data)
    return all(
        waveform_digest(file.read(TRACE_BYTES)) == digest.tobytes() for digest in rows["waveform"]
    )


def _check(content: bytes | memoryview) -> bytes:
    return blake3(content).digest(CHECK_BYTES)
