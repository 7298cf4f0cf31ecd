"""`steadkit info`: the contents of a data set, as tables or as JSON."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from steadkit.cli.options import FILE
from steadkit.console import format_value, summary, table

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

    described = describe(file)
    if as_json:
        click.echo(json.dumps(described.as_dict(), indent=1))
    else:
        _print_info(described)


def _print_info(described: "Info") -> None:
    span = {"first trace": described.first, "last trace": described.last} if described.gaps else {}
    summary(described.file, {**described.counts, **span})
    if described.waveforms:
        of_file = described.waveforms
        gigabytes = f"{int(str(of_file['bytes'])) / 1e9:.3g} GB"
        summary(str(of_file["file"]), {"traces": of_file["traces"], "size": gigabytes})
    if described.manifest:
        facts = {key: str(value) for key, value in described.manifest.items() if value}
        summary(f"manifest {facts.pop('file')}", facts)
    if described.gaps:
        _print_figures(described)


def _print_figures(described: "Info") -> None:

    headings = ("", "known", "least", "25 %", "median", "75 %", "greatest")
    rows = [
        (
            f"{spread.figure} ({spread.unit})" if spread.unit else spread.figure,
            spread.known,
            *map(_short, (spread.least, spread.lower_quartile, spread.median)),
            *map(_short, (spread.upper_quartile, spread.greatest)),
        )
        for spread in described.spreads
    ]
    table("figures", headings, rows)
    holes = [gap for gap in described.gaps if any(gap.missing.values()) or gap.unreadable]
    if holes:
        categories = (f"missing in {name}" for name in holes[0].missing)
        lines = [(g.column, *g.missing.values(), g.unreadable) for g in holes]
        table("what is not known", ("column", *categories, "unreadable"), lines)


def _short(value: float | None) -> str:
    return format_value(value) if value is None else f"{value:,.2f}"
