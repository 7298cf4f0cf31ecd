"""Object headers that are alike but for their values, read many at once.

The traces of a file were written by one program, so their headers are the same bytes but for the
values of attributes and the addresses. The first of a kind is taken apart and checked; the others
are compared with it, as arrays, wherever they must be the same, and their values are where its
values are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from steadkit.hdf5.attributes import Attributes, Form, Shape, form_of, in_order
from steadkit.hdf5.heaps import REFERENCE, Heaps
from steadkit.hdf5.messages import (
    ATTRIBUTE,
    CONTINUATION,
    DATASPACE,
    DATATYPE,
    LAYOUT,
    MESSAGE,
    PLACE,
    PREFIX,
    DamageError,
    Header,
    RawFile,
    storage_of,
    up8,
)

MOST_KINDS: Final = 64
"""A file with more kinds than this is read trace by trace."""

_REFERENCES = np.dtype([("length", "<u4"), ("address", "<u8"), ("index", "<u4")])


class Alike(NamedTuple):
    """What was read of one header by a template."""

    data: int
    """The address of the dataset's bytes."""
    attributes: Attributes


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
    form: Form
    body: np.ndarray
    """The canonical attributes, values zero."""
    values_in: np.ndarray
    values_out: np.ndarray
    """Where each byte of a value stands in the header, and in the body."""
    references: np.ndarray
    """Where each byte of a reference stands."""
    elements: np.ndarray
    """The bytes of an element of each reference."""


class Templates:
    """The kinds of headers met in one file."""

    def __init__(self) -> None:
        self._kinds: dict[bytes, list[Template]] = {}
        self._met: set[bytes] = set()
        self._longest = PREFIX.size

    def learn(self, header: Header, known: dict[bytes, Shape]) -> bool:
        """Remember the kind of this header; returns whether it is a new one.

        Its dataset must have been checked: whatever is like it will be taken to be as good. One
        whose bytes are not in one piece is not remembered, nor one of far too many kinds.
        """
        storage = storage_of(header)
        if len(self._met) >= MOST_KINDS or storage is None or storage.address is None:
            return False
        template = _template(header, known)
        kind = template.mask.tobytes() + template.pattern.tobytes()
        if kind in self._met:
            return False
        self._met.add(kind)
        self._kinds.setdefault(_key(header.content), []).append(template)
        self._longest = max(self._longest, template.first)
        return True

    def read(self, raw: RawFile, addresses: Sequence[int], heaps: Heaps) -> list[Alike | None]:
        """Read the headers at some addresses; None for one of a kind not met yet, or damaged."""
        found: list[Alike | None] = [None] * len(addresses)
        if not self._kinds:
            return found
        starts = [_start(raw, address, self._longest) for address in addresses]
        by_key: dict[bytes, list[int]] = {}
        for place, start in enumerate(starts):
            by_key.setdefault(_key(start), []).append(place)
        for key, places in by_key.items():
            for template in self._kinds.get(key, ()):
                whole = [
                    (place, content)
                    for place in places
                    if found[place] is None and (content := _whole(raw, starts[place], template))
                ]
                if not whole:
                    continue
                some = _read_alike([content for _, content in whole], heaps, template)
                for (place, _), alike in zip(whole, some, strict=True):
                    found[place] = alike
        return found


def _key(content: bytes) -> bytes:
    """Tell kinds apart by version, number of messages and size of the first block."""
    return content[:4] + content[8:12]


def _start(raw: RawFile, address: int, length: int) -> bytes:
    try:
        return raw.read_up_to(address, length)
    except DamageError:
        return b""  # read once more by itself, it will say what is wrong


def _whole(raw: RawFile, start: bytes, template: Template) -> bytes:
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


def _template(header: Header, known: dict[bytes, Shape]) -> Template:
    """Take a header apart."""
    mask = np.zeros(len(header.content), np.uint8)
    mask[: PREFIX.size] = 0xFF
    mask[4:8] = 0  # how many names it has
    for kind, content, position in header.messages:
        mask[position - MESSAGE.size : position] = 0xFF
        if kind in (DATASPACE, DATATYPE, LAYOUT, ATTRIBUTE, CONTINUATION):
            mask[position : position + len(content)] = 0xFF
    following = header.places(CONTINUATION)
    for begin, _ in following:
        mask[begin : begin + 8] = 0
    data = header.places(LAYOUT)[-1][0] + 2 + np.arange(8)
    mask[data] = 0
    ends = dict(header.places(ATTRIBUTE))
    body, elements = b"", []
    values_in, values_out, references = [], [], []
    attributes = in_order(header, known)
    for shape, position, start in attributes:
        at = position + start
        mask[at : ends[position]] = 0
        inside = np.arange(shape.size)
        if shape.element:
            references.append(at + inside)
            elements += [shape.element] * (shape.size // REFERENCE.size)
            inside = inside[inside % REFERENCE.size < 4]  # its length alone
        values_in.append(at + inside)
        values_out.append(len(body) + len(shape.head) + inside)
        body += shape.head + bytes(up8(shape.size))
    table = np.frombuffer(header.content, np.uint8)
    return Template(
        mask,
        table & mask,
        PREFIX.size + PREFIX.unpack_from(header.content)[3],
        [(begin, PLACE.unpack_from(header.content, begin)[1]) for begin, _ in following],
        data,
        form_of(shape for shape, _, _ in attributes),
        np.frombuffer(body, np.uint8),
        _joined(values_in),
        _joined(values_out),
        _joined(references),
        np.array(elements, np.uint64),
    )


def _joined(places: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.empty(0, np.int64), *places])


def _read_alike(contents: Sequence[bytes], heaps: Heaps, template: Template) -> list[Alike | None]:
    """Read headers like the template; None for what is not like it, or has lost its texts."""
    table = np.frombuffer(b"".join(contents), np.uint8).reshape(-1, len(template.mask))
    same = ((table & template.mask) == template.pattern).all(axis=1)
    bodies = np.repeat(template.body[np.newaxis], len(table), axis=0)
    bodies[:, template.values_out] = table[:, template.values_in]
    data = np.ascontiguousarray(table[:, template.data]).view("<u8")[:, 0]
    references = np.ascontiguousarray(table[:, template.references]).view(_REFERENCES)
    lengths = references["length"] * template.elements
    pointed = zip(
        lengths.tolist(),
        references["address"].tolist(),
        references["index"].tolist(),
        strict=True,
    )
    found: list[Alike | None] = []
    for at, body, row, is_same in zip(data.tolist(), bodies, pointed, same.tolist(), strict=True):
        try:
            texts = heaps.texts(zip(*row, strict=True)) if is_same else None
        except DamageError:
            texts = None  # read once more by itself, it will say what is wrong
        if texts is None:
            found.append(None)
        else:
            found.append(Alike(at, Attributes(template.form, body.tobytes(), texts)))
    return found
