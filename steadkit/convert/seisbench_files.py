"""Reader of SeisBench's format: chunks of a folder, layout of the samples, samples of a trace.

Source: *The SeisBench Data Format* in SeisBench's documentation, and its reader's behaviour where
the text leaves it open: ``metadata<chunk>.csv`` next to ``waveforms<chunk>.hdf5``, the chunks
listed in a file ``chunks`` or found by the file names, samples at ``data/<block>`` under the slice
that follows ``$`` in the trace's name, and a group ``data_format`` that names the dimensions.
"""

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import h5py
import numpy as np

from steadkit.errors import InputError, damage_remedy
from steadkit.paths import is_file, require_file
from steadkit.records.resample import UnusableError, component_indices, is_known_order
from steadkit.schema import COMPONENTS
from steadkit.types import parse_number

MAX_SAMPLES: Final = 2**24
"""Largest number of values of one record, all components together."""

MAX_LINKS: Final = 16
"""Largest number of soft links on the path of an object, as in HDF5: ends circular links."""

_CHUNK = re.compile(r"[\w.+-]*")
_SLICE = re.compile(r"-?\d{1,12}|(-?\d{1,12})?:(-?\d{1,12})?")


@dataclass(frozen=True)
class Chunk:
    """One pair of files of a SeisBench data set."""

    name: str
    metadata: Path
    waveforms: Path


@dataclass(frozen=True)
class Layout:
    """Layout of the samples of a chunk, from its ``data_format``.

    Parameters
    ----------
    dimensions
        Letters of the axes; ``C`` components, ``W`` samples.
    components
        Component letters in the order of the samples; empty where each row has them.
    sampling_rate
        In Hz, or None where each row has it.
    entries
        Other entries, measurement and unit for example, as text.
    """

    dimensions: Sequence[str]
    components: Sequence[str] = ()
    sampling_rate: float | None = None
    entries: Mapping[str, str] = field(default_factory=dict)


def find_chunks(folder: Path) -> list[Chunk]:
    """List the chunks of a data set in the order of their names.

    Raises
    ------
    InputError
        The folder or a file of a chunk is missing.
    """
    if not folder.is_dir():
        raise InputError(f"no folder {str(folder)!r}: name the folder of a SeisBench data set")
    chunks = [
        Chunk(name, folder / f"metadata{name}.csv", folder / f"waveforms{name}.hdf5")
        for name in _chunk_names(folder)
    ]
    for chunk in chunks:
        for path in (chunk.metadata, chunk.waveforms):
            require_file(path, f"no {path.name!r} in {str(folder)!r}: SeisBench needs the pair")
    return chunks


def _chunk_names(folder: Path) -> list[str]:
    # The list of chunks, else the pair without a name, else every pair that there is.
    names = _read_chunk_list(folder / "chunks")
    if not names and (folder / "waveforms.hdf5").exists():
        names = [""]
    elif not names:
        names = [p.name[len("metadata") : -len(".csv")] for p in folder.glob("metadata*.csv")]
    if not names:
        raise InputError(
            f"{str(folder)!r} has no metadata*.csv: it is not a SeisBench data set, name another"
        )
    # The name becomes part of a path, so it may hold no separator.
    if invalid := [name for name in names if not _CHUNK.fullmatch(name)]:
        raise InputError(f"{str(folder)!r} names a chunk {invalid[0][:60]!r}: use a plain name")
    return sorted(set(names))


def _read_chunk_list(path: Path) -> list[str]:
    if not is_file(path):
        return []
    try:
        return [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise InputError(f"{str(path)!r} is not a list of chunks: save it as UTF-8") from error


@contextmanager
def open_chunk(chunk: Chunk) -> Iterator["ChunkReader"]:
    """Open the waveforms of a chunk for reading.

    Raises
    ------
    InputError
        The file is damaged, or its ``data_format`` cannot be used.
    """
    path = chunk.waveforms
    if not h5py.is_hdf5(path):
        raise InputError(f"{str(path)!r} is not an HDF5 file: SeisBench's waveforms are HDF5")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise InputError(
            f"{str(path)!r} cannot be opened, it may be cut short: {damage_remedy(error)}"
        ) from error
    with file:
        data = _get_object(file, "data")
        if not isinstance(data, h5py.Group):
            raise InputError(f"{str(path)!r} has no group 'data': it is not of SeisBench's format")
        yield ChunkReader(data, _layout(file, path))


def _get_object(group: h5py.Group, name: str) -> h5py.HLObject | None:
    """Return the object at a path within a group; None if missing, damaged or in another file.

    Soft links are followed, since they stay in the file: CEED's ``data`` is one to the root. They
    are resolved here step by step, because h5py would also follow an external link on the path.
    """
    node: h5py.HLObject = group
    steps, n_links = deque(name.split("/")), 0
    try:
        while steps:
            step = steps.popleft()
            if not step or not isinstance(node, h5py.Group):
                return None
            link = node.get(step, getlink=True)
            if isinstance(link, h5py.SoftLink) and n_links < MAX_LINKS:
                n_links += 1
                node = node.file["/"] if link.path.startswith("/") else node
                steps.extendleft(reversed([s for s in link.path.split("/") if s not in ("", ".")]))
            elif isinstance(link, h5py.HardLink):
                node = node.get(step)
            else:
                return None
    # h5py raises any of these on a damaged object.
    except (KeyError, OSError, RuntimeError, TypeError, ValueError):
        return None
    return node


def _layout(file: h5py.File, path: Path) -> Layout:
    group = _get_object(file, "data_format")
    keys = list(group) if isinstance(group, h5py.Group) else []
    values = {
        key: _format_value(_get_object(group, key)) for key in keys if isinstance(group, h5py.Group)
    }
    dimensions = values.pop("dimension_order", ["C", "W"])
    components = values.pop("component_order", [])
    rate = " ".join(values.pop("sampling_rate", []))
    if sorted(dimensions) != ["C", "W"]:
        raise InputError(
            f"{str(path)!r} has dimension order {''.join(dimensions)[:20]!r}: only CW and WC hold "
            "one trace each"
        )
    try:
        sampling_rate = parse_number(rate) if rate else None
    except ValueError as error:
        raise InputError(f"{str(path)!r} has sampling rate {rate[:20]!r}: give it in Hz") from error
    entries = {key: "".join(value)[:200] for key, value in sorted(values.items())}
    return Layout(tuple(dimensions), tuple(components), sampling_rate, entries)


def _format_value(entry: h5py.HLObject | None) -> list[str]:
    """Read an entry of ``data_format``: a text letter by letter, a list, or a number."""
    # External and virtual data sets have their values in other files.
    if not isinstance(entry, h5py.Dataset) or entry.external or entry.is_virtual:
        return []
    # An entry is a word or a number: a larger array is not read into memory.
    if entry.size is None or entry.size > 1000:
        return []
    try:
        content = np.asarray(entry[()])
    except (OSError, RuntimeError, TypeError, ValueError):
        return []
    texts = [
        value.decode(errors="replace") if isinstance(value, bytes) else str(value)
        for value in content.ravel().tolist()
    ]
    is_text = content.dtype.kind in "OSU"
    return list(texts[0]) if is_text and content.ndim == 0 else texts


class ChunkReader:
    """Reader of the samples of one open chunk.

    Parameters
    ----------
    data
        Group ``data`` of the file.
    layout
        Layout of the samples.
    """

    def __init__(self, data: h5py.Group, layout: Layout):
        self._data = data
        self.layout = layout
        self._block: tuple[str, h5py.Dataset | None] = ("", None)

    def read(self, trace_name: str, components: Sequence[str] = ()) -> np.ndarray:
        """Read one trace.

        Parameters
        ----------
        trace_name
            ``block$slice``, or the name of a dataset.
        components
            Component letters of the row, where it has them.

        Returns
        -------
        numpy.ndarray
            Shape (n, 3), E, N, Z, zeros for a missing one; of the stored type.

        Raises
        ------
        UnusableError
            The samples are missing, or do not fit the layout.
        """
        block, _, location = trace_name.partition("$")
        stored = self._read(self._dataset(block), location)
        if self.layout.dimensions[0] == "C":
            stored = stored.T
        letters = components or self.layout.components
        if len(letters) < stored.shape[1]:
            # CEED has rows of zeros for components that are missing, and does not name them.
            stored = stored[:, stored.any(axis=0)]
        if len(letters) != stored.shape[1]:
            raise UnusableError("a component order that does not fit the samples")
        if not is_known_order(letters):
            raise UnusableError("a component order that is not known")
        chosen = component_indices(list(letters))
        if chosen == [None] * len(COMPONENTS):
            raise UnusableError("none of the components E, N and Z")
        samples = np.zeros((len(stored), len(COMPONENTS)), stored.dtype)
        for column, index in enumerate(chosen):
            if index is not None:
                samples[:, column] = stored[:, index]
        return samples

    def max_samples(self, trace_name: str) -> int:
        """Return the number of samples of a trace, or of the longest one in its block.

        Raises
        ------
        UnusableError
            The file has no such block.
        """
        shape = self._dataset(trace_name.partition("$")[0]).shape or (0,)
        # A block has traces, components and samples; a trace alone has the latter two.
        return int(max(shape[-2:]))

    def _dataset(self, block: str) -> h5py.Dataset:
        # The latest block stays open, as the traces of a bucket mostly follow one another.
        if self._block[0] != block or self._block[1] is None:
            dataset = _get_object(self._data, block)
            if not isinstance(dataset, h5py.Dataset) or dataset.external or dataset.is_virtual:
                raise UnusableError("no samples of that name in the file")
            self._block = (block, dataset)
        return self._block[1]

    def _read(self, dataset: h5py.Dataset, location: str) -> np.ndarray:
        try:
            indices = parse_slice(location, dataset.shape or ())
            stored: np.ndarray = dataset[indices]
        except (OSError, RuntimeError, TypeError, ValueError, IndexError) as error:
            if isinstance(error, UnusableError):
                raise
            raise UnusableError("samples that cannot be read") from error
        if stored.dtype.kind == "c":
            raise UnusableError("samples that are complex numbers")
        if stored.ndim != 2 or stored.dtype.kind not in "iuf" or not stored.size:
            raise UnusableError("samples that are not components by time")
        return stored


def parse_slice(location: str, shape: Sequence[int]) -> tuple[int | slice, ...]:
    """Parse a slice such as ``17,:3,:6000`` into indices within the bounds of a shape.

    Raises
    ------
    UnusableError
        The text is malformed or out of bounds, or selects more than `MAX_SAMPLES`.
    >>> parse_slice("17,:3,:6000", (60, 3, 6200))
    (17, slice(0, 3, 1), slice(0, 6000, 1))
    """
    axes = location.replace(" ", "").split(",") if location.strip() else []
    if len(axes) > len(shape) or not all(_SLICE.fullmatch(axis) for axis in axes):
        raise UnusableError("a place in its block that cannot be read")
    axes += [":"] * (len(shape) - len(axes))
    indices = tuple(_parse_axis(axis, size) for axis, size in zip(axes, shape, strict=True))
    # In floating point: a hostile shape could overflow an integer product.
    count = np.prod(
        [len(range(i.start, i.stop)) for i in indices if isinstance(i, slice)], dtype=float
    )
    if count > MAX_SAMPLES:
        raise UnusableError("more samples than a record has")
    return indices


def _parse_axis(text: str, size: int) -> int | slice:
    first, colon, last = text.partition(":")
    if not colon:
        index = int(first)
        if not -size <= index < size:
            raise UnusableError("a place beyond its block")
        return index % size
    bounds = slice(int(first) if first else None, int(last) if last else None).indices(size)
    return slice(*bounds)
