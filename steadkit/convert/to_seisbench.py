"""Export of STEAD files as a data set in SeisBench's format, which `seisbench` opens directly."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import h5py
import numpy as np
import pandas as pd

from steadkit.atomic import atomic_write, check_targets, input_scope, note_input
from steadkit.capacity import TRACE_DISK_BYTES, require_disk
from steadkit.catalog import KEY_COLUMNS, columns_of, iter_rows_named, read_table, write_csv
from steadkit.console import ProgressBar
from steadkit.convert.dataset_writer import new_folder
from steadkit.convert.seisbench_columns import SPLITS, seisbench_names
from steadkit.dataset_files import MANIFEST_SUFFIX
from steadkit.errors import InputError
from steadkit.hdf5.direct_io import preallocate
from steadkit.hdf5.readahead import consecutive_ranges
from steadkit.manifest import UNKNOWN, load
from steadkit.paths import is_file
from steadkit.schema import COMPONENTS, DATA_GROUP, N_SAMPLES, SAMPLING_RATE
from steadkit.sources import Source
from steadkit.store import DTYPE, TRACE_BYTES, Reader, check_finite, locate, open_data, scan
from steadkit.store.scanner import BATCH_TRACES

BUCKET_TRACES: Final = 1024
"""Traces per bucket, as in SeisBench's own writer."""

COMPONENT_ORDER: Final = "ZNE"

FORMAT: Final[Mapping[str, str]] = {
    "dimension_order": "CW",
    "component_order": COMPONENT_ORDER,
    "measurement": "velocity",
    "unit": "counts",
    "instrument_response": "not restituted",
}
"""Entries of ``data_format`` in SeisBench's own copy of STEAD."""

OVERHEAD_BYTES: Final = 1 << 16
"""Largest size of a file without its traces."""

OPERATION: Final = "from-seisbench"


@input_scope()
def to_seisbench(
    sources: Sequence[Source], folder: Path, bucket: int = BUCKET_TRACES, overwrite: bool = False
) -> int:
    """Write STEAD files as a SeisBench data set; each of several files becomes a chunk.

    All samples and columns are kept. The splits of a manifest next to a file become the column
    ``split``, and each split has separate buckets, so that it can be read without the others.

    Parameters
    ----------
    sources
        STEAD files with no trace in common.
    folder
        Target of ``metadata*.csv`` and ``waveforms*.hdf5``; made if it does not exist.
    bucket
        Number of traces packed into one array; 0 for one array per trace, named after it.
    overwrite
        Whether existing files may be replaced.

    Returns
    -------
    int
        Number of traces written.

    Raises
    ------
    InputError
        A source or target cannot be used; then no file is left behind.
    """
    names = _chunk_names(sources)
    pairs = [(f"metadata{name}.csv", f"waveforms{name}.hdf5") for name in names]
    paths = [folder / file_name for pair in pairs for file_name in pair]
    if len(names) > 1:
        paths.insert(0, folder / "chunks")
    for source in sources:
        note_input(source.csv, source.hdf5)
    if folder.is_dir():
        check_targets(paths, overwrite)
    data_format = _data_format(sources[0])
    total = sum(len(read_table(source.csv, KEY_COLUMNS)) for source in sources)
    require_disk(folder, total * TRACE_BYTES, f"a copy of {total:,} traces")
    with new_folder(folder), atomic_write(paths, overwrite) as staging:
        count, staged = 0, staging[-2 * len(names) :]
        for source, metadata, waveforms in zip(sources, staged[::2], staged[1::2], strict=True):
            count += _write_chunk(source, bucket, data_format, metadata, waveforms)
        if len(names) > 1:
            staging[0].write_text("\n".join(names) + "\n", encoding="utf-8", newline="\n")
    return count


def _chunk_names(sources: Sequence[Source]) -> list[str]:
    if len(sources) == 1:
        return [""]
    names = [f"_{source.hdf5.stem}" for source in sources]
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise InputError(f"two sources are called {repeated[0][1:]!r}: merge them first")
    return names


def _data_format(source: Source) -> dict[str, str]:
    """Return `FORMAT`, updated from the manifest of data imported from SeisBench's format."""
    path = source.hdf5.with_suffix(MANIFEST_SUFFIX)
    recipe = load(path).recipe if is_file(path) else {}
    imported = recipe.get("data_format") if recipe.get("operation") == OPERATION else None
    entries = imported if isinstance(imported, dict) else {}
    return dict(FORMAT) | {key: str(entries[key]) for key in FORMAT if key in entries}


def _write_chunk(
    source: Source, bucket: int, data_format: Mapping[str, str], metadata: Path, waveforms: Path
) -> int:
    table = read_table(source.csv, KEY_COLUMNS)
    splits = _splits(source, table["trace_name"])
    columns = seisbench_names(columns_of(source.csv))
    header = ["trace_name", *columns.values()]
    if "split" not in header and any(splits.values()):
        header.append("split")
    with open_data(source.hdf5) as group, _new_file(waveforms, len(table)) as file:
        _write_format(file, data_format)
        writer = _BucketWriter(file.create_group(DATA_GROUP), bucket, Counter(splits.values()))
        rows = _copy_traces(source, group, writer, splits, columns)
        write_csv(metadata, header, rows)
    return len(table)


@contextmanager
def _new_file(path: Path, n_traces: int) -> Iterator[h5py.File]:
    """Create an HDF5 file on preallocated disk space, truncated to its final size on exit.

    A full disk must show before HDF5 writes: the library ends the process with a segmentation fault
    when it closes a file whose last bytes it could not write.
    """
    with h5py.File(path, "x") as file:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            preallocate(descriptor, 0, OVERHEAD_BYTES + n_traces * TRACE_DISK_BYTES)
        finally:
            os.close(descriptor)
        yield file
        file.flush()
        n_bytes = file.id.get_filesize()
    os.truncate(path, n_bytes)


def _write_format(file: h5py.File, data_format: Mapping[str, str]) -> None:
    group = file.create_group("data_format")
    for key, text in data_format.items():
        group.create_dataset(key, data=text)
    group.create_dataset("sampling_rate", data=int(SAMPLING_RATE))


def _splits(source: Source, names: pd.Series) -> dict[str, str]:
    """Return the split of every trace from the manifest next to the file; ``""`` for none."""
    path = source.hdf5.with_suffix(MANIFEST_SUFFIX)
    if not is_file(path):
        return dict.fromkeys(names, "")
    manifest = load(path)
    seisbench_split = {split: name for name, split in SPLITS.items()}
    splits = manifest.splits or [UNKNOWN] * len(manifest.traces)
    listed = {
        name: seisbench_split.get(split, "")
        for name, split in zip(manifest.traces, splits, strict=True)
    }
    if unlisted := [name for name in names if name not in listed]:
        raise InputError(
            f"{str(path)!r} does not list trace {unlisted[0]!r}: it is of other data, move it away"
        )
    return {name: listed[name] for name in names}


class _BucketWriter:
    """Writer of traces into the next free row of the latest bucket of their split.

    Parameters
    ----------
    group
        Group of the buckets.
    size
        Traces per bucket; 0 for one dataset per trace.
    counts
        Number of traces per split: the last bucket of a split is as long as needed.
    """

    def __init__(self, group: h5py.Group, size: int, counts: Mapping[str, int]):
        self._group = group
        self._size = size
        self._n_remaining = dict(counts)
        # By split, so that a split can be read without the others.
        self._open_buckets: dict[str, tuple[h5py.Dataset, int]] = {}
        self._n_buckets = 0

    def add(self, names: Sequence[str], split: str, waveforms: np.ndarray) -> list[str]:
        """Write waveforms of one split, (traces, 3, 6000); return their names in SeisBench."""
        if not self._size:
            pairs = zip(names, waveforms, strict=True)
            return [self._write_dataset(name, waveform) for name, waveform in pairs]
        locations: list[str] = []
        while len(locations) < len(names):
            dataset, row = self._open_buckets.get(split) or (self._new_bucket(split), 0)
            block = waveforms[len(locations) : len(locations) + len(dataset) - row]
            rows = range(row, row + len(block))
            dataset[rows.start : rows.stop] = block
            bucket = dataset.name.rpartition("/")[2]
            locations += [f"{bucket}${index},:{len(COMPONENTS)},:{N_SAMPLES}" for index in rows]
            self._n_remaining[split] -= len(block)
            if rows.stop < len(dataset):
                self._open_buckets[split] = (dataset, rows.stop)
            else:
                self._open_buckets.pop(split, None)
        return locations

    def _write_dataset(self, name: str, waveform: np.ndarray) -> str:
        if "$" in name:
            raise InputError(
                f"trace name {name!r} has a $, which SeisBench cannot have: use buckets"
            )
        self._group.create_dataset(name, data=waveform)
        return name

    def _new_bucket(self, split: str) -> h5py.Dataset:
        shape = (min(self._size, self._n_remaining[split]), len(COMPONENTS), N_SAMPLES)
        self._n_buckets += 1
        # Little-endian on every machine, like the samples of STEAD.
        return self._group.create_dataset(f"bucket{self._n_buckets - 1}", shape, np.dtype("<f4"))


def _copy_traces(
    source: Source,
    group: h5py.Group,
    writer: _BucketWriter,
    splits: Mapping[str, str],
    columns: Mapping[str, str],
) -> Iterator[pd.DataFrame]:
    """Copy the waveforms in the order of the rows; yield the rows in chunks."""
    reader, bar = Reader(group), ProgressBar()
    bar.start(f"copying {source}", len(splits))
    try:
        for rows in iter_rows_named(source.csv, splits):
            names, locations = rows["trace_name"].tolist(), list[str]()
            for start in range(0, len(names), BATCH_TRACES):
                batch = names[start : start + BATCH_TRACES]
                waveforms = _read(reader, batch)
                for first, stop in consecutive_ranges(batch, lambda a, b: splits[a] == splits[b]):
                    split = splits[batch[first]]
                    locations += writer.add(batch[first:stop], split, waveforms[first:stop])
                bar.step(count=len(batch))
            yield _rename_columns(rows, columns).assign(
                trace_name=locations, **_split_column(rows, splits)
            )
    finally:
        bar.stop()


def _read(reader: Reader, names: Sequence[str]) -> np.ndarray:
    """Read the waveforms of a batch of traces, shape (traces, 3, 6000), components Z, N, E."""
    order = [COMPONENTS.index(letter) for letter in COMPONENT_ORDER]
    waveforms = np.empty((len(names), len(COMPONENTS), N_SAMPLES), DTYPE)
    rows, addresses, errors = locate(reader, names)
    for scanned in scan(reader, names, rows, addresses):
        errors |= {int(scanned.rows[i]): InputError(text) for i, text in scanned.unread.items()}
        for component, column in enumerate(order):
            waveforms[scanned.rows, component] = scanned.waveforms[:, :, column]
    # The error of the first bad trace, in the order of the names.
    for row, name in enumerate(names):
        if row in errors:
            raise errors[row]
        check_finite(waveforms[row], name, reader.path)
    return waveforms


def _split_column(rows: pd.DataFrame, splits: Mapping[str, str]) -> dict[str, list[str]]:
    column = [splits[name] for name in rows["trace_name"]]
    return {"split": column} if any(column) or "split" not in rows else {}


def _rename_columns(rows: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    renamed = rows.rename(columns=columns)
    if "source_origin_time" in renamed:
        # SeisBench reads with pandas, which needs a fraction of a second in all times or in none.
        time = renamed["source_origin_time"]
        has_no_fraction = time.str.contains(r":\d\d$")
        renamed["source_origin_time"] = time.where(~has_no_fraction, time + ".0")
    return renamed
