"""STEAD files as a data set in SeisBench's format, which `seisbench` opens as it stands."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import h5py
import numpy as np
import pandas as pd

from steadkit.atomic import atomic_write, check_targets, input_scope, note_input
from steadkit.capacity import SAMPLE_BYTES, TRACE_BYTES, require_disk
from steadkit.catalog import KEY_COLUMNS, columns_of, iter_rows_named, read_table, write_csv
from steadkit.console import ProgressBar
from steadkit.convert.dataset_writer import output_folder
from steadkit.convert.seisbench_columns import seisbench_names
from steadkit.convert.seisbench_names import SPLITS
from steadkit.dataset_files import MANIFEST_SUFFIX
from steadkit.errors import InputError
from steadkit.hdf5.direct_io import allocate
from steadkit.manifest import UNKNOWN, load
from steadkit.paths import is_file
from steadkit.schema import COMPONENTS, DATA_GROUP, N_SAMPLES, SAMPLING_RATE
from steadkit.sources import Source
from steadkit.store import DTYPE, Reader, check_finite, locate, open_data, scan
from steadkit.store.runs import consecutive_ranges
from steadkit.store.scanner import BATCH_TRACES

BUCKET: Final = 1024
"""Traces in a bucket, as many as SeisBench's own writer puts into one."""

COMPONENT_ORDER: Final = "ZNE"

FORMAT: Final[Mapping[str, str]] = {
    "dimension_order": "CW",
    "component_order": COMPONENT_ORDER,
    "measurement": "velocity",
    "unit": "counts",
    "instrument_response": "not restituted",
}
"""What SeisBench's own copy of STEAD says of itself."""

OVERHEAD_BYTES: Final = 1 << 16
"""Bytes of a file besides those of its traces, at most."""

OPERATION: Final = "from-seisbench"


@input_scope()
def to_seisbench(
    sources: Sequence[Source], folder: Path, bucket: int = BUCKET, overwrite: bool = False
) -> int:
    """Write STEAD files as a SeisBench data set, a chunk a file where there are several.

    Every sample and every column is kept. The parts of a manifest beside a file become the column
    ``split``, and each part has buckets of its own, so that one can be read without the others.

    Parameters
    ----------
    sources
        STEAD files with no trace in common.
    folder
        Gets ``metadata*.csv`` and ``waveforms*.hdf5``; made if it does not exist.
    bucket
        How many traces are packed into one array; 0 for an array of its own for every trace,
        named after it.
    overwrite
        Whether existing files may be replaced.

    Returns
    -------
    int
        How many traces were written.

    Raises
    ------
    InputError
        A source or target cannot be used; then no file is left behind.
    """
    names = _chunk_names(sources)
    targets = [_chunk_paths(folder, name) for name in names]
    paths = [path for pair in targets for path in pair]
    if len(names) > 1:
        paths.insert(0, folder / "chunks")
    for source in sources:
        note_input(source.csv, source.hdf5)
    if folder.is_dir():
        check_targets(paths, overwrite)
    described = _data_format(sources[0])
    total = sum(len(read_table(source.csv, KEY_COLUMNS)) for source in sources)
    require_disk(folder, total * SAMPLE_BYTES, f"a copy of {total:,} traces")
    with output_folder(folder), atomic_write(paths, overwrite) as staging:
        count, pairs = 0, staging[-2 * len(names) :]
        for number, source in enumerate(sources):
            metadata, waveforms = pairs[2 * number : 2 * number + 2]
            count += _write_chunk(_Chunk(source, bucket, described), metadata, waveforms)
        if len(names) > 1:
            staging[0].write_text("\n".join(names) + "\n", encoding="utf-8", newline="\n")
    return count


@dataclass(frozen=True)
class _Chunk:
    source: Source
    bucket: int
    described: Mapping[str, str]


def _chunk_names(sources: Sequence[Source]) -> list[str]:
    if len(sources) == 1:
        return [""]
    names = [f"_{source.hdf5.stem}" for source in sources]
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise InputError(f"two sources are called {repeated[0][1:]!r}: merge them first")
    return names


def _chunk_paths(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / f"metadata{name}.csv", folder / f"waveforms{name}.hdf5"


def _data_format(source: Source) -> dict[str, str]:
    """Take unit and measurement from the manifest, where the data came from SeisBench's format."""
    path = source.hdf5.with_suffix(MANIFEST_SUFFIX)
    recipe = load(path).recipe if is_file(path) else {}
    told = recipe.get("data_format") if recipe.get("operation") == OPERATION else None
    own = told if isinstance(told, dict) else {}
    return dict(FORMAT) | {key: str(own[key]) for key in FORMAT if key in own}


def _write_chunk(chunk: _Chunk, metadata: Path, waveforms: Path) -> int:
    source = chunk.source
    table = read_table(source.csv, KEY_COLUMNS)
    splits = _splits(source, table["trace_name"])
    columns = seisbench_names(columns_of(source.csv))
    listed = ["trace_name", *columns.values()]
    if "split" not in listed and any(splits.values()):
        listed.append("split")
    with open_data(source.hdf5) as group, _new_file(waveforms, len(table)) as file:
        _write_format(file, chunk.described)
        packing = _Packing(file.create_group(DATA_GROUP), chunk.bucket, Counter(splits.values()))
        rows = _copy_traces(source, group, packing, splits, columns)
        write_csv(metadata, listed, rows)
    return len(table)


@contextmanager
def _new_file(path: Path, n_traces: int) -> Iterator[h5py.File]:
    """Create a file whose room on the disk is set apart first.

    HDF5's library ends the process with a segmentation fault where it closes a file of which it
    could not write the last bytes.
    """
    with h5py.File(path, "x") as file:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            allocate(descriptor, 0, OVERHEAD_BYTES + n_traces * TRACE_BYTES)
        finally:
            os.close(descriptor)
        yield file
        file.flush()
        n_bytes = file.id.get_filesize()
    os.truncate(path, n_bytes)


def _write_format(file: h5py.File, described: Mapping[str, str]) -> None:
    group = file.create_group("data_format")
    for key, text in described.items():
        group.create_dataset(key, data=text)
    group.create_dataset("sampling_rate", data=int(SAMPLING_RATE))


def _splits(source: Source, names: pd.Series) -> dict[str, str]:
    """Tell the split of every trace, from the manifest beside the file; ``""`` where none."""
    path = source.hdf5.with_suffix(MANIFEST_SUFFIX)
    if not is_file(path):
        return dict.fromkeys(names, "")
    manifest = load(path)
    split_of = {part: split for split, part in SPLITS.items()}
    parts = manifest.parts or [UNKNOWN] * len(manifest.traces)
    told = dict(zip(manifest.traces, (split_of.get(part, "") for part in parts), strict=True))
    if strangers := [name for name in names if name not in told]:
        raise InputError(
            f"{str(path)!r} does not list trace {strangers[0]!r}: it is of other data, move it away"
        )
    return {name: told[name] for name in names}


class _Packing:
    """Where each trace goes: the next place in the newest bucket of its split."""

    def __init__(self, group: h5py.Group, size: int, counts: Mapping[str, int]):
        self._group = group
        self._size = size
        self._missing = dict(counts)
        self._open: dict[str, tuple[h5py.Dataset, int]] = {}
        self._buckets = 0

    def add(self, names: Sequence[str], split: str, waveforms: np.ndarray) -> list[str]:
        """Write waveforms of one split, (traces, 3, 6000); returns SeisBench's names for them."""
        if not self._size:
            return [self._alone(name, one) for name, one in zip(names, waveforms, strict=True)]
        places: list[str] = []
        while len(places) < len(names):
            dataset, row = self._open.get(split) or (self._new_bucket(split), 0)
            some = waveforms[len(places) : len(places) + len(dataset) - row]
            dataset[row : row + len(some)] = some
            bucket = dataset.name.rpartition("/")[2]
            rows = range(row, row + len(some))
            places += [f"{bucket}${at},:{len(COMPONENTS)},:{N_SAMPLES}" for at in rows]
            self._missing[split] -= len(some)
            if rows.stop < len(dataset):
                self._open[split] = (dataset, rows.stop)
            else:
                self._open.pop(split, None)
        return places

    def _alone(self, name: str, waveform: np.ndarray) -> str:
        if "$" in name:
            raise InputError(
                f"trace name {name!r} has a $, which SeisBench cannot have: use buckets"
            )
        self._group.create_dataset(name, data=waveform)
        return name

    def _new_bucket(self, split: str) -> h5py.Dataset:
        count = min(self._size, self._missing[split])
        shape = (count, len(COMPONENTS), N_SAMPLES)
        self._buckets += 1
        return self._group.create_dataset(f"bucket{self._buckets - 1}", shape, np.dtype("<f4"))


def _copy_traces(
    source: Source,
    group: h5py.Group,
    packing: _Packing,
    splits: Mapping[str, str],
    columns: Mapping[str, str],
) -> Iterator[pd.DataFrame]:
    """Copy the waveforms in the order of the rows; hand the rows on, piece by piece."""
    reader, bar = Reader(group), ProgressBar()
    bar.start(f"copying {source}", len(splits))
    try:
        for part in iter_rows_named(source.csv, splits):
            names, places = part["trace_name"].tolist(), list[str]()
            for start in range(0, len(names), BATCH_TRACES):
                some = names[start : start + BATCH_TRACES]
                waveforms = _read(reader, some)
                for first, stop in consecutive_ranges(
                    some, lambda one, other: splits[one] == splits[other]
                ):
                    split = splits[some[first]]
                    places += packing.add(some[first:stop], split, waveforms[first:stop])
                bar.step(count=len(some))
            yield _rename_columns(part, columns).assign(
                trace_name=places, **_split_column(part, splits)
            )
    finally:
        bar.stop()


def _read(reader: Reader, names: Sequence[str]) -> np.ndarray:
    """Read the waveforms of a few traces, shape (traces, 3, 6000), components Z, N, E."""
    order = [COMPONENTS.index(letter) for letter in COMPONENT_ORDER]
    waveforms = np.empty((len(names), len(COMPONENTS), N_SAMPLES), DTYPE)
    rows, addresses, faults = locate(reader, names)
    for scanned in scan(reader, names, rows, addresses):
        faults |= {int(scanned.rows[at]): InputError(text) for at, text in scanned.unread.items()}
        for component, place in enumerate(order):
            waveforms[scanned.rows, component] = scanned.waveforms[:, :, place]
    for row, name in enumerate(names):
        if row in faults:
            raise faults[row]
        check_finite(waveforms[row], name, reader.path)
    return waveforms


def _split_column(part: pd.DataFrame, splits: Mapping[str, str]) -> dict[str, list[str]]:
    told = [splits[name] for name in part["trace_name"]]
    return {"split": told} if any(told) or "split" not in part else {}


def _rename_columns(part: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    renamed = part.rename(columns=columns)
    if "source_origin_time" in renamed:
        # Pandas, which SeisBench reads with, wants a fraction in all times or in none.
        time = renamed["source_origin_time"]
        whole = time.str.contains(r":\d\d$")
        renamed["source_origin_time"] = time.where(~whole, time + ".0")
    return renamed
