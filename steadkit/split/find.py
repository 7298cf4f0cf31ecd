"""Split of a training: found next to the data, and checked for leaks."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from steadkit.catalog import counts
from steadkit.errors import InputError
from steadkit.manifest import UNKNOWN, Manifest, load
from steadkit.paths import is_file
from steadkit.sampling import SPLITS
from steadkit.sources import source_from_path
from steadkit.split.config import EARTHQUAKE, OPERATION, SplitConfig
from steadkit.split.leak_audit import audit, refuse_leaks
from steadkit.split.manifests import SUFFIX, default_target, has_splits, read_rows, rows_in_order


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
    if _went_by_something_else(manifest):
        overlaps = [replace(o, is_leak=o.is_leak and o.group_type != EARTHQUAKE) for o in overlaps]
    refuse_leaks(overlaps, repr(str(path)))
    return training_manifest


def _went_by_something_else(manifest: Manifest) -> bool:
    is_split = manifest.recipe.get("operation") == OPERATION
    return is_split and EARTHQUAKE not in SplitConfig.from_recipe(manifest.recipe).groups_by


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
