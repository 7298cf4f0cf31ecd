"""The messages of an object header, read with every bound checked."""

import os
import struct
from typing import Final, NamedTuple, Protocol

DATASPACE: Final = 0x01
DATATYPE: Final = 0x03
FILL: Final = 0x05
EXTERNAL: Final = 0x07
LAYOUT: Final = 0x08
FILTERS: Final = 0x0B
ATTRIBUTE: Final = 0x0C
CONTINUATION: Final = 0x10
SYMBOL_TABLE: Final = 0x11

UNDEFINED: Final = 2**64 - 1
"""The address of what has no place in the file."""

CONTIGUOUS: Final = 1
NULL: Final = b"\2"
"""Type of a dataspace without values, in messages of version 2."""

SHARED: Final = 0x02
FIRST_READ: Final = 1200
"""Bytes read at once where a header begins: its first block in STEAD's files, and little more."""

MAX_BLOCKS: Final = 4096
MAX_BYTES: Final = 1 << 22
"""Bounds on one header, far above what 35 attributes need, so that no cycle runs for ever."""

PREFIX: Final = struct.Struct("<BxHII4x")
MESSAGE: Final = struct.Struct("<HHB3x")
ADDRESS_PAIR: Final = struct.Struct("<QQ")


class DamageError(Exception):
    """The bytes do not follow the format; the message says where."""


class UnsupportedError(DamageError):
    """The bytes follow the format, but use a part of it that is not read or copied here."""


class NewStyleError(Exception):
    """An object header of HDF5's newer kind, which is left to h5py."""


class ByteReader(Protocol):
    """What bytes are read from by addresses, with every bound checked."""

    @property
    def base(self) -> int:
        """Where in the file address 0 is."""

    @property
    def size(self) -> int:
        """Bytes of the file."""

    def read_up_to(self, address: int, length: int) -> bytes:
        """Read so many bytes, or as many as there are up to the end of the file."""

    def read(self, address: int, length: int) -> bytes:
        """Read so many bytes, or raise `DamageError` where the file has not got them."""


class FileReader(NamedTuple):
    """An open file, read by addresses as HDF5 counts them: from behind a user block."""

    descriptor: int
    base: int
    size: int

    def read_up_to(self, address: int, length: int) -> bytes:
        """Read so many bytes, or as many as there are up to the end of the file."""
        return self.read(address, max(0, min(length, self.size - self.base - address)))

    def read(self, address: int, length: int) -> bytes:
        """Read so many bytes, or raise `DamageError` where the file has not got them."""
        if address + length > self.size - self.base:
            raise DamageError(f"points to byte {address}, beyond the end of the file")
        content = os.pread(self.descriptor, length, self.base + address)
        if len(content) < length:
            raise DamageError("has become shorter while it was read")
        return content


Message = tuple[int, bytes, int]
"""One message: its kind, its bytes, and where in the whole header they begin."""


class Header(NamedTuple):
    """A whole object header: its blocks one behind the other, and the messages in them."""

    content: bytes
    messages: list[Message]

    def spans(self, message_type: int) -> list[tuple[int, int]]:
        """Where the bytes of each message of a kind begin and end."""
        return [
            (start, start + len(content))
            for category, content, start in self.messages
            if category == message_type
        ]

    def blocks(self, address: int) -> list[tuple[int, int]]:
        """Where each block of a header at this address begins, and its bytes."""
        following = [
            ADDRESS_PAIR.unpack_from(content)
            for message_type, content, _ in self.messages
            if message_type == CONTINUATION
        ]
        first = len(self.content) - sum(length for _, length in following)
        return [(address, first), *following]


class Storage(NamedTuple):
    """How a dataset is stored, as far as reading its bytes straight from the file needs it."""

    shape: tuple[int, ...]
    datatype: bytes
    address: int | None
    """Where its bytes lie in one piece, or None where they do not."""
    bytes_stored: int


def read_header(raw: ByteReader, address: int) -> Header:
    """Read the object header at an address.

    Raises
    ------
    NewStyleError
        The header is of the newer kind.
    DamageError
        It does not follow the format.
    """
    start = raw.read_up_to(address, FIRST_READ)
    if start[:4] == b"OHDR":
        raise NewStyleError
    if len(start) < PREFIX.size or start[0] != 1:
        raise DamageError("has no object header where its group says")
    size = PREFIX.size + PREFIX.unpack_from(start)[3]
    block = start[:size] if size <= len(start) else raw.read(address, _check_size(size, raw))
    messages: list[Message] = []
    continuations = _parse_block(messages, block, PREFIX.size, 0)
    content, visited = block, {address}
    while continuations:
        block_address, length = continuations.pop(0)
        if block_address in visited or len(visited) == MAX_BLOCKS:
            raise DamageError("has an object header without end")
        visited.add(block_address)
        _check_size(len(content) + length, raw)
        block = raw.read(block_address, length)
        continuations += _parse_block(messages, block, 0, len(content))
        content += block
    return Header(content, messages)


def _check_size(size: int, raw: ByteReader) -> int:
    if size > raw.size:
        raise DamageError(f"has an object header of {size} bytes, more than the file has")
    if size > MAX_BYTES:
        raise UnsupportedError(
            f"has attributes of {size:,} bytes: {MAX_BYTES:,} are read at most, remove some"
        )
    return size


def _parse_block(
    messages: list[Message], block: bytes, position: int, block_offset: int
) -> list[tuple[int, int]]:
    """Add a block's messages to the list; returns where the header goes on."""
    continuations = []
    end = len(block) - MESSAGE.size
    while position <= end:
        message_type, size, flags = MESSAGE.unpack_from(block, position)
        position += MESSAGE.size
        content = block[position : position + size]
        if len(content) < size:
            raise DamageError("has a message longer than its header")
        if message_type == CONTINUATION:
            if size < ADDRESS_PAIR.size:
                raise DamageError("has a header that goes on nowhere")
            continuations.append(ADDRESS_PAIR.unpack_from(content))
        elif message_type:
            if flags & SHARED:
                raise UnsupportedError(
                    "shares its type with other objects: rewrite it with h5repack"
                )
        elif flags:
            raise DamageError("has an empty message with flags")
        messages.append((message_type, content, block_offset + position))
        position += size
    return continuations


def storage_of(header: Header) -> Storage | None:
    """Find how a dataset is stored; None if the header is not a dataset's."""
    contents = {message_type: content for message_type, content, _ in header.messages}
    if not {DATASPACE, DATATYPE, LAYOUT} <= contents.keys():
        return None
    layout = contents[LAYOUT]
    address, size = None, 0
    if len(layout) >= 18 and layout[:2] == bytes([3, CONTIGUOUS]):
        address, size = ADDRESS_PAIR.unpack_from(layout, 2)
    if address == UNDEFINED or FILTERS in contents or EXTERNAL in contents:
        address = None
    return Storage(shape_of(contents[DATASPACE]), contents[DATATYPE], address, size)


def shape_of(dataspace: bytes) -> tuple[int, ...]:
    """Read the dimensions out of a dataspace message; () is one value.

    >>> shape_of(bytes([1, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]))
    (3,)
    """
    start = {1: 8, 2: 4}.get(dataspace[0] if dataspace else 0)
    rank = dataspace[1] if len(dataspace) > 1 else 0
    if start is None or len(dataspace) < start + 8 * rank:
        raise DamageError("has a shape that cannot be read")
    return struct.unpack_from(f"<{rank}Q", dataspace, start)


def is_null(dataspace: bytes) -> bool:
    """Return whether a dataspace message is of no values at all, as h5py.Empty has."""
    return dataspace[:1] == b"\2" and dataspace[3:4] == NULL


def round_up_8(size: int) -> int:
    """Round up to a multiple of 8 bytes, which is what most parts of the format are padded to."""
    return (size + 7) & ~7
