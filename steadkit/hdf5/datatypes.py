"""Datatype messages: those of Python's values, their numpy types, and which of them are valid."""

import struct
from typing import Final

import numpy as np

from steadkit.hdf5.object_header import DamageError

INTEGER, FLOAT, STRING, BITFIELD, OPAQUE, ENUM, SEQUENCE = 0, 1, 3, 4, 5, 8, 9
INLINE_CLASSES: Final = (INTEGER, FLOAT, STRING, BITFIELD, OPAQUE, ENUM)
"""Datatype classes whose values are in the message itself, not in a heap."""

# Section IV.A.2.d: class and version, bit fields, bytes, then offset, precision, exponent and
# mantissa of an IEEE 754 number in little-endian order.
FLOAT32 = bytes.fromhex("11201f000400000000002000170800177f000000")
FLOAT64 = bytes.fromhex("11203f000800000000004000340b0034ff030000")
# A variable-length string, UTF-8 and null-terminated, as h5py writes `str`; its base type is one
# byte.
TEXT = bytes.fromhex("1901010010000000" + "100000000100000000000800")
# h5py has no boolean type: it writes an enumeration of one byte with the members FALSE and TRUE.
BOOLEAN = bytes.fromhex("1802000001000000" + "100800000100000000000800") + (
    b"FALSE\0\0\0TRUE\0\0\0\0\0\1"
)


def encode_value(name: str, array: np.ndarray) -> tuple[bytes, bytes]:
    """Return the datatype message of an array, as h5py would choose it, and its bytes.

    Text has no bytes here, as it lies in a heap.
    """
    type_code, size = array.dtype.kind, array.dtype.itemsize
    little = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    if type_code == "f" and size in (4, 8):
        return (FLOAT32 if size == 4 else FLOAT64), little
    if type_code in "iu":
        sign = 8 if type_code == "i" else 0
        return struct.pack("<4BIHH", 0x10, sign, 0, 0, size, 0, 8 * size), little
    if type_code == "b":
        return BOOLEAN, little
    if type_code == "S":
        # A string of no bytes is no valid type: an empty one takes one zero byte.
        return struct.pack("<4BI", 0x13, 1, 0, 0, max(size, 1)), little or b"\0"
    if type_code == "U" or (
        type_code in "OT" and all(isinstance(t, str) for t in array.ravel().tolist())
    ):
        return TEXT, b""
    raise TypeError(f"attribute {name!r} is {array.dtype}: text or numbers are needed")


def class_and_size(datatype: bytes) -> tuple[int, int]:
    """Return the class of a datatype, and the bytes of a value."""
    return datatype[0] & 0x0F, int.from_bytes(datatype[4:8], "little")


def numpy_type(datatype: bytes) -> np.dtype:
    """Return the numpy type of a datatype; bytes without a meaning for an unknown one."""
    type_class, size = class_and_size(datatype)
    if not size:
        raise DamageError("has an attribute of a type of no bytes")
    # Compared as a whole: any other enumeration is read as its integers.
    if datatype == BOOLEAN:
        return np.dtype(bool)
    order = ">" if datatype[1] & 1 else "<"
    if type_class == FLOAT and size in (2, 4, 8):
        return np.dtype(f"{order}f{size}")
    if type_class == INTEGER and size in (1, 2, 4, 8):
        return np.dtype(f"{order}{'i' if datatype[1] & 8 else 'u'}{size}")
    if type_class == ENUM and size in (1, 2, 4, 8):
        return np.dtype(f"<i{size}")
    return np.dtype(f"S{size}") if type_class == STRING else np.dtype(f"V{size}")


def is_valid_datatype(datatype: bytes) -> bool:
    """Return whether HDF5's library accepts a datatype: its version, and the bits of numbers.

    A datatype copied unchecked would make a new file that the library refuses to read.
    """
    (type_class, size), version = class_and_size(datatype), datatype[0] >> 4
    # The upper half of the first byte is the version; later ones came with HDF5 1.12.
    if not 1 <= version <= 3 or not size:
        return False
    if type_class == SEQUENCE:
        return is_valid_datatype(datatype[8:]) if len(datatype) >= 16 else False
    if type_class not in (INTEGER, FLOAT, BITFIELD):
        return True
    if len(datatype) < (12 if type_class != FLOAT else 20):
        return False
    offset, precision = struct.unpack_from("<HH", datatype, 8)
    if not precision or offset + precision > 8 * size:
        return False
    if type_class != FLOAT:
        return True
    exponent, exponent_bits, mantissa, mantissa_bits = datatype[12:16]
    # The bits of sign, exponent and mantissa must not overlap, or the library refuses the type.
    fields = sorted([(datatype[2], 1), (exponent, exponent_bits), (mantissa, mantissa_bits)])
    ends = [start + bits for start, bits in fields]
    is_disjoint = all(end <= start for end, (start, _) in zip(ends, fields[1:], strict=False))
    return bool(exponent_bits and mantissa_bits and is_disjoint and ends[-1] <= offset + precision)
