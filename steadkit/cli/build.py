"""`steadkit build`: the data set of a manifest, rebuilt from STEAD."""

from pathlib import Path

import click

from steadkit.cli.options import FILE, output_option, overwrite_option, print_dataset


@click.command()
@click.argument("manifest", type=FILE)
@click.option(
    "--source",
    "sources",
    multiple=True,
    type=FILE,
    help="A STEAD file with its traces; repeat for several. Without: as for subset.",
)
@output_option("HDF5 file to write; by default named as MANIFEST.")
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
    print_dataset(target.hdf5, built.categories, built.digest)
