"""Reader of traces of an open file: waveforms and attributes, with every bound checked."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import h5py
import numpy as np

from steadkit.errors import InputError, error_detail
from steadkit.hdf5 import (
    Attributes,
    AttributeTable,
    DamageError,
    FileReader,
    GlobalHeap,
    Header,
    HeaderTemplates,
    NewStyleError,
    ReadAhead,
    Storage,
    UnsupportedError,
    encode,
    parse_storage,
    read_attributes,
    read_object_header,
    row_table,
)
from steadkit.hdf5.attributes import empty_attribute
from steadkit.hdf5.datatypes import FLOAT32
from steadkit.hdf5.object_header import FIRST_READ, LAYOUT
from steadkit.hdf5.readahead import consecutive_ranges, expect_random_reads
from steadkit.hdf5.symbol_table import SymbolTable
from steadkit.schema import TRACE_SHAPE
from steadkit.store.open import (
    DTYPE,
    LIBRARY_ERRORS,
    TRACE_BYTES,
    damaged_trace,
    get_dataset,
    probe_file,
    read_dataset,
    shortened_file,
)

MAX_GAP_BYTES: Final = 1 << 14
"""Bytes between the samples of two traces up to which both are read by one system call."""

MAX_HEADER_REACH: Final = 1 << 12
"""Bytes behind the samples up to which the blocks of a header extend the read-ahead of every trace;
blocks farther away are read by themselves."""

MIN_BATCH: Final = 8
"""Traces from which on another attempt to read them by templates is faster than one by one."""


class TraceLocation(NamedTuple):
    """The location of a trace in its file."""

    name: str
    offset: int | None
    """Offset of its samples, or None where they are not contiguous."""
    header: Header | None
    """Its object header, or None where it is left to h5py."""


class StoredBatch(NamedTuple):
    """Some traces of one file: locations and attributes; samples are read by `Reader.samples`."""

    locations: list[TraceLocation]
    attributes: list[tuple[list[int], AttributeTable]]
    """Numbers of traces with one schema, and their attributes, a row each."""
    read_ahead: ReadAhead
    """Read-ahead of the file, which may hold the samples."""


class Reader:
    """Read the traces of one open file.

    Parameters
    ----------
    group
        What `open_data` yields.
    n_traces
        How many traces will be read. Where they are less than half of the file, the system's
        read-ahead is turned off: it would read 1.5 times the selected bytes.
    """

    def __init__(self, group: h5py.Group, n_traces: int | None = None):
        self.group = group
        self.path = Path(group.file.filename)
        # HDF5's own descriptor: the same open file, even if another one takes its path meanwhile.
        descriptor = group.file.id.get_vfd_handle()
        size = os.fstat(descriptor).st_size
        self.raw = FileReader(descriptor, group.file.userblock_size, size)
        if n_traces is not None and 2 * n_traces * TRACE_BYTES < size:
            expect_random_reads(descriptor)
        self.n_looked_up = 0
        """Names that were looked up, see `steadkit.store.trace_index`."""
        self.table: SymbolTable | None = None
        """All names of the file, once the number of look-ups makes it worth to read them."""
        # Shared by all traces of the file, which have the same 35 fields.
        self._known_fields: dict[bytes, Any] = {}
        self._templates = HeaderTemplates()
        self._read_ahead_bytes = FIRST_READ
        self._address_position: int | None = None

    def heaps(self) -> GlobalHeap:
        """Return a cache of heap collections, for traces read one after another by one thread."""
        return GlobalHeap(self.raw)

    def address(self, name: str) -> int:
        """Look up the address of a trace's header."""
        try:
            # Not `group.get`, which would open the object and parse its header.
            link = self.group.id.links.get_info(name.encode())
        except LIBRARY_ERRORS:
            get_dataset(self.group, name)  # raises an error that names the problem
            raise InputError(f"{str(self.path)!r} is damaged at {name!r}: rewrite it") from None
        if link.type != h5py.h5l.TYPE_HARD:
            raise InputError(
                f"{str(self.path)!r} has a link at {name!r}: a trace must be in the file"
            )
        return int(link.u)

    def locate(self, name: str, address: int | None = None) -> TraceLocation:
        """Return the location of a trace, after its shape, type and bounds are checked."""
        address = self.address(name) if address is None else address
        try:
            header = read_object_header(self.raw, address)
            storage = parse_storage(header)
        except NewStyleError:
            # A header of version 2 in a file with an old superblock: the library has to read it
            # after all.
            probe_file(self.path)
            return TraceLocation(name, _offset(get_dataset(self.group, name), self.raw.size), None)
        except DamageError as error:
            raise damaged_trace(self.path, name, error) from error
        if storage is not None and is_waveform(storage):
            if storage.address is None:
                get_dataset(self.group, name)  # refuses samples in another file
                return TraceLocation(name, None, header)
            offset = self.raw.base + storage.address
            if offset + TRACE_BYTES <= self.raw.size and storage.bytes_stored == TRACE_BYTES:
                return TraceLocation(name, offset, header)
            raise damaged_trace(
                self.path, name, DamageError("has its samples beyond the end of the file")
            )
        dataset = get_dataset(self.group, name)  # raises an error unless it is a waveform after all
        return TraceLocation(name, _offset(dataset, self.raw.size), header)

    def read_into(self, location: TraceLocation, waveform: np.ndarray) -> None:
        """Fill ``waveform``, (6000, 3) float32, with a trace's samples, finite or not."""
        if location.offset is None:
            waveform[:] = read_dataset(self.group, location.name)
        elif os.preadv(self.raw.descriptor, [waveform.data], location.offset) != TRACE_BYTES:
            raise shortened_file(self.path)

    def read_all(self, locations: Sequence[TraceLocation], waveforms: np.ndarray) -> None:
        """Fill ``waveforms``, (n, 6000, 3) float32; neighbours in the file are read at once."""
        # One buffer for all gaps, as its bytes are never looked at.
        between = memoryview(bytearray(MAX_GAP_BYTES))  # headers and texts, read and discarded
        for start, stop in consecutive_ranges(locations, _are_neighbours):
            offsets = [
                location.offset for location in locations[start:stop] if location.offset is not None
            ]
            if not offsets:
                self.read_into(locations[start], waveforms[start])
                continue
            views, end = [], offsets[0]
            for offset, waveform in zip(offsets, waveforms[start:stop], strict=True):
                views += [between[: offset - end], waveform.data]
                end = offset + TRACE_BYTES
            if os.preadv(self.raw.descriptor, views, offsets[0]) != end - offsets[0]:
                raise shortened_file(self.path)

    def attributes(self, location: TraceLocation, heaps: GlobalHeap) -> Attributes:
        """Read a trace's attributes in canonical form."""
        try:
            if location.header is None:
                return _encode(dict(get_dataset(self.group, location.name).attrs))
            return read_attributes(location.header, heaps, self._known_fields)
        except (DamageError, *LIBRARY_ERRORS) as error:
            raise damaged_trace(self.path, location.name, error) from error

    def read_ahead(
        self,
        traces: Sequence[tuple[str, int]],
        memory: np.ndarray | None = None,
        buffers: Sequence[memoryview] = (),
        on_read: Callable[[memoryview, int], object] | None = None,
    ) -> ReadAhead:
        """Read headers and, where their addresses can be predicted, samples of traces at once.

        Parameters
        ----------
        traces
            Name and address of each, by ascending address.
        memory
            What to read into, see `steadkit.hdf5.ReadAhead`.
        buffers
            Where to read the samples of each, if their addresses can be predicted before headers
            are parsed; see `all_prefilled`.
        on_read
            Called with the samples of each, and its number, when they were read there.
        """
        if buffers and self._address_position is None:
            self.read_batch(traces[:1])  # the first header shows where the address is in all
        addresses = [address for _, address in traces]
        direct_addresses = self._predicted_addresses(addresses) if buffers else []
        if not direct_addresses:
            buffers = ()
        return ReadAhead(
            self.raw, addresses, self._read_ahead_bytes, memory, direct_addresses, buffers, on_read
        )

    def _predicted_addresses(self, addresses: Sequence[int]) -> list[int]:
        """Return the addresses of samples, if headers are like the last one; none if impossible."""
        # A guess: in a header of another layout these 8 bytes are something else. It is compared
        # with the parsed headers by `all_prefilled`; until then it need only be safe to read.
        if self._address_position is None:
            return []
        descriptor, first = self.raw.descriptor, self.raw.base + self._address_position
        # Eight bytes a trace, from a page that the following read needs anyway.
        fields = b"".join([os.pread(descriptor, 8, first + address) for address in addresses])
        if len(fields) != 8 * len(addresses):
            return []
        predicted = np.frombuffer(fields, "<u8")
        # Reads must stay inside the file and not overlap, as each fills a buffer of its own.
        ordered, last = np.sort(predicted), self.raw.size - self.raw.base - TRACE_BYTES
        if int(ordered[-1]) > last or (np.diff(ordered) < TRACE_BYTES).any():
            return []
        listed: list[int] = predicted.tolist()
        return listed

    def all_prefilled(self, batch: StoredBatch) -> bool:
        """Return whether the samples of all traces were read into their buffers by `read_ahead`."""
        return batch.read_ahead.direct_addresses == [
            None if location.offset is None else location.offset - self.raw.base
            for location in batch.locations
        ]

    def read_batch(
        self, traces: Sequence[tuple[str, int]], read_ahead: ReadAhead | None = None
    ) -> StoredBatch:
        """Locate traces and read their attributes, by templates: a tenth of the time of one by one.

        Parameters
        ----------
        traces
            Name and address of each, by ascending address.
        read_ahead
            The result of `read_ahead` for these traces.
        """
        addresses = [address for _, address in traces]
        read_ahead = read_ahead or self.read_ahead(traces)
        heaps = GlobalHeap(read_ahead)
        locations: dict[int, TraceLocation] = {}
        tables: list[tuple[list[int], AttributeTable]] = []
        last = self.raw.size - self.raw.base - TRACE_BYTES
        remaining = list(range(len(traces)))
        while remaining:
            for headers in self._templates.read(
                read_ahead, [addresses[i] for i in remaining], heaps
            ):
                if int(headers.data_addresses.max()) <= last:
                    rows = [remaining[row] for row in headers.rows]
                    for row, address in zip(rows, headers.data_addresses.tolist(), strict=True):
                        # No header is kept: its attributes are in the table already.
                        locations[row] = TraceLocation(
                            traces[row][0], self.raw.base + address, None
                        )
                    tables.append((rows, headers.attributes))
            remaining = [row for row in remaining if row not in locations]
            # One by one, until there is another template that many of the others may match.
            has_learned = False
            while remaining and not (has_learned and len(remaining) >= MIN_BATCH):
                row = remaining.pop(0)
                location = locations[row] = self.locate(*traces[row])
                tables.append(([row], row_table(self.attributes(location, heaps))))
                has_learned |= location.header is not None and self._learn(
                    location.header, addresses[row]
                )
        return StoredBatch([locations[row] for row in range(len(traces))], tables, read_ahead)

    def _learn(self, header: Header, address: int) -> bool:
        """Add the template of a header, and extend the read-ahead to its blocks and samples."""
        storage = parse_storage(header)
        if storage is None or storage.address is None:
            return False
        ends = [start + length for start, length in header.blocks(address)]
        ends.append(storage.address + TRACE_BYTES)
        # Not to blocks that the library moved far away: each would widen the read of every trace.
        near = [
            end - address for end in ends if 0 < end - address <= TRACE_BYTES + MAX_HEADER_REACH
        ]
        # It never shrinks: a batch may hold traces of several layouts, and all are read at one
        # width.
        self._read_ahead_bytes = max(self._read_ahead_bytes, *near)
        # The address of the samples, behind two bytes of the layout.
        self._address_position = header.spans(LAYOUT)[0][0] + 2
        return self._templates.learn(header, self._known_fields)

    def samples(self, batch: StoredBatch) -> list[memoryview]:
        """Return the samples of traces of `read_batch`, finite or not, as bytes."""
        views = [
            None
            if location.offset is None
            else batch.read_ahead.view(location.offset - self.raw.base, TRACE_BYTES)
            for location in batch.locations
        ]
        not_read_ahead = [
            location for location, view in zip(batch.locations, views, strict=True) if view is None
        ]
        waveforms = np.empty((len(not_read_ahead), *TRACE_SHAPE), DTYPE)
        self.read_all(not_read_ahead, waveforms)
        remaining = iter(waveforms)
        return [next(remaining).data.cast("B") if view is None else view for view in views]


def _encode(values: Mapping[str, object]) -> Attributes:
    """Return the canonical form of attributes that h5py has read."""
    for name, value in values.items():
        if isinstance(value, h5py.Empty):
            raise empty_attribute(repr(name))
    try:
        return encode(values)
    except TypeError as error:
        raise UnsupportedError(
            f"has an attribute that cannot be copied: text and real numbers can, remove it "
            f"({error_detail(error)})"
        ) from error


def _are_neighbours(first: TraceLocation, second: TraceLocation) -> bool:
    if first.offset is None or second.offset is None:
        return False
    return 0 <= second.offset - first.offset - TRACE_BYTES <= MAX_GAP_BYTES


def is_waveform(storage: Storage) -> bool:
    """Return whether a dataset has the shape and type of a trace."""
    # The upper half of the first byte is the version of the datatype, which may differ.
    is_float = storage.datatype[:1] and storage.datatype[0] & 0x0F == FLOAT32[0] & 0x0F
    is_little_endian_float32 = storage.datatype[1:20] == FLOAT32[1:20]
    return storage.shape == TRACE_SHAPE and bool(is_float) and is_little_endian_float32


def _offset(dataset: h5py.Dataset, file_size: int) -> int | None:
    """Return the offset of a dataset's bytes in the file, or None where they are not contiguous."""
    status = dataset.id.get_space_status()
    # A dataset never written has no storage in the file, whatever get_offset returns.
    if dataset.chunks is not None or status != h5py.h5d.SPACE_STATUS_ALLOCATED:
        return None
    offset: int | None = dataset.id.get_offset()
    # Outside of the file the library reports the damage when it reads.
    if offset is None or offset + TRACE_BYTES > file_size:
        return None
    return offset


def get_attributes(group: h5py.Group, name: str) -> dict[str, object]:
    """Read a trace's attributes, arrays as lists, in alphabetical order.

    Raises
    ------
    InputError
        The trace is missing, or its attributes are damaged.
    """
    reader = Reader(group)
    attributes = reader.attributes(reader.locate(name), reader.heaps())
    try:
        return {key: np.asarray(value).tolist() for key, value in attributes.decode().items()}
    except DamageError as error:
        raise damaged_trace(reader.path, name, error) from error
