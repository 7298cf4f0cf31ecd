"""`steadkit verify`: a data set compared with its manifest."""

import sys
from pathlib import Path

import click

from steadkit.cli.options import FILE, output_option, overwrite_option, print_dataset
from steadkit.console import echo

MAX_SHOWN = 20
"""Differences shown on the terminal; a report file has all of them."""


@click.command()
@click.argument("data", type=FILE)
@click.option("--manifest", type=FILE, help="By default the one beside DATA.")
@output_option("CSV file for all differences.", former=("--report",))
@overwrite_option
def verify(data: Path, manifest: Path | None, output: Path | None, overwrite: bool) -> None:
    """Check DATA, HDF5 and CSV, against its manifest: every waveform, attribute and cell.

    Exit code 1 if anything differs.
    """
    from steadkit.atomic import check_targets, note_input, write_text
    from steadkit.atomic.kinds import csv_kind
    from steadkit.manifest import load
    from steadkit.sources import source_from_path
    from steadkit.verify import covers_csv
    from steadkit.verify import verify as run

    source = source_from_path(data)
    path = manifest or source.hdf5.with_suffix(".manifest")
    note_input(source.hdf5, source.csv, path)
    columns = ["trace_name", "what"]
    file_kind = csv_kind(columns)
    # Before the comparison, which reads 91 GB where the data set is all of STEAD.
    if output is not None:
        check_targets([output], overwrite, [file_kind])
    expected = load(path)
    differences = list(run(expected, source.hdf5, source.csv))
    if output is not None:
        import pandas as pd

        table = pd.DataFrame(differences, columns=columns)
        write_text(output, table.to_csv(index=False, lineterminator="\n"), overwrite, file_kind)
    if not differences:
        print_dataset(source.hdf5, expected.categories, expected.digest)
        echo("  as its manifest says")
        if not covers_csv(expected):
            echo(f"  but for the cells of {source.csv.name}, which it does not cover")
        return
    for difference in differences[:MAX_SHOWN]:
        echo(": ".join(filter(None, (difference.trace_name, difference.what))))
    if len(differences) > MAX_SHOWN:
        echo(f"and {len(differences) - MAX_SHOWN} more")
    traces = len({difference.trace_name for difference in differences if difference.trace_name})
    about = f"{source.hdf5}: {traces} traces are" if traces else f"{source.csv} is"
    echo(f"{about} not what the manifest says", err=True)
    sys.exit(1)
