"""Arrays and configurations from files that others made, checked before they cost anything."""

from typing import Any, Final

import h5py
import numpy as np

from eqt.config import EQTConfig
from eqt.sizes import VALUE_BYTES, check_buildable, count_parameters
from steadkit.errors import InputError

MOST_VALUES: Final = 1 << 24
"""Numbers in one array; the largest of the published network has 12,288."""

MOST_JSON: Final = 1 << 20
"""Bytes of a description."""


def array_in(group: h5py.Group, name: str) -> np.ndarray:
    """Read an array of floats that lies in the file itself, without NaN or infinity.

    A link to another file, or data kept in one, would read what the user did not name; an array
    that is declared larger than any of ours may fill the memory with nothing.

    Parameters
    ----------
    group
        Where to begin.
    name
        The path from there, as ``encoder_1/kernel``.

    Returns
    -------
    np.ndarray
        float32, of the shape stored.

    Raises
    ------
    InputError
        There is no such array, or it is anything else.
    """
    found: Any = group
    for part in name.split("/"):
        link = found.get(part, getlink=True) if isinstance(found, h5py.Group) else None
        if not isinstance(link, h5py.HardLink):
            raise InputError(f"it has no array {name!r} of its own")
        found = found[part]
    if not isinstance(found, h5py.Dataset) or found.external or found.is_virtual:
        raise InputError(f"it has no array {name!r} of its own")
    if found.dtype.kind != "f" or found.size is None or found.size > MOST_VALUES:
        kind = f"{found.dtype} of shape {found.shape}"
        raise InputError(f"{name!r} is {kind}, not at most {MOST_VALUES:,} floats")
    return finite(found[()], name)


def finite(values: np.ndarray, name: str) -> np.ndarray:
    """Return the values as float32.

    Raises
    ------
    InputError
        One is NaN or infinite, here or as float32.

    Examples
    --------
    >>> finite(np.array([1.5, 2.0]), "bias")
    array([1.5, 2. ], dtype=float32)
    """
    with np.errstate(over="ignore"):
        narrow = np.asarray(values).astype(np.float32)
    if not np.isfinite(narrow).all():
        raise InputError(f"it holds NaN or infinity in {name!r}")
    return narrow


def check_size(config: EQTConfig, file_bytes: int) -> None:
    """Refuse a configuration of more weights than the file has room for, before it is built.

    Raises
    ------
    InputError
        It would take more than the file's bytes, or cannot be built at all.

    Examples
    --------
    >>> check_size(EQTConfig(), 1_600_000)
    >>> check_size(EQTConfig(head_kernel=100_000), 1_600_000)
    Traceback (most recent call last):
    steadkit.errors.InputError: it has 1,600,000 bytes, its weights alone need 11,112,188
    """
    check_buildable(config)
    needed = VALUE_BYTES * count_parameters(config)
    if needed > file_bytes:
        raise InputError(f"it has {file_bytes:,} bytes, its weights alone need {needed:,}")
