"""Arrays and configurations of untrusted files, validated before memory is spent on them."""

from typing import Any, Final

import h5py
import numpy as np

from eqt.config import EQTConfig, format_config
from eqt.sizes import VALUE_BYTES, check_buildable, count_parameters
from steadkit.errors import InputError
from steadkit.paths import parse_json

MAX_VALUES: Final = 1 << 24
"""Numbers in an array; the largest of the published network has 12,288."""

MAX_JSON: Final = 1 << 20
"""Bytes of a JSON description."""

FILTERS: Final = range(1, 7)
"""HDF5's built-in filters, deflate to scale-offset; for others the library loads plug-ins."""


def object_in(group: h5py.Group, name: str) -> Any:
    """Return the object at a path in the file itself; None behind a soft or external link.

    A link to another file would read a file that the user did not name.
    """
    item: Any = group
    for part in name.split("/"):
        link = item.get(part, getlink=True) if isinstance(item, h5py.Group) else None
        if not isinstance(link, h5py.HardLink):
            return None
        item = item[part]
    return item


def group_in(group: h5py.Group, name: str) -> h5py.Group:
    """Return a group of the file itself.

    Raises
    ------
    InputError
        There is none.
    """
    item = object_in(group, name)
    if not isinstance(item, h5py.Group):
        raise InputError(f"it has no group {format_config(name)} of its own")
    return item


def json_in(item: h5py.Group, name: str) -> dict[str, Any]:
    """Read an attribute with JSON.

    Raises
    ------
    InputError
        There is none, it is too large or no JSON object.
    """
    text = item.attrs.get(name)
    if not isinstance(text, str | bytes):
        raise InputError(f"its {name} is no text")
    if len(text) > MAX_JSON:
        raise InputError(f"its {name} has {len(text):,} bytes, at most {MAX_JSON:,} are read")
    return parse_json(text, f"its {name}")


def array_in(group: h5py.Group, name: str) -> np.ndarray:
    """Read an array of finite floats of the file itself.

    The size is limited: HDF5 can declare a huge array of fill values in a small file.

    Parameters
    ----------
    group
        Group that the path starts from.
    name
        Path, such as ``encoder_1/kernel``.

    Returns
    -------
    np.ndarray
        float32, of the shape stored.

    Raises
    ------
    InputError
        There is no such array, or it is not of this form.
    """
    item = object_in(group, name)
    if not isinstance(item, h5py.Dataset) or item.external or item.is_virtual:
        raise InputError(f"it has no array {format_config(name)} of its own")
    if item.dtype.kind != "f" or item.size is None or item.size > MAX_VALUES:
        description = f"{item.dtype} of shape {item.shape}"
        raise InputError(
            f"{format_config(name)} is {description}, not at most {MAX_VALUES:,} floats"
        )
    properties = item.id.get_create_plist()
    filters = {properties.get_filter(number)[0] for number in range(properties.get_nfilters())}
    if unknown := filters - set(FILTERS):
        raise InputError(
            f"{format_config(name)} is stored by filter {min(unknown)}: store it plainly"
        )
    return finite(item[()], name)


def finite(values: np.ndarray, name: str) -> np.ndarray:
    """Return the values as float32.

    Raises
    ------
    InputError
        A value is NaN or infinite, as stored or as float32.

    Examples
    --------
    >>> finite(np.array([1.5, 2.0]), "bias")
    array([1.5, 2. ], dtype=float32)
    """
    with np.errstate(over="ignore"):
        values_f4 = np.asarray(values).astype(np.float32)
    if not np.isfinite(values_f4).all():
        raise InputError(f"it holds NaN or infinity in {format_config(name)}")
    return values_f4


def check_size(config: EQTConfig, file_bytes: int) -> None:
    """Refuse a configuration whose weights would not fit into the file, before it is built.

    Raises
    ------
    InputError
        Its weights need more bytes than the file has, or it is too large to build.

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
