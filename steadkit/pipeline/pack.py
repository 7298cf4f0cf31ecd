"""Traces packed into one contiguous file, which a stream reads from front to back.

Chunked or compressed data, several files and SeisBench's format are converted once to STEAD's
layout: float32, contiguous, in the order of the requested traces.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from steadkit.atomic import input_scope
from steadkit.dataset_files import DatasetFiles, copy_rows, dataset_files, key_table
from steadkit.errors import InputError
from steadkit.manifest import Manifest, load
from steadkit.sources import Source, source_from_path

OPERATION = "pack"


def pack_dataset(
    data: Path | Sequence[Path], target: Path, traces: Sequence[str] | Manifest | None = None
) -> Path:
    """Pack traces into a data set, unless an up-to-date pack exists.

    Parameters
    ----------
    data
        STEAD files, or the folder of a SeisBench data set, which is converted completely
        (`steadkit.convert.from_seisbench`).
    target
        The HDF5 file to write, with CSV and manifest next to it. A pack of other traces, or older
        than a change of the data, is written again; any other file is never replaced.
    traces
        Which traces, in their order; all by default.

    Returns
    -------
    Path
        The HDF5 file.

    Raises
    ------
    InputError
        The data or a trace cannot be used, or `target` is something else than a pack.
    """
    files = dataset_files(target)
    if isinstance(data, Path) and data.is_dir():
        return _convert_seisbench(data, files)
    sources = [source_from_path(path) for path in ([data] if isinstance(data, Path) else data)]
    rows = _selected_rows(sources, traces)
    recipe = {"operation": OPERATION, "of": [_fingerprint(source.hdf5) for source in sources]}
    existing = _existing_pack(files)
    if (
        existing is None
        or existing.recipe != recipe
        or list(existing.traces) != rows["trace_name"].tolist()
    ):
        copy_rows(sources, files, rows, recipe, overwrite=existing is not None)
    return files.hdf5


def _convert_seisbench(folder: Path, files: DatasetFiles) -> Path:
    # Imported here, because the readers of other formats take long to load.
    from steadkit.convert import from_seisbench
    from steadkit.convert.seisbench_files import find_chunks

    used = [path for chunk in find_chunks(folder) for path in (chunk.metadata, chunk.waveforms)]
    if files.hdf5.exists():
        with input_scope(is_separate=True):
            present = load(files.manifest)
        if present.recipe.get("operation") != "from-seisbench":
            raise InputError(f"{str(files.hdf5)!r} is no conversion: choose another name")
        converted_ns = files.hdf5.stat().st_mtime_ns
        # Strictly older: a file written in the same tick may have changed after it was read.
        if all(path.stat().st_mtime_ns < converted_ns for path in used):
            return files.hdf5
    from_seisbench(folder, files, overwrite=files.hdf5.exists())
    return files.hdf5


def _existing_pack(files: DatasetFiles) -> Manifest | None:
    """Return the manifest of an existing pack; refuse files that are no pack."""
    present = [path for path in (files.hdf5, files.csv, files.manifest) if path.exists()]
    if not present:
        return None
    # A scope of its own: the manifest of a pack is read, but may be replaced afterwards.
    with input_scope(is_separate=True):
        manifest = load(files.manifest) if files.manifest.exists() else None
    if manifest is None or manifest.recipe.get("operation") != OPERATION:
        raise InputError(f"{str(present[0])!r} is not a pack of ours: choose another name")
    # With one of the three files missing, the pack cannot be used but may be replaced.
    return manifest if len(present) == 3 else Manifest(files.name, {}, [], {})


def _selected_rows(
    sources: Sequence[Source], traces: Sequence[str] | Manifest | None
) -> pd.DataFrame:
    rows = key_table(sources)
    if traces is None:
        return rows
    names = list(traces.traces if isinstance(traces, Manifest) else traces)
    row_numbers = pd.Index(rows["trace_name"]).get_indexer(pd.Index(names))
    if (row_numbers < 0).any() or not names:
        missing = next(
            (name for name, index in zip(names, row_numbers, strict=True) if index < 0),
            None,
        )
        raise InputError(f"there is no trace {missing!r} in {', '.join(map(str, sources))}")
    return rows.iloc[row_numbers]


def _fingerprint(path: Path) -> list[object]:
    """Return name, size and modification time, by which a changed file is noticed."""
    status = path.stat()
    return [path.name, status.st_size, status.st_mtime_ns]
