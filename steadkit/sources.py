"""STEAD files of a command: those named, else those in this folder or in $STEAD_DIR."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from steadkit.atomic import note_input
from steadkit.errors import InputError
from steadkit.paths import is_file, require_file

HDF5_SUFFIXES = (".hdf5", ".h5")


@dataclass(frozen=True)
class Source:
    """One STEAD file: waveforms and attributes in `hdf5`, the metadata table in `csv`."""

    hdf5: Path
    csv: Path

    def __str__(self) -> str:
        return self.hdf5.name


def find_sources(
    paths: Sequence[Path],
    environ: Mapping[str, str] = os.environ,
    require_hdf5: bool = True,
    chunks_only: bool = False,
) -> list[Source]:
    """Resolve the user's paths to existing STEAD files.

    Parameters
    ----------
    paths
        HDF5 or CSV files. None at all means ``merge.hdf5``, else ``chunk*.hdf5``, in the
        current folder, else in ``$STEAD_DIR``.
    environ
        Where ``STEAD_DIR`` is looked up.
    require_hdf5
        Whether the HDF5 files must exist; else the CSV files suffice.
    chunks_only
        Whether a default must be the chunks, never ``merge.hdf5``.

    Raises
    ------
    InputError
        A file is missing, named twice or of an unknown kind, or there is no default.
    """
    paths = paths or _default_paths(environ, ".hdf5" if require_hdf5 else ".csv", chunks_only)
    sources = [source_from_path(path, require_hdf5) for path in paths]
    csv_paths: set[Path] = set()
    for source in sources:
        if source.csv.resolve() in csv_paths:
            raise InputError(f"{str(source.csv)!r} is named twice: name each file once")
        csv_paths.add(source.csv.resolve())
    return sources


def source_from_path(path: Path, require_hdf5: bool = True) -> Source:
    """Pair an HDF5 file with the CSV next to it, or a CSV with its HDF5 file.

    Raises
    ------
    InputError
        One of the two is missing, or `path` is neither.
    """
    if path.is_dir():
        raise InputError(f"{str(path)!r} is a folder: name the HDF5 file in it")
    if path.suffix in HDF5_SUFFIXES:
        source = Source(path, path.with_suffix(".csv"))
    elif path.suffix == ".csv":
        source = Source(_hdf5_of(path), path)
    else:
        raise InputError(f"{str(path)!r} is neither .hdf5, .h5 nor .csv: name a STEAD file")
    for file, is_required in ((path, True), (source.csv, True), (source.hdf5, require_hdf5)):
        if is_required:
            require_file(file, _missing(file, path))
    note_input(source.hdf5, source.csv)
    return source


def _hdf5_of(csv: Path) -> Path:
    candidates = [csv.with_suffix(suffix) for suffix in HDF5_SUFFIXES]
    return next((path for path in candidates if path.exists()), candidates[0])


def _missing(file: Path, named_path: Path) -> str:
    if file == named_path:
        return f"no file {str(file)!r}: check the name and the folder"
    beside = str(named_path)
    return f"no {file.name!r} beside {beside!r}: STEAD needs the CSV and the HDF5 side by side"


def _default_paths(environ: Mapping[str, str], suffix: str, chunks_only: bool) -> list[Path]:
    folders = [Path()]
    if environ.get("STEAD_DIR"):
        folders.append(Path(environ["STEAD_DIR"]))
    for folder in folders:
        merged = folder / f"merge{suffix}"
        if not chunks_only and is_file(merged):
            return [merged]
        if chunks := sorted(folder.glob(f"chunk*{suffix}"), key=_chunk_order):
            return chunks
    expected_names = f"chunk*{suffix}" if chunks_only else f"merge{suffix} or chunk*{suffix}"
    raise InputError(
        f"no {expected_names} in the current folder or $STEAD_DIR "
        f"({environ.get('STEAD_DIR') or 'not set'}): name the files or set STEAD_DIR"
    )


def _chunk_order(path: Path) -> tuple[int, str]:
    """Return a sort key that puts chunk10 after chunk9."""
    number = path.stem.removeprefix("chunk")
    return (int(number) if number.isdecimal() else 0, path.name)
