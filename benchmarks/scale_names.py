"""The group of names as HDF5's library makes it, of any number of names, for headers elsewhere.

The library links every name to one object in a file of its own. The links are then pointed at the
headers, and the nodes of the B-tree are spread over the file, to where the library had put nodes
when it wrote a part of it: in a file that was filled trace by trace, they lie between the samples.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import h5py
import numpy as np

from steadkit.hdf5 import FileReader, read_object_header
from steadkit.hdf5.global_heap import WORD
from steadkit.hdf5.object_header import ADDRESS_PAIR, SYMBOL_TABLE
from steadkit.schema import DATA_GROUP

CACHE_BYTES: Final = 128 << 20
"""The largest metadata cache that the library takes; at its default it reads the heap of names
again for each name, from 720,896 names on."""

GROUP_BYTES: Final = 512
"""Bytes of a group for each name, at most: entries, and a heap that has grown by doubling."""

NAMES: Final = 8
CHILDREN: Final = 32
"""Names in a leaf, a symbol table node, and children of a branch, at the library's defaults."""

ENTRY_WORDS: Final = 5
"""Words of a name's entry: where the name is in the heap, where its header, and three more."""

LEAF_WORDS: Final = 1 + ENTRY_WORDS * NAMES
BRANCH_WORDS: Final = 4 + 2 * CHILDREN

END_OF_FILE: Final = 40
"""Where in the superblock the end of the file stands."""


class Nodes(NamedTuple):
    """Addresses of the nodes of a B-tree, in the order of names."""

    branches: np.ndarray
    """All but the root."""
    leaves: np.ndarray

    def moved(self, base: int) -> "Nodes":
        """Return the addresses so many bytes farther back."""
        return Nodes(self.branches + base, self.leaves + base)


def write_group(
    descriptor: int, names: Sequence[str], headers: np.ndarray, places: Nodes, end: int
) -> int:
    """Write superblock and group at the beginning of a file; returns how many bytes they take.

    Parameters
    ----------
    descriptor
        The open file.
    names
        Of the traces, in the order in which they are written.
    headers
        Address of the header of each.
    places
        Where nodes of the B-tree may be put; the rest stays in the group.
    end
        Bytes of the complete file.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "group.hdf5"
        link(path, names)
        tree, words = tree_of(path), np.fromfile(path, "<u8")
    nodes = nodes_of(words, tree)
    _point(words, nodes.leaves, names, headers)
    words[END_OF_FILE // WORD] = end
    for address, node in _spread(words, tree, nodes, places):
        os.pwrite(descriptor, node, address)
    return os.pwrite(descriptor, words, 0)


def link(path: Path, names: Sequence[str]) -> None:
    """Let the library write a file in which every name is a link to one object."""
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    config = access.get_mdc_config()
    config.set_initial_size = True
    config.initial_size = config.min_size = config.max_size = CACHE_BYTES
    config.incr_mode = config.decr_mode = config.flash_incr_mode = 0
    access.set_mdc_config(config)
    with h5py.File(h5py.h5f.create(str(path).encode(), h5py.h5f.ACC_EXCL, fapl=access)) as file:
        group = file.create_group(DATA_GROUP).id
        timeless = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        timeless.set_obj_track_times(False)
        space = h5py.h5s.create(h5py.h5s.SCALAR)
        target = h5py.h5d.create(file.id, None, h5py.h5t.IEEE_F32LE, space, timeless)
        for name in names:
            h5py.h5o.link(target, group, name.encode())


def tree_of(path: Path) -> int:
    """Find the address of the B-tree of the group of traces."""
    with h5py.File(path) as file:
        address = file.id.links.get_info(DATA_GROUP.encode()).u
        raw = FileReader(file.id.get_vfd_handle(), 0, path.stat().st_size)
        messages = read_object_header(raw, address).messages
    return next(
        ADDRESS_PAIR.unpack_from(text)[0] for kind, text, _ in messages if kind == SYMBOL_TABLE
    )


def nodes_of(words: np.ndarray, tree: int) -> Nodes:
    """Walk down a B-tree.

    Parameters
    ----------
    words
        The file, as words of 8 bytes.
    tree
        Address of the root.
    """
    level, nodes, branches = 1, np.array([tree]), [np.empty(0, np.int64)]
    while level:
        level = int(words[nodes[0] // WORD] >> np.uint64(40)) & 0xFF
        nodes = words[_children(words, nodes)].astype(np.int64)
        if level:
            branches.append(nodes)
    return Nodes(np.concatenate(branches), nodes)


def _children(words: np.ndarray, branches: np.ndarray) -> np.ndarray:
    """Find the words that hold the addresses of the children of branches."""
    first = branches // WORD
    is_used = np.arange(CHILDREN) < _counts(words, first)
    positions: np.ndarray = (first[:, np.newaxis] + 4 + 2 * np.arange(CHILDREN))[is_used]
    return positions


def _counts(words: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Return how many entries each node has, in a column; both kinds count in the same place."""
    return (words[first] >> np.uint64(48)).astype(np.int64)[:, np.newaxis]


def _point(
    words: np.ndarray, leaves: np.ndarray, names: Sequence[str], headers: np.ndarray
) -> None:
    """Point the links in leaves at headers."""
    first = leaves // WORD
    is_used = np.arange(NAMES) < _counts(words, first)
    entries = (first[:, np.newaxis] + 1 + ENTRY_WORDS * np.arange(NAMES))[is_used]
    # The library appends each name to the heap, behind an empty one, in words of 8 bytes.
    sizes = np.array([len(name) // WORD + 1 for name in names]) * WORD
    offsets = np.cumsum(sizes) - sizes + WORD
    order = np.searchsorted(offsets, words[entries].astype(np.int64))
    if len(order) != len(names) or (offsets[order] != words[entries]).any():
        raise RuntimeError("this version of HDF5 lays out a heap of names in another order")
    words[entries + 1] = headers[order]


def _spread(
    words: np.ndarray, tree: int, nodes: Nodes, places: Nodes
) -> Iterator[tuple[int, np.ndarray]]:
    """Move nodes, the oldest ones first, to places; yields the address and words of each."""
    moves = []
    for old, new in zip(nodes, places, strict=True):
        count = min(len(old), len(new))
        # The library gives out addresses in ascending order: the oldest node has the lowest.
        moves.append((np.sort(old)[:count], np.sort(new)[:count]))
    before, after = (np.concatenate(both) for both in zip(*moves, strict=True))
    order = np.argsort(before)
    before, after = before[order], after[order]
    branches = np.append(nodes.branches, tree)
    siblings = branches // WORD + 1
    for pointers in (_children(words, branches), siblings, siblings + 1):
        is_moved = np.isin(words[pointers], before)
        words[pointers[is_moved]] = after[np.searchsorted(before, words[pointers[is_moved]])]
    for (old, new), size in zip(moves, (BRANCH_WORDS, LEAF_WORDS), strict=True):
        for at, address in zip((old // WORD).tolist(), new.tolist(), strict=True):
            yield address, words[at : at + size].copy()
            words[at : at + size] = 0
