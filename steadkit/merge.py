"""Merge STEAD files into one; a trace of two files must be the same in both."""

from collections.abc import Sequence

import pandas as pd

from steadkit.atomic import input_scope
from steadkit.catalog import iter_rows_named
from steadkit.console import progress
from steadkit.dataset_files import DatasetFiles, check_dataset, copy_rows, key_table
from steadkit.errors import InputError
from steadkit.manifest import Manifest
from steadkit.sources import Source
from steadkit.store import digest, get_attributes, open_data, read_waveform
from steadkit.types import typed_table


@input_scope()
def merge(sources: Sequence[Source], files: DatasetFiles, overwrite: bool = False) -> Manifest:
    """Write all traces of several STEAD files as one data set, in the order of the files.

    Parameters
    ----------
    sources
        Files to merge.
    files
        Files to write.
    overwrite
        Whether existing files may be replaced.

    Raises
    ------
    InputError
        A source or target cannot be used, or a trace differs between two sources.
    """
    check_dataset(files, overwrite, sources)
    rows = key_table(sources, require_unique=False)
    if rows.empty:
        raise InputError(f"{', '.join(map(str, sources))}: no trace to merge")
    is_repeated = rows["trace_name"].duplicated()
    first = rows[~is_repeated]
    _require_same_traces(sources, first, rows[is_repeated])
    return copy_rows(sources, files, first, {"operation": "merge"}, overwrite)


def _require_same_traces(
    sources: Sequence[Source], first: pd.DataFrame, repeated: pd.DataFrame
) -> None:
    owner = dict(zip(first["trace_name"], first["source"], strict=True)) if len(repeated) else {}
    pairs = [
        (name, owner[name], source)
        for name, source in zip(repeated["trace_name"], repeated["source"], strict=True)
    ]
    # Grouped by pairs of files, so that each pair is opened once.
    for pair in sorted({(a, b) for _, a, b in pairs}):
        shared = [name for name, *files in pairs if tuple(files) == pair]
        _compare_traces(sources[pair[0]], sources[pair[1]], shared)


def _compare_traces(source_a: Source, source_b: Source, names: Sequence[str]) -> None:
    with open_data(source_a.hdf5) as data_a, open_data(source_b.hdf5) as data_b:
        for name in progress(names, f"comparing {source_a} and {source_b}"):
            if digest(read_waveform(data_a, name)) != digest(read_waveform(data_b, name)):
                difference = "waveforms"
            # Compared as text, so that an unknown value (NaN) equals itself.
            elif repr(get_attributes(data_a, name)) != repr(get_attributes(data_b, name)):
                difference = "attributes"
            else:
                continue
            raise InputError(
                f"trace {name!r} has other {difference} in {str(source_a.hdf5)!r} than in "
                f"{str(source_b.hdf5)!r}: drop it from one of them"
            )
    _compare_rows(source_a, source_b, names)


def _compare_rows(source_a: Source, source_b: Source, names: Sequence[str]) -> None:
    """Refuse CSV rows with different values for the same trace."""
    rows_a, rows_b = (
        typed_table(pd.concat(list(iter_rows_named(source.csv, names))))
        .set_index("trace_name")
        .loc[list(names)]
        for source in (source_a, source_b)
    )
    for column in [column for column in rows_a if column in rows_b]:
        # A value that is unknown (NaN) in both files is equal.
        same = (rows_a[column] == rows_b[column]) | (rows_a[column].isna() & rows_b[column].isna())
        if not same.all():
            raise InputError(
                f"trace {names[int((~same).to_numpy().argmax())]!r} has another {column} in "
                f"{str(source_a.csv)!r} than in {str(source_b.csv)!r}: drop it from one of them"
            )
