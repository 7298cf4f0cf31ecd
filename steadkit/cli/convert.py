"""`steadkit convert`: exchange with SeisBench's format, miniSEED, SAC and QuakeML."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from steadkit.cli.options import (
    FILE,
    WholeType,
    output_option,
    overwrite_option,
    print_dataset,
    seed_option,
)
from steadkit.console import ErrorGroup, echo, print_summary

if TYPE_CHECKING:
    from steadkit.convert import Converted

hdf5_option = output_option("HDF5 file to write; its CSV goes beside it.", required=True)
folder_option = output_option("Folder to write into; made if need be.", required=True)
band_option = click.option(
    "--band-pass", is_flag=True, help="Detrend, and pass 1-45 Hz alone, as STEAD is."
)


@click.group(cls=ErrorGroup)
def convert() -> None:
    """Exchange data with SeisBench's format, miniSEED, SAC and QuakeML."""


@convert.command("from-seisbench")
@click.argument("folder", type=FILE)
@hdf5_option
@click.option(
    "--source-types",
    multiple=True,
    metavar="TYPE",
    help="Take these sources too, explosion,thunder for example, as events; may be repeated.",
)
@seed_option
@band_option
@overwrite_option
def from_seisbench(
    folder: Path,
    output: Path,
    source_types: tuple[str, ...],
    seed: int,
    band_pass: bool,
    overwrite: bool,
) -> None:
    """Write the SeisBench data set in FOLDER as a STEAD one: 100 Hz, 6000 samples, E, N, Z.

    A longer record is cut and a shorter one filled at its level so that P lies 400 to 900 samples
    in; where exactly follows from the seed. Arrivals, coda end and start time move along.

    Sources that are no earthquakes, as an explosion, are left out and counted. With
    --source-types they become earthquake_local, the events of STEAD, and the column source_type
    says what they are.
    """
    from steadkit.convert import from_seisbench as run
    from steadkit.dataset_files import dataset_files

    # Repeated options, or one with commas.
    types = [item.strip() for text in source_types for item in text.split(",")]
    _report(output, run(folder, dataset_files(output), seed, band_pass, overwrite, types))


@convert.command("to-seisbench")
@click.argument("source", nargs=-1, type=FILE)
@folder_option
@click.option(
    "--bucket",
    type=WholeType(0, 100_000),
    default=1024,
    show_default=True,
    help="Traces in one array; 0 for an array each.",
)
@overwrite_option
def to_seisbench(source: tuple[Path, ...], output: Path, bucket: int, overwrite: bool) -> None:
    """Write STEAD files as a SeisBench data set, a chunk a file where there are several.

    Without SOURCE: merge.hdf5, else chunk*.hdf5, in the current folder, else in $STEAD_DIR.
    Parts in a manifest beside a file become the column split.
    """
    from steadkit.convert import to_seisbench as run
    from steadkit.sources import find_sources

    print_summary(str(output), {"traces": run(find_sources(source), output, bucket, overwrite)})


@convert.command("to-miniseed")
@click.argument("source", type=FILE)
@folder_option
@click.option("--trace", "names", multiple=True, help="Only this trace; may be given repeatedly.")
@click.option("--quakeml", is_flag=True, help="Write events.xml too.")
@overwrite_option
def to_miniseed(
    source: Path, output: Path, names: tuple[str, ...], quakeml: bool, overwrite: bool
) -> None:
    """Write the traces of SOURCE, a STEAD file, as miniSEED: a file each, float32, bit for bit.

    Beside them go picks.csv, stations.csv, and metadata.csv with all columns.
    """
    from steadkit.convert import to_miniseed as run
    from steadkit.sources import source_from_path

    count = run(source_from_path(source), output, names, quakeml, overwrite)
    print_summary(str(output), {"traces": count})


@convert.command("from-records")
@click.argument("folder", type=FILE)
@click.option("--picks", type=FILE, required=True, help="CSV or QuakeML.")
@click.option("--stations", type=FILE, help="StationXML or CSV: where the stations stand.")
@hdf5_option
@click.option(
    "--noise",
    type=WholeType(0),
    default=0,
    show_default=True,
    help="Quiet minutes to take at each station.",
)
@click.option(
    "--components",
    type=WholeType(1, 3),
    default=1,
    show_default=True,
    help="How many of E, N, Z there must be; a missing one is zero.",
)
@seed_option
@band_option
@overwrite_option
def from_records(
    folder: Path,
    picks: Path,
    stations: Path | None,
    output: Path,
    noise: int,
    components: int,
    seed: int,
    band_pass: bool,
    overwrite: bool,
) -> None:
    """Cut the miniSEED and SAC files in FOLDER into STEAD's layout: a minute for each P picked.

    A CSV of picks needs the columns network, station, phase, time (UTC); it may have event_id,
    origin_time, latitude, longitude, depth_km, magnitude and STEAD's other source columns,
    location, channel, status and weight. A CSV of stations needs network, station, latitude,
    longitude and may have elevation_m.
    """
    from steadkit.convert import RecordsConfig
    from steadkit.convert import from_records as run
    from steadkit.dataset_files import dataset_files

    config = RecordsConfig(seed, band_pass, noise, components)
    files = dataset_files(output)
    _report(files.hdf5, run(folder, picks, files, config, stations, overwrite))


def _report(output: Path, converted: "Converted") -> None:
    from steadkit.convert import describe_unread, format_skipped

    print_dataset(output, converted.manifest.categories, converted.manifest.digest)
    for line in (format_skipped(converted.skipped), describe_unread(converted.unread)):
        if line:
            echo(f"  {line}")
