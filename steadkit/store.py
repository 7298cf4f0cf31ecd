"""STEAD's HDF5: one dataset of (6000, 3) float32 per trace, with its row as attributes."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from steadkit.errors import InputError
from steadkit.schema import DATA_GROUP, TRACE_SHAPE

DIGEST_BYTES = 16
DTYPE = np.dtype("<f4")
TRACE_BYTES = TRACE_SHAPE[0] * TRACE_SHAPE[1] * DTYPE.itemsize


@contextmanager
def open_data(path: Path) -> Iterator[h5py.Group]:
    """Open a STEAD file for reading; yields its ``data`` group.

    Raises
    ------
    InputError
        The file is missing, not HDF5, truncated, or has no such group.
    """
    if not path.is_file():
        raise InputError(f"no file {str(path)!r}: check the name and the folder")
    if not h5py.is_hdf5(path):
        raise InputError(f"{str(path)!r} is not an HDF5 file: STEAD's waveforms are HDF5")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise InputError(
            f"{str(path)!r} cannot be opened, it may be truncated or in use: {error}"
        ) from error
    with file:
        group = _member(file, DATA_GROUP, path)
        if not isinstance(group, h5py.Group):
            raise InputError(f"{str(path)!r} has no group {DATA_GROUP!r}: it is not a STEAD file")
        yield group


def _member(group: h5py.Group, name: str, path: Path) -> h5py.HLObject | None:
    """Get what a name holds, or None; a link out of the file is refused, never followed."""
    try:
        link = group.get(name, getlink=True)
        if link is not None and not isinstance(link, h5py.HardLink):
            raise InputError(f"{str(path)!r} has a link at {name!r}: a trace must be in the file")
        return group.get(name)
    except InputError:
        raise
    except (KeyError, OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{str(path)!r} is damaged at {name!r}: {error}") from error


def dataset_of(group: h5py.Group, name: str) -> h5py.Dataset:
    """Get a trace's dataset, checked to be what STEAD promises.

    Raises
    ------
    InputError
        It is missing, or its shape, type or storage is another.
    """
    path = Path(group.file.filename)
    dataset = _member(group, name, path)
    if not isinstance(dataset, h5py.Dataset):
        raise InputError(f"{str(path)!r} has no trace {name!r}, though its CSV lists it")
    try:
        shape, dtype = dataset.shape, dataset.dtype
    except (TypeError, ValueError, OSError, RuntimeError) as error:
        raise InputError(f"trace {name!r} in {str(path)!r} is damaged: {error}") from error
    if shape != TRACE_SHAPE:
        raise InputError(
            f"trace {name!r} in {str(path)!r} has shape {shape}: STEAD's is {TRACE_SHAPE}"
        )
    if dtype != DTYPE:
        raise InputError(
            f"trace {name!r} in {str(path)!r} is {dtype}: STEAD's waveforms are float32"
        )
    if dataset.external or dataset.is_virtual:
        raise InputError(f"trace {name!r} in {str(path)!r} keeps its samples in another file")
    return dataset


def read_waveform(group: h5py.Group, name: str) -> np.ndarray:
    """Read one waveform, (6000, 3) float32 in counts, components E, N, Z at 100 Hz.

    Raises
    ------
    InputError
        It is missing, damaged, or holds NaN or infinity.
    """
    dataset = dataset_of(group, name)
    try:
        waveform: np.ndarray = dataset[()]
    except (OSError, RuntimeError, ValueError) as error:
        file = group.file.filename
        raise InputError(f"trace {name!r} in {file!r} cannot be read: {error}") from error
    check_finite(waveform, name, group.file.filename)
    return waveform


def check_finite(waveforms: np.ndarray, name: str, file: str | Path) -> None:
    """Refuse samples that are NaN or infinite."""
    # The sum is finite unless a sample is not: one pass and no temporary array.
    with np.errstate(invalid="ignore"):
        finite = np.isfinite(waveforms.sum(dtype=np.float64))
    if not finite:
        raise InputError(
            f"trace {name!r} in {str(file)!r} holds NaN or infinity: leave it out or repair it"
        )


def digest(waveform: np.ndarray) -> str:
    """Identify a waveform by its bytes: BLAKE2b, 16 bytes, as hexadecimal text.

    >>> digest(np.zeros((6000, 3), np.float32))
    'b8d44f9f4ac672060cc0de8302615c14'
    """
    contiguous = np.ascontiguousarray(waveform, DTYPE)
    return hashlib.blake2b(contiguous.data, digest_size=DIGEST_BYTES).hexdigest()


class Writer:
    """Fill a new STEAD file with traces, made or copied.

    Parameters
    ----------
    path
        A file that does not exist yet; stage it with `steadkit.files.staged`.
    """

    def __init__(self, path: Path):
        self._file_name = path.name
        self._file = h5py.File(path, "x")
        self._group = self._file.create_group(DATA_GROUP)

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            self._file.close()
        except RuntimeError as error:  # a full disk, as h5py tells it
            raise OSError(f"{self._file_name!r} cannot be written: {error}") from error

    def add(self, name: str, waveform: np.ndarray, attributes: Mapping[str, object]) -> None:
        """Write a trace with its row of attributes, values of any type HDF5 can hold."""
        dataset = self._group.create_dataset(name, data=np.asarray(waveform, DTYPE))
        for key, value in attributes.items():
            dataset.attrs[key] = value

    def copy(self, group: h5py.Group, name: str) -> str:
        """Copy a trace with all its attributes; returns its digest."""
        waveform = read_waveform(group, name)
        try:
            group.copy(group[name], self._group, name)
        except (OSError, RuntimeError, ValueError) as error:
            file = group.file.filename
            raise InputError(f"trace {name!r} in {file!r} cannot be copied: {error}") from error
        return digest(waveform)


def attributes_of(group: h5py.Group, name: str) -> dict[str, object]:
    """Read a trace's attributes, arrays as lists, in alphabetical order."""
    try:
        attributes = dataset_of(group, name).attrs
        return {key: np.asarray(attributes[key]).tolist() for key in sorted(attributes)}
    except (OSError, RuntimeError, TypeError, KeyError, UnicodeDecodeError) as error:
        file = group.file.filename
        raise InputError(f"attributes of {name!r} in {file!r} cannot be read: {error}") from error


class Waveforms:
    """Read waveforms of one file in any order, many at a time, by their place in the file.

    h5py takes one call and some 130 us a trace; a contiguous dataset's bytes can be read straight
    from its offset in 10 us. Datasets that are chunked or compressed are read with h5py.

    Parameters
    ----------
    path
        A STEAD file.
    names
        The traces, in the order in which `read` numbers them.

    Raises
    ------
    InputError
        The file or one of the traces cannot be used.
    """

    def __init__(self, path: Path, names: Sequence[str]):
        self.path = path
        self.names = list(names)
        size = path.stat().st_size if path.is_file() else 0
        with open_data(path) as group:
            self._offsets = [_offset(dataset_of(group, name), size) for name in self.names]

    def __len__(self) -> int:
        return len(self.names)

    def read(self, indices: Iterable[int]) -> np.ndarray:
        """Read waveforms, shape (len(indices), 6000, 3), float32, counts.

        Raises
        ------
        InputError
            A waveform holds NaN or infinity, or the file has changed meanwhile.
        """
        indices = list(indices)
        batch = np.empty((len(indices), *TRACE_SHAPE), DTYPE)
        by_h5py = self._read_contiguous(indices, batch)
        if by_h5py:
            with open_data(self.path) as group:
                for row in by_h5py:
                    batch[row] = dataset_of(group, self.names[indices[row]])[()]
        if not np.isfinite(batch.sum(dtype=np.float64)):
            for row, index in enumerate(indices):
                check_finite(batch[row], self.names[index], self.path)
        return batch

    def _read_contiguous(self, indices: list[int], batch: np.ndarray) -> list[int]:
        """Fill the rows whose offset is known; returns the other rows."""
        others = []
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            for row, index in enumerate(indices):
                offset = self._offsets[index]
                if offset is None:
                    others.append(row)
                elif os.preadv(descriptor, [batch[row]], offset) != TRACE_BYTES:
                    raise InputError(f"{str(self.path)!r} has become shorter: is it being written?")
        finally:
            os.close(descriptor)
        return others


def _offset(dataset: h5py.Dataset, file_size: int) -> int | None:
    """Where a dataset's bytes begin in the file, or None where they are not in one piece."""
    status = dataset.id.get_space_status()
    # A dataset never written has no place in the file, whatever get_offset says.
    if dataset.chunks is not None or status != h5py.h5d.SPACE_STATUS_ALLOCATED:
        return None
    offset: int | None = dataset.id.get_offset()
    if offset is None or offset + TRACE_BYTES > file_size:
        return None
    return offset
