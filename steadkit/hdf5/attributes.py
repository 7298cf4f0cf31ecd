"""Canonical form of attributes: encoded from Python or a file, sorted, digested and decoded.

The canonical form is the one that is written: attribute messages (version 1) in the order of their
names, but with zeros for the addresses of texts; the texts are kept separately until their
addresses in a new file are known.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import prod
from typing import Final, NamedTuple

import numpy as np
from blake3 import blake3

from steadkit.hdf5.datatypes import (
    INLINE_CLASSES,
    SEQUENCE,
    class_and_size,
    encode_value,
    is_valid_datatype,
    numpy_type,
)
from steadkit.hdf5.global_heap import REFERENCE, GlobalHeap
from steadkit.hdf5.object_header import (
    ATTRIBUTE,
    MESSAGE,
    DamageError,
    Header,
    UnsupportedError,
    is_null,
    pack_shape,
    parse_shape,
    round_up_8,
)

ATTRIBUTES_DIGEST: Final = 8
MAX_ELEMENTS: Final = 4096
MAX_ELEMENT_BYTES: Final = 64
MAX_MESSAGE: Final = 0xFF00
MAX_NUMBER: Final = 0xFF00
"""Bytes of an attribute, and attributes or texts of a trace: what 16 bits can count, nearly."""

# Section IV.A.2.m: version, then the bytes of name, datatype and dataspace.
_SIZES = struct.Struct("<BxHHH")


class AttributeField(NamedTuple):
    """Name, type and shape of an attribute: everything but its value."""

    name: bytes
    datatype: bytes
    dimensions: tuple[int, ...]
    head: bytes
    """The message up to the value, in canonical form."""
    size: int
    """Bytes of the value in the message."""
    element: int
    """Bytes of an element of a text or sequence, which lies in a heap; 0 for a plain value."""


class AttributeSchema(NamedTuple):
    """Names, types and shapes of the attributes of a dataset."""

    fields: tuple[AttributeField, ...]
    reference_offsets: tuple[int, ...]
    """Offset of each reference in the body."""


class Attributes(NamedTuple):
    """The attributes of one dataset, in canonical form."""

    schema: AttributeSchema
    body: bytes
    """The messages one after another, the references zero but for their lengths."""
    texts: list[bytes]
    """The texts that the references point to, in their order."""

    def digest(self) -> bytes:
        """Return a digest of names, types and values: BLAKE3, 8 bytes."""
        # The lengths are in the body, so that "ab", "c" and "a", "bc" have different digests.
        return blake3(b"".join([self.body, *self.texts])).digest(ATTRIBUTES_DIGEST)

    def decode(self) -> dict[str, object]:
        """Return the values as Python or numpy objects, by name."""
        values, texts, position = {}, iter(self.texts), 0
        for field in self.schema.fields:
            position += len(field.head)
            value = self.body[position : position + field.size]
            values[field.name.decode(errors="replace")] = _decode(field, value, texts)
            position += round_up_8(field.size)
        return values


def make_schema(fields: Iterable[AttributeField]) -> AttributeSchema:
    """Return the schema of these fields, given in the order of their names."""
    fields, position = tuple(fields), 0
    reference_offsets: list[int] = []
    for field in fields:
        position += len(field.head)
        if field.element:
            reference_offsets += range(position, position + field.size, REFERENCE.size)
        position += round_up_8(field.size)
    n_texts = len(reference_offsets)
    if max(len(fields), n_texts) > MAX_NUMBER:
        raise UnsupportedError(
            f"has {len(fields)} attributes with {n_texts} texts: {MAX_NUMBER:,} of each are "
            "copied at most, remove some"
        )
    return AttributeSchema(fields, tuple(reference_offsets))


def read_attributes(
    header: Header, heaps: GlobalHeap, known_fields: dict[bytes, AttributeField]
) -> Attributes:
    """Return the attributes of a header in canonical form.

    Parameters
    ----------
    header
        An object header.
    heaps
        The heap collections with the texts.
    known_fields
        Fields parsed before, by the bytes of the message up to the value; new ones are added. The
        traces of a file have the same ones, so that each is parsed once.

    Raises
    ------
    DamageError
        An attribute does not follow the format, or is of a kind that cannot be copied.
    """
    body, references = b"", []
    attributes = sorted_attributes(header, known_fields)
    for field, position, start in attributes:
        value = header.content[position + start : position + start + field.size]
        if field.element:
            element_references = list(REFERENCE.iter_unpack(value))
            references += [
                (length * field.element, address, index)
                for length, address, index in element_references
            ]
            value = b"".join(REFERENCE.pack(length, 0, 0) for length, _, _ in element_references)
        body += field.head + _padded(value)
    schema = make_schema(field for field, _, _ in attributes)
    return Attributes(schema, body, heaps.texts(references))


def sorted_attributes(
    header: Header, known_fields: dict[bytes, AttributeField]
) -> list[tuple[AttributeField, int, int]]:
    """List the attributes of a header by their names.

    Returns
    -------
    list
        The field of each, the offset of its message in the header, and the offset of the value in
        the message.
    """
    attributes = []
    for message_type, content, position in header.messages:
        if message_type == ATTRIBUTE:
            start = _value_start(content)
            # A dict of bytes, as the 35 attributes of every trace of a file begin with the same 35
            # byte strings.
            field = known_fields.get(content[:start])
            if field is None:
                field = known_fields[content[:start]] = _parse_field(content, start)
            if len(content) < start + field.size:
                raise DamageError(f"has the attribute {_quote(field.name)} cut short")
            attributes.append((field, position, start))
    # Files list attributes in any order; the canonical one makes equal attributes equal bytes.
    attributes.sort(key=lambda item: item[0].name)
    for (field, *_), (next_field, *_) in pairwise(attributes):
        if field.name == next_field.name:
            raise DamageError(f"has the attribute {_quote(field.name)} twice")
    return attributes


def _value_start(content: bytes) -> int:
    if len(content) < _SIZES.size:
        raise DamageError("has an attribute cut short")
    version, name, datatype, dataspace = _SIZES.unpack_from(content)
    if version == 1:
        # Version 1 pads each of the three fields to eight bytes; versions 2 and 3 do not, and
        # version 3 has one byte more, the character set of the name.
        return _SIZES.size + round_up_8(name) + round_up_8(datatype) + round_up_8(dataspace)
    if version in (2, 3):
        return _SIZES.size + (version == 3) + name + datatype + dataspace
    raise DamageError(f"has an attribute of version {version}")


def _parse_field(content: bytes, start: int) -> AttributeField:
    version, *sizes = _SIZES.unpack_from(content)
    if len(content) < start:
        raise DamageError("has an attribute cut short")
    # The flags of versions 2 and 3 say that datatype or dataspace is stored elsewhere in the file.
    if version > 1 and content[1]:
        raise UnsupportedError("shares an attribute's type: rewrite it with h5repack")
    position, fields = _SIZES.size + (version == 3), []
    for size in sizes:
        fields.append(content[position : position + size])
        position += round_up_8(size) if version == 1 else size
    name, datatype, dataspace = fields
    if name[-1:] != b"\0":
        raise DamageError("has an attribute whose name does not end")
    return _make_field(name[:-1], datatype, dataspace, len(content) - start)


def _make_field(
    name: bytes, datatype: bytes, dataspace: bytes, n_bytes: int | None = None
) -> AttributeField:
    """Return the canonical form of an attribute without its value.

    `n_bytes` is the number of bytes in the file behind the head; None for a value from Python.
    """
    if not name or b"\0" in name:
        raise DamageError("has an attribute without a name")
    if len(datatype) < 8:
        raise DamageError(f"has the attribute {_quote(name)} of a type that cannot be read")
    dimensions = parse_shape(dataspace)
    if is_null(dataspace):
        raise empty_attribute(_quote(name))
    count = prod(dimensions)
    # Python's integers do not overflow: dimensions of a damaged file may multiply to any size.
    size = class_and_size(datatype)[1] * count
    if n_bytes is not None and size > n_bytes:
        raise DamageError(f"has the attribute {_quote(name)} cut short")
    fields = (name + b"\0", datatype, dataspace)
    if count > MAX_ELEMENTS or size + sum(map(len, fields)) > MAX_MESSAGE:
        raise UnsupportedError(
            f"has the attribute {_quote(name)} of shape {dimensions} and {size:,} bytes: "
            f"{MAX_ELEMENTS:,} values and {MAX_MESSAGE:,} bytes are copied at most, remove it"
        )
    if not is_valid_datatype(datatype):
        raise DamageError(f"has the attribute {_quote(name)} of a type that cannot be read")
    element = _element_bytes(name, datatype)
    sizes = _SIZES.pack(1, *map(len, fields))
    # Always version 1, whatever was read: the oldest one is read by every version of the library.
    prefix = sizes + b"".join(map(_padded, fields))
    header = MESSAGE.pack(ATTRIBUTE, len(prefix) + round_up_8(size), 0)
    return AttributeField(name, datatype, dimensions, header + prefix, size, element)


def _element_bytes(name: bytes, datatype: bytes) -> int:
    """Return the bytes of an element that is stored in a heap, 0 for a value in the message."""
    type_class, size = class_and_size(datatype)
    if type_class in INLINE_CLASSES:
        return 0
    base = datatype[8:]
    # A compound, a reference or a sequence of sequences holds addresses of the old file, which mean
    # nothing in the new one.
    if type_class != SEQUENCE or len(base) < 8 or base[0] & 0x0F not in INLINE_CLASSES:
        raise UnsupportedError(
            f"has the attribute {_quote(name)} of a kind that cannot be copied: text and real "
            "numbers can, remove it"
        )
    # Anything else means addresses of another size than eight bytes.
    if size != REFERENCE.size:
        raise DamageError(f"has the attribute {_quote(name)} of a type that cannot be read")
    element = int.from_bytes(base[4:8], "little")
    if not element:
        raise DamageError(f"has the attribute {_quote(name)} of elements of no bytes")
    if element > MAX_ELEMENT_BYTES:
        raise UnsupportedError(
            f"has the attribute {_quote(name)} of elements of {element} bytes: "
            f"{MAX_ELEMENT_BYTES} are copied at most, remove it"
        )
    return element


def empty_attribute(name: str) -> UnsupportedError:
    """Return the error for an attribute without a value, as h5py.Empty."""
    return UnsupportedError(
        f"has the empty attribute {name} (h5py.Empty), which cannot be copied: give it a value, "
        "or remove it"
    )


def encode(values: Mapping[str, object]) -> Attributes:
    """Return the canonical form of Python's values, with the types that h5py would choose.

    Parameters
    ----------
    values
        Text, numbers, or arrays of them, by name.

    >>> encode({"p_status": "manual", "p_weight": 0.5}).decode()
    {'p_status': 'manual', 'p_weight': 0.5}
    """
    fields, body, texts = [], b"", []
    # By bytes, as those that come from a file.
    for name in sorted(values, key=str.encode):
        array = np.asarray(values[name])
        datatype, content = encode_value(name, array)
        field = _make_field(name.encode(), datatype, pack_shape(array.shape))
        if field.element:
            elements = [text.encode() for text in array.ravel().tolist()]
            content = b"".join(REFERENCE.pack(len(text), 0, 0) for text in elements)
            texts += elements
        fields.append(field)
        body += field.head + _padded(content)
    return Attributes(make_schema(fields), body, texts)


def decode_all(field: AttributeField, content: np.ndarray, texts: Sequence[bytes]) -> list[object]:
    """Decode one attribute of many datasets, as `Attributes.decode` does for one.

    Parameters
    ----------
    field
        Name, type and shape of the attribute.
    content
        Shape (datasets, bytes), uint8: the values in the messages.
    texts
        The texts of the first dataset, then of the second and so on.
    """
    if field.element:
        # Type 1 of a variable-length datatype is a string, type 0 a sequence.
        if field.datatype[1] & 0x0F == 1 and not field.dimensions:
            return [text.decode(errors="replace") for text in texts]
    elif (dtype := numpy_type(field.datatype)).kind in "fiub":
        values = content.view(dtype).reshape(len(content), *field.dimensions)
        return list(values) if field.dimensions else values.tolist()
    remaining_texts = iter(texts)
    return [_decode(field, value.tobytes(), remaining_texts) for value in content]


def _decode(field: AttributeField, value: bytes, texts: Iterable[bytes]) -> object:
    if field.element:
        return _decode_heap(field, value, texts)
    dtype = numpy_type(field.datatype)
    array = np.frombuffer(value, dtype).reshape(field.dimensions)
    if dtype.kind == "S":
        array = np.array([t.decode(errors="replace") for t in array.ravel()], dtype=object).reshape(
            field.dimensions
        )
    return array.item() if array.ndim == 0 else array


def _decode_heap(field: AttributeField, value: bytes, texts: Iterable[bytes]) -> object:
    elements = [text for _, text in zip(REFERENCE.iter_unpack(value), texts, strict=False)]
    if field.datatype[1] & 0x0F == 1:
        decode: list[object] = [text.decode(errors="replace") for text in elements]
    else:
        base = numpy_type(field.datatype[8:])
        decode = [np.frombuffer(text, base).tolist() for text in elements]
    if not field.dimensions:
        return decode[0]
    # Filled after it is made: from equally long lists `np.array` would make a second dimension.
    array = np.empty(len(decode), dtype=object)
    array[:] = decode
    return array.reshape(field.dimensions)


def _quote(name: bytes) -> str:
    return repr(name[:60].decode(errors="replace"))


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 8)
