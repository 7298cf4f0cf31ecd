"""Cut STEAD down: a fraction of every category, shuffled, the same on any machine."""

from collections.abc import Sequence
from fractions import Fraction

import pandas as pd

from steadkit.catalog import KEY_COLUMNS, read_table
from steadkit.dataset import DatasetFiles, Piece, copy_dataset
from steadkit.errors import InputError
from steadkit.files import write_text
from steadkit.manifest import Manifest, manifest_of
from steadkit.sampling import take
from steadkit.sources import Source

NAMES = {Fraction(1, 10): "steadmini", Fraction(1, 100): "steadmicro"}
"""What the study calls its subsets."""


def default_name(fraction: Fraction) -> str:
    """Name a subset after its fraction.

    >>> default_name(Fraction("0.01")), default_name(Fraction("0.25"))
    ('steadmicro', 'stead-0.25')
    """
    return NAMES.get(fraction, f"stead-{float(fraction):g}")


def subset(
    sources: Sequence[Source],
    files: DatasetFiles,
    fraction: Fraction,
    seed: int = 0,
    overwrite: bool = False,
    manifest_only: bool = False,
) -> Manifest:
    """Write a random fraction of the traces, the same fraction of each category.

    Parameters
    ----------
    sources
        STEAD files that have no trace in common.
    files
        Where the subset shall stand.
    fraction
        How much to take of each category, exactly, rounded down.
    seed
        Selects which traces, together with their names alone.
    overwrite
        Whether existing files may be replaced.
    manifest_only
        Whether to write only the list of traces; then only the CSV files are read.

    Returns
    -------
    Manifest
        What was written, in shuffled order.

    Raises
    ------
    InputError
        A source or target cannot be used, or nothing would be selected.
    """
    everything = _rows_of(sources)
    chosen = everything.iloc[
        take(
            everything["trace_name"].tolist(), everything["trace_category"].tolist(), fraction, seed
        )
    ]
    if chosen.empty:
        raise InputError(
            f"fraction {float(fraction):g} of {len(everything)} traces is none: use a larger one"
        )
    recipe = {
        "operation": "subset",
        "fraction": str(fraction),
        "seed": seed,
        "stratify": ["trace_category"],
        "rounding": "floor",
    }
    if not manifest_only:
        return copy_dataset(_pieces(sources, chosen), files, chosen, recipe, overwrite)
    for path in (files.csv, files.hdf5):
        if path.exists():
            raise InputError(f"{str(path)!r} exists, a list alone would not fit it: use -o")
    manifest = manifest_of(files.name, recipe, chosen["trace_name"], chosen["trace_category"])
    write_text(files.manifest, manifest.to_text(), overwrite)
    return manifest


def _rows_of(sources: Sequence[Source]) -> pd.DataFrame:
    """Read name and category of every trace, and the number of its source."""
    tables = [
        read_table(source.csv, KEY_COLUMNS).assign(source=number)
        for number, source in enumerate(sources)
    ]
    rows = pd.concat(tables, ignore_index=True)
    repeated = rows[rows["trace_name"].duplicated()] if len(sources) > 1 else rows[:0]
    if len(repeated):
        name = repeated["trace_name"].iloc[0]
        first, second = rows["source"][rows["trace_name"] == name][:2]
        raise InputError(
            f"trace {name!r} is in both {str(sources[first].csv)!r} and "
            f"{str(sources[second].csv)!r}: merge them first"
        )
    return rows


def _pieces(sources: Sequence[Source], chosen: pd.DataFrame) -> list[Piece]:
    """Tell which of the chosen traces to take from which source, in the source's order."""
    in_file_order = chosen.sort_index()
    return [
        Piece(source, names)
        for number, source in enumerate(sources)
        if (names := in_file_order["trace_name"][in_file_order["source"] == number].tolist())
    ]
