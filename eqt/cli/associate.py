"""`eqt associate`: earthquakes from the picks of continuous records."""

from pathlib import Path

import click

from eqt.cli.options import FILE, NumberType, WholeType, output_option, refuse_existing
from steadkit.console import echo


@click.command()
@click.argument("picks", type=FILE)
@click.option("--stations", type=FILE, required=True, help="Coordinates: StationXML or CSV.")
@click.option(
    "--velocity",
    type=FILE,
    help="CSV of depth_km, vp_km_s and vs_km_s; by default the crust and mantle of iasp91.",
)
@output_option("Folder to write.", required=True)
@click.option("--min-picks", type=WholeType(3), default=8, show_default=True, help="Of an event.")
@click.option("--min-p", type=WholeType(0), default=3, show_default=True, help="P of an event.")
@click.option("--min-s", type=WholeType(0), default=3, show_default=True, help="S of an event.")
@click.option(
    "--min-both",
    type=WholeType(0),
    default=2,
    show_default=True,
    help="Stations with P and S of an event.",
)
@click.option(
    "--min-probability",
    type=NumberType(),
    default=0.0,
    show_default=True,
    help="Less probable picks are left out.",
)
@click.option(
    "--max-depth-km", type=NumberType(), default=60.0, show_default=True, help="Of the search."
)
@click.option(
    "--margin-km",
    type=NumberType(),
    default=50.0,
    show_default=True,
    help="Search beyond the outermost stations.",
)
@click.option(
    "--tolerance",
    type=NumberType(),
    default=1.5,
    show_default=True,
    help="Seconds that a pick may be off its predicted time.",
)
@click.option("--overwrite", is_flag=True, help="Replace an association that exists.")
def associate(
    picks: Path,
    stations: Path,
    velocity: Path | None,
    output: Path,
    min_picks: int,
    min_p: int,
    min_s: int,
    min_both: int,
    min_probability: float,
    max_depth_km: float,
    margin_km: float,
    tolerance: float,
    overwrite: bool,
) -> None:
    """Find the earthquakes that explain PICKS, a picks.csv of eqt predict or its folder.

    Through PyOcto (pip install "steadkit[associate]"). OUTPUT gets events.csv, assignments.csv,
    QuakeML with origins, arrivals and picks, a map, a time-distance picture and a page. Locations
    are preliminary.
    """
    refuse_existing(output, overwrite)
    from eqt.prediction.association import (
        AssociationConfig,
        associate_picks,
        default_velocities,
        read_velocities,
    )
    from eqt.prediction.association_files import FILES, write_association
    from eqt.prediction.pick_table import read_continuous_picks
    from steadkit.atomic import atomic_folder
    from steadkit.records.stations import read_stations

    config = AssociationConfig(
        *(min_picks, min_p, min_s, min_both),
        min_probability,
        max_depth_km,
        margin_km,
        tolerance,
    )
    path = picks / "picks.csv" if picks.is_dir() else picks
    places = read_stations(stations)
    velocities = read_velocities(velocity) if velocity else default_velocities()
    found = associate_picks(read_continuous_picks(path), places, velocities, config)
    settings = {
        "picks": str(path),
        "stations": str(stations),
        "velocity": str(velocity) if velocity else "iasp91",
        **vars(config),
    }

    def written_files(folder: Path) -> list[str] | None:
        is_ours = (folder / "association.json").is_file()
        return [name for name in FILES if (folder / name).is_file()] if is_ours else None

    with atomic_folder(output, overwrite, written_files) as folder:
        write_association(folder, found, places, settings)
    if found.n_without_station:
        echo(f"{found.n_without_station:,} picks are of stations without coordinates")
    echo(f"{len(found.events):,} earthquakes of {len(found.assignments):,} picks: {output}")
