"""One data set on disk: HDF5, CSV and manifest under one name, written together."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from steadkit.catalog import columns_of, in_order, row_parts, write_csv
from steadkit.console import progress
from steadkit.errors import InputError
from steadkit.files import staged
from steadkit.manifest import Manifest, manifest_of
from steadkit.sources import HDF5_SUFFIXES, Source
from steadkit.store import Writer, open_data

MANIFEST_SUFFIX = ".manifest"


@dataclass(frozen=True)
class DatasetFiles:
    """Where the three files of a data set stand; the HDF5 comes last, so it vouches for all."""

    csv: Path
    manifest: Path
    hdf5: Path

    @property
    def name(self) -> str:
        """What the data set is called."""
        return self.hdf5.stem


def dataset_files(output: Path) -> DatasetFiles:
    """Name the three files after `output`, which may leave out ``.hdf5``.

    >>> dataset_files(Path("half")).manifest.name
    'half.manifest'
    >>> dataset_files(Path("stead-0.05.hdf5")).csv.name
    'stead-0.05.csv'
    """
    if output.suffix in (".csv", MANIFEST_SUFFIX):
        raise InputError(f"output {str(output)!r} must be an HDF5 file: use .hdf5")
    if output.is_dir():
        raise InputError(f"output {str(output)!r} is a folder: name a file in it")
    if not output.name.isprintable():
        raise InputError(f"output name {output.name!r} has characters that cannot be shown")
    hdf5 = output if output.suffix in HDF5_SUFFIXES else output.with_name(output.name + ".hdf5")
    return DatasetFiles(hdf5.with_suffix(".csv"), hdf5.with_suffix(MANIFEST_SUFFIX), hdf5)


@contextmanager
def new_dataset(files: DatasetFiles, overwrite: bool) -> Iterator[DatasetFiles]:
    """Stage the three files of a data set, as `steadkit.files.staged` does."""
    with staged([files.csv, files.manifest, files.hdf5], overwrite) as (csv, manifest, hdf5):
        yield DatasetFiles(csv, manifest, hdf5)


@dataclass(frozen=True)
class Piece:
    """Some traces of one source, in the order of its CSV."""

    source: Source
    names: Sequence[str]


def copy_dataset(
    pieces: Sequence[Piece],
    files: DatasetFiles,
    rows: pd.DataFrame,
    recipe: Mapping[str, object],
    overwrite: bool,
) -> Manifest:
    """Copy traces out of their sources into a new data set.

    Parameters
    ----------
    pieces
        Which traces to copy from where.
    files
        Where the data set shall stand.
    rows
        ``trace_name`` and ``trace_category`` of all traces, in the order of the data set.
    recipe
        What the manifest shall say of how the data set was made.
    overwrite
        Whether existing files may be replaced.

    Raises
    ------
    InputError
        A source or target cannot be used; then no file is left behind.
    """
    _refuse_sources(files, [piece.source for piece in pieces])
    with new_dataset(files, overwrite) as new:
        write_csv(new.csv, *_metadata(pieces, rows["trace_name"]))
        waveforms = _copy_waveforms(pieces, new.hdf5)
        manifest = manifest_of(
            files.name,
            recipe,
            rows["trace_name"],
            rows["trace_category"],
            waveforms=[waveforms[name] for name in rows["trace_name"]],
        )
        new.manifest.write_text(manifest.to_text(), encoding="utf-8", newline="\n")
    return manifest


def _metadata(
    pieces: Sequence[Piece], order: pd.Series
) -> tuple[list[str], Iterable[pd.DataFrame]]:
    """Find the columns, and the rows in the order wanted.

    Rows that stand in the order of the sources, as in a merge, are streamed, not held.
    """
    columns = in_order(name for piece in pieces for name in columns_of(piece.source.csv))
    parts = (part for piece in pieces for part in row_parts(piece.source.csv, piece.names))
    if list(order) == [name for piece in pieces for name in piece.names]:
        return columns, parts
    table = pd.concat(list(parts)).set_index("trace_name", drop=False)
    return columns, [table.loc[list(order)]]


def _copy_waveforms(pieces: Sequence[Piece], target: Path) -> dict[str, str]:
    """Copy in the order of the names, so that the bytes do not depend on that of the sources."""
    digests = {}
    jobs = sorted((name, number) for number, piece in enumerate(pieces) for name in piece.names)
    with ExitStack() as stack:
        writer = stack.enter_context(Writer(target))
        groups = [stack.enter_context(open_data(piece.source.hdf5)) for piece in pieces]
        for name, number in progress(jobs, f"copying to {target.name}"):
            digests[name] = writer.copy(groups[number], name)
    return digests


def _refuse_sources(files: DatasetFiles, sources: Sequence[Source]) -> None:
    """Refuse to write over a file that is being read, even with --overwrite."""
    targets = {path.resolve() for path in (files.csv, files.manifest, files.hdf5)}
    for source in sources:
        for path in (source.csv, source.hdf5):
            if path.resolve() in targets:
                raise InputError(f"{str(path)!r} is a source: choose another name for the output")
