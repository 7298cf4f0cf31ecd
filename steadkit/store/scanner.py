"""Sequential scan of the traces of a file, in batches; damage is reported trace by trace."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from steadkit.hdf5 import AttributeTable, DamageError, row_table
from steadkit.schema import TRACE_SHAPE
from steadkit.store.open import DTYPE, LIBRARY_ERRORS, TRACE_BYTES, waveform_digest
from steadkit.store.reader import MAX_GAP_BYTES, Reader
from steadkit.store.trace_index import known_headers

BATCH_TRACES: Final = 128
"""Traces read at once: few enough that their samples, 9 MB, are in a cache when checked."""

ERRORS: Final = (DamageError, OverflowError, *LIBRARY_ERRORS)
"""Exceptions of a damaged trace; `InputError` is one of them."""


@dataclass
class ScannedBatch:
    """Some traces of a file, by ascending address, and the errors of damaged ones, by index.

    Parameters
    ----------
    rows
        The numbers of the traces among those asked for.
    waveforms
        Shape (traces, 6000, 3), float32, until the next ones are read.
    digests
        Of the samples of each; empty where they were not read.
    attributes
        Indices of traces with one schema, and their attributes, a row each.
    unread
        Error of each trace without samples.
    unread_attributes
        Error of each trace without attributes whose header was read.
    """

    rows: np.ndarray
    waveforms: np.ndarray
    digests: list[bytes]
    attributes: list[tuple[list[int], AttributeTable]] = field(default_factory=list)
    unread: dict[int, str] = field(default_factory=dict)
    unread_attributes: dict[int, str] = field(default_factory=dict)

    def attribute_digests(self) -> list[bytes]:
        """Return the digest of the attributes of each; empty where they were not read."""
        digests = [b""] * len(self.rows)
        for numbers, table in self.attributes:
            for number, digest in zip(numbers, table.digests(), strict=True):
                digests[number] = digest
        return digests


def locate(
    reader: Reader, names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, dict[int, Exception]]:
    """Look up the header addresses of traces.

    Returns
    -------
    rows, addresses : numpy.ndarray
        The numbers of the traces found, among the names, and the addresses of their headers.
    errors : dict
        The error of each other trace, by number.
    """
    addresses = known_headers(reader, names)
    errors: dict[int, Exception] = {}
    for row in np.flatnonzero(addresses < 0).tolist():
        try:
            addresses[row] = reader.address(names[row])
        except LIBRARY_ERRORS as error:
            errors[row] = error
    rows = np.delete(np.arange(len(names)), list(errors))
    return rows, addresses[rows], errors


def scan(
    reader: Reader,
    names: Sequence[str],
    rows: np.ndarray,
    addresses: np.ndarray,
    samples: bool = True,
) -> Iterator[ScannedBatch]:
    """Read traces in the order in which the file holds them.

    Parameters
    ----------
    reader
        Of the file.
    names
        Trace names.
    rows, addresses
        The numbers of the traces to read, among those names, and where the header of each is.
    samples
        Whether to read samples, not only headers and attributes.
    """
    # From front to back, whatever order the names are in; stable, so that repeats keep theirs.
    order = np.argsort(addresses, kind="stable")
    waveforms = np.empty((BATCH_TRACES if samples else 0, *TRACE_SHAPE), DTYPE)
    # Once for all batches, as mapping new pages takes as long as reading into them.
    memory = np.empty(BATCH_TRACES * (TRACE_BYTES + 2 * MAX_GAP_BYTES), np.uint8)
    for start in range(0, len(order), BATCH_TRACES):
        batch = order[start : start + BATCH_TRACES]
        traces = [
            (names[row], address)
            for row, address in zip(rows[batch].tolist(), addresses[batch].tolist(), strict=True)
        ]
        scanned = ScannedBatch(rows[batch], waveforms[: len(batch)], [b""] * len(batch))
        try:
            _read_together(reader, traces, scanned, memory)
        except ERRORS:
            # One of them is damaged, and it is not known which: read each by itself. The batch
            # begins again, as the digests and attributes read so far may be incomplete.
            scanned = ScannedBatch(rows[batch], waveforms[: len(batch)], [b""] * len(batch))
            _read_separately(reader, traces, scanned)
        yield scanned


def _read_together(
    reader: Reader, traces: Sequence[tuple[str, int]], scanned: ScannedBatch, memory: np.ndarray
) -> None:
    digests = scanned.digests
    buffers = [waveform.data.cast("B") for waveform in scanned.waveforms]

    def on_read(samples: memoryview, number: int) -> None:
        digests[number] = waveform_digest(samples)  # while they are in the cache of the core

    read_ahead = reader.read_ahead(traces, memory, buffers, on_read)
    batch = reader.read_batch(traces, read_ahead)
    scanned.attributes = batch.attributes
    if buffers and not reader.all_prefilled(batch):
        samples = [*map(bytes, reader.samples(batch))]  # some may lie where others belong
        for number, content in enumerate(samples):
            buffers[number][:] = content
            on_read(buffers[number], number)


def _read_separately(
    reader: Reader, traces: Sequence[tuple[str, int]], scanned: ScannedBatch
) -> None:
    heaps = reader.heaps()
    for number, (name, address) in enumerate(traces):
        try:
            location = reader.locate(name, address)
        except ERRORS as error:
            scanned.unread[number] = str(error)
            continue
        try:
            table = row_table(reader.attributes(location, heaps))
            scanned.attributes.append(([number], table))
        except ERRORS as error:
            scanned.unread_attributes[number] = str(error)
        if len(scanned.waveforms):
            try:
                reader.read_into(location, scanned.waveforms[number])
                scanned.digests[number] = waveform_digest(scanned.waveforms[number].data)
            except ERRORS as error:
                scanned.unread[number] = str(error)
