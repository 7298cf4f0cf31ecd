"""Files of one data set: HDF5, CSV and manifest of one name, written atomically together."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from steadkit.atomic import atomic_write, check_targets, input_scope, note_input
from steadkit.atomic.kinds import DATA, MANIFEST, TRACES
from steadkit.capacity import TRACE_DISK_BYTES, require_disk
from steadkit.catalog import KEY_COLUMNS, read_tables
from steadkit.catalog.spool import write_rows
from steadkit.errors import InputError
from steadkit.manifest import Digests, Manifest, manifest_of
from steadkit.paths import refuse_name
from steadkit.sources import HDF5_SUFFIXES, Source
from steadkit.store import ATTRIBUTES_DIGEST, WAVEFORM_DIGEST, CopyPlan, copy_traces

MANIFEST_SUFFIX = ".manifest"


@dataclass(frozen=True)
class DatasetFiles:
    """Paths of the three files of a data set; the HDF5 file is renamed last, so it implies all."""

    csv: Path
    manifest: Path
    hdf5: Path

    @property
    def name(self) -> str:
        """Name of the data set."""
        return self.hdf5.stem


def dataset_files(output: Path) -> DatasetFiles:
    """Return the three paths of an output name, with or without ``.hdf5``.

    >>> dataset_files(Path("half")).manifest.name
    'half.manifest'
    >>> dataset_files(Path("stead-0.05.hdf5")).csv.name
    'stead-0.05.csv'
    """
    if output.suffix in (".csv", MANIFEST_SUFFIX):
        raise InputError(f"output {str(output)!r} must be an HDF5 file: use .hdf5")
    refuse_name(output)
    if not output.name.isprintable():
        raise InputError(f"output name {output.name!r} has characters that cannot be shown")
    hdf5 = output if output.suffix in HDF5_SUFFIXES else output.with_name(output.name + ".hdf5")
    return DatasetFiles(hdf5.with_suffix(".csv"), hdf5.with_suffix(MANIFEST_SUFFIX), hdf5)


KINDS = (TRACES, MANIFEST, DATA)
"""Types of the three files, in the order in which they are staged."""


def journal_of(hdf5: Path) -> Path:
    """Return the path of the journal next to a copy, which records its progress."""
    return hdf5.with_name(f"{hdf5.name}.journal")


def check_dataset(files: DatasetFiles, overwrite: bool, sources: Sequence[Source] = ()) -> None:
    """Refuse targets that `new_dataset` could not write, before any work."""
    for source in sources:
        note_input(source.csv, source.hdf5)
    check_targets([files.csv, files.manifest, files.hdf5], overwrite, KINDS)


@contextmanager
def new_dataset(
    files: DatasetFiles, overwrite: bool, keep: Sequence[str] = ()
) -> Iterator[DatasetFiles]:
    """Stage the three files of a data set, as `steadkit.atomic.atomic_write` does.

    Staging names derive from the CSV, which ``a.hdf5`` and ``a.h5`` share.
    """
    targets = [files.csv, files.manifest, files.hdf5]
    with atomic_write(targets, overwrite, keep, KINDS) as (csv, manifest, hdf5):
        yield DatasetFiles(csv, manifest, hdf5)


def key_table(sources: Sequence[Source], require_unique: bool = True) -> pd.DataFrame:
    """Read which traces some sources hold: name, category, number of the source, and row in it.

    Raises
    ------
    InputError
        A CSV cannot be used, or a trace is in two of them and may not be.
    """
    csv_files = [source.csv for source in sources]
    return read_tables(csv_files, [KEY_COLUMNS] * len(sources), require_unique=require_unique)


@input_scope()
def copy_rows(
    sources: Sequence[Source],
    files: DatasetFiles,
    rows: pd.DataFrame,
    recipe: Mapping[str, object],
    overwrite: bool,
    splits: Sequence[str] = (),
    check: Callable[[str, bytes, bytes], object] | None = None,
    check_csv: Callable[[str], object] | None = None,
) -> Manifest:
    """Copy traces from their sources into a new data set, or resume an interrupted copy.

    Parameters
    ----------
    sources
        Files of the traces.
    files
        Files to write.
    rows
        The traces in the order of the data set: ``trace_name``, ``trace_category``, ``source``
        (index in `sources`) and ``row`` (index of its row in the CSV).
    recipe
        Provenance of the data set, for the manifest.
    overwrite
        Whether existing files may be replaced.
    splits
        The split of each trace: train, validation or test.
    check
        Called with name, waveform digest and attributes digest of every trace; may raise.
    check_csv
        Called with the digest of the CSV's cells before any trace is copied; may raise.

    Raises
    ------
    InputError
        A source or target cannot be used; then no file is left behind.
    """
    for source in sources:
        note_input(source.hdf5, source.csv)
    names = rows["trace_name"].tolist()
    order = CopyPlan([source.hdf5 for source in sources], names, rows["source"].to_numpy())
    with new_dataset(files, overwrite, keep=(files.hdf5.name, journal_of(files.hdf5).name)) as new:
        # What an interrupted copy has written already needs no further space.
        staged_bytes = new.hdf5.stat().st_size if new.hdf5.exists() else 0
        n_bytes = len(names) * TRACE_DISK_BYTES - staged_bytes
        require_disk(files.hdf5.parent, n_bytes, f"a copy of {len(names):,} traces")
        # The CSV is written in a thread while the waveforms are copied.
        with ThreadPoolExecutor(1) as executor:
            csv_digest = executor.submit(
                write_rows, [source.csv for source in sources], rows, new.csv
            )
            if check_csv is not None:
                check_csv(csv_digest.result())
            copied = copy_traces(order, new.hdf5, journal_of(new.hdf5), check)
            csv = csv_digest.result()
        waveforms = Digests(copied.waveforms, WAVEFORM_DIGEST)
        attributes = Digests(copied.attributes, ATTRIBUTES_DIGEST)
        manifest = manifest_of(
            files.name, recipe, names, rows["trace_category"], splits, waveforms, attributes, csv
        )
        manifest.write(new.manifest)
    return manifest
