"""Parser of the messages of an object header, with every bound checked."""

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
"""The address of an object without storage in the file."""

CONTIGUOUS: Final = 1
NULL: Final = b"\2"
"""Type of a null dataspace, without values, in messages of version 2."""

SHARED: Final = 0x02
FIRST_READ: Final = 1200
"""Bytes of the first read of a header: its first block in STEAD's files, and little more."""

MAX_BLOCKS: Final = 4096
MAX_BYTES: Final = 1 << 22
"""Bounds on one header, far above what 35 attributes need, so that no cycle runs for ever."""

# Section IV.A.1.a: version, number of messages, reference count, bytes of the first block; four
# bytes of padding bring the first message to a multiple of eight.
PREFIX: Final = struct.Struct("<BxHII4x")
# Type, size and flags of a message, in headers of version 1 padded to eight bytes.
MESSAGE: Final = struct.Struct("<HHB3x")
ADDRESS_PAIR: Final = struct.Struct("<QQ")


class DamageError(Exception):
    """The bytes do not follow the format; the message says where."""


class UnsupportedError(DamageError):
    """The bytes follow the format, but use a part of it that is not read or copied here."""


class NewStyleError(Exception):
    """An object header of version 2, which is left to h5py."""


class ByteReader(Protocol):
    """A source of bytes by address, with every bound checked."""

    @property
    def base(self) -> int:
        """Offset of address 0 in the file."""

    @property
    def size(self) -> int:
        """Bytes of the file."""

    def read_up_to(self, address: int, length: int) -> bytes:
        """Read `length` bytes, or as many as there are up to the end of the file."""

    def read(self, address: int, length: int) -> bytes:
        """Read `length` bytes, or raise `DamageError` where the file has fewer."""


class FileReader(NamedTuple):
    """An open file, read by HDF5's addresses, which count from the end of the user block."""

    descriptor: int
    base: int
    size: int

    def read_up_to(self, address: int, length: int) -> bytes:
        """Read `length` bytes, or as many as there are up to the end of the file."""
        return self.read(address, max(0, min(length, self.size - self.base - address)))

    def read(self, address: int, length: int) -> bytes:
        """Read `length` bytes, or raise `DamageError` where the file has fewer."""
        # Checked before the read: a damaged address may be any 64-bit number, and `pread` takes no
        # offset above 2**63 - 1.
        if address + length > self.size - self.base:
            raise DamageError(f"points to byte {address}, beyond the end of the file")
        content = os.pread(self.descriptor, length, self.base + address)
        # The size is that of the moment when the file was opened.
        if len(content) < length:
            raise DamageError("has become shorter while it was read")
        return content


Message = tuple[int, bytes, int]
"""The type of a message, its bytes, and their offset in the concatenated blocks of the header."""


class Header(NamedTuple):
    """An object header: its blocks, concatenated, and the messages in them."""

    content: bytes
    messages: list[Message]

    def spans(self, message_type: int) -> list[tuple[int, int]]:
        """Return the start and end of the bytes of each message of a type."""
        return [
            (start, start + len(content))
            for category, content, start in self.messages
            if category == message_type
        ]

    def blocks(self, address: int) -> list[tuple[int, int]]:
        """Return the address and bytes of each block of a header at this address."""
        following = [
            ADDRESS_PAIR.unpack_from(content)
            for message_type, content, _ in self.messages
            if message_type == CONTINUATION
        ]
        # The messages state the size of every block but the first.
        first = len(self.content) - sum(length for _, length in following)
        return [(address, first), *following]


class Storage(NamedTuple):
    """Shape, type and location of a dataset: what is needed to read its bytes from the file."""

    shape: tuple[int, ...]
    datatype: bytes
    address: int | None
    """Address of its bytes, or None where they are not contiguous."""
    bytes_stored: int


def read_object_header(raw: ByteReader, address: int) -> Header:
    """Read the object header at an address.

    Raises
    ------
    NewStyleError
        The header is of version 2.
    DamageError
        It does not follow the format.
    """
    # One read serves nearly every header: a second one, only for the 16 bytes of the prefix, would
    # cost as much again.
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
        # A damaged file may chain blocks in a circle.
        if block_address in visited or len(visited) == MAX_BLOCKS:
            raise DamageError("has an object header without end")
        visited.add(block_address)
        _check_size(len(content) + length, raw)
        block = raw.read(block_address, length)
        # Only the first block has a prefix; a continuation block begins with a message.
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
    """Append a block's messages to the list; returns address and bytes of continuation blocks."""
    continuations = []
    # Fewer bytes than the head of a message are padding.
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
        # Type 0, NIL, is room that a removed message left; its content is whatever was there.
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


def parse_storage(header: Header) -> Storage | None:
    """Return how a dataset is stored; None if the header is not a dataset's."""
    # Of several messages of one type the last one counts.
    contents = {message_type: content for message_type, content, _ in header.messages}
    if not {DATASPACE, DATATYPE, LAYOUT} <= contents.keys():
        return None
    layout = contents[LAYOUT]
    address, size = None, 0
    # Section IV.A.2.i: version 3, class 1, address, size. Versions 1 and 2 are left to h5py, as are
    # compact and chunked storage, whose data are not in one piece.
    if len(layout) >= 18 and layout[:2] == bytes([3, CONTIGUOUS]):
        address, size = ADDRESS_PAIR.unpack_from(layout, 2)
    if address == UNDEFINED or FILTERS in contents or EXTERNAL in contents:
        address = None
    return Storage(parse_shape(contents[DATASPACE]), contents[DATATYPE], address, size)


def parse_shape(dataspace: bytes) -> tuple[int, ...]:
    """Return the dimensions of a dataspace message; () for a scalar.

    >>> parse_shape(bytes([1, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]))
    (3,)
    """
    # Section IV.A.2.b: version 1 has five reserved bytes before the dimensions, version 2 the type
    # of the dataspace.
    start = {1: 8, 2: 4}.get(dataspace[0] if dataspace else 0)
    rank = dataspace[1] if len(dataspace) > 1 else 0
    if start is None or len(dataspace) < start + 8 * rank:
        raise DamageError("has a shape that cannot be read")
    return struct.unpack_from(f"<{rank}Q", dataspace, start)


def pack_shape(shape: tuple[int, ...]) -> bytes:
    """Return the dataspace message of a shape, version 1, as h5py writes it.

    >>> parse_shape(pack_shape((6000, 3))), parse_shape(pack_shape(()))
    ((6000, 3), ())
    """
    # Flag 1: the maximum dimensions follow the present ones, and are equal to them.
    return struct.pack(f"<BBB5x{2 * len(shape)}Q", 1, len(shape), bool(shape), *shape, *shape)


def is_null(dataspace: bytes) -> bool:
    """Return whether a dataspace message is of no values at all, as h5py.Empty has."""
    return dataspace[:1] == b"\2" and dataspace[3:4] == NULL


def round_up_8(size: int) -> int:
    """Round up to a multiple of 8 bytes, to which most parts of the format are padded."""
    return (size + 7) & ~7
