"""Files as HDF5's library writes them, of any number of traces: a small one, repeated.

The library lays out some traces; where their bytes lie, and which of these are addresses or
values, is read from that file. A repetition is the same bytes farther back, its addresses moved
and its values its own.
"""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
from scale_names import nodes_of, tree_of
from scale_rows import Pattern, Values

from steadkit.hdf5 import FileReader, Header, read_object_header
from steadkit.hdf5.attributes import sorted_attributes
from steadkit.hdf5.global_heap import HEAD, REFERENCE, WORD, GlobalHeap
from steadkit.hdf5.object_header import ADDRESS_PAIR, CONTINUATION, LAYOUT, UNDEFINED
from steadkit.schema import DATA_GROUP, TRACE_SHAPE
from steadkit.store.open import DTYPE, TRACE_BYTES


def write_with_h5py(path: Path, rows: Sequence[dict[str, object]]) -> None:
    """Write traces of zeros as STEAD's were: by h5py, a dataset a trace, 35 attributes each."""
    zeros = np.zeros(TRACE_SHAPE, DTYPE)
    with h5py.File(path, "w") as file:
        for row in rows:
            dataset = file.create_dataset(f"{DATA_GROUP}/{row['trace_name']}", data=zeros)
            for column, value in row.items():
                dataset.attrs[column] = value


class Template:
    """The traces of a pattern as the library lays them out, to be repeated.

    Parameters
    ----------
    pattern
        Their rows.

    Attributes
    ----------
    size
        Bytes of a repetition in the file, samples included.
    headers, samples
        Where in it the header and the samples of each trace begin.
    nodes
        Where in it the library has put nodes of the B-tree of names.
    """

    def __init__(self, pattern: Pattern):
        self._pattern = pattern
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "template.hdf5"
            write_with_h5py(path, pattern.rows)
            with h5py.File(path) as file:
                self._read(file)
            self.nodes = nodes_of(np.fromfile(path, "<u8"), tree_of(path))

    def _read(self, file: h5py.File) -> None:
        self.size = size = file.id.get_filesize() // WORD * WORD
        raw = FileReader(file.id.get_vfd_handle(), 0, size)
        heaps = GlobalHeap(raw)
        group = file[DATA_GROUP]
        pieces: dict[int, tuple[int, int]] = {}
        addresses: list[int] = []
        values: dict[str, list[int]] = {}
        self.headers = np.empty(len(self._pattern), np.uint64)
        self.samples = np.empty(len(self._pattern), np.uint64)
        for number, row in enumerate(self._pattern.rows):
            self.headers[number] = group.id.links.get_info(str(row["trace_name"]).encode()).u
            header = read_object_header(raw, int(self.headers[number]))
            trace = _Trace(header, int(self.headers[number]), heaps)
            self.samples[number] = trace.samples
            addresses += trace.addresses
            for column in (*self._pattern.texts, *self._pattern.numbers):
                values.setdefault(column, []).append(trace.values[column])
            for at, length in trace.pieces:
                pieces.setdefault(at, (length, number))
        starts = np.array(sorted(pieces))
        lengths, self._first = np.array([pieces[at] for at in starts.tolist()]).T
        self._starts, self._ends = starts.tolist(), np.cumsum(lengths).tolist()
        content = b"".join([raw.read(at, pieces[at][0]) for at in self._starts])
        self._content = np.frombuffer(content, np.uint8)
        places = np.cumsum(lengths) - lengths

        def within(at: Sequence[int]) -> np.ndarray:
            piece = np.searchsorted(starts, at, "right") - 1
            return (places[piece] + np.array(at) - starts[piece])[:, np.newaxis]

        self._addresses = within(addresses) + np.arange(WORD)
        self._values = {column: within(at) for column, at in values.items()}

    def write(self, descriptor: int, base: int, values: Values, traces: int) -> int:
        """Write headers and texts of the first traces of a repetition; returns where it ends."""
        content = self._content.copy()
        moved = content[self._addresses].view("<u8") + np.uint64(base)
        content[self._addresses] = moved.view(np.uint8)
        fill(content, self._values, values)
        view, start = content.data, 0
        for at, end, first in zip(self._starts, self._ends, self._first.tolist(), strict=True):
            if first < traces:
                os.pwrite(descriptor, view[start:end], base + at)
            start = end
        if traces == len(self._pattern):
            return base + self.size
        pieces = zip(self._starts, np.diff(self._ends, prepend=0), self._first, strict=True)
        ends = [at + length for at, length, first in pieces if first < traces]
        return base + int(max(*ends, self.samples[:traces].max() + TRACE_BYTES))


class _Trace:
    """What belongs to one trace: pieces of the file, and where addresses and values stand."""

    def __init__(self, header: Header, address: int, heaps: GlobalHeap):
        self._blocks = header.blocks(address)
        self.pieces = list(self._blocks)
        self.addresses: list[int] = []
        self.values: dict[str, int] = {}
        for kind, content, at in header.messages:
            if kind == CONTINUATION:
                self.addresses.append(self._place(at))
            elif kind == LAYOUT:
                self.addresses.append(self._place(at + 2))
                self.samples = ADDRESS_PAIR.unpack_from(content, 2)[0]
        for shape, at, start in sorted_attributes(header, {}):
            column, place = shape.name.decode(), self._place(at + start)
            self.values[column] = place
            if shape.element:
                value = header.content[at + start : at + start + shape.size]
                _, collection, index = REFERENCE.unpack(value)
                if collection not in (0, UNDEFINED):
                    self.addresses.append(place + 4)
                    self._add_text(column, heaps, collection, index)

    def _add_text(self, column: str, heaps: GlobalHeap, address: int, index: int) -> None:
        collection = heaps._collection(address)
        self.values[column] = address + (collection.objects[index] + HEAD) * WORD
        self.pieces.append((address, collection.words.nbytes))

    def _place(self, at: int) -> int:
        """Find where in the file a byte of the header stands."""
        for address, length in self._blocks:
            if at < length:
                return address + at
            at -= length
        raise AssertionError


def fill(content: np.ndarray, places: dict[str, np.ndarray], values: Values) -> None:
    """Put values into bytes.

    Parameters
    ----------
    content
        Bytes, uint8, one-dimensional.
    places
        Where the value of each row begins, by column, shape (rows, 1).
    values
        Texts of one length, or float64.
    """
    for column, at in places.items():
        column_values = values[column]
        if isinstance(column_values, list):
            bytes_ = np.array(column_values, bytes)
        else:
            bytes_ = column_values.astype("<f8")
        table = bytes_.view(np.uint8).reshape(len(at), -1)
        content[at + np.arange(table.shape[1])] = table
