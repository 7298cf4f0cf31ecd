"""Commands that make data sets: demo, subset and merge."""

from fractions import Fraction
from pathlib import Path

import click

from steadkit.cli.options import FILE, FractionType, overwrite_option, report, seed_option


@click.command()
@click.argument("folder", type=FILE, default=Path("demo"))
@click.option("--events", type=click.IntRange(0), default=2000, show_default=True)
@click.option("--noise", type=click.IntRange(0), default=500, show_default=True)
@seed_option
@overwrite_option
def demo(folder: Path, events: int, noise: int, seed: int, overwrite: bool) -> None:
    """Simulate a miniature STEAD in FOLDER: chunk1 is noise, chunk2.. events.

    FOLDER is `demo` by default. The same seed gives the same bytes on any machine.
    """
    from steadkit.demo import demo as make

    for manifest in make(folder, events, noise, seed, overwrite):
        report(folder / f"{manifest.name}.hdf5", manifest.categories, manifest.digest)


@click.command()
@click.argument("source", nargs=-1, type=FILE)
@click.option(
    "--fraction", type=FractionType(), required=True, help="How much of each category, e.g. 0.01."
)
@click.option("-o", "--output", type=FILE, help="HDF5 file to write; its CSV goes beside it.")
@seed_option
@click.option("--manifest-only", is_flag=True, help="List the traces, copy none; a CSV suffices.")
@overwrite_option
def subset(
    source: tuple[Path, ...],
    fraction: Fraction,
    output: Path | None,
    seed: int,
    manifest_only: bool,
    overwrite: bool,
) -> None:
    """Shuffle and down-sample SOURCE, one or several STEAD files, category by category.

    Without SOURCE: merge.hdf5, else chunk*.hdf5, in the current folder, else in $STEAD_DIR.
    0.1 is written as steadmini, 0.01 as steadmicro, in the current folder, unless -o names it.
    """
    from steadkit.dataset import dataset_files
    from steadkit.sources import find_sources
    from steadkit.subset import default_name
    from steadkit.subset import subset as run

    sources = find_sources(source, whole=not manifest_only)
    files = dataset_files(output or Path(default_name(fraction)))
    manifest = run(sources, files, fraction, seed, overwrite, manifest_only)
    target = files.manifest if manifest_only else files.hdf5
    report(target, manifest.categories, manifest.digest)


@click.command()
@click.argument("files", nargs=-1, type=FILE)
@click.option(
    "-o",
    "--output",
    type=FILE,
    default=Path("merged.hdf5"),
    show_default=True,
    help="HDF5 file to write; its CSV goes beside it.",
)
@overwrite_option
def merge(files: tuple[Path, ...], output: Path, overwrite: bool) -> None:
    """Join STEAD files into one; a trace in two of them is taken once.

    Without FILES: chunk*.hdf5 in the current folder, else in $STEAD_DIR.
    """
    from steadkit.dataset import dataset_files
    from steadkit.merge import merge as run
    from steadkit.sources import find_sources

    target = dataset_files(output)
    manifest = run(find_sources(files, chunks_only=True), target, overwrite)
    report(target.hdf5, manifest.categories, manifest.digest)
