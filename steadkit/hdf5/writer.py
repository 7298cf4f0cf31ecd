"""Writer of a new HDF5 file with a reproducible layout: data, headers, heaps, and one group.

The offset of every byte follows from the order and content of what is written, not from the
version of a library. A file is a sequence of blocks, each the data of some datasets and then their
headers with the heaps of their texts; the group follows, and the superblock at offset 0 is written
last of all, so that an incomplete file is never taken for an HDF5 file.
"""

import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from steadkit.hdf5.attribute_table import AttributeTable, Datasets
from steadkit.hdf5.attributes import AttributeSchema
from steadkit.hdf5.datatypes import FLOAT32
from steadkit.hdf5.direct_io import PAGE, DirectWriter, aligned_empty, preallocate, write_at
from steadkit.hdf5.global_heap import (
    COLLECTION,
    MAX_INDEX,
    MIN_COLLECTION,
    OBJECT,
    WORD,
    n_words,
    ragged_arange,
)
from steadkit.hdf5.object_header import (
    CONTIGUOUS,
    DATASPACE,
    DATATYPE,
    FILL,
    LAYOUT,
    MESSAGE,
    PREFIX,
    SYMBOL_TABLE,
    UNDEFINED,
    UnsupportedError,
    pack_shape,
)
from steadkit.hdf5.symbol_table import LEAF_K, NODE_K, name_heap, symbol_nodes, tree_nodes

FIRST_BLOCK: Final = PAGE
"""Offset of the first block: the superblock has the first page to itself."""

_CONSTANT: Final = 1
_HEAP_ADDRESS = np.dtype([("address", "<u8"), ("index", "<u4")])
_OFFSETS = np.dtype(
    [("header", "<i8"), ("collection", "<i8"), ("objects", "<i8"), ("index", "<i8")]
)
"""Offsets of the header of a dataset, of the collection of its texts and of the first text in it,
and the index of this text in the collection."""


class Hdf5Writer:
    """Write float32 datasets of one shape, with attributes, into one group of a new file.

    Parameters
    ----------
    path
        A file that does not exist yet, or that of an interrupted run (`resume_at`).
    shape
        The shape of every dataset.
    group
        The group of the datasets.
    resume_at
        Continue from here, the end of the last complete block; the file is truncated there.
    """

    def __init__(
        self, path: Path, shape: tuple[int, ...], group: str, resume_at: int | None = None
    ):
        # Never truncated on open: a new file must not exist, and a resumed one keeps what is
        # complete.
        mode = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT | os.O_EXCL if resume_at is None else 0)
        self.descriptor = os.open(path, mode, 0o666)
        self.end = FIRST_BLOCK if resume_at is None else resume_at
        if resume_at is not None:
            # An incomplete block behind it would otherwise stay in the file as unused bytes.
            os.ftruncate(self.descriptor, resume_at)
        self._group = group
        self._bytes = int(np.prod(shape)) * 4
        self._fixed = _fixed_messages(shape)
        self._direct = DirectWriter(self.descriptor)

    def close(self) -> None:
        """Close the file; without `finalize` it is no HDF5 file."""
        self._direct.close()
        os.close(self.descriptor)

    def reserve(self, count: int) -> int:
        """Reserve consecutive space for the data of datasets; returns its address."""
        start = self.end
        self.end += count * self._bytes
        return start

    def allocate(self, address: int, count: int) -> None:
        """Preallocate the disk blocks for the data of datasets from an address on.

        Writes are a third faster then, and a full disk is noticed before them.
        """
        preallocate(self.descriptor, address, count * self._bytes)

    def write(self, address: int, *contents: bytes | memoryview) -> None:
        """Write buffers one after another from an address on; safe from several threads."""
        write_at(self.descriptor, address, *contents)

    def layout(self, datasets: Datasets) -> tuple[memoryview, np.ndarray]:
        """Return the bytes of headers and texts of datasets, to be appended next.

        Parameters
        ----------
        datasets
            Addresses of the data of some datasets, and the attributes of each.

        Returns
        -------
        content : memoryview
            The bytes to append.
        headers : numpy.ndarray
            Address of the header of each dataset, in the order of their data.
        """
        return _layout_headers(datasets, self.end, self._fixed, self._bytes)

    def append(self, content: bytes | memoryview) -> int:
        """Write bytes at the end; returns their address."""
        start = self.end
        self._direct.write(start, memoryview(content))
        self.end += len(content)
        return start

    def finalize(self, names: Sequence[str], headers: np.ndarray) -> None:
        """Write the group of the datasets and the superblock.

        Parameters
        ----------
        names
            Names of the datasets, all different.
        headers
            Address of the header of each.
        """
        # Sorted as bytes, as HDF5 compares names; `or [b""]` gives an empty list the type of bytes.
        as_bytes = np.array([name.encode() for name in names] or [b""], bytes)[: len(names)]
        order = np.argsort(as_bytes, kind="stable")
        # The inner group first: the entry of the root group caches the addresses of its tree and
        # heap.
        inner = self._write_group(as_bytes[order], np.asarray(headers, np.uint64)[order])
        root = self._write_group(np.array([self._group.encode()]), np.array(inner[:1]), inner[1:])
        # Last of all: a file without a superblock is no HDF5 file, so that a killed run leaves none
        # that could be taken for complete.
        self.write(0, _superblock(root, self.end).ljust(FIRST_BLOCK, b"\0"))

    def _write_group(
        self, names: np.ndarray, headers: np.ndarray, cached: tuple[int, ...] = ()
    ) -> tuple[int, int, int]:
        """Write a group; returns the addresses of its header, its B-tree and its heap.

        `cached` is the B-tree and heap of the only member, where that is a group itself.
        """
        offsets, texts = name_heap(names)
        # Free list 1 is the value that the library writes for a heap without free space.
        heap = self.append(struct.pack("<4sB3xQQQ", b"HEAP", 0, len(texts), 1, self.end + 32))
        self.append(texts)
        nodes = symbol_nodes(offsets, headers, cached)
        addresses = self._append_nodes(nodes)
        # A node's key is the last of its names.
        ends = np.minimum(np.arange(1, len(nodes) + 1) * 2 * LEAF_K, len(offsets)) - 1
        keys = offsets[ends]
        tree = self._write_tree(addresses, keys)
        table = _message(SYMBOL_TABLE, struct.pack("<QQ", tree, heap))
        return self.append(PREFIX.pack(1, 1, 1, len(table)) + table), tree, heap

    def _write_tree(self, children: np.ndarray, keys: np.ndarray) -> int:
        level = 0
        while True:
            # Built level by level from sorted names, full but for the last node of each: no node is
            # ever split.
            nodes, last_keys = tree_nodes(children, keys, level, self.end)
            children, keys = self._append_nodes(nodes), last_keys
            if len(children) == 1:
                return int(children[0])
            level += 1

    def _append_nodes(self, nodes: np.ndarray) -> np.ndarray:
        start = self.append(nodes.tobytes())
        return start + np.arange(len(nodes), dtype=np.uint64) * np.uint64(nodes.itemsize)


def _superblock(root: tuple[int, int, int], end: int) -> bytes:
    header, tree, heap = root
    return (
        b"\x89HDF\r\n\x1a\n"
        + struct.pack("<8B", 0, 0, 0, 0, 0, 8, 8, 0)
        + struct.pack("<HHI", LEAF_K, NODE_K, 0)
        + struct.pack("<4Q", 0, UNDEFINED, end, UNDEFINED)
        # Section III.C: the entry of the root group, with its B-tree and heap in the scratch space.
        + struct.pack("<QQIIQQ", 0, header, 1, 0, tree, heap)
    )


def _message(message_type: int, content: bytes, flags: int = 0) -> bytes:
    """Return a message of an object header."""
    content += bytes(-len(content) % 8)
    return MESSAGE.pack(message_type, len(content), flags) + content


def _fixed_messages(shape: tuple[int, ...]) -> bytes:
    """Return the messages that all datasets share; the layout message, which differs, follows."""
    # Section IV.A.2.f: allocated early, as contiguous data are; written if set; and the default
    # value, which takes no bytes.
    early, if_set, none = 1, 2, 1
    fill = struct.pack("<BBBBI", 2, early, if_set, none, 0)
    return (
        _message(DATASPACE, pack_shape(shape))
        + _message(DATATYPE, FLOAT32, _CONSTANT)
        + _message(FILL, fill, _CONSTANT)
    )


def _layout_headers(
    datasets: Datasets, start: int, fixed: bytes, data_bytes: int
) -> tuple[memoryview, np.ndarray]:
    """Return headers and heap collections as one buffer, and the addresses of the headers."""
    templates = [_header_template(table.schema, fixed, data_bytes) for _, table in datasets]
    # Headers follow in the order of the data and not of the schemas, so that the bytes do not
    # depend on how attributes were grouped.
    order = np.argsort(np.concatenate([np.empty(0, np.int64), *[data for data, _ in datasets]]))
    sizes = [
        np.column_stack(
            np.broadcast_arrays(len(template), _object_bytes(table), table.lengths.shape[1])
        )
        for template, (_, table) in zip(templates, datasets, strict=True)
    ]
    all_sizes = np.concatenate([np.empty((0, 3), np.int64), *sizes])[order]
    offsets = np.empty(len(order), _OFFSETS)
    # Assigned in Python, as each offset depends on the one before; everything else is done by
    # arrays.
    offsets[order], collections, end = _assign_offsets(all_sizes.tolist())
    content = aligned_empty(end, start)
    n_done = 0
    for (addresses, table), template in zip(datasets, templates, strict=True):
        table_offsets = offsets[n_done : n_done + len(table)]
        _write_headers(content, table_offsets, template, addresses, table, start)
        _write_texts(content.view("<u8"), table_offsets, table)
        n_done += len(table)
    for offset, used, size in collections:
        _write_collection(content, offset, used, size)
    return content.data, start + offsets["header"][order]


def _header_template(schema: AttributeSchema, fixed: bytes, data_bytes: int) -> bytes:
    """Return a header with zeros for its attributes and for the address of its data."""
    layout = _message(LAYOUT, struct.pack("<BBQQ", 3, CONTIGUOUS, 0, data_bytes))
    n_attribute_bytes = sum(len(field.head) + -(-field.size // 8) * 8 for field in schema.fields)
    size = len(fixed) + len(layout) + n_attribute_bytes
    messages = fixed + layout + bytes(n_attribute_bytes)
    # Four messages besides the attributes: dataspace, datatype, fill value, layout.
    return PREFIX.pack(1, 4 + len(schema.fields), 1, size) + messages


def _object_bytes(table: AttributeTable) -> np.ndarray:
    """Return the bytes that the texts of each row take in a heap."""
    if table.lengths.shape[1] > MAX_INDEX:
        raise UnsupportedError(
            f"has {table.lengths.shape[1]:,} texts in its attributes: {MAX_INDEX:,} are copied at "
            "most, remove some"
        )
    return (OBJECT.size + WORD * n_words(table.lengths)).sum(axis=1)


def _assign_offsets(
    sizes: Sequence[Sequence[int]],
) -> tuple[np.ndarray, list[tuple[int, int, int]], int]:
    """Assign offsets to datasets, from the bytes of header and texts of each, and their number.

    A collection lies before the headers that use it first, and is filled with the texts of as many
    datasets as fit: the result depends on their order and content alone.

    Returns
    -------
    offsets : numpy.ndarray
        Of each dataset, `_OFFSETS`.
    collections : list of (int, int, int)
        Offset of each collection, bytes used, and size.
    end : int
        Bytes of everything.
    """
    offsets, collections = [], []
    offset = used = size = index = end = 0
    for header, objects, texts in sizes:
        # All texts of a dataset go into one collection, so that one address serves all of them.
        if used + objects > size or index + 1 + texts > MAX_INDEX:
            collections.append((offset, used, size))
            offset, used, index = end, COLLECTION.size, 0
            size = max(MIN_COLLECTION, used + objects)
            end += size
        offsets.append((end, offset, offset + used, index + 1))
        used, index, end = used + objects, index + texts, end + header
    collections.append((offset, used, size))
    # The first entry, of size 0, was no collection: none was open yet.
    return (
        np.array(offsets, _OFFSETS),
        [collection for collection in collections if collection[2]],
        end,
    )


def _write_headers(
    content: np.ndarray,
    offsets: np.ndarray,
    template: bytes,
    data: np.ndarray,
    table: AttributeTable,
    start: int,
) -> None:
    # Headers of one schema have one length, so that they are filled as the rows of one array.
    rows = np.empty((len(table), len(template)), np.uint8)
    rows[:] = np.frombuffer(template, np.uint8)
    body_start = len(template) - table.bodies.shape[1]
    rows[:, body_start:] = table.bodies
    # The layout is the last of the fixed messages: version, class, address, size, padding.
    address_start = body_start - 24 + 2
    # Bytes of little-endian integers, whatever the order of the machine is.
    rows[:, address_start : address_start + 8] = data.astype("<u8").view(np.uint8).reshape(-1, 8)
    reference_offsets = np.array(table.schema.reference_offsets, np.int64)
    references = np.empty((len(table), len(reference_offsets)), _HEAP_ADDRESS)
    references["address"] = (start + offsets["collection"])[:, np.newaxis]
    references["index"] = offsets["index"][:, np.newaxis] + np.arange(len(reference_offsets))
    reference_bytes = (
        body_start + reference_offsets[:, np.newaxis] + 4 + np.arange(_HEAP_ADDRESS.itemsize)
    ).ravel()
    rows[:, reference_bytes] = references.view(np.uint8).reshape(len(table), len(reference_bytes))
    for row, offset in zip(rows, offsets["header"].tolist(), strict=True):
        content[offset : offset + len(template)] = row


def _write_texts(content: np.ndarray, offsets: np.ndarray, table: AttributeTable) -> None:
    """Write the objects of a heap: index, length and text of each, in words of 8 bytes."""
    head = OBJECT.size // WORD
    words = n_words(table.lengths)
    sizes = head + words
    # Offsets count from the start of the buffer, which lies on a word of the file.
    first_words = offsets["objects"][:, np.newaxis] // WORD + np.cumsum(sizes, axis=1) - sizes
    content[first_words] = offsets["index"][:, np.newaxis] + np.arange(words.shape[1])
    content[first_words + 1] = table.lengths
    content[ragged_arange(first_words.ravel() + head, words.ravel())] = table.texts


def _write_collection(content: np.ndarray, offset: int, used: int, size: int) -> None:
    """Write the head of a collection, and its free space as object 0."""
    head = COLLECTION.pack(b"GCOL", 1, size)
    content[offset : offset + len(head)] = np.frombuffer(head, np.uint8)
    # Section III.E: the free space at the end is object 0, if it can hold a head at all.
    free = size - used
    if free >= OBJECT.size:
        rest = OBJECT.pack(0, 0, free)
        content[offset + used : offset + used + len(rest)] = np.frombuffer(rest, np.uint8)
