"""The `steadkit` command: thin over the package, heavy imports inside each body."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import click

from steadkit.console import CarefulGroup, summary
from steadkit.version import __version__

FILE = click.Path(path_type=Path)


class FractionType(click.ParamType):
    """A fraction above 0 and at most 1, kept exact."""

    name = "fraction"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Fraction:
        """Read it, or refuse it in one line as a usage error."""
        from steadkit.errors import InputError
        from steadkit.sampling import parse_fraction

        try:
            return parse_fraction(str(value))
        except InputError as error:
            self.fail(str(error), param, ctx)


overwrite_option = click.option("--overwrite", is_flag=True, help="Replace files that exist.")
seed_option = click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=0,
    show_default=True,
    help="Selects the random order.",
)


@click.group(cls=CarefulGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Cut STEAD down reproducibly, check it, and feed it to training."""


@main.command()
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
        _report(folder / f"{manifest.name}.hdf5", manifest.categories, manifest.digest)


@main.command()
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
    _report(target, manifest.categories, manifest.digest)


@main.command()
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
    _report(target.hdf5, manifest.categories, manifest.digest)


def _report(target: Path, categories: Mapping[str, int], digest: str) -> None:
    counts = {"traces": sum(categories.values()), **categories}
    summary(str(target), counts | {"manifest": f"{digest[:12]}..."})
