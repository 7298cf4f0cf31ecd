"""Headers and texts of many datasets laid out at once, one behind the other."""

import struct
from collections.abc import Sequence
from typing import Final

import numpy as np

from steadkit.hdf5.attribute_table import AttributeTable, Datasets
from steadkit.hdf5.attributes import FLOAT32, AttributeSchema
from steadkit.hdf5.direct_io import aligned_empty
from steadkit.hdf5.global_heap import COLLECTION, MAX_INDEX, MIN_COLLECTION, OBJECT
from steadkit.hdf5.object_header import (
    CONTIGUOUS,
    DATASPACE,
    DATATYPE,
    FILL,
    LAYOUT,
    MESSAGE,
    PREFIX,
    UnsupportedError,
)
from steadkit.hdf5.padding import WORD, n_words, ragged_arange

CONSTANT: Final = 1
_REST_OF_REFERENCE = np.dtype([("address", "<u8"), ("index", "<u4")])
_PLACE = np.dtype([("header", "<i8"), ("collection", "<i8"), ("objects", "<i8"), ("index", "<i8")])
"""Of a dataset: where its header, the collection of its texts and its texts are, and the index of
the first of these."""


def message(kind: int, content: bytes, flags: int = 0) -> bytes:
    """Make a message of an object header."""
    content += bytes(-len(content) % 8)
    return MESSAGE.pack(kind, len(content), flags) + content


def fixed_messages(shape: tuple[int, ...]) -> bytes:
    """Make the messages that all datasets share; their layout, which differs, comes behind."""
    dataspace = struct.pack(f"<BBB5x{2 * len(shape)}Q", 1, len(shape), 1, *shape, *shape)
    early, if_set, none = 1, 2, 1
    fill = struct.pack("<BBBBI", 2, early, if_set, none, 0)
    return (
        message(DATASPACE, dataspace)
        + message(DATATYPE, FLOAT32, CONSTANT)
        + message(FILL, fill, CONSTANT)
    )


def layout_headers(
    datasets: Datasets, start: int, fixed: bytes, data_bytes: int
) -> tuple[memoryview, np.ndarray]:
    """Lay out headers and heap collections, in the order of the data.

    Parameters
    ----------
    datasets
        What to lay out.
    start
        Where in the file the first byte will stand.
    fixed
        What `fixed_messages` gives.
    data_bytes
        Bytes of the data of each.

    Returns
    -------
    content : memoryview
        What to write at `start`.
    headers : numpy.ndarray
        Where the header of each dataset will stand, in the order of the data.
    """
    heads = [_head(table.form, fixed, data_bytes) for _, table in datasets]
    order = np.argsort(np.concatenate([np.empty(0, np.int64), *[data for data, _ in datasets]]))
    sizes = [
        np.column_stack(
            np.broadcast_arrays(len(head), _object_bytes(table), table.lengths.shape[1])
        )
        for head, (_, table) in zip(heads, datasets, strict=True)
    ]
    together = np.concatenate([np.empty((0, 3), np.int64), *sizes])[order]
    places = np.empty(len(order), _PLACE)
    places[order], collections, end = _place(together.tolist())
    content = aligned_empty(end, start)
    done = 0
    for (addresses, table), head in zip(datasets, heads, strict=True):
        own = places[done : done + len(table)]
        _write_headers(content, own, head, addresses, table, start)
        _write_texts(content.view("<u8"), own, table)
        done += len(table)
    for at, used, size in collections:
        _write_collection(content, at, used, size)
    return content.data, start + places["header"][order]


def _head(form: AttributeSchema, fixed: bytes, data_bytes: int) -> bytes:
    """Make a header without its attributes, the address of its data left zero."""
    layout = message(LAYOUT, struct.pack("<BBQQ", 3, CONTIGUOUS, 0, data_bytes))
    attributes = sum(len(shape.head) + -(-shape.size // 8) * 8 for shape in form.shapes)
    size = len(fixed) + len(layout) + attributes
    messages = fixed + layout + bytes(attributes)
    return PREFIX.pack(1, 4 + len(form.shapes), 1, size) + messages


def _object_bytes(table: AttributeTable) -> np.ndarray:
    """Tell how many bytes the texts of each row take in a heap."""
    if table.lengths.shape[1] > MAX_INDEX:
        raise UnsupportedError(
            f"has {table.lengths.shape[1]:,} texts in its attributes: {MAX_INDEX:,} are copied at "
            "most, remove some"
        )
    return (OBJECT.size + WORD * n_words(table.lengths)).sum(axis=1)


def _place(sizes: Sequence[Sequence[int]]) -> tuple[np.ndarray, list[tuple[int, int, int]], int]:
    """Give each dataset a place, given the bytes of its header and of its texts, and their number.

    Returns
    -------
    places : numpy.ndarray
        The place of each.
    collections : list of (int, int, int)
        Where each collection begins, how much of it is used, and its size.
    end : int
        The bytes of all.
    """
    places, collections = [], []
    at = used = size = index = end = 0
    for header, objects, texts in sizes:
        if used + objects > size or index + 1 + texts > MAX_INDEX:
            collections.append((at, used, size))
            at, used, index = end, COLLECTION.size, 0
            size = max(MIN_COLLECTION, used + objects)
            end += size
        places.append((end, at, at + used, index + 1))
        used, index, end = used + objects, index + texts, end + header
    collections.append((at, used, size))
    # The first is none: nothing was open yet.
    return np.array(places, _PLACE), [one for one in collections if one[2]], end


def _write_headers(
    content: np.ndarray,
    places: np.ndarray,
    head: bytes,
    data: np.ndarray,
    table: AttributeTable,
    start: int,
) -> None:
    rows = np.empty((len(table), len(head)), np.uint8)
    rows[:] = np.frombuffer(head, np.uint8)
    body = len(head) - table.bodies.shape[1]
    rows[:, body:] = table.bodies
    # The layout is the last of the fixed messages: version, class, address, size, padding.
    address = body - 24 + 2
    rows[:, address : address + 8] = data.astype("<u8").view(np.uint8).reshape(-1, 8)
    holes = np.array(table.form.holes, np.int64)
    references = np.empty((len(table), len(holes)), _REST_OF_REFERENCE)
    references["address"] = (start + places["collection"])[:, np.newaxis]
    references["index"] = places["index"][:, np.newaxis] + np.arange(len(holes))
    inside = (body + holes[:, np.newaxis] + 4 + np.arange(_REST_OF_REFERENCE.itemsize)).ravel()
    rows[:, inside] = references.view(np.uint8).reshape(len(table), len(inside))
    for row, at in zip(rows, places["header"].tolist(), strict=True):
        content[at : at + len(head)] = row


def _write_texts(content: np.ndarray, places: np.ndarray, table: AttributeTable) -> None:
    """Write the texts into words of 8 bytes, each behind its index and length."""
    head = OBJECT.size // WORD
    words = n_words(table.lengths)
    sizes = head + words
    firsts = places["objects"][:, np.newaxis] // WORD + np.cumsum(sizes, axis=1) - sizes
    content[firsts] = places["index"][:, np.newaxis] + np.arange(words.shape[1])
    content[firsts + 1] = table.lengths
    content[ragged_arange(firsts.ravel() + head, words.ravel())] = table.texts


def _write_collection(content: np.ndarray, at: int, used: int, size: int) -> None:
    """Write the head of a collection, and mark what is left of it as free."""
    head = COLLECTION.pack(b"GCOL", 1, size)
    content[at : at + len(head)] = np.frombuffer(head, np.uint8)
    free = size - used
    if free >= OBJECT.size:
        rest = OBJECT.pack(0, 0, free)
        content[at + used : at + used + len(rest)] = np.frombuffer(rest, np.uint8)
