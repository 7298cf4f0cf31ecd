"""`steadkit split`: training, validation and test splits, and the audit of existing ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from steadkit.cli.options import (
    FILE,
    NumberType,
    RenamedOption,
    output_option,
    overwrite_option,
    print_dataset,
    seed_option,
)
from steadkit.console import echo, print_table

if TYPE_CHECKING:
    import pandas as pd

    from steadkit.manifest import Manifest
    from steadkit.split import Overlap, SplitConfig

BOX: dict[str, Any] = {"type": NumberType(), "nargs": 4, "metavar": "S W N E"}
"""South, west, north, east."""


@click.command()
@click.argument("data", type=FILE, metavar="DATA_OR_MANIFEST")
@click.option(
    "--by",
    multiple=True,
    metavar="WHAT",
    help="earthquake (default), station, time, region or a column; repeat to keep both whole.",
)
@click.option(
    "--fractions",
    cls=RenamedOption,
    former=("--shares",),
    default="0.85,0.05,0.1",
    show_default=True,
    help="Of training, validation and test.",
)
@seed_option
@click.option("--stratify", multiple=True, help="Columns cut alike; trace_category by default.")
@click.option("--cut", nargs=2, metavar="TIME TIME", help="When validation and test begin (UTC).")
@click.option("--gap-days", type=NumberType(), default=0.0, help="Leave out so much after either.")
@click.option(
    "--cell-degrees", type=NumberType(), default=1.0, show_default=True, help="Side of a cell."
)
@click.option("--validation-box", **BOX, help="By region: degrees, instead of cells.")
@click.option("--test-box", **BOX, help="By region: degrees, instead of cells.")
@click.option("--metadata", multiple=True, type=FILE, help="CSV of the traces; repeat for more.")
@click.option("--strict", is_flag=True, help="Refuse an earthquake in two splits, however split.")
@click.option("--check", is_flag=True, help="Split nothing: audit the splits that a manifest has.")
@output_option("Manifest to write; else DATA.split.manifest.")
@overwrite_option
def split(
    data: Path,
    by: tuple[str, ...],
    fractions: str,
    seed: int,
    stratify: tuple[str, ...],
    cut: tuple[str, str] | None,
    gap_days: float,
    cell_degrees: float,
    validation_box: tuple[float, ...] | None,
    test_box: tuple[float, ...] | None,
    metadata: tuple[Path, ...],
    strict: bool,
    check: bool,
    output: Path | None,
    overwrite: bool,
) -> None:
    """Divide traces into train, validation and test, so that nothing stands on two sides.

    By earthquake, no earthquake does. By station, no station does, but earthquakes do: the number
    is printed. By station and earthquake neither does, if the data come apart so. By time,
    training comes first, test last, earthquakes whole. By region, cells of a grid or boxes.

    DATA_OR_MANIFEST is a STEAD file, or a manifest with its CSV beside it. With --check the exit
    code is 1 if anything leaks; what is a leak follows from --by, else from how it was split.
    """
    from steadkit.selection import parse_strata
    from steadkit.split import SplitConfig, parse_by, parse_shares

    config = SplitConfig(
        by=parse_by(by),
        shares=parse_shares(fractions),
        seed=seed,
        stratify=parse_strata(stratify or ("trace_category",)),
        cut=cut,
        gap_days=gap_days,
        cell_degrees=cell_degrees,
        validation_box=validation_box,
        test_box=test_box,
    )
    if check:
        _check(data, config if by else None, metadata, strict)
    else:
        _split(data, config, metadata, strict, output, overwrite)


def _split(
    data: Path,
    config: "SplitConfig",
    metadata: tuple[Path, ...],
    strict: bool,
    output: Path | None,
    overwrite: bool,
) -> None:
    from steadkit.atomic import check_targets, note_input, write_one
    from steadkit.split import list_rows, split_manifest, split_target

    # Before the rows are read, which takes seconds for all of STEAD.
    target = split_target(data, output)
    note_input(data, *metadata)
    check_targets([target], overwrite)
    base, rows = list_rows(data, config, metadata)
    manifest, overlaps = split_manifest(base, rows, config, strict)
    write_one(target, manifest.write, overwrite)
    _show(manifest, rows, overlaps)
    print_dataset(target, manifest.categories, manifest.digest)


def _check(
    data: Path, config: "SplitConfig | None", metadata: tuple[Path, ...], strict: bool
) -> None:
    from steadkit.split import audit_manifest, find_split, list_rows, refuse_leaks

    path = find_split(data)
    manifest, rows = list_rows(path, config, metadata)
    overlaps = audit_manifest(manifest, rows, config, strict)
    _show(manifest, rows, overlaps)
    refuse_leaks(overlaps, repr(str(path)))
    unknown = sum(overlap.n_unknown for overlap in overlaps)
    echo(f"{path}: no leak{f' is known; {_unknown(unknown)}' if unknown else ''}")


def _show(manifest: "Manifest", rows: "pd.DataFrame", overlaps: "Sequence[Overlap]") -> None:
    """Print the counts of each split, and the groups that two splits share."""
    from steadkit.sampling import SPLITS

    counts = (
        rows["trace_category"].groupby(list(manifest.splits)).value_counts().unstack(fill_value=0)
    )
    counts = counts.reindex(SPLITS, fill_value=0)
    lines: list[list[object]] = [[name, *map(int, counts[name])] for name in counts]
    lines.append(["share", *(f"{s:.2%}" for s in counts.sum(axis=1) / counts.to_numpy().sum())])
    lines += [[f"groups by {overlap.group_type}", *overlap.groups.values()] for overlap in overlaps]
    by = manifest.recipe.get("by")
    described = " and ".join(map(str, by)) if isinstance(by, list) else "another tool or by hand"
    print_table(f"{manifest.name}, split by {described}", ("", *SPLITS), lines)
    columns = ("groups in", *(f"{a} and {b}" for a, b in overlaps[0].shared_groups), "leak")
    lines = [
        [overlap.group_type, *map(len, overlap.shared_groups.values()), _verdict(overlap)]
        for overlap in overlaps
    ]
    print_table("In two splits", columns, lines)
    lacking = [
        f"no {name} trace is in {split_name}"
        for name in counts
        for split_name in SPLITS
        if not counts[name][split_name]
    ]
    lacking += [
        f"{_unknown(overlap.n_unknown)}: give them a source_id or a source_origin_time"
        for overlap in overlaps
        if overlap.n_unknown
    ]
    for note in (*lacking, *_notes(manifest)):
        echo(f"  {note}")


def _verdict(overlap: "Overlap") -> str:
    if not overlap.names:
        return _unknown(overlap.n_unknown) if overlap.n_unknown else "none"
    return "LEAK" if overlap.is_leak else "allowed"


def _unknown(count: int) -> str:
    return f"earthquakes not known for {count:,} trace{'s' if count != 1 else ''}"


def _notes(manifest: "Manifest") -> list[str]:
    """Return notes on the split that are not in the table."""
    from steadkit.manifest import UNKNOWN

    notes = []
    cut = manifest.recipe.get("cut")
    if isinstance(cut, list) and len(cut) == 2:
        notes.append(f"validation begins at {cut[0]}, test at {cut[1]}")
    if outside := list(manifest.splits).count(UNKNOWN):
        notes.append(f"{outside:,} traces are in no split")
    total = len(manifest.traces)
    unknown = list(manifest.waveforms).count(UNKNOWN) if len(manifest.waveforms) else total
    if unknown:
        notes.append(f"no digest is known of {unknown:,} traces: their samples were not compared")
    return notes
