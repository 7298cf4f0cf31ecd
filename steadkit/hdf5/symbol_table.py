"""The names of a group and their object headers: read from its B-tree in one pass, and written.

HDF5's library keeps a group's heap of names as one entry of its metadata cache: where the heap is
larger than the cache, each look-up of a name reads all of it (46 MB in STEAD, 14 to 34 ms a name).
Here the nodes of the B-tree, the symbol nodes and the heap are read once, with every bound checked.

Source: HDF5 File Format Specification Version 2.0, sections III.A.1 (B-trees, version 1), III.B
(symbol table nodes), III.C (symbol table entries) and III.D (local heaps).
"""

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from steadkit.hdf5.object_header import (
    ADDRESS_PAIR,
    SYMBOL_TABLE,
    UNDEFINED,
    DamageError,
    FileReader,
    NewStyleError,
    read_object_header,
)
from steadkit.packed_names import find_rows, pack

SUPERBLOCK: Final = struct.Struct("<8xB7xH")
"""Its version, and half of the entries of a full symbol node (versions 0 and 1)."""

# Section III.D: signature, version, bytes of the data segment, head of its free list, its address.
HEAP: Final = struct.Struct("<4sB3xQQQ")
# Section III.A.1: signature, type, level, entries used, left and right sibling; keys and children
# alternate behind it.
TREE_NODE: Final = struct.Struct("<4sBBHQQ")
SYMBOL: Final = np.dtype(
    [("name", "<u8"), ("header", "<u8"), ("cache", "<u4"), ("_", "<u4"), ("scratch", "<u8", 2)]
)
SOFT_LINK: Final = 2
"""Cache type of an entry that names another path, not an object header."""

# The superblock states both, so that readers know the size of a node. Larger ones than the
# library's 4 and 16 make a flatter tree.
LEAF_K: Final = 16
NODE_K: Final = 32
"""Half of the names of a full symbol table node, and of the children of a full B-tree node."""

MAX_NAME: Final = 1024
"""Bytes of a name; longer ones are left to h5py, so that a hostile heap cannot fill the memory."""

MIN_WIDTH: Final = 32
CHUNK: Final = 1 << 14
"""Bytes copied of each name, doubled until all names end there, and names copied at once."""

_TREE_NODES = np.dtype(
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


def symbol_node(leaf_k: int) -> np.dtype:
    """Return the type of a symbol node that holds up to twice `leaf_k` entries."""
    return np.dtype(
        [
            ("signature", "S4"),
            ("version", "u1"),
            ("_", "u1"),
            ("count", "<u2"),
            ("symbols", SYMBOL, 2 * leaf_k),
        ]
    )


class SymbolTable(NamedTuple):
    """The members of a group in the order of their names."""

    names: np.ndarray
    """Bytes, an ``S`` array, strictly ascending."""
    name_offsets: np.ndarray
    """Offset of each name in the heap, uint64."""
    headers: np.ndarray
    """Address of each object header, uint64."""

    def find(self, names: Sequence[str]) -> np.ndarray:
        """Return the row of each name, -1 where there is none.

        >>> table = SymbolTable(np.array([b"a", b"c"]), np.array([8, 16]), np.array([96, 800]))
        >>> table.find(["c", "b", "a"]).tolist()
        [1, -1, 0]
        """
        return find_rows(self.names, pack(names))


class Group(NamedTuple):
    """Addresses of the parts of a group of the oldest kind, and the size of its nodes."""

    tree: int
    """Address of the root of its B-tree."""
    heap: int
    """Address of its heap of names."""
    leaf_k: int
    """Half of the entries of a full symbol node."""


def read_group(raw: FileReader, address: int) -> Group:
    """Read the addresses of the parts of a group.

    Parameters
    ----------
    raw
        The file.
    address
        Address of the group's object header.

    Raises
    ------
    NewStyleError
        The group or the file is of a newer version of the format.
    DamageError
        It does not follow the format.
    """
    version, leaf_k = SUPERBLOCK.unpack(raw.read(0, SUPERBLOCK.size))
    # Superblocks of version 2 and later belong to files whose groups need not have a symbol table.
    if version > 1:
        raise NewStyleError
    header = read_object_header(raw, address)
    tables = [
        content for message_type, content, _ in header.messages if message_type == SYMBOL_TABLE
    ]
    # A group of the newer kind keeps its links in messages or in a fractal heap.
    if not tables:
        raise NewStyleError
    if len(tables[0]) < ADDRESS_PAIR.size:
        raise DamageError("has a group without a symbol table")
    tree, heap = ADDRESS_PAIR.unpack_from(tables[0])
    return Group(tree, heap, leaf_k)


def read_heap(raw: FileReader, group: Group) -> bytes:
    """Read the heap of a group's names."""
    signature, version, size, _, data = HEAP.unpack(raw.read(group.heap, HEAP.size))
    if signature != b"HEAP" or version != 0:
        raise DamageError("has a group whose names are not where it says")
    return raw.read(data, size)


def read_symbol_table(raw: FileReader, group: Group) -> SymbolTable:
    """Read the members of a group.

    Raises
    ------
    NewStyleError
        One of them is a soft link, or has a name of more than `MAX_NAME` bytes.
    DamageError
        The group does not follow the format.
    """
    nodes = _node_addresses(raw, group)
    symbols = _symbols(raw, nodes, group.leaf_k)
    # Its header address has no meaning, and h5py refuses it by name.
    if (symbols["cache"] == SOFT_LINK).any():
        raise NewStyleError
    if (symbols["header"] >= raw.size - raw.base).any():
        raise DamageError("has a name without an object")
    names = names_at(read_heap(raw, group), symbols["name"])
    # The order is what a binary search, here and in HDF5's library, relies on; it excludes repeats
    # too.
    if not (names[:-1] < names[1:]).all():
        raise DamageError("has a group whose names are not in order")
    return SymbolTable(names, symbols["name"].copy(), symbols["header"].copy())


def _node_addresses(raw: FileReader, group: Group) -> list[int]:
    """Walk down a B-tree level by level; returns the addresses of its symbol nodes, in order."""
    addresses, level = [group.tree], None
    while True:
        children: list[int] = []
        for address in addresses:
            content = raw.read(address, TREE_NODE.size)
            signature, node_type, node_level, count, _, _ = TREE_NODE.unpack(content)
            if (
                signature != b"TREE"
                or node_type != 0
                or (level is not None and node_level != level)
            ):
                raise DamageError("has a group whose B-tree is not where it says")
            level = node_level  # unknown only for the root; below, it must fall by one each time
            content = raw.read(address + TREE_NODE.size, 8 * (2 * count + 1))
            # The children stand between the keys, which are heap offsets and are not needed for a
            # complete walk.
            children += struct.unpack(f"<{2 * count + 1}Q", content)[1::2]
        # A node that is reached twice could make a small file a table without end.
        if len(set(children)) < len(children):
            raise DamageError("has a group whose B-tree comes back to itself")
        # Children of nodes at level 0 are symbol nodes.
        if not level:
            return children
        addresses, level = children, level - 1


def _symbols(raw: FileReader, nodes: Sequence[int], leaf_k: int) -> np.ndarray:
    """Read the entries of symbol nodes, in their order."""
    max_entries, node_type = 2 * leaf_k, symbol_node(leaf_k)
    # A symbol node has room for all its entries, however few are used.
    content = b"".join([raw.read(address, node_type.itemsize) for address in nodes])
    table = np.frombuffer(content, node_type)
    is_valid = (
        (table["signature"] == b"SNOD") & (table["version"] == 1) & (table["count"] <= max_entries)
    )
    if not is_valid.all():
        raise DamageError("has a group whose symbol nodes are not where it says")
    symbols: np.ndarray = table["symbols"][np.arange(max_entries) < table["count"][:, np.newaxis]]
    return symbols


def names_at(heap: bytes, offsets: np.ndarray) -> np.ndarray:
    """Return the names that begin at some offsets of a heap, as an ``S`` array.

    >>> names_at(b"ab" + bytes(6) + b"c" + bytes(7), np.array([0, 8])).tolist()
    [b'ab', b'c']

    Raises
    ------
    NewStyleError
        One has more than `MAX_NAME` bytes.
    DamageError
        One begins outside.
    """
    if not len(offsets):
        return np.empty(0, "S1")
    if int(offsets.max()) >= len(heap):
        raise DamageError("has a name beyond the heap of names")
    # Padded, so that the last name can be copied at full width; 0xFF ends no name, so that one that
    # runs out of the heap is refused.
    content = np.frombuffer(heap.ljust(len(heap) + MAX_NAME, b"\xff"), np.uint8)
    width = MIN_WIDTH
    while (names := _cut_at_zero(content, offsets.astype(np.int64), width)) is None:
        width *= 2
        if width > MAX_NAME:
            raise NewStyleError
    return names


def _cut_at_zero(content: np.ndarray, starts: np.ndarray, width: int) -> np.ndarray | None:
    """Copy texts that end with a zero byte; None if one does not end within the width."""
    names = np.empty((len(starts), width), np.uint8)
    for first in range(0, len(starts), CHUNK):
        chunk = names[first : first + CHUNK]
        np.take(content, starts[first : first + CHUNK, np.newaxis] + np.arange(width), out=chunk)
        is_end = chunk == 0
        if not is_end.any(axis=1).all():
            return None
        # What lies behind the zero byte belongs to the next name.
        chunk[np.logical_or.accumulate(is_end, axis=1)] = 0
    return names.reshape(-1).view(f"S{width}")


def name_heap(names: np.ndarray) -> tuple[np.ndarray, bytes]:
    """Return the offset of each name in the heap of a group, and the bytes of the heap."""
    # All take the space of the longest, so that a million are laid out as one array.
    # At least one zero byte behind each name, in words of eight bytes.
    width = names.itemsize // 8 * 8 + 8
    starts = 8 + np.arange(len(names), dtype=np.uint64) * np.uint64(width)
    # The empty name at offset 0: the leftmost key of the B-tree points to it.
    return starts, bytes(8) + names.astype(f"S{width}").tobytes()


def symbol_nodes(offsets: np.ndarray, headers: np.ndarray, cached: Sequence[int]) -> np.ndarray:
    """Return the symbol nodes of sorted names, all full but for the last.

    `cached` is the B-tree and heap of the only member, where that is a group itself.
    """
    full = 2 * LEAF_K
    nodes = np.zeros(-(-len(offsets) // full), symbol_node(LEAF_K))
    nodes["signature"], nodes["version"] = b"SNOD", 1
    nodes["count"] = np.minimum(full, len(offsets) - np.arange(len(nodes)) * full)
    symbols = np.zeros(len(nodes) * full, SYMBOL)
    symbols["name"][: len(offsets)] = offsets
    symbols["header"][: len(offsets)] = headers
    if cached:
        # Cache type 1 is a group, whose B-tree and heap are in the scratch space (section III.C).
        symbols["cache"][0], symbols["scratch"][0] = 1, cached
    nodes["symbols"] = symbols.reshape(len(nodes), full)
    return nodes


def tree_nodes(
    children: np.ndarray, keys: np.ndarray, level: int, start: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the nodes of one level of a B-tree and the last key of each."""
    full = 2 * NODE_K
    count = max(1, -(-len(children) // full))
    nodes = np.zeros(count, _TREE_NODES)
    addresses = start + np.arange(count) * nodes.itemsize
    nodes["signature"], nodes["level"] = b"TREE", level
    nodes["count"] = np.minimum(full, len(children) - np.arange(count) * full)
    # Siblings lie one behind the other, as a level is written at once.
    nodes["left"] = [UNDEFINED, *addresses[:-1]]
    nodes["right"] = [*addresses[1:], UNDEFINED]
    inner = np.zeros((2, count * full), np.uint64)
    inner[0, : len(children)], inner[1, : len(children)] = children, keys
    keys_and_children = inner.reshape(2, count, full).transpose(1, 2, 0).reshape(count, 2 * full)
    ends = np.minimum(np.arange(1, count + 1) * full, len(keys))
    last_keys = keys[ends - 1] if len(keys) else keys
    nodes["keys_and_children"][:, 1:] = keys_and_children
    # A node has one key more than children: its first is the last one of its left sibling, and
    # offset 0, the empty name, in the leftmost.
    nodes["keys_and_children"][1:, 0] = last_keys[:-1]
    return nodes, last_keys
