"""Streaming of converted traces into a new data set, and one-line reports of skipped traces."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from steadkit.catalog import order_columns, write_csv
from steadkit.dataset_files import DatasetFiles, new_dataset
from steadkit.errors import InputError
from steadkit.manifest import UNKNOWN, Digests, Manifest, manifest_of
from steadkit.records.text import typed_attributes
from steadkit.store import ATTRIBUTES_DIGEST, WAVEFORM_DIGEST, Writer, digest

CHUNK_ROWS: Final = 1000
MAX_REASONS: Final = 6


class ConvertedTrace(NamedTuple):
    """A converted trace: row as text, waveform (6000, 3), and split or ``-``."""

    row: Mapping[str, str]
    waveform: np.ndarray
    split: str = UNKNOWN


@dataclass(frozen=True)
class Converted:
    """Result of a conversion.

    Attributes
    ----------
    manifest
        The manifest of the new data set.
    skipped
        Number of traces left out, by reason.
    unread
        Number of cells that could not be read and were left empty, by optional column.
    """

    manifest: Manifest
    skipped: Mapping[str, int] = field(default_factory=dict)
    unread: Mapping[str, int] = field(default_factory=dict)


def format_skipped(skipped: Mapping[str, int]) -> str:
    """Return one line on the traces left out, the most frequent reasons first; ``""`` for none.

    >>> format_skipped({"no P arrival to cut a minute by": 3, "a gap in the record": 9})
    'left out 12: 9 a gap in the record, 3 no P arrival to cut a minute by'
    """
    return _count_line("left out", skipped, "for other reasons")


def describe_unread(unread: Mapping[str, int]) -> str:
    """Return one line on the cells left empty, the most frequent columns first; ``""`` for none.

    >>> describe_unread({"trace_snr_db": 2, "source_depth_km": 1})
    'cells that cannot be read, left empty 3: 2 trace_snr_db, 1 source_depth_km'
    """
    return _count_line("cells that cannot be read, left empty", unread, "in other columns")


def _count_line(label: str, counts: Mapping[str, int], rest: str) -> str:
    if not counts:
        return ""
    by_count = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{count} {name}" for name, count in by_count[:MAX_REASONS]]
    if more := sum(count for _, count in by_count[MAX_REASONS:]):
        shown.append(f"{more} {rest}")
    return f"{label} {sum(counts.values())}: {', '.join(shown)}"


def write_traces(
    traces: Iterable[ConvertedTrace],
    files: DatasetFiles,
    columns: Iterable[str],
    recipe: Mapping[str, object],
    skipped: Counter[str],
    overwrite: bool = False,
) -> Converted:
    """Write traces one by one as a data set; only names, splits and digests stay in memory.

    Parameters
    ----------
    traces
        Traces in the order of the data set.
    files
        Files of the new data set.
    columns
        Columns of the CSV and the attributes; others of a row are dropped, missing ones are empty.
    recipe
        How the data set was made, for the manifest.
    skipped
        Number of traces left out, by reason; `traces` counts in it while it is read.
    overwrite
        Whether existing files may be replaced.

    Raises
    ------
    InputError
        A target cannot be used, or there is no trace; then no file is left behind.
    """
    written = _WrittenTraces()
    with new_dataset(files, overwrite) as new:
        with Writer(new.hdf5) as writer:
            ordered = order_columns(columns)
            csv = write_csv(new.csv, ordered, _write_chunks(traces, ordered, writer, written))
        if not written.names:
            raise InputError(
                f"no trace to write: {format_skipped(skipped) or 'the source is empty'}"
            )
        manifest = manifest_of(
            files.name,
            dict(recipe) | {"left_out": dict(sorted(skipped.items()))},
            written.names,
            written.categories,
            written.splits if set(written.splits) != {UNKNOWN} else (),
            Digests(bytes(written.waveforms), WAVEFORM_DIGEST),
            Digests(bytes(written.attributes), ATTRIBUTES_DIGEST),
            csv,
        )
        manifest.write(new.manifest)
    return Converted(manifest, dict(skipped))


@dataclass(frozen=True)
class _WrittenTraces:
    names: list[str] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    waveforms: bytearray = field(default_factory=bytearray)
    attributes: bytearray = field(default_factory=bytearray)


def _write_chunks(
    traces: Iterable[ConvertedTrace],
    columns: Sequence[str],
    writer: Writer,
    written: _WrittenTraces,
) -> Iterator[pd.DataFrame]:
    """Write the waveform of each trace; yield the rows in chunks of `CHUNK_ROWS`."""
    rows: list[Mapping[str, str]] = []
    for source_row, waveform, split in traces:
        row = {column: source_row.get(column, "") for column in columns}
        attributes = writer.add(row["trace_name"], waveform, typed_attributes(row))
        written.names.append(row["trace_name"])
        written.categories.append(row["trace_category"])
        written.splits.append(split)
        written.waveforms.extend(bytes.fromhex(digest(waveform)))
        written.attributes.extend(attributes)
        rows.append(row)
        if len(rows) == CHUNK_ROWS:
            yield pd.DataFrame(rows)
            rows = []
    if rows:
        yield pd.DataFrame(rows)


@contextmanager
def new_folder(folder: Path) -> Iterator[None]:
    """Make a folder to write into, with its parents; remove the new ones if writing fails.

    Raises
    ------
    InputError
        A file is in the way, or the folder cannot be made.
    """
    # Only these are removed after a failure; a folder of the user stays.
    new_folders = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {str(folder)!r}: {error.strerror}") from error
    try:
        yield
    except BaseException:
        with suppress(OSError):
            for path in new_folders:
                path.rmdir()
        raise
