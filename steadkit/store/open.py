"""Open a STEAD file, and get the dataset of a trace with its shape, type and storage checked."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import h5py
import numpy as np

from steadkit.errors import InputError, remedy_of
from steadkit.paths import require_file
from steadkit.schema import DATA_GROUP, TRACE_SHAPE
from steadkit.store.crash_probe import is_new, probe
from steadkit.store.samples import DTYPE

CACHE_BYTES: Final = 128 << 20
"""Limit of HDF5's metadata cache, the highest that it allows; by default it is 32 MB.

A group's heap of names is one entry of that cache and doubles to 46 MB above 720,896 names: where
it does not fit, every look-up of a name reads all of it (35 us become 14 to 34 ms).
"""

LIBRARY_ERRORS: Final = (
    OSError,
    RuntimeError,
    ValueError,
    TypeError,
    KeyError,
    NotImplementedError,
)
"""Exceptions that h5py raises where a file is damaged."""


@contextmanager
def open_data(path: Path) -> Iterator[h5py.Group]:
    """Open a STEAD file for reading; yields its ``data`` group.

    Raises
    ------
    InputError
        The file is missing, not HDF5, truncated, or has no such group.
    """
    require_file(path)
    if not h5py.is_hdf5(path):
        raise InputError(f"{str(path)!r} is not an HDF5 file: STEAD's waveforms are HDF5")
    # Before the library opens the file: a crash of the library would end this process without a
    # message.
    if is_new(path):
        probe(path)
    try:
        file = _open(path)
    except LIBRARY_ERRORS as error:
        raise InputError(
            f"{str(path)!r} cannot be opened, it may be truncated or in use: {remedy_of(error)}"
        ) from error
    with file:
        group = _member(file, DATA_GROUP, path)
        if not isinstance(group, h5py.Group):
            raise InputError(f"{str(path)!r} has no group {DATA_GROUP!r}: it is not a STEAD file")
        yield group


def _open(path: Path) -> h5py.File:
    """Open a file for reading, with room for the names of all of STEAD in HDF5's cache."""
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    # As `h5py.File` does itself: objects that are still referred to are closed with the file.
    access.set_fclose_degree(h5py.h5f.CLOSE_STRONG)
    config = access.get_mdc_config()
    config.max_size = CACHE_BYTES
    access.set_mdc_config(config)
    return h5py.File(h5py.h5f.open(os.fsencode(path), h5py.h5f.ACC_RDONLY, access))


def _member(group: h5py.Group, name: str, path: Path) -> h5py.HLObject | None:
    """Return the object of a name, or None; a soft or external link is refused, never followed."""
    try:
        # The link is read first, as `get` follows soft and external links without a word.
        link = group.get(name, getlink=True)
        if link is not None and not isinstance(link, h5py.HardLink):
            raise InputError(f"{str(path)!r} has a link at {name!r}: a trace must be in the file")
        return group.get(name)
    except InputError:
        raise
    except LIBRARY_ERRORS as error:
        raise InputError(f"{str(path)!r} is damaged at {name!r}: {remedy_of(error)}") from error


def dataset_of(group: h5py.Group, name: str) -> h5py.Dataset:
    """Return a trace's dataset, after its shape, type and storage are checked.

    Raises
    ------
    InputError
        It is missing, or its shape, type or storage is not STEAD's.
    """
    path = Path(group.file.filename)
    dataset = _member(group, name, path)
    if not isinstance(dataset, h5py.Dataset):
        raise InputError(f"{str(path)!r} has no trace {name!r}, though its CSV lists it")
    try:
        shape, dtype = dataset.shape, dataset.dtype
    except LIBRARY_ERRORS as error:
        raise InputError(
            f"trace {name!r} in {str(path)!r} is damaged: {remedy_of(error)}"
        ) from error
    if shape != TRACE_SHAPE:
        raise InputError(
            f"trace {name!r} in {str(path)!r} has shape {shape}: STEAD's is {TRACE_SHAPE}"
        )
    if dtype != DTYPE:
        raise InputError(
            f"trace {name!r} in {str(path)!r} is {_type_name(dtype)}: STEAD's waveforms are "
            "float32, rewrite it as such"
        )
    # A path to another file, in a file from anywhere, would read what its author chose.
    if dataset.external or dataset.is_virtual:
        raise InputError(f"trace {name!r} in {str(path)!r} keeps its samples in another file")
    return dataset


def _type_name(dtype: np.dtype) -> str:
    """Return the name of a sample type, and the byte order where nothing else differs.

    >>> _type_name(np.dtype(">f4")), _type_name(np.dtype("c8"))
    ('>f4, float32 in big-endian order', 'complex64')
    """
    is_swapped = dtype.newbyteorder() == DTYPE
    return f"{dtype}, float32 in big-endian order" if is_swapped else str(dtype)
