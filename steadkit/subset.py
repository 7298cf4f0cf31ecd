"""Subsets: a selection of traces, shuffled, identical on any machine."""

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import pandas as pd

from steadkit.atomic import check_targets, input_scope, write_one
from steadkit.catalog import LineStarts, columns_of, counts, read_tables
from steadkit.catalog.spool import BYTE_RANGE
from steadkit.dataset_files import DatasetFiles, check_dataset, copy_rows
from steadkit.errors import InputError
from steadkit.manifest import Manifest, manifest_of
from steadkit.presets import check_counts
from steadkit.selection import Selection, excluded_rows, filter_rows, needed_columns, sample_rows
from steadkit.sources import Source

NAMES: dict[Fraction | int, str] = {Fraction(1, 10): "steadmini", Fraction(1, 100): "steadmicro"}
"""Names of the usual subsets, by fraction."""


def default_name(selection: Selection) -> str:
    """Name a subset after its selection.

    >>> default_name(Selection(Fraction("0.01"))), default_name(Selection(Fraction("0.25")))
    ('steadmicro', 'stead-0.25')
    >>> default_name(Selection(count=500)), default_name(Selection(where="p_weight > 0.5"))
    ('stead-500', 'stead-selected')
    >>> default_name(Selection(Fraction("0.1"), balance=True))
    'stead-0.1-selected'
    """
    if selection.preset:
        return selection.preset
    amount = selection.fraction if selection.count is None else selection.count
    plain = Selection(selection.fraction, count=selection.count, seed=selection.seed)
    if selection == plain and amount in NAMES:
        return NAMES[amount]
    parts = ["stead", f"{float(amount):.12g}"] if amount is not None else ["stead"]
    return "-".join(parts if selection == plain else [*parts, "selected"])


@input_scope()
def subset(
    sources: Sequence[Source],
    files: DatasetFiles,
    selection: Selection,
    overwrite: bool = False,
    manifest_only: bool = False,
    log: Callable[[str], object] = lambda line: None,
) -> Manifest:
    """Write the traces of a selection, independent of the order of rows and sources.

    Parameters
    ----------
    sources
        STEAD files that have no trace in common.
    files
        Files to write.
    selection
        Which traces to take.
    overwrite
        Whether existing files may be replaced.
    manifest_only
        Whether to write only the manifest; then only the CSV files are read.
    log
        Called with a line on the effect of each filter.

    Returns
    -------
    Manifest
        The manifest of the subset, in shuffled order.

    Raises
    ------
    InputError
        A source or target cannot be used, or nothing would be selected.
    """
    _check_files(sources, files, overwrite, manifest_only)
    table, places = _read_rows(sources, selection)
    matching = filter_rows(table, selection)
    _log_filters(table, matching, selection, log)
    selected = sample_rows(table, matching, selection)
    rows = pd.concat([table[["trace_name", "trace_category"]], places], axis=1).iloc[selected]
    if selection.preset:
        category_counts = counts(rows["trace_category"])
        check_counts(selection.preset, counts(table["trace_category"]), category_counts)
    recipe = selection.to_recipe()
    if not manifest_only:
        return copy_rows(sources, files, rows, recipe, overwrite)
    manifest = manifest_of(files.name, recipe, rows["trace_name"], rows["trace_category"])
    write_one(files.manifest, manifest.write, overwrite)
    return manifest


def _check_files(
    sources: Sequence[Source], files: DatasetFiles, overwrite: bool, manifest_only: bool
) -> None:
    """Refuse existing targets before any CSV file is read, which takes seconds for all of STEAD."""
    if not manifest_only:
        check_dataset(files, overwrite, sources)
        return
    for path in (files.csv, files.hdf5):
        if path.exists():
            raise InputError(f"{str(path)!r} exists, a list alone would not fit it: use -o")
    check_targets([files.manifest], overwrite)


def _read_rows(
    sources: Sequence[Source], selection: Selection
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the columns that a selection needs, and the source and row number of every trace."""
    needed = [needed_columns(selection, columns_of(source.csv)) for source in sources]
    starts = [LineStarts() for _ in sources]
    rows = read_tables([source.csv for source in sources], needed, starts)
    if rows.empty:
        raise InputError(f"{', '.join(str(s.csv) for s in sources)} has no traces: name another")
    places = rows[["source", "row"]].copy()
    rows = rows.drop(columns=["source", "row"])
    if any(columns != needed[0] for columns in needed):
        # One CSV may identify earthquakes by id and time, another by one of the two.
        rows = rows.fillna("")
    # Byte positions of the lines, where all sources have them: rows are then copied without parsing
    # the CSV files again.
    spans = [span for lines in starts if (span := lines.byte_ranges()) is not None]
    if len(spans) == len(sources):
        places[[*BYTE_RANGE]] = np.concatenate([np.column_stack(span) for span in spans])
    return rows, places


def _log_filters(
    table: pd.DataFrame, matching: np.ndarray, selection: Selection, log: Callable[[str], object]
) -> None:
    if selection.exclude:
        n_excluded = len(excluded_rows(table, selection.exclude))
        total = selection.exclude.number
        log(f"{n_excluded:,} of the {total:,} names to exclude are in the sources")
    if selection.filters:
        log(f"{len(matching):,} of {len(table):,} traces match")
