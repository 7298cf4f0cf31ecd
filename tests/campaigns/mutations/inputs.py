"""Sound data sets to be mutated: two of simulated traces, the HDF5 in five styles."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from steadkit.dataset_files import dataset_files
from steadkit.demo import demo
from steadkit.merge import merge
from steadkit.sources import source_from_path

EVENTS, NOISE = 6, 3

STYLES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "ours": ({}, {}),
    "h5py": ({}, {}),
    "latest": ({"libver": "latest"}, {}),
    "chunked": ({}, {"chunks": (1000, 3), "compression": "gzip"}),
    "user block": ({"userblock_size": 1024}, {}),
}
"""How h5py writes the file, and its datasets; ``ours`` is left as steadkit wrote it."""


@dataclass(frozen=True)
class Inputs:
    """Where the sound files of one style are, and which of their bytes are no samples."""

    style: str
    folder: Path
    structure: tuple[tuple[int, int], ...]
    """Ranges of ``a.hdf5``: headers, names, attributes and the like."""


def make_inputs(folder: Path) -> list[Inputs]:
    """Write ``a`` and ``b`` (HDF5, CSV and manifest) in every style, a folder a style."""
    for seed, name in enumerate("ab"):
        simulated = folder / f"simulated-{name}"
        demo(simulated, EVENTS, NOISE, seed, overwrite=False)
        chunks = [source_from_path(path) for path in sorted(simulated.glob("chunk*.hdf5"))]
        merge(chunks, dataset_files(folder / f"{name}.hdf5"))
    return [_in_style(folder, style) for style in STYLES]


def _in_style(folder: Path, style: str) -> Inputs:
    home = folder / style
    home.mkdir()
    for name in "ab":
        shutil.copy(folder / f"{name}.csv", home)
        if style == "ours":
            shutil.copy(folder / f"{name}.hdf5", home)
        else:
            _rewrite(folder / f"{name}.hdf5", home / f"{name}.hdf5", style)
        # The manifest that steadkit itself makes of a file written by others.
        made = home / "made"
        made.mkdir()
        merge([source_from_path(home / f"{name}.hdf5")], dataset_files(made / f"{name}.hdf5"))
        (made / f"{name}.manifest").rename(home / f"{name}.manifest")
        shutil.rmtree(made)
    return Inputs(style, home, structure_of(home / "a.hdf5"))


def _rewrite(original: Path, target: Path, style: str) -> None:
    of_file, of_dataset = STYLES[style]
    with h5py.File(original) as source, h5py.File(target, "w", **of_file) as file:
        for name, dataset in source["data"].items():
            copy = file.create_dataset(f"data/{name}", data=dataset[()], **of_dataset)
            for key, value in dataset.attrs.items():
                copy.attrs[key] = value


def structure_of(path: Path) -> tuple[tuple[int, int], ...]:
    """List the ranges of a file's bytes, start and end, that hold no samples."""
    with h5py.File(path) as file:
        shift = file.userblock_size
        samples = sorted(
            (shift + start, shift + start + size)
            for dataset in file["data"].values()
            for start, size in _samples_of(dataset)
        )
    ranges, position = [], 0
    for start, end in [*samples, (path.stat().st_size,) * 2]:
        if start > position:
            ranges.append((position, start))
        position = max(position, end)
    return tuple(ranges)


def _samples_of(dataset: h5py.Dataset) -> list[tuple[int, int]]:
    if dataset.chunks is None:
        return [(dataset.id.get_offset() - dataset.file.userblock_size, dataset.nbytes)]
    chunks = (dataset.id.get_chunk_info(i) for i in range(dataset.id.get_num_chunks()))
    return [(chunk.byte_offset, chunk.size) for chunk in chunks]
