"""`steadkit subset`: a data set down-sampled by filters, strata and a fraction or a count."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from steadkit.cli.options import (
    FILE,
    FractionType,
    NumbersType,
    WholeType,
    output_option,
    overwrite_option,
    print_dataset,
    seed_option,
)
from steadkit.console import echo


@click.command()
@click.argument("source", nargs=-1, type=FILE)
@click.option("--fraction", type=FractionType(), help="How much of each stratum, e.g. 0.01.")
@click.option("--count", type=WholeType(1), help="How many traces in all.")
@click.option("--preset", help="A subset of the study: steadmini, steadmicro or merged.")
@click.option(
    "--where",
    multiple=True,
    help="Only where this is true, e.g. 'source_magnitude > 3'; repeat for more that must be.",
)
@click.option("--box", type=NumbersType(), metavar="SOUTH,WEST,NORTH,EAST", help="Degrees.")
@click.option("--circle", type=NumbersType(), metavar="LATITUDE,LONGITUDE,KM", help="A place.")
@click.option(
    "--at",
    type=click.Choice(["source", "receiver"]),
    help="What box and circle hold; by default the source, which noise does not have.",
)
@click.option(
    "--stratify",
    multiple=True,
    metavar="COLUMN[:EDGE,...]",
    help="Strata that each give their share; bins of numbers by edges; `none`. "
    "By default trace_category.",
)
@click.option("--balance", is_flag=True, help="As many events as noise: as the smaller would have.")
@click.option("--group", metavar="COLUMN", help="Whole groups in or out; source_id: earthquakes.")
@click.option(
    "--rounding", type=click.Choice(["floor", "nearest"]), help="Of shares; by default floor."
)
@click.option(
    "--exclude",
    multiple=True,
    type=FILE,
    help="Leave out the traces listed here: names, a CSV or a manifest.",
)
@output_option("HDF5 file to write; its CSV goes beside it.")
@seed_option
@click.option("--manifest-only", is_flag=True, help="List the traces, copy none; a CSV suffices.")
@overwrite_option
def subset(
    source: tuple[Path, ...],
    preset: str | None,
    output: Path | None,
    manifest_only: bool,
    overwrite: bool,
    **options: Any,
) -> None:
    """Shuffle and down-sample SOURCE, one or several STEAD files, category by category.

    Without SOURCE: merge.hdf5, else chunk*.hdf5, in the current folder, else in $STEAD_DIR;
    for the preset merged, chunk1 and chunk4 there. Without fraction, count and preset, all
    traces that pass the filters (where, box, circle, exclude, balance) are taken.

    Written to the current folder as steadmini (0.1), steadmicro (0.01), stead-0.25, stead-5000
    and so on, with -selected where other options have a say, unless -o names it.
    """
    from steadkit.dataset_files import dataset_files
    from steadkit.presets import find_preset_sources, preset_selection
    from steadkit.selection import Selection
    from steadkit.sources import find_sources
    from steadkit.subset import default_name
    from steadkit.subset import subset as run

    selection_options = _given(options, preset)
    selection = (
        preset_selection(preset, selection_options) if preset else Selection(**selection_options)
    )
    require_hdf5 = not manifest_only
    if preset:
        sources = find_preset_sources(preset, source, require_hdf5=require_hdf5)
    else:
        sources = find_sources(source, require_hdf5=require_hdf5)
    files = dataset_files(output or Path(default_name(selection)))
    manifest = run(sources, files, selection, overwrite, manifest_only, log=echo)
    target = files.manifest if manifest_only else files.hdf5
    print_dataset(target, manifest.categories, manifest.digest)


def _given(options: Mapping[str, Any], preset: str | None) -> dict[str, Any]:
    """Return the options that the user set; the rest keep their defaults."""
    from steadkit.expressions import join_conditions
    from steadkit.selection import parse_strata, read_names

    selected = {name: value for name, value in options.items() if value not in (None, (), False)}
    if empty := [name for name, value in selected.items() if value == "" or value == ("",)]:
        # An unset variable of the shell must not mean all of STEAD.
        raise click.UsageError(f"--{empty[0]} is empty: say what, or leave it out")
    amounts = [name for name in ("fraction", "count") if name in selected] + ["preset"] * bool(
        preset
    )
    if len(amounts) > 1:
        names = " and ".join(f"--{name}" for name in amounts)
        raise click.UsageError(f"{names} contradict each other: give one of them")
    if not amounts and not selected.keys() & {"where", "box", "circle", "exclude", "balance"}:
        raise click.UsageError(
            "how much? Give --fraction, --count or --preset, or a filter such as --where"
        )
    if "where" in selected:
        selected["where"] = join_conditions(selected["where"])
    if "stratify" in selected:
        selected["stratify"] = parse_strata(selected["stratify"])
    if "exclude" in selected:
        selected["exclude"] = read_names(selected["exclude"])
    return selected
