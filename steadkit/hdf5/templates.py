"""Attributes that are alike but for their values, read many at once.

The traces of a file were written by one program, so their attribute messages are the same bytes
but for the values. The first of a kind is taken apart; the others are compared with it, as
arrays, wherever they must be the same, and their values are where its values are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from steadkit.hdf5.attributes import REFERENCE, Attributes, Form, Heaps, Shape, form_of, in_order
from steadkit.hdf5.messages import ATTRIBUTE, DamageError, Header

MOST_KINDS: Final = 64
"""A file with more kinds than this is read trace by trace."""

_REFERENCES = np.dtype([("length", "<u4"), ("address", "<u8"), ("index", "<u4")])


@dataclass(frozen=True)
class Template:
    """The attributes of one header: what must be the same in others, and where the values are."""

    mask: np.ndarray
    pattern: np.ndarray
    """The messages one after another, and which of their bits must be the same."""
    form: Form
    body: np.ndarray
    """The canonical body, values zero."""
    values_in: np.ndarray
    values_out: np.ndarray
    """Where each byte of a value stands in the messages, and in the body."""
    references: np.ndarray
    """Where in the messages each byte of a reference stands."""
    elements: np.ndarray
    """The bytes of an element of each reference."""


class Templates:
    """The kinds of attributes met in one file."""

    def __init__(self) -> None:
        self._kinds: dict[int, list[Template]] = {}
        self._count = 0

    def learn(self, header: Header, known: dict[bytes, Shape]) -> None:
        """Remember the kind of this header, unless there are too many to be worth it."""
        template = _template(header, known)
        if self._count < MOST_KINDS and len(template.mask):
            self._kinds.setdefault(len(template.mask), []).append(template)
            self._count += 1

    def read(self, headers: Sequence[Header | None], heaps: Heaps) -> list[Attributes | None]:
        """Read the attributes of headers; None for one of a kind not met yet, or damaged."""
        found: list[Attributes | None] = [None] * len(headers)
        contents = [_content(header) if header else b"" for header in headers]
        by_length: dict[int, list[int]] = {}
        for place, content in enumerate(contents):
            by_length.setdefault(len(content), []).append(place)
        for length, places in by_length.items():
            for template in self._kinds.get(length, ()):
                some = _read_alike([contents[place] for place in places], heaps, template)
                for place, attributes in zip(places, some, strict=True):
                    found[place] = attributes
                places = [place for place in places if found[place] is None]
                if not places:
                    break
        return found


def _content(header: Header) -> bytes:
    return b"".join([content for kind, content, _ in header.messages if kind == ATTRIBUTE])


def _template(header: Header, known: dict[bytes, Shape]) -> Template:
    """Take the attributes of a header apart."""
    attributes = in_order(header, known)
    # Where each message begins once they stand one behind the other, by where it begins now.
    shift, length = {}, 0
    for kind, content, position in header.messages:
        if kind == ATTRIBUTE:
            shift[position] = length
            length += len(content)
    mask = np.full(length, 0xFF, np.uint8)
    body, elements = b"", []
    values_in, values_out, references = [], [], []
    for shape, position, start in attributes:
        at = shift[position] + start
        padded = shape.size + -shape.size % 8
        mask[at : at + padded] = 0
        inside = np.arange(shape.size)
        if shape.element:
            references.append(at + inside)
            elements += [shape.element] * (shape.size // REFERENCE.size)
            inside = inside[inside % REFERENCE.size < 4]  # its length alone
        values_in.append(at + inside)
        values_out.append(len(body) + len(shape.head) + inside)
        body += shape.head + bytes(padded)
    return Template(
        mask,
        np.frombuffer(_content(header), np.uint8) & mask,
        form_of(shape for shape, _, _ in attributes),
        np.frombuffer(body, np.uint8),
        _joined(values_in),
        _joined(values_out),
        _joined(references),
        np.array(elements, np.uint64),
    )


def _joined(places: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.empty(0, np.int64), *places])


def _read_alike(
    contents: Sequence[bytes], heaps: Heaps, template: Template
) -> list[Attributes | None]:
    """Read attributes like the template; None for what is not like it, or has lost its texts."""
    table = np.frombuffer(b"".join(contents), np.uint8).reshape(len(contents), -1)
    same = ((table & template.mask) == template.pattern).all(axis=1)
    bodies = np.tile(template.body, (len(table), 1))
    bodies[:, template.values_out] = table[:, template.values_in]
    references = np.ascontiguousarray(table[:, template.references]).view(_REFERENCES)
    lengths = references["length"] * template.elements
    pointed = zip(
        lengths.tolist(),
        references["address"].tolist(),
        references["index"].tolist(),
        strict=True,
    )
    found: list[Attributes | None] = []
    for body, row, is_same in zip(bodies, pointed, same.tolist(), strict=True):
        try:
            texts = heaps.texts(zip(*row, strict=True)) if is_same else None
        except DamageError:
            texts = None  # read once more by itself, it will say what is wrong
        found.append(None if texts is None else Attributes(template.form, body.tobytes(), texts))
    return found
