"""A split as a manifest: the rows it is made of, the parts it gets, and the proof of them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from steadkit.catalog import columns_of, counts, read_table
from steadkit.errors import InputError, printable
from steadkit.expressions import check_columns
from steadkit.manifest import Manifest, load, manifest_of
from steadkit.paths import is_file, require_file
from steadkit.sampling import SPLITS, shuffled_order
from steadkit.sources import source_from_path
from steadkit.split.assign import assign
from steadkit.split.config import SplitConfig
from steadkit.split.groups import needed_columns
from steadkit.split.leak_audit import Overlap, audit, refuse_leaks

SUFFIX = ".manifest"
SPLIT_SUFFIX = ".split.manifest"


def default_target(path: Path) -> Path:
    """Name the manifest of a split after the data, beside them.

    >>> default_target(Path("a/steadmicro.hdf5")).as_posix()
    'a/steadmicro.split.manifest'
    """
    return path.with_name(_stem(path) + SPLIT_SUFFIX)


def _stem(path: Path) -> str:
    return path.name.removesuffix(SPLIT_SUFFIX) if path.name.endswith(SPLIT_SUFFIX) else path.stem


def target_of(path: Path, output: Path | None) -> Path:
    """Tell where the split goes; only a manifest may be replaced by it."""
    target = output or default_target(path)
    if target.suffix != SUFFIX:
        raise InputError(f"output {str(target)!r} is a manifest: let its name end in {SUFFIX}")
    return target


def csv_files_of(path: Path, metadata: Sequence[Path]) -> list[Path]:
    """Find the CSV files that describe the traces: those named, else the one beside.

    Raises
    ------
    InputError
        There is none.
    """
    if path.suffix != SUFFIX:
        return list(metadata) or [source_from_path(path, require_hdf5=False).csv]
    beside = path.with_name(_stem(path) + ".csv")
    for csv in metadata or [beside]:
        require_file(
            csv,
            f"no {str(csv)!r} to tell the traces of {str(path)!r} apart: "
            "name their CSV with --metadata",
        )
    return list(metadata) or [beside]


def list_rows(
    path: Path, rule: SplitConfig | None = None, metadata: Sequence[Path] = ()
) -> tuple[Manifest, pd.DataFrame]:
    """Read what is to be split or checked: a manifest, and the rows of its traces in its order.

    Parameters
    ----------
    path
        A manifest, or a STEAD file; if that has no manifest beside it, all its rows are meant.
    rule
        Tells which columns are needed; by default that of the manifest's recipe.
    metadata
        CSV files that have the traces, and perhaps others; by default the one beside.

    Raises
    ------
    InputError
        A file is missing or does not fit the other.
    """
    if path.is_dir():
        raise InputError(f"{str(path)!r} is a folder: name the manifest or the STEAD file in it")
    own = path if path.suffix == SUFFIX else path.with_suffix(SUFFIX)
    # The manifest before the CSV: if both are missing, that is what was named.
    manifest = load(own) if path.suffix == SUFFIX or is_file(own) else None
    files = csv_files_of(path, metadata)
    table = read_rows(files, rule or SplitConfig.from_recipe(manifest.recipe if manifest else {}))
    if manifest is None:
        order = shuffled_order(table["trace_name"].tolist(), seed=0)
        table = table.iloc[order]
        names, categories = table["trace_name"], table["trace_category"]
        name = printable(path.stem, None)
        return manifest_of(name, {"operation": "list"}, names, categories), table
    if path.suffix != SUFFIX and len(table) > len(manifest.traces):
        raise InputError(
            f"{str(own)!r} lists {len(manifest.traces):,} traces, {str(files[0])!r} has "
            f"{len(table):,}: name the manifest to split what it lists"
        )
    return manifest, rows_in_order(table, manifest, str(files[0]))


def read_rows(files: Sequence[Path], rule: SplitConfig) -> pd.DataFrame:
    """Read from CSV files the columns that a rule needs; no trace may be in two of them."""
    tables = []
    for file in files:
        present = columns_of(file)
        needed = needed_columns(rule, present)
        check_columns(needed, present)
        tables.append(read_table(file, needed))
    table = pd.concat(tables, ignore_index=True).fillna("")
    again = table["trace_name"].duplicated()
    if again.any():
        name = table["trace_name"][again].iloc[0]
        raise InputError(f"trace {name!r} is in two of the CSV files: name each file once")
    return table


def rows_in_order(table: pd.DataFrame, manifest: Manifest, file: str) -> pd.DataFrame:
    """Pick the rows of a manifest's traces, in its order, checked to be of their categories."""
    rows = pd.Index(table["trace_name"]).get_indexer(list(manifest.traces))
    if (rows < 0).any():
        name = manifest.traces[int((rows < 0).argmax())]
        raise InputError(
            f"{int((rows < 0).sum()):,} traces of the manifest are not in {file!r}, {name!r} "
            "for one: name their CSV with --metadata"
        )
    table = table.iloc[rows]
    found = {name: count for name, count in counts(table["trace_category"]).items() if count}
    if found != {name: count for name, count in manifest.categories.items() if count}:
        raise InputError(
            f"{file!r} says {found} of the traces, the manifest {dict(manifest.categories)}: "
            "name the CSV that they came from"
        )
    return table


def split_manifest(
    base: Manifest, table: pd.DataFrame, rule: SplitConfig, strict: bool = False
) -> tuple[Manifest, list[Overlap]]:
    """Put the parts into a manifest, and prove that nothing leaks.

    Parameters
    ----------
    base
        The data set as a list.
    table
        The rows of its traces, in its order.
    rule
        How to split.
    strict
        Whether an earthquake in two parts is a leak whatever the rule goes by.

    Raises
    ------
    InputError
        It cannot be split so, or it leaks.
    """
    parts, used = assign(table, rule, base.waveforms)
    found = audit(table, parts, used, base.waveforms, strict)
    refuse_leaks(found, "this split")
    return replace(base, recipe=used.to_recipe(base.digest), parts=parts.tolist()), found


def audit_manifest(
    manifest: Manifest, table: pd.DataFrame, rule: SplitConfig | None = None, strict: bool = False
) -> list[Overlap]:
    """Audit the parts that a manifest has.

    Parameters
    ----------
    manifest, table
        As `list_rows` reads them.
    rule
        What is a leak; by default that of the manifest's recipe.
    strict
        Whether an earthquake in two parts is one whatever the rule goes by.

    Raises
    ------
    InputError
        There are no parts.
    """
    if not has_splits(manifest):
        raise InputError(f"manifest {manifest.name!r} has no parts: make them with steadkit split")
    rule = rule or SplitConfig.from_recipe(manifest.recipe)
    return audit(table, manifest.parts, rule, manifest.waveforms, strict)


def has_splits(manifest: Manifest) -> bool:
    """Tell whether a manifest says of any trace in which part it is."""
    return not set(SPLITS).isdisjoint(manifest.parts)
