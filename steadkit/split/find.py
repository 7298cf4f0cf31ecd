"""Which split a training uses: the one that stands beside its data, checked not to leak."""

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
    """Find a data set's split: its ``.split.manifest``, else its manifest if that has parts."""
    if is_file(default_target(data)):
        return default_target(data)
    own = data.with_suffix(SUFFIX)
    return own if is_file(own) and has_splits(load(own)) else None


def find_split(path: Path) -> Path:
    """Resolve what a user names: a manifest, or a STEAD file that has a split beside it.

    Raises
    ------
    InputError
        There is none.
    """
    if path.suffix == SUFFIX:
        return path
    if found := existing_split(source_from_path(path, require_hdf5=False).csv):
        return found
    raise InputError(f"no split beside {str(path)!r}: make one with steadkit split")


def load_training_split(path: Path, data: Path) -> Manifest:
    """Read a split for training on a STEAD file, checked not to leak.

    The split may list more than the file has, as that of all of STEAD does for a subset.

    Parameters
    ----------
    path
        A manifest with parts.
    data
        The STEAD file, HDF5 or CSV.

    Raises
    ------
    InputError
        A trace of the file has no part, or a part no trace; the same samples stand in two parts;
        or an earthquake does, and the recipe does not say that it was split by something else.
    """
    manifest = load(path)
    file = source_from_path(data, require_hdf5=False).csv
    table = read_rows([file], SplitConfig())
    ours = _restrict(manifest, table, path, file)
    _refuse_unsplit(ours, manifest, path)
    found = audit(rows_in_order(table, ours, str(file)), ours.parts, SplitConfig(), ours.waveforms)
    if _went_by_something_else(manifest):
        found = [replace(s, forbidden=s.forbidden and s.what != EARTHQUAKE) for s in found]
    refuse_leaks(found, repr(str(path)))
    return ours


def _went_by_something_else(manifest: Manifest) -> bool:
    is_split = manifest.recipe.get("operation") == OPERATION
    return is_split and EARTHQUAKE not in SplitConfig.from_recipe(manifest.recipe).groups_by


def _restrict(manifest: Manifest, table: pd.DataFrame, path: Path, file: Path) -> Manifest:
    """Keep of a manifest only the traces of a table."""
    names, listed = table["trace_name"], pd.Index(list(manifest.traces))
    missing = ~names.isin(listed)
    if missing.any():
        raise InputError(
            f"{str(path)!r} does not list {int(missing.sum()):,} traces of {str(file)!r}, "
            f"{names[missing].iloc[0]!r} for one: it is the split of other data"
        )
    if len(listed) == len(names):
        return manifest
    kept = np.flatnonzero(listed.isin(names)).tolist()

    def pick(values: Sequence[str]) -> list[str]:
        return [values[i] for i in kept] if len(values) else []

    return Manifest(
        manifest.name,
        {"operation": "restrict", "of": manifest.digest},
        pick(manifest.traces),
        counts(table["trace_category"]),
        pick(manifest.parts),
        pick(manifest.waveforms),
        pick(manifest.attributes),
    )


def _refuse_unsplit(ours: Manifest, whole: Manifest, path: Path) -> None:
    for part in SPLITS:
        if part not in ours.parts:
            raise InputError(f"{str(path)!r} leaves no trace for the {part} part: split anew")
    # Only a gap in time leaves traces out on purpose.
    if UNKNOWN in ours.parts and not whole.recipe.get("gap_days"):
        name = ours.traces[list(ours.parts).index(UNKNOWN)]
        raise InputError(f"{str(path)!r} gives {name!r} no part: split anew with steadkit split")
