"""Commands that work on manifests: build, verify and diff."""

import sys
from pathlib import Path

import click

from steadkit.cli.options import FILE, overwrite_option, report
from steadkit.console import echo, table

SHOWN = 20
"""Differences shown on the terminal; a report file has all of them."""


@click.command()
@click.argument("manifest", type=FILE)
@click.option(
    "--source",
    "sources",
    multiple=True,
    type=FILE,
    help="A STEAD file with its traces; repeat for several. Without: as for subset.",
)
@click.option("-o", "--output", type=FILE, help="HDF5 file to write; by default named as MANIFEST.")
@click.option("--any-csv", is_flag=True, help="Accept CSV cells other than those of MANIFEST.")
@overwrite_option
def build(
    manifest: Path,
    sources: tuple[Path, ...],
    output: Path | None,
    any_csv: bool,
    overwrite: bool,
) -> None:
    """Rebuild the data set of MANIFEST from STEAD: HDF5, CSV and manifest, the same bytes.

    Every trace, and the CSV's cells, are compared with their digests on the way. Files of STEAD
    may write the same number in two ways, 700 and 700.0: --any-csv takes the cells as they are.
    """
    from steadkit.build import build as run
    from steadkit.dataset_files import dataset_files
    from steadkit.sources import find_sources

    target = dataset_files(output or manifest.with_suffix(".hdf5"))
    built = run(manifest, find_sources(sources), target, overwrite, any_csv)
    report(target.hdf5, built.categories, built.digest)


@click.command()
@click.argument("data", type=FILE)
@click.option("--manifest", type=FILE, help="By default the one beside DATA.")
@click.option("--report", "target", type=FILE, help="CSV file for all differences.")
@overwrite_option
def verify(data: Path, manifest: Path | None, target: Path | None, overwrite: bool) -> None:
    """Check DATA, HDF5 and CSV, against its manifest: every waveform, attribute and cell.

    Exit code 1 if anything differs.
    """
    from steadkit.atomic import check_targets, note_input, write_text
    from steadkit.atomic.kinds import table as table_kind
    from steadkit.manifest import load
    from steadkit.sources import source_from_path
    from steadkit.verify import covers_csv
    from steadkit.verify import verify as run

    source = source_from_path(data)
    path = manifest or source.hdf5.with_suffix(".manifest")
    note_input(source.hdf5, source.csv, path)
    columns = ["trace_name", "what"]
    kind = table_kind(columns)
    if target is not None:
        check_targets([target], overwrite, [kind])
    wanted = load(path)
    differences = list(run(wanted, source.hdf5, source.csv))
    if target is not None:
        import pandas as pd

        table = pd.DataFrame(differences, columns=columns)
        write_text(target, table.to_csv(index=False, lineterminator="\n"), overwrite, kind)
    if not differences:
        report(source.hdf5, wanted.categories, wanted.digest)
        echo("  as its manifest says")
        if not covers_csv(wanted):
            echo(f"  but for the cells of {source.csv.name}, which it does not cover")
        return
    for difference in differences[:SHOWN]:
        echo(": ".join(filter(None, (difference.trace_name, difference.what))))
    if len(differences) > SHOWN:
        echo(f"and {len(differences) - SHOWN} more")
    traces = len({difference.trace_name for difference in differences if difference.trace_name})
    about = f"{source.hdf5}: {traces} traces are" if traces else f"{source.csv} is"
    echo(f"{about} not what the manifest says", err=True)
    sys.exit(1)


@click.command()
@click.argument("one", type=FILE)
@click.argument("other", type=FILE)
def diff(one: Path, other: Path) -> None:
    """Compare two manifests: traces, order, parts, digests and recipes.

    Exit code 1 if they differ.
    """
    from steadkit.manifest import load
    from steadkit.verify import compare

    left, right = load(one), load(other)
    found = {what: names for what, names in compare(left, right).items() if names}
    if not found:
        number = f"{len(left.traces):,}"
        echo(f"the same {number} traces, made the same way: {left.digest[:12]}...")
        return
    rows = [(what, len(names), " ".join(names[:3])) for what, names in found.items()]
    title = f"{one} ({len(left.traces):,}) and {other} ({len(right.traces):,})"
    table(title, ("what", "number", "such as"), rows)
    sys.exit(1)
