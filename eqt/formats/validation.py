"""Arrays and configurations from files that others made, checked before they cost anything."""

from typing import Any, Final

import h5py
import numpy as np

from eqt.config import EQTConfig, format_config
from eqt.sizes import VALUE_BYTES, check_buildable, count_parameters
from steadkit.documents import parse_json
from steadkit.errors import InputError

MAX_VALUES: Final = 1 << 24
"""Numbers in one array; the largest of the published network has 12,288."""


MAX_JSON: Final = 1 << 20
"""Bytes of a description."""

FILTERS: Final = range(1, 7)
"""HDF5's own, deflate to scale-offset; for any other the library looks for code to load."""


def held_in(group: h5py.Group, name: str) -> Any:
    """Return what lies under a path in the file itself; None for what is only linked.

    A link to another file, or data kept in one, would read what the user did not name.
    """
    held: Any = group
    for part in name.split("/"):
        link = held.get(part, getlink=True) if isinstance(held, h5py.Group) else None
        if not isinstance(link, h5py.HardLink):
            return None
        held = held[part]
    return held


def group_in(group: h5py.Group, name: str) -> h5py.Group:
    """Return a group that lies in the file itself.

    Raises
    ------
    InputError
        There is none.
    """
    held = held_in(group, name)
    if not isinstance(held, h5py.Group):
        raise InputError(f"it has no group {format_config(name)} of its own")
    return held


def json_in(held: h5py.Group, name: str) -> dict[str, Any]:
    """Read an attribute that holds JSON.

    Raises
    ------
    InputError
        There is none, or it is something else.
    """
    text = held.attrs.get(name)
    if not isinstance(text, str | bytes):
        raise InputError(f"its {name} is no text")
    if len(text) > MAX_JSON:
        raise InputError(f"its {name} has {len(text):,} bytes, at most {MAX_JSON:,} are read")
    return parse_json(text, f"its {name}")


def array_in(group: h5py.Group, name: str) -> np.ndarray:
    """Read an array of floats that lies in the file itself, without NaN or infinity.

    An array that is declared larger than any of ours may fill the memory with nothing.

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
    held = held_in(group, name)
    if not isinstance(held, h5py.Dataset) or held.external or held.is_virtual:
        raise InputError(f"it has no array {format_config(name)} of its own")
    if held.dtype.kind != "f" or held.size is None or held.size > MAX_VALUES:
        kind = f"{held.dtype} of shape {held.shape}"
        raise InputError(f"{format_config(name)} is {kind}, not at most {MAX_VALUES:,} floats")
    settings = held.id.get_create_plist()
    filters = {settings.get_filter(number)[0] for number in range(settings.get_nfilters())}
    if strangers := filters - set(FILTERS):
        raise InputError(
            f"{format_config(name)} is stored by filter {min(strangers)}: store it plainly"
        )
    return finite(held[()], name)


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
        raise InputError(f"it holds NaN or infinity in {format_config(name)}")
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
