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

from steadkit.hdf5.attribute_table import Datasets
from steadkit.hdf5.direct_io import PAGE, DirectWriter, allocate, write_at
from steadkit.hdf5.layout import fixed_messages, layout_headers, message
from steadkit.hdf5.object_header import PREFIX, SYMBOL_TABLE, UNDEFINED

FIRST_BLOCK: Final = PAGE
"""Offset of the first block: the superblock has the first page to itself."""

# The superblock states both, so that readers know the size of a node. Larger ones than the
# library's 4 and 16 make a flatter tree.
LEAF_K: Final = 16
NODE_K: Final = 32
"""Half of the names of a full symbol table node, and of the children of a full B-tree node."""

_SYMBOL = np.dtype(
    [("name", "<u8"), ("header", "<u8"), ("cache", "<u4"), ("_", "<u4"), ("scratch", "<u8", 2)]
)
_SYMBOL_NODE = np.dtype(
    [
        ("signature", "S4"),
        ("version", "u1"),
        ("_", "u1"),
        ("count", "<u2"),
        ("symbols", _SYMBOL, 2 * LEAF_K),
    ]
)
_TREE_NODE = np.dtype(
    [
        ("signature", "S4"),
        ("kind", "u1"),
        ("level", "u1"),
        ("count", "<u2"),
        ("left", "<u8"),
        ("right", "<u8"),
        ("keys_and_children", "<u8", 4 * NODE_K + 1),
    ]
)


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
        self._fixed = fixed_messages(shape)
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
        allocate(self.descriptor, address, count * self._bytes)

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
        return layout_headers(datasets, self.end, self._fixed, self._bytes)

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
        offsets, texts = _heap_of_names(names)
        # Free list 1 is the value that the library writes for a heap without free space.
        heap = self.append(struct.pack("<4sB3xQQQ", b"HEAP", 0, len(texts), 1, self.end + 32))
        self.append(texts)
        nodes = _symbol_nodes(offsets, headers, cached)
        addresses = self._append_nodes(nodes)
        # A node's key is the last of its names.
        ends = np.minimum(np.arange(1, len(nodes) + 1) * 2 * LEAF_K, len(offsets)) - 1
        keys = offsets[ends]
        tree = self._write_tree(addresses, keys)
        table = message(SYMBOL_TABLE, struct.pack("<QQ", tree, heap))
        return self.append(PREFIX.pack(1, 1, 1, len(table)) + table), tree, heap

    def _write_tree(self, children: np.ndarray, keys: np.ndarray) -> int:
        level = 0
        while True:
            # Built level by level from sorted names, full but for the last node of each: no node is
            # ever split.
            nodes, lasts = _tree_nodes(children, keys, level, self.end)
            children, keys = self._append_nodes(nodes), lasts
            if len(children) == 1:
                return int(children[0])
            level += 1

    def _append_nodes(self, nodes: np.ndarray) -> np.ndarray:
        start = self.append(nodes.tobytes())
        return start + np.arange(len(nodes), dtype=np.uint64) * np.uint64(nodes.itemsize)


def _heap_of_names(names: np.ndarray) -> tuple[np.ndarray, bytes]:
    """Return the offset of each name in the heap of a group, and the bytes of the heap."""
    # All take the space of the longest, so that a million are laid out as one array.
    # At least one zero byte behind each name, in words of eight bytes.
    width = names.itemsize // 8 * 8 + 8
    starts = 8 + np.arange(len(names), dtype=np.uint64) * np.uint64(width)
    # The empty name at offset 0: the leftmost key of the B-tree points to it.
    return starts, bytes(8) + names.astype(f"S{width}").tobytes()


def _symbol_nodes(offsets: np.ndarray, headers: np.ndarray, cached: Sequence[int]) -> np.ndarray:
    full = 2 * LEAF_K
    nodes = np.zeros(-(-len(offsets) // full), _SYMBOL_NODE)
    nodes["signature"], nodes["version"] = b"SNOD", 1
    nodes["count"] = np.minimum(full, len(offsets) - np.arange(len(nodes)) * full)
    symbols = np.zeros(len(nodes) * full, _SYMBOL)
    symbols["name"][: len(offsets)] = offsets
    symbols["header"][: len(offsets)] = headers
    if cached:
        # Cache type 1 is a group, whose B-tree and heap are in the scratch space (section III.C).
        symbols["cache"][0], symbols["scratch"][0] = 1, cached
    nodes["symbols"] = symbols.reshape(len(nodes), full)
    return nodes


def _tree_nodes(
    children: np.ndarray, keys: np.ndarray, level: int, start: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the nodes of one level of a B-tree and the last key of each."""
    full = 2 * NODE_K
    count = max(1, -(-len(children) // full))
    nodes = np.zeros(count, _TREE_NODE)
    addresses = start + np.arange(count) * nodes.itemsize
    nodes["signature"], nodes["level"] = b"TREE", level
    nodes["count"] = np.minimum(full, len(children) - np.arange(count) * full)
    # Siblings lie one behind the other, as a level is written at once.
    nodes["left"] = [UNDEFINED, *addresses[:-1]]
    nodes["right"] = [*addresses[1:], UNDEFINED]
    inner = np.zeros((2, count * full), np.uint64)
    inner[0, : len(children)], inner[1, : len(children)] = children, keys
    both = inner.reshape(2, count, full).transpose(1, 2, 0).reshape(count, 2 * full)
    lasts = keys[np.minimum(np.arange(1, count + 1) * full, len(keys)) - 1] if len(keys) else keys
    nodes["keys_and_children"][:, 1:] = both
    # A node has one key more than children: its first is the last one of its left sibling, and
    # offset 0, the empty name, in the leftmost.
    nodes["keys_and_children"][1:, 0] = lasts[:-1]
    return nodes, lasts


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
