"""Miniature STEAD, simulated from a seed and written in chunks as STEAD is."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from steadkit import synthetic
from steadkit.atomic import input_scope
from steadkit.capacity import TRACE_DISK_BYTES, count_text, duration_text, require_disk
from steadkit.catalog import write_csv
from steadkit.console import progress
from steadkit.dataset_files import DatasetFiles, check_dataset, dataset_files, new_dataset
from steadkit.errors import InputError
from steadkit.manifest import Manifest, load, manifest_of
from steadkit.schema import COLUMNS
from steadkit.store import Writer, digest, open_data

CHUNK_EVENTS = 1000
"""Events in a chunk of the miniature; STEAD's own chunks hold 200,000."""

TIMED_TRACES = 100
"""Traces after which the remaining time is estimated."""

MIN_REPORTED_S = 60

Row = dict[str, object]
Recipe = dict[str, str | int]


def demo(
    folder: Path,
    events: int = 2000,
    noise: int = 500,
    seed: int = 0,
    overwrite: bool = False,
    log: Callable[[str], object] = lambda line: None,
) -> list[Manifest]:
    """Write ``chunk1`` (noise) and ``chunk2``.. (events), each HDF5, CSV and manifest.

    An existing chunk of the same recipe is kept, so an interrupted run continues where it
    stopped.

    Parameters
    ----------
    folder
        Where to write; made if it does not exist.
    events, noise
        Number of traces of each category.
    seed
        The same seed gives the same bytes; more traces of it begin with the same ones.
    overwrite
        Whether other files of these names may be replaced.
    log
        Called with a line on the time it will take, where that is minutes.

    Raises
    ------
    InputError
        A count is not usable, the disk has no room for the traces, or a chunk of another recipe
        exists.
    """
    if min(events, noise) < 0 or events + noise == 0:
        raise InputError(f"cannot make {events} events and {noise} noise traces: ask for some")
    require_room(folder, events + noise, overwrite)
    chunks = _list_chunks(folder, events, noise, seed)
    if folder.is_dir():
        for files, recipe in chunks:
            if overwrite or _existing_manifest(files, recipe) is None:
                check_dataset(files, overwrite)
    folder.mkdir(parents=True, exist_ok=True)
    traces = {
        "noise": _timed(synthetic.noise(noise, seed), noise, log),
        "events": _timed(synthetic.earthquakes(events, seed), events, log),
    }
    return [
        _write_chunk(
            files, islice(traces[str(recipe["kind"])], int(recipe["count"])), recipe, overwrite
        )
        for files, recipe in chunks
    ]


def _list_chunks(
    folder: Path, events: int, noise: int, seed: int
) -> list[tuple[DatasetFiles, Recipe]]:
    """List the chunks to make, each with its recipe."""
    noise_files, *event_files = map(dataset_files, chunk_files(folder, events))
    chunks = [(noise_files, _recipe("noise", 0, noise, seed))] if noise else []
    for files, start in zip(event_files, range(0, events, CHUNK_EVENTS), strict=True):
        chunks.append((files, _recipe("events", start, min(events - start, CHUNK_EVENTS), seed)))
    return chunks


def require_room(folder: Path, traces: int, overwrite: bool = False) -> None:
    """Refuse a miniature that the disk has no room for; existing chunks are subtracted.

    Raises
    ------
    InputError
        There is too little.
    """
    chunks = [] if overwrite else folder.glob("chunk*.hdf5")
    n_bytes = traces * TRACE_DISK_BYTES - sum(path.stat().st_size for path in chunks)
    require_disk(folder, n_bytes, f"a miniature of {count_text(traces)} traces")


def _timed(
    traces: Iterator[tuple[Row, np.ndarray]], count: int, log: Callable[[str], object]
) -> Iterator[tuple[Row, np.ndarray]]:
    """Yield the traces; estimate the remaining time from the rate of the first ones."""
    started = time.perf_counter()
    for number, trace in enumerate(traces, 1):
        yield trace
        if number == TIMED_TRACES:
            remaining_s = (time.perf_counter() - started) / number * (count - number)
            if remaining_s > MIN_REPORTED_S:
                log(f"simulating {count:,} traces takes about {duration_text(remaining_s)}")


def chunk_files(folder: Path, events: int) -> list[Path]:
    """Return the HDF5 files of a miniature: chunk1 for noise, as in STEAD, then the events'.

    >>> [path.name for path in chunk_files(Path(), 2000)]
    ['chunk1.hdf5', 'chunk2.hdf5', 'chunk3.hdf5']
    """
    count = 1 + -(-events // CHUNK_EVENTS)
    return [folder / f"chunk{number}.hdf5" for number in range(1, count + 1)]


def _recipe(category: str, start: int, count: int, seed: int) -> Recipe:
    return {"operation": "demo", "kind": category, "start": start, "count": count, "seed": seed}


def _write_chunk(
    files: DatasetFiles,
    traces: Iterable[tuple[Row, np.ndarray]],
    recipe: Recipe,
    overwrite: bool,
) -> Manifest:
    traces = progress(traces, f"simulating {files.name}", int(recipe["count"]))
    if not overwrite and (present := _existing_manifest(files, recipe)):
        deque(traces, maxlen=0)  # consume the traces of this chunk, so that the next one follows
        return present
    with new_dataset(files, overwrite) as new:
        rows, waveforms, attributes = _write_hdf5(traces, new.hdf5)
        csv = write_csv(new.csv, COLUMNS, [rows])
        manifest = manifest_of(
            files.name,
            recipe,
            rows["trace_name"],
            rows["trace_category"],
            waveforms=waveforms,
            attributes=attributes,
            csv=csv,
        )
        manifest.write(new.manifest)
    return manifest


def _existing_manifest(files: DatasetFiles, recipe: Recipe) -> Manifest | None:
    """Return the manifest of an existing chunk of the same recipe, else None."""
    if not all(path.is_file() for path in (files.hdf5, files.csv, files.manifest)):
        return None
    with input_scope(is_separate=True):  # an earlier output is no input
        present = load(files.manifest)
        return present if present.recipe == recipe and _is_complete(files, present) else None


def _is_complete(files: DatasetFiles, manifest: Manifest) -> bool:
    with open_data(files.hdf5) as group:
        return sorted(group) == sorted(manifest.traces)


def _write_hdf5(
    traces: Iterable[tuple[Row, np.ndarray]], hdf5: Path
) -> tuple[pd.DataFrame, list[str], list[str]]:
    """Write the HDF5 file; return the rows of the CSV and the digests."""
    rows, waveforms, attributes = [], [], []
    with Writer(hdf5) as writer:
        for row, waveform in traces:
            attributes.append(writer.add(str(row["trace_name"]), waveform, row).hex())
            rows.append({column: cell_text(value) for column, value in row.items()})
            waveforms.append(digest(waveform))
    return pd.DataFrame(rows, columns=list(COLUMNS)), waveforms, attributes


def cell_text(value: object) -> str:
    """Return an attribute as text, as in STEAD's CSV.

    >>> cell_text(700.0), cell_text(np.array([[2896.0]])), cell_text(np.array([56.8, 55.4, 47.4]))
    ('700.0', '[[2896.]]', '[56.8 55.4 47.4]')
    """
    return str(value)
