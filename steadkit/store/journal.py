"""Journal of the complete blocks of a copy, from which a later run resumes it.

The journal is a file next to the copy: the identity of the copy, then a record for every complete
block, each with a digest of itself. A record counts only if the samples and headers in the copy
have the digests that it states, so that neither a kill nor a lost write costs more than time.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import numpy as np
from blake3 import blake3

from steadkit.hdf5 import ATTRIBUTES_DIGEST
from steadkit.store.open import TRACE_BYTES, WAVEFORM_DIGEST, waveform_digest

IDENTITY_BYTES: Final = 32
CHECK_BYTES: Final = 16

ROW: Final = np.dtype(
    [
        ("header", "<u8"),
        ("waveform", f"V{WAVEFORM_DIGEST}"),
        ("attributes", f"V{ATTRIBUTES_DIGEST}"),
    ]
)
"""A copied trace: the address of its header, and its digests."""

_HEAD = struct.Struct(f"<QQ{CHECK_BYTES}s")
"""A record begins with the number of traces, the end of their headers, and a digest of these."""


class Record(NamedTuple):
    """A complete block: its rows, the end of its headers, and the bytes of the record."""

    rows: np.ndarray
    end: int
    content: bytes


def make_record(rows: np.ndarray, end: int, headers: bytes | memoryview) -> Record:
    """Return the record of a block from its rows and the bytes of its headers."""
    # The digest of the headers has to be in the record, as rows hold only those of the attributes.
    content = _HEAD.pack(len(rows), end, _check(headers)) + rows.tobytes()
    return Record(rows, end, content + _check(content))


def resume_journal(
    journal: Path, identity: bytes, target: Path, data: int, headers: int
) -> list[Record]:
    """Return the complete blocks of an interrupted run, and truncate the journal behind them.

    Parameters
    ----------
    journal, target
        The journal and the copy; they need not exist.
    identity
        Digest of the copy, 32 bytes; the journal of another one is discarded.
    data, headers
        Offsets of the samples and the headers in the copy.
    """
    records = []
    if target.exists() and journal.exists():
        content = journal.read_bytes()
        if content[:IDENTITY_BYTES] == identity:
            with target.open("rb") as file:
                records = list(_complete_records(content[IDENTITY_BYTES:], file, data, headers))
    # Both files begin again together: samples without a journal prove nothing, nor a journal
    # without them.
    if records:
        os.truncate(journal, IDENTITY_BYTES + sum(len(record.content) for record in records))
    else:
        target.unlink(missing_ok=True)
        journal.write_bytes(identity)
    return records


def _complete_records(journal: bytes, file: BinaryIO, data: int, headers: int) -> Iterator[Record]:
    """Yield the records up to the first whose digests differ from the bytes of the copy."""
    position = 0
    while len(journal) - position >= _HEAD.size:
        count, end, check = _HEAD.unpack_from(journal, position)
        length = _HEAD.size + count * ROW.itemsize
        record = journal[position : position + length]
        position += length + CHECK_BYTES
        # A record that was being written when the run was killed is incomplete.
        if journal[position - CHECK_BYTES : position] != _check(record):
            return
        rows = np.frombuffer(record[_HEAD.size :], ROW)
        # After a power failure the journal may be on the disk and the samples not: nothing forces
        # an order between the two files, which would cost an `fsync` a block.
        file.seek(data)
        digests = [digest.tobytes() for digest in rows["waveform"]]
        if any(waveform_digest(file.read(TRACE_BYTES)) != digest for digest in digests):
            return
        file.seek(headers)
        if _check(file.read(end - headers)) != check:
            return
        yield Record(rows, end, record + _check(record))
        data, headers = data + count * TRACE_BYTES, end


def _check(content: bytes | memoryview) -> bytes:
    return blake3(content).digest(CHECK_BYTES)
