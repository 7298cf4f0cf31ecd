"""`steadkit merge`: several STEAD files joined into one."""

from pathlib import Path

import click

from steadkit.cli.options import FILE, output_option, overwrite_option, print_dataset


@click.command()
@click.argument("files", nargs=-1, type=FILE)
@output_option(
    "HDF5 file to write; its CSV goes beside it.", default=Path("merge.hdf5"), show_default=True
)
@overwrite_option
def merge(files: tuple[Path, ...], output: Path, overwrite: bool) -> None:
    """Join STEAD files into one; a trace in two of them is taken once.

    Without FILES: chunk*.hdf5 in the current folder, else in $STEAD_DIR.
    """
    from steadkit.dataset_files import dataset_files
    from steadkit.merge import merge as run
    from steadkit.sources import find_sources

    target = dataset_files(output)
    # Chunks only: merge.hdf5 may be the output of an earlier merge.
    manifest = run(find_sources(files, chunks_only=True), target, overwrite)
    print_dataset(target.hdf5, manifest.categories, manifest.digest)
