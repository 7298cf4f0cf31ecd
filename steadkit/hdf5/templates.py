"""Vectorized parser of object headers that differ in nothing but values and addresses.

The traces of a file were written by one program, so their headers are the same bytes but for the
values of attributes and the addresses. The first header of each layout is parsed and checked, and
becomes a template; the others are compared with it, as arrays, wherever they must be the same, and
their values are taken from the same positions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, NamedTuple

import numpy as np

from steadkit.hdf5.attribute_table import AttributeTable
from steadkit.hdf5.attributes import AttributeField, AttributeSchema, make_schema, sorted_attributes
from steadkit.hdf5.global_heap import REFERENCE, GlobalHeap
from steadkit.hdf5.object_header import (
    ADDRESS_PAIR,
    ATTRIBUTE,
    CONTINUATION,
    DATASPACE,
    DATATYPE,
    LAYOUT,
    MESSAGE,
    PREFIX,
    ByteReader,
    DamageError,
    Header,
    parse_storage,
    round_up_8,
)

FIXED: Final = (DATASPACE, DATATYPE, LAYOUT, ATTRIBUTE, CONTINUATION)
"""Types of messages that must be the same but for addresses and values; of others type and size."""

MAX_TEMPLATES: Final = 64
"""Templates of a file; headers of further layouts are read one by one."""

_REFERENCES = np.dtype([("length", "<u4"), ("address", "<u8"), ("index", "<u4")])


class HeaderBatch(NamedTuple):
    """Addresses and attributes of some headers with one schema."""

    rows: list[int]
    """Indices of these headers among those requested."""
    data_addresses: np.ndarray
    """The address of the bytes of each dataset."""
    attributes: AttributeTable


@dataclass(frozen=True)
class Template:
    """The bits that are the same in all headers of a layout, and the positions of the others."""

    mask: np.ndarray
    pattern: np.ndarray
    """Mask of the fixed bits, and their values."""
    first: int
    """Bytes of the first block."""
    blocks: list[tuple[int, int]]
    """Position of the address of each further block, and the bytes of the block."""
    data: np.ndarray
    """Positions of the bytes of the data address."""
    values: np.ndarray
    """Positions of the bytes of values; of references only the length is a value."""
    references: np.ndarray
    """Positions of the bytes of references."""


class _Stack(NamedTuple):
    """Templates as arrays, a row each, padded with zeros to the longest header."""

    length: int
    masks: np.ndarray
    patterns: np.ndarray
    data: np.ndarray
    values: np.ndarray
    references: np.ndarray

    def with_row(self, template: Template) -> "_Stack":
        """Return a copy with another row."""
        length = max(self.length, len(template.mask))
        return _Stack(
            length,
            _append_row(self.masks, template.mask, length),
            _append_row(self.patterns, template.pattern, length),
            _append_row(self.data, template.data),
            _append_row(self.values, template.values),
            _append_row(self.references, template.references),
        )


def _append_row(table: np.ndarray, row: np.ndarray, width: int | None = None) -> np.ndarray:
    """Append a row to a table, both padded with zeros to the width."""
    width = len(row) if width is None else width
    extended = np.zeros((len(table) + 1, width), row.dtype)
    extended[:-1, : table.shape[1]] = table
    extended[-1, : len(row)] = row
    return extended


_NO_TEMPLATES = _Stack(0, *[np.empty((0, 0), np.uint8)] * 5)


@dataclass
class TemplateGroup:
    """The templates with one schema of attributes."""

    schema: AttributeSchema
    body: np.ndarray
    """The canonical attributes, with zeros for values."""
    values: np.ndarray
    """Positions of the bytes of values in the body."""
    elements: np.ndarray
    """Bytes of an element of each reference."""
    templates: list[Template] = field(default_factory=list)
    _stack: _Stack = _NO_TEMPLATES

    def add(self, template: Template) -> None:
        """Add a template."""
        # One assignment of a new stack, without a lock: other threads may be reading the old one,
        # which holds every template that they know of.
        self._stack = self._stack.with_row(template)
        self.templates.append(template)

    def read(
        self, headers: Sequence[tuple[int, int, bytes]], heaps: GlobalHeap
    ) -> HeaderBatch | None:
        """Read the headers that match their template and whose texts are found.

        Parameters
        ----------
        headers
            Row, number of the template, and bytes of each.
        heaps
            The heap collections with the texts.
        """
        # All templates of a schema in one array: a batch has headers of several layouts, and one
        # comparison for each layout would cost as many calls of NumPy.
        rows, template_numbers, contents = zip(*headers, strict=True)
        stack, numbers = self._stack, np.array(template_numbers)
        padded = b"".join([content.ljust(stack.length, b"\0") for content in contents])
        table = np.frombuffer(padded, np.uint8).reshape(len(rows), -1)
        is_alike = ((table & stack.masks[numbers]) == stack.patterns[numbers]).all(axis=1)
        starts, numbers = np.flatnonzero(is_alike)[:, np.newaxis] * stack.length, numbers[is_alike]
        flat = table.ravel()
        # Fancy indexing copies to adjacent bytes, which `view` needs.
        references = flat[starts + stack.references[numbers]].view(_REFERENCES)
        lengths = references["length"] * self.elements
        is_complete, texts = heaps.words(lengths, references["address"], references["index"])
        if not is_complete.any():
            return None
        starts, numbers = starts[is_complete], numbers[is_complete]
        # The heads of the attributes are the same in all rows; only values are filled in.
        bodies = np.repeat(self.body[np.newaxis], len(numbers), axis=0)
        bodies[:, self.values] = flat[starts + stack.values[numbers]]
        data = flat[starts + stack.data[numbers]].view("<u8")[:, 0]
        complete_rows = np.array(rows)[is_alike][is_complete].tolist()
        return HeaderBatch(
            complete_rows, data, AttributeTable(self.schema, bodies, lengths[is_complete], texts)
        )


@dataclass
class TemplateIndex:
    """An index of the templates with one prefix, by the fixed bits of their first blocks."""

    first: int
    """Bytes of the first block."""
    mask: np.ndarray
    """Bits of the first block that are fixed in every template."""
    members: list[tuple[TemplateGroup, int]] = field(default_factory=list)

    def add(self, group: TemplateGroup) -> None:
        """Add the last template of a group; the index is built again, as its mask shrinks."""
        self.members.append((group, len(group.templates) - 1))
        self.mask = self.mask & group.templates[-1].mask[: self.first]
        by_signature: dict[bytes, list[tuple[TemplateGroup, int]]] = {}
        for member, number in self.members:
            signature = member.templates[number].pattern[: self.first] & self.mask
            by_signature.setdefault(signature.tobytes(), []).append((member, number))
        # A thread that reads between the assignments of mask and index finds no candidate, or one
        # that does not match: it reads the header by itself then.
        self._by_signature = by_signature

    def candidates(self, starts: Sequence[bytes]) -> list[list[tuple[TemplateGroup, int]]]:
        """Return the templates that each header may match."""
        # A header that is shorter than the first block matches nothing, and zeros have no version.
        complete = [start if len(start) == self.first else bytes(self.first) for start in starts]
        table = np.frombuffer(b"".join(complete), np.uint8).reshape(len(starts), -1) & self.mask
        return [self._by_signature.get(row.tobytes(), []) for row in table]


class HeaderTemplates:
    """The header templates of one file; it may be read from several threads while it learns."""

    def __init__(self) -> None:
        self._groups: dict[AttributeSchema, TemplateGroup] = {}
        self._indexes: dict[bytes, TemplateIndex] = {}
        self._seen: set[bytes] = set()
        self._lock = Lock()
        self._max_first_bytes = PREFIX.size

    def learn(self, header: Header, known_fields: dict[bytes, AttributeField]) -> bool:
        """Add the template of this header; returns whether it is a new one.

        Its dataset must have been checked: headers that match are not checked again. A header whose
        data are not contiguous is not added, nor one beyond `MAX_TEMPLATES`.
        """
        storage = parse_storage(header)
        if len(self._seen) >= MAX_TEMPLATES or storage is None or storage.address is None:
            return False
        group, template = _template(header, known_fields)
        key = template.mask.tobytes() + template.pattern.tobytes()
        # Threads that met the same layout at once must not add it twice. `read` takes no lock.
        with self._lock:
            if key in self._seen:
                return False
            self._seen.add(key)
            group = self._groups.setdefault(group.schema, group)
            group.add(template)
            start = np.full(template.first, 0xFF, np.uint8)
            index = self._indexes.get(_key(header.content)) or TemplateIndex(template.first, start)
            index.add(group)
            self._indexes[_key(header.content)] = index
            self._max_first_bytes = max(self._max_first_bytes, template.first)
        return True

    def read(
        self, raw: ByteReader, addresses: Sequence[int], heaps: GlobalHeap
    ) -> list[HeaderBatch]:
        """Read the headers at some addresses that match a template and are not damaged."""
        starts = [_read_start(raw, address, self._max_first_bytes) for address in addresses]
        batches = []
        # A header whose first block fits several templates is settled by its further blocks.
        remaining = self._candidates(starts)
        while remaining:
            # Each header with its first candidate, which it nearly always matches; the others are
            # tried in the next rounds.
            by_group: dict[int, list[tuple[int, int, bytes]]] = {}
            groups: dict[int, TemplateGroup] = {}
            for row, candidates in remaining.items():
                group, number = candidates.pop(0)
                content = _read_blocks(raw, starts[row], group.templates[number])
                if content:
                    groups[id(group)] = group
                    by_group.setdefault(id(group), []).append((row, number, content))
            for number, group_headers in by_group.items():
                batch = groups[number].read(group_headers, heaps)
                if batch is not None:
                    batches.append(batch)
                    for row in batch.rows:
                        remaining[row] = []
            remaining = {row: candidates for row, candidates in remaining.items() if candidates}
        return batches

    def _candidates(self, starts: Sequence[bytes]) -> dict[int, list[tuple[TemplateGroup, int]]]:
        by_key: dict[bytes, list[int]] = {}
        for row, start in enumerate(starts):
            by_key.setdefault(start[: PREFIX.size], []).append(row)
        candidates_by_row = {}
        for prefix, rows in by_key.items():
            index = self._indexes.get(_key(prefix))
            if index is not None:
                candidates = index.candidates([starts[row][: index.first] for row in rows])
                candidates_by_row.update(
                    {row: list(c) for row, c in zip(rows, candidates, strict=True) if c}
                )
        return candidates_by_row


def _key(content: bytes) -> bytes:
    """Return version, number of messages and size of the first block."""
    # Without the reference count between them, which differs from dataset to dataset.
    return content[:4] + content[8:12]


def _read_start(raw: ByteReader, address: int, length: int) -> bytes:
    try:
        start = raw.read_up_to(address, length)
        size = PREFIX.size + PREFIX.unpack_from(start)[3] if len(start) >= PREFIX.size else 0
        return start if size <= len(start) or length < size else raw.read(address, size)
    except DamageError:
        return b""  # it is read again by itself, and its damage is reported then


def _read_blocks(raw: ByteReader, start: bytes, template: Template) -> bytes:
    """Return the concatenated blocks of a header; none if their sizes are not the template's."""
    content = start[: template.first]
    if len(content) < template.first:
        return b""
    for position, expected in template.blocks:
        address, length = ADDRESS_PAIR.unpack_from(content, position)
        # A block of another size has other messages, so that this header is of another layout.
        if length != expected:
            return b""
        try:
            content += raw.read(address, length)
        except DamageError:
            return b""
    return content


def _template(
    header: Header, known_fields: dict[bytes, AttributeField]
) -> tuple[TemplateGroup, Template]:
    """Return the template of a header, and a new group of its schema."""
    body, elements = b"", []
    header_positions: list[int] = []
    body_positions: list[int] = []
    references: list[int] = []
    attributes = sorted_attributes(header, known_fields)
    for attribute_field, position, start in attributes:
        value_start = position + start
        value_bytes: Sequence[int] = range(attribute_field.size)
        if attribute_field.element:
            references += range(value_start, value_start + attribute_field.size)
            elements += [attribute_field.element] * (attribute_field.size // REFERENCE.size)
            # Of a reference only the length, as address and index are not canonical.
            value_bytes = [i for i in value_bytes if i % REFERENCE.size < 4]
        header_positions += [value_start + i for i in value_bytes]
        body_positions += [len(body) + len(attribute_field.head) + i for i in value_bytes]
        body += attribute_field.head + bytes(round_up_8(attribute_field.size))
    group = TemplateGroup(
        make_schema(attribute_field for attribute_field, _, _ in attributes),
        np.frombuffer(body, np.uint8),
        np.array(body_positions, np.int64),
        np.array(elements, np.int64),
    )
    continuations = [begin for begin, _ in header.spans(CONTINUATION)]
    data = _data_position(header)
    mask = _fixed_bits(header, {position: start for _, position, start in attributes})
    template = Template(
        mask,
        np.frombuffer(header.content, np.uint8) & mask,
        PREFIX.size + PREFIX.unpack_from(header.content)[3],
        [(begin, ADDRESS_PAIR.unpack_from(header.content, begin)[1]) for begin in continuations],
        data + np.arange(8),
        np.array(header_positions, np.int64),
        np.array(references, np.int64),
    )
    return group, template


def _data_position(header: Header) -> int:
    # Behind version and class; the last layout message counts, as in `parse_storage`.
    return header.spans(LAYOUT)[-1][0] + 2


def _fixed_bits(header: Header, value_starts: Mapping[int, int]) -> np.ndarray:
    """Return the mask of the bits that are the same in all headers of a layout.

    `value_starts` is the offset of the value in each attribute message, by its position.
    """
    mask = bytearray(len(header.content))
    mask[: PREFIX.size] = b"\xff" * PREFIX.size
    mask[4:8] = bytes(4)  # the reference count: the number of its names
    for message_type, content, position in header.messages:
        fixed = len(content) if message_type in FIXED else 0
        # Not to the end of an attribute, as the padding behind a value may hold anything.
        fixed = value_starts.get(position, fixed)
        mask[position - MESSAGE.size : position + fixed] = b"\xff" * (MESSAGE.size + fixed)
    # Addresses of further blocks differ; their sizes, behind them, must be the same.
    for begin in [*(begin for begin, _ in header.spans(CONTINUATION)), _data_position(header)]:
        mask[begin : begin + 8] = bytes(8)
    return np.frombuffer(mask, np.uint8)
