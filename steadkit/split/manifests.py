"""Splits of manifests: their rows, assignment and leak audit, and the split of a training."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from steadkit.catalog import columns_of, counts, read_tables
from steadkit.errors import InputError, printable
from steadkit.expressions import check_columns
from steadkit.manifest import UNKNOWN, Manifest, load, manifest_of
from steadkit.paths import is_file, require_file
from steadkit.sampling import SPLITS, shuffled_order
from steadkit.sources import source_from_path
from steadkit.split.assign import assign
from steadkit.split.config import EARTHQUAKE, SPLIT_OPERATION, SplitConfig
from steadkit.split.groups import split_columns
from steadkit.split.leak_audit import Overlap, audit, refuse_leaks

SUFFIX = ".manifest"
SPLIT_SUFFIX = ".split.manifest"


def default_target(path: Path) -> Path:
    """Return the default path of a split's manifest, next to the data.

    >>> default_target(Path("a/steadmicro.hdf5")).as_posix()
    'a/steadmicro.split.manifest'
    """
    return path.with_name(_stem(path) + SPLIT_SUFFIX)


def _stem(path: Path) -> str:
    return path.name.removesuffix(SPLIT_SUFFIX) if path.name.endswith(SPLIT_SUFFIX) else path.stem


def split_target(path: Path, output: Path | None) -> Path:
    """Return the path of a split's manifest; refuse a name without its ending."""
    target = output or default_target(path)
    if target.suffix != SUFFIX:
        raise InputError(f"output {str(target)!r} is a manifest: let its name end in {SUFFIX}")
    return target


def find_csv_files(path: Path, metadata: Sequence[Path]) -> list[Path]:
    """Return the CSV files that describe the traces: those named, else the one next to `path`.

    Raises
    ------
    InputError
        There is none.
    """
    if path.suffix != SUFFIX:
        return list(metadata) or [source_from_path(path, require_hdf5=False).csv]
    default_csv = path.with_name(_stem(path) + ".csv")
    for csv in metadata or [default_csv]:
        require_file(
            csv,
            f"no {str(csv)!r} to tell the traces of {str(path)!r} apart: "
            "name their CSV with --metadata",
        )
    return list(metadata) or [default_csv]


def list_rows(
    path: Path, config: SplitConfig | None = None, metadata: Sequence[Path] = ()
) -> tuple[Manifest, pd.DataFrame]:
    """Read the manifest to split or check, and the rows of its traces in its order.

    Parameters
    ----------
    path
        A manifest, or a STEAD file; if that has no manifest next to it, all its rows are meant.
    config
        Determines the columns to read; by default that of the manifest's recipe.
    metadata
        CSV files that have the traces, and perhaps others; by default the one next to `path`.

    Raises
    ------
    InputError
        A file is missing or does not fit the other.
    """
    if path.is_dir():
        raise InputError(f"{str(path)!r} is a folder: name the manifest or the STEAD file in it")
    manifest_path = path if path.suffix == SUFFIX else path.with_suffix(SUFFIX)
    # The manifest before the CSV: if both are missing, that is what was named.
    manifest = load(manifest_path) if path.suffix == SUFFIX or is_file(manifest_path) else None
    files = find_csv_files(path, metadata)
    table = read_rows(files, config or SplitConfig.from_recipe(manifest.recipe if manifest else {}))
    if manifest is None:
        order = shuffled_order(table["trace_name"].tolist(), seed=0)
        table = table.iloc[order]
        names, categories = table["trace_name"], table["trace_category"]
        name = printable(path.stem, None)
        return manifest_of(name, {"operation": "list"}, names, categories), table
    if path.suffix != SUFFIX and len(table) > len(manifest.traces):
        raise InputError(
            f"{str(manifest_path)!r} lists {len(manifest.traces):,} traces, {str(files[0])!r} has "
            f"{len(table):,}: name the manifest to split what it lists"
        )
    return manifest, rows_in_order(table, manifest, str(files[0]))


def read_rows(files: Sequence[Path], config: SplitConfig) -> pd.DataFrame:
    """Read the columns that a split needs from CSV files; no trace may be in two of them."""
    columns = []
    for file in files:
        csv_columns = columns_of(file)
        columns.append(split_columns(config, csv_columns))
        check_columns(columns[-1], csv_columns)
    return read_tables(files, columns).fillna("")


def rows_in_order(table: pd.DataFrame, manifest: Manifest, file: str) -> pd.DataFrame:
    """Return the rows of a manifest's traces, in its order; their categories must agree."""
    rows = pd.Index(table["trace_name"]).get_indexer(list(manifest.traces))
    if (rows < 0).any():
        name = manifest.traces[int((rows < 0).argmax())]
        raise InputError(
            f"{int((rows < 0).sum()):,} traces of the manifest are not in {file!r}, {name!r} "
            "for one: name their CSV with --metadata"
        )
    table = table.iloc[rows]
    table_counts = {name: count for name, count in counts(table["trace_category"]).items() if count}
    if table_counts != {name: count for name, count in manifest.categories.items() if count}:
        raise InputError(
            f"{file!r} says {table_counts} of the traces, the manifest "
            f"{dict(manifest.categories)}: name the CSV that they came from"
        )
    return table


def split_manifest(
    base: Manifest, table: pd.DataFrame, config: SplitConfig, strict: bool = False
) -> tuple[Manifest, list[Overlap]]:
    """Split a manifest, and refuse a split that leaks.

    Parameters
    ----------
    base
        The data set as a list.
    table
        The rows of its traces, in its order.
    config
        The rules of the split.
    strict
        Whether an earthquake in two splits is a leak whatever `config` keeps together.

    Raises
    ------
    InputError
        It cannot be split so, or it leaks.
    """
    splits, used_config = assign(table, config, base.waveforms)
    overlaps = audit(table, splits, used_config, base.waveforms, strict)
    refuse_leaks(overlaps, "this split")
    return replace(
        base, recipe=used_config.to_recipe(base.digest), splits=splits.tolist()
    ), overlaps


def audit_manifest(
    manifest: Manifest, table: pd.DataFrame, config: SplitConfig | None = None, strict: bool = False
) -> list[Overlap]:
    """Audit the splits of a manifest.

    Parameters
    ----------
    manifest, table
        As `list_rows` reads them.
    config
        Defines a leak; by default that of the manifest's recipe.
    strict
        Whether an earthquake in two splits is a leak whatever `config` keeps together.

    Raises
    ------
    InputError
        The manifest has no splits.
    """
    if not has_splits(manifest):
        raise InputError(f"manifest {manifest.name!r} has no splits: make them with steadkit split")
    config = config or SplitConfig.from_recipe(manifest.recipe)
    return audit(table, manifest.splits, config, manifest.waveforms, strict)


def has_splits(manifest: Manifest) -> bool:
    """Return whether a manifest assigns any trace to a split."""
    return not set(SPLITS).isdisjoint(manifest.splits)


def existing_split(data: Path) -> Path | None:
    """Return a data set's split: its ``.split.manifest``, else its manifest if that has splits."""
    if is_file(default_target(data)):
        return default_target(data)
    manifest_path = data.with_suffix(SUFFIX)
    return manifest_path if is_file(manifest_path) and has_splits(load(manifest_path)) else None


def find_split(path: Path) -> Path:
    """Return the split of a user's path: a manifest, or a STEAD file with a split next to it.

    Raises
    ------
    InputError
        There is none.
    """
    if path.suffix == SUFFIX:
        return path
    if split_path := existing_split(source_from_path(path, require_hdf5=False).csv):
        return split_path
    raise InputError(f"no split beside {str(path)!r}: make one with steadkit split")


def load_training_split(path: Path, data: Path) -> Manifest:
    """Read a split for training on a STEAD file, and check it for leaks.

    The split may list more than the file has, as that of all of STEAD does for a subset.

    Parameters
    ----------
    path
        A manifest with splits.
    data
        The STEAD file, HDF5 or CSV.

    Raises
    ------
    InputError
        A trace of the file has no split, or a split no trace; the same samples are in two splits;
        or an earthquake is, and the recipe does not keep other groups together.
    """
    manifest = load(path)
    file = source_from_path(data, require_hdf5=False).csv
    table = read_rows([file], SplitConfig())
    training_manifest = _restrict(manifest, table, path, file)
    _refuse_unsplit(training_manifest, manifest, path)
    overlaps = audit(
        rows_in_order(table, training_manifest, str(file)),
        training_manifest.splits,
        SplitConfig(),
        training_manifest.waveforms,
    )
    # A user who split by station or region accepts that earthquakes are in several splits.
    is_split = manifest.recipe.get("operation") == SPLIT_OPERATION
    if is_split and EARTHQUAKE not in SplitConfig.from_recipe(manifest.recipe).groups_by:
        overlaps = [replace(o, is_leak=o.is_leak and o.group_type != EARTHQUAKE) for o in overlaps]
    refuse_leaks(overlaps, repr(str(path)))
    return training_manifest


def _restrict(manifest: Manifest, table: pd.DataFrame, path: Path, file: Path) -> Manifest:
    """Return the manifest of those traces that are in a table."""
    names, listed_names = table["trace_name"], pd.Index(list(manifest.traces))
    missing = ~names.isin(listed_names)
    if missing.any():
        raise InputError(
            f"{str(path)!r} does not list {int(missing.sum()):,} traces of {str(file)!r}, "
            f"{names[missing].iloc[0]!r} for one: it is the split of other data"
        )
    if len(listed_names) == len(names):
        return manifest
    rows = np.flatnonzero(listed_names.isin(names)).tolist()

    def pick(values: Sequence[str]) -> list[str]:
        return [values[i] for i in rows] if len(values) else []

    return Manifest(
        manifest.name,
        {"operation": "restrict", "of": manifest.digest},
        pick(manifest.traces),
        counts(table["trace_category"]),
        pick(manifest.splits),
        pick(manifest.waveforms),
        pick(manifest.attributes),
    )


def _refuse_unsplit(training_manifest: Manifest, manifest: Manifest, path: Path) -> None:
    for split in SPLITS:
        if split not in training_manifest.splits:
            raise InputError(f"{str(path)!r} leaves no trace for the {split} split: split anew")
    # Only a gap in time leaves traces out on purpose.
    if UNKNOWN in training_manifest.splits and not manifest.recipe.get("gap_days"):
        name = training_manifest.traces[list(training_manifest.splits).index(UNKNOWN)]
        raise InputError(f"{str(path)!r} gives {name!r} no split: split anew with steadkit split")
