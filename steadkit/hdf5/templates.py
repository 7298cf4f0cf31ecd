"""Object headers that are alike but for their values, read many at once.

The traces of a file were written by one program, so their headers are the same bytes but for the
values of attributes and the addresses. The first of a kind is taken apart and checked; the others
are compared with it, as arrays, wherever they must be the same, and their values are where its
values are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, NamedTuple

import numpy as np

from steadkit.hdf5.attribute_table import AttributeTable
from steadkit.hdf5.attributes import AttributeField, AttributeSchema, in_order, schema_of
from steadkit.hdf5.global_heap import REFERENCE, GlobalHeap
from steadkit.hdf5.object_header import (
    ATTRIBUTE,
    CONTINUATION,
    DATASPACE,
    DATATYPE,
    LAYOUT,
    MESSAGE,
    PLACE,
    PREFIX,
    ByteReader,
    DamageError,
    Header,
    round_up_8,
    storage_of,
)

FIXED: Final = (DATASPACE, DATATYPE, LAYOUT, ATTRIBUTE, CONTINUATION)
"""Messages that must be the same, but for addresses and values; of others only kind and size."""

MAX_TEMPLATES: Final = 64
"""A file with more kinds than this is read trace by trace."""

_REFERENCES = np.dtype([("length", "<u4"), ("address", "<u8"), ("index", "<u4")])


class HeaderBatch(NamedTuple):
    """What was read of some headers whose attributes have one form."""

    rows: list[int]
    """Which of the headers asked for."""
    data: np.ndarray
    """The address of the bytes of each dataset."""
    attributes: AttributeTable


@dataclass(frozen=True)
class Template:
    """One header: what must be the same in others, and where that which differs stands."""

    mask: np.ndarray
    pattern: np.ndarray
    """Which bits must be the same, and as what."""
    first: int
    """Bytes of the first block."""
    blocks: list[tuple[int, int]]
    """Where the address of each further block stands, and how long the block is."""
    data: np.ndarray
    """Where each byte of the address of the dataset's bytes stands."""
    values: np.ndarray
    """Where each byte of a value stands, but for references, of which only the length counts."""
    references: np.ndarray
    """Where each byte of a reference stands."""


class _Stack(NamedTuple):
    """Templates as arrays, a row each, filled up with zeros to the longest header."""

    length: int
    masks: np.ndarray
    patterns: np.ndarray
    data: np.ndarray
    values: np.ndarray
    references: np.ndarray

    def with_one_more(self, template: Template) -> "_Stack":
        """Add a row."""
        length = max(self.length, len(template.mask))
        return _Stack(
            length,
            _below(self.masks, template.mask, length),
            _below(self.patterns, template.pattern, length),
            _below(self.data, template.data),
            _below(self.values, template.values),
            _below(self.references, template.references),
        )


def _below(table: np.ndarray, row: np.ndarray, width: int | None = None) -> np.ndarray:
    """Put a row below a table, both filled up with zeros to the width."""
    width = len(row) if width is None else width
    whole = np.zeros((len(table) + 1, width), row.dtype)
    whole[:-1, : table.shape[1]] = table
    whole[-1, : len(row)] = row
    return whole


_NO_TEMPLATES = _Stack(0, *[np.empty((0, 0), np.uint8)] * 5)


@dataclass
class TemplateGroup:
    """The templates whose attributes have one form."""

    form: AttributeSchema
    body: np.ndarray
    """The canonical attributes, values zero."""
    values: np.ndarray
    """Where each byte of a value stands in the body."""
    elements: np.ndarray
    """The bytes of an element of each reference."""
    templates: list[Template] = field(default_factory=list)
    _stack: _Stack = _NO_TEMPLATES

    def add(self, template: Template) -> None:
        """Take in one template more."""
        # As one: others may be reading meanwhile.
        self._stack = self._stack.with_one_more(template)
        self.templates.append(template)

    def read(
        self, headers: Sequence[tuple[int, int, bytes]], heaps: GlobalHeap
    ) -> HeaderBatch | None:
        """Read those headers that are like their template, and have not lost their texts.

        Parameters
        ----------
        headers
            Row, number of the template, and bytes of each.
        heaps
            Where the texts are.
        """
        rows, kinds, contents = zip(*headers, strict=True)
        stack, kind = self._stack, np.array(kinds)
        padded = b"".join([content.ljust(stack.length, b"\0") for content in contents])
        table = np.frombuffer(padded, np.uint8).reshape(len(rows), -1)
        same = ((table & stack.masks[kind]) == stack.patterns[kind]).all(axis=1)
        starts, kind = np.flatnonzero(same)[:, np.newaxis] * stack.length, kind[same]
        flat = table.ravel()
        references = flat[starts + stack.references[kind]].view(_REFERENCES)
        lengths = references["length"] * self.elements
        whole, texts = heaps.words(lengths, references["address"], references["index"])
        if not whole.any():
            return None
        starts, kind = starts[whole], kind[whole]
        bodies = np.repeat(self.body[np.newaxis], len(kind), axis=0)
        bodies[:, self.values] = flat[starts + stack.values[kind]]
        data = flat[starts + stack.data[kind]].view("<u8")[:, 0]
        read = np.array(rows)[same][whole].tolist()
        return HeaderBatch(read, data, AttributeTable(self.form, bodies, lengths[whole], texts))


@dataclass
class TemplateIndex:
    """The templates whose headers begin alike, to be told apart by the rest of the first block."""

    first: int
    """Bytes of the first block."""
    mask: np.ndarray
    """Which bits are the same in all headers of each template."""
    members: list[tuple[TemplateGroup, int]] = field(default_factory=list)

    def add(self, family: TemplateGroup) -> None:
        """Take in the last template of a family."""
        self.members.append((family, len(family.templates) - 1))
        self.mask = self.mask & family.templates[-1].mask[: self.first]
        by_sign: dict[bytes, list[tuple[TemplateGroup, int]]] = {}
        for one, number in self.members:
            sign = one.templates[number].pattern[: self.first] & self.mask
            by_sign.setdefault(sign.tobytes(), []).append((one, number))
        self._by_sign = by_sign

    def candidates(self, starts: Sequence[bytes]) -> list[list[tuple[TemplateGroup, int]]]:
        """List the templates that each header may be like."""
        whole = [start if len(start) == self.first else bytes(self.first) for start in starts]
        table = np.frombuffer(b"".join(whole), np.uint8).reshape(len(starts), -1) & self.mask
        return [self._by_sign.get(row.tobytes(), []) for row in table]


class HeaderTemplates:
    """The kinds of headers met in one file."""

    def __init__(self) -> None:
        self._families: dict[AttributeSchema, TemplateGroup] = {}
        self._kinds: dict[bytes, TemplateIndex] = {}
        self._met: set[bytes] = set()
        self._learning = Lock()
        self._longest = PREFIX.size

    def learn(self, header: Header, known: dict[bytes, AttributeField]) -> bool:
        """Remember the kind of this header; returns whether it is a new one.

        Its dataset must have been checked: whatever is like it will be taken to be as good. One
        whose bytes are not in one piece is not remembered, nor one of far too many kinds.
        """
        storage = storage_of(header)
        if len(self._met) >= MAX_TEMPLATES or storage is None or storage.address is None:
            return False
        family, template = _template(header, known)
        kind = template.mask.tobytes() + template.pattern.tobytes()
        with self._learning:
            if kind in self._met:
                return False
            self._met.add(kind)
            family = self._families.setdefault(family.form, family)
            family.add(template)
            start = np.full(template.first, 0xFF, np.uint8)
            kinds = self._kinds.get(_key(header.content)) or TemplateIndex(template.first, start)
            kinds.add(family)
            self._kinds[_key(header.content)] = kinds
            self._longest = max(self._longest, template.first)
        return True

    def read(
        self, raw: ByteReader, addresses: Sequence[int], heaps: GlobalHeap
    ) -> list[HeaderBatch]:
        """Read the headers at some addresses, but not those of a kind not met yet, or damaged."""
        starts = [_start(raw, address, self._longest) for address in addresses]
        found = []
        waiting = self._candidates(starts)
        while waiting:
            # Each header with the first template that it may be like; nearly always it is.
            by_family: dict[int, list[tuple[int, int, bytes]]] = {}
            families: dict[int, TemplateGroup] = {}
            for row, candidates in waiting.items():
                family, kind = candidates.pop(0)
                content = _whole(raw, starts[row], family.templates[kind])
                if content:
                    families[id(family)] = family
                    by_family.setdefault(id(family), []).append((row, kind, content))
            for number, whole in by_family.items():
                alike = families[number].read(whole, heaps)
                if alike is not None:
                    found.append(alike)
                    for row in alike.rows:
                        waiting[row] = []
            waiting = {row: candidates for row, candidates in waiting.items() if candidates}
        return found

    def _candidates(self, starts: Sequence[bytes]) -> dict[int, list[tuple[TemplateGroup, int]]]:
        by_key: dict[bytes, list[int]] = {}
        for row, start in enumerate(starts):
            by_key.setdefault(start[: PREFIX.size], []).append(row)
        found = {}
        for prefix, rows in by_key.items():
            kinds = self._kinds.get(_key(prefix))
            if kinds is not None:
                some = kinds.candidates([starts[row][: kinds.first] for row in rows])
                found.update({row: list(c) for row, c in zip(rows, some, strict=True) if c})
        return found


def _key(content: bytes) -> bytes:
    """Tell kinds apart by version, number of messages and size of the first block."""
    return content[:4] + content[8:12]


def _start(raw: ByteReader, address: int, length: int) -> bytes:
    try:
        start = raw.read_up_to(address, length)
        size = PREFIX.size + PREFIX.unpack_from(start)[3] if len(start) >= PREFIX.size else 0
        return start if size <= len(start) or length < size else raw.read(address, size)
    except DamageError:
        return b""  # read once more by itself, it will say what is wrong


def _whole(raw: ByteReader, start: bytes, template: Template) -> bytes:
    """Read the blocks of a header, if they are as long as the template's."""
    content = start[: template.first]
    if len(content) < template.first:
        return b""
    for position, expected in template.blocks:
        address, length = PLACE.unpack_from(content, position)
        if length != expected:
            return b""
        try:
            content += raw.read(address, length)
        except DamageError:
            return b""
    return content


def _template(header: Header, known: dict[bytes, AttributeField]) -> tuple[TemplateGroup, Template]:
    """Take a header apart; returns also the family it could be the first of."""
    mask = bytearray(len(header.content))
    mask[: PREFIX.size] = b"\xff" * PREFIX.size
    mask[4:8] = bytes(4)  # how many names it has
    for kind, content, position in header.messages:
        fixed = len(content) if kind in FIXED else 0
        mask[position - MESSAGE.size : position + fixed] = b"\xff" * (MESSAGE.size + fixed)
    following = header.places(CONTINUATION)
    for begin, _ in following:
        mask[begin : begin + 8] = bytes(8)
    data = header.places(LAYOUT)[-1][0] + 2
    mask[data : data + 8] = bytes(8)
    ends = dict(header.places(ATTRIBUTE))
    body, elements = b"", []
    values_in: list[int] = []
    values_out: list[int] = []
    references: list[int] = []
    attributes = in_order(header, known)
    for shape, position, start in attributes:
        at = position + start
        mask[at : ends[position]] = bytes(ends[position] - at)
        inside: Sequence[int] = range(shape.size)
        if shape.element:
            references += range(at, at + shape.size)
            elements += [shape.element] * (shape.size // REFERENCE.size)
            inside = [i for i in inside if i % REFERENCE.size < 4]  # its length alone
        values_in += [at + i for i in inside]
        values_out += [len(body) + len(shape.head) + i for i in inside]
        body += shape.head + bytes(round_up_8(shape.size))
    family = TemplateGroup(
        schema_of(shape for shape, _, _ in attributes),
        np.frombuffer(body, np.uint8),
        np.array(values_out, np.int64),
        np.array(elements, np.int64),
    )
    fixed_bits = np.frombuffer(mask, np.uint8)
    template = Template(
        fixed_bits,
        np.frombuffer(header.content, np.uint8) & fixed_bits,
        PREFIX.size + PREFIX.unpack_from(header.content)[3],
        [(begin, PLACE.unpack_from(header.content, begin)[1]) for begin, _ in following],
        data + np.arange(8),
        np.array(values_in, np.int64),
        np.array(references, np.int64),
    )
    return family, template
