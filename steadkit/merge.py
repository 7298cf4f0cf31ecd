"""Join STEAD files into one; a trace that stands in two of them must be the same in both."""

from collections.abc import Sequence

import pandas as pd

from steadkit.atomic import input_scope
from steadkit.catalog import KEY_COLUMNS, iter_rows_named, read_table
from steadkit.console import progress
from steadkit.dataset_files import DatasetFiles, check_dataset, copy_rows
from steadkit.errors import InputError
from steadkit.manifest import Manifest
from steadkit.sources import Source
from steadkit.store import attributes_of, digest, open_data, read_waveform
from steadkit.types import typed_table


@input_scope()
def merge(sources: Sequence[Source], files: DatasetFiles, overwrite: bool = False) -> Manifest:
    """Write all traces of several STEAD files as one data set, in the order of the files.

    Parameters
    ----------
    sources
        The files to join.
    files
        Where the merged data set shall stand.
    overwrite
        Whether existing files may be replaced.

    Raises
    ------
    InputError
        A source or target cannot be used, or a trace differs between two sources.
    """
    check_dataset(files, overwrite, sources)
    tables = [read_table(source.csv, KEY_COLUMNS) for source in sources]
    rows = pd.concat(
        [table.assign(source=number, row=range(len(table))) for number, table in enumerate(tables)],
        ignore_index=True,
    )
    if rows.empty:
        raise InputError(f"{', '.join(map(str, sources))}: no trace to merge")
    again = rows["trace_name"].duplicated()
    first = rows[~again]
    _require_same_traces(sources, first, rows[again])
    return copy_rows(sources, files, first, {"operation": "merge"}, overwrite)


def _require_same_traces(
    sources: Sequence[Source], first: pd.DataFrame, again: pd.DataFrame
) -> None:
    owner = dict(zip(first["trace_name"], first["source"], strict=True)) if len(again) else {}
    pairs = [
        (name, owner[name], other)
        for name, other in zip(again["trace_name"], again["source"], strict=True)
    ]
    # One pair of files after the other, so that each is opened once.
    for one, other in sorted({(one, other) for _, one, other in pairs}):
        shared = [name for name, *files in pairs if files == [one, other]]
        _compare_traces(sources[one], sources[other], shared)


def _compare_traces(one: Source, other: Source, names: Sequence[str]) -> None:
    with open_data(one.hdf5) as left, open_data(other.hdf5) as right:
        for name in progress(names, f"comparing {one} and {other}"):
            if digest(read_waveform(left, name)) != digest(read_waveform(right, name)):
                difference = "waveforms"
            elif not _same(attributes_of(left, name), attributes_of(right, name)):
                difference = "attributes"
            else:
                continue
            raise InputError(
                f"trace {name!r} has other {difference} in {str(one.hdf5)!r} than in "
                f"{str(other.hdf5)!r}: drop it from one of them"
            )
    _compare_rows(one, other, names)


def _compare_rows(one: Source, other: Source, names: Sequence[str]) -> None:
    """Refuse rows of the CSV files that say different things of a trace."""
    left, right = (
        typed_table(pd.concat(list(iter_rows_named(source.csv, names))))
        .set_index("trace_name")
        .loc[list(names)]
        for source in (one, other)
    )
    for column in [column for column in left if column in right]:
        # A value that neither file knows (NaN) is the same in both.
        same = (left[column] == right[column]) | (left[column].isna() & right[column].isna())
        if not same.all():
            raise InputError(
                f"trace {names[int((~same).to_numpy().argmax())]!r} has another {column} in "
                f"{str(one.csv)!r} than in {str(other.csv)!r}: drop it from one of them"
            )


def _same(left: dict[str, object], right: dict[str, object]) -> bool:
    """Compare by what is written, so that a value not known (NaN) equals itself."""
    return repr(left) == repr(right)
