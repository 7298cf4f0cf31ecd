"""`steadkit info`: the contents of a data set, as tables or as JSON."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from steadkit.cli.options import FILE
from steadkit.console import format_value, print_summary, print_table

if TYPE_CHECKING:
    from steadkit.info import Info


@click.command()
@click.argument("file", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for machines.")
def info(file: Path, as_json: bool) -> None:
    """Tell what FILE holds: counts, ranges, quartiles, and what is missing.

    FILE is a STEAD CSV, its HDF5 file, or a manifest. The CSV alone suffices.
    """
    import json

    from steadkit.info import describe

    data_info = describe(file)
    if as_json:
        click.echo(json.dumps(data_info.as_dict(), indent=1))
    else:
        _print_info(data_info)


def _print_info(data_info: "Info") -> None:
    time_range = (
        {"first trace": data_info.first, "last trace": data_info.last} if data_info.gaps else {}
    )
    print_summary(data_info.file, {**data_info.counts, **time_range})
    if data_info.waveforms:
        waveforms = data_info.waveforms
        gigabytes = f"{int(str(waveforms['bytes'])) / 1e9:.3g} GB"
        print_summary(str(waveforms["file"]), {"traces": waveforms["traces"], "size": gigabytes})
    if data_info.manifest:
        facts = {key: str(value) for key, value in data_info.manifest.items() if value}
        print_summary(f"manifest {facts.pop('file')}", facts)
    if data_info.gaps:
        _print_figures(data_info)


def _print_figures(data_info: "Info") -> None:
    headings = ("", "known", "least", "25 %", "median", "75 %", "greatest")
    rows = [
        (
            f"{quartiles.figure} ({quartiles.unit})" if quartiles.unit else quartiles.figure,
            quartiles.known,
            *map(_short, (quartiles.least, quartiles.lower_quartile, quartiles.median)),
            *map(_short, (quartiles.upper_quartile, quartiles.greatest)),
        )
        for quartiles in data_info.spreads
    ]
    print_table("figures", headings, rows)
    gaps = [gap for gap in data_info.gaps if any(gap.missing.values()) or gap.unreadable]
    if gaps:
        categories = (f"missing in {name}" for name in gaps[0].missing)
        lines = [(gap.column, *gap.missing.values(), gap.unreadable) for gap in gaps]
        print_table("what is not known", ("column", *categories, "unreadable"), lines)


def _short(value: float | None) -> str:
    return format_value(value) if value is None else f"{value:,.2f}"
