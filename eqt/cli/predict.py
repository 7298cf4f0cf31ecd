"""`eqt predict`: pick continuous records."""

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eqt.backend import load_tensorflow
from eqt.cli.options import FILE, NumberType, WholeType, output_option
from steadkit.console import echo, print_table

if TYPE_CHECKING:
    from eqt.prediction.run import Prediction


@click.command()
@click.argument("inputs", type=FILE, nargs=-1)
@click.option(
    "--weights",
    type=FILE,
    required=True,
    help="A run, any file of weights that eqt reads, or published ones: original, conservative.",
)
@output_option("Folder to write, or one of the same settings to continue.", required=True)
@click.option("--fdsn", help="Web service to read: its address, or its name as ObsPy knows it.")
@click.option("--network", default="*", help="Networks to ask the service for: IU, or IU,II.")
@click.option("--station", default="*", help="Stations to ask the service for: ANMO, or A*.")
@click.option("--from", "start", help="Picks from this time on: 2024-02-03, or 2024-02-03T05:30.")
@click.option("--to", "end", help="Picks before this time. Times are UTC without a zone.")
@click.option("--include", multiple=True, help="Codes to use: O2.W*, or *.*.00.HH?; repeatable.")
@click.option("--exclude", multiple=True, help="Codes not to use; repeatable.")
@click.option("--exclude-list", type=FILE, help="File of codes not to use, a pattern a line.")
@click.option("--channel", "channels", multiple=True, help="Channels to use: HH?; repeatable.")
@click.option(
    "--stations", type=FILE, help="Coordinates: CSV; or StationXML, for amplitudes in m/s too."
)
@click.option(
    "--thresholds",
    "how",
    default="published",
    show_default=True,
    help="published (0.3, 0.1, 0.1); or the evaluation whose choice to use: its folder, or "
    "evaluation for that of the run.",
)
@click.option("--detection-threshold", type=NumberType(), help="Instead of that.")
@click.option("--p-threshold", type=NumberType(), help="Instead of that.")
@click.option("--s-threshold", type=NumberType(), help="Instead of that.")
@click.option(
    "--floor",
    type=NumberType(),
    default=0.02,
    show_default=True,
    help="Least probability of what candidates.parquet keeps, for thresholds chosen later.",
)
@click.option(
    "--overlap",
    type=NumberType(),
    default=0.5,
    show_default=True,
    help="Share of a window by which the next one overlaps it.",
)
@click.option(
    "--stacking",
    type=click.Choice(["mean", "max"]),
    default="mean",
    show_default=True,
    help="Of overlapping windows: mean, weighted less towards a window's edges; or max.",
)
@click.option(
    "--refine/--no-refine",
    default=True,
    show_default=True,
    help="Move picks to where the signal begins near them, by Akaike's information criterion.",
)
@click.option(
    "--mc-samples",
    type=WholeType(0, 10_000),
    default=0,
    show_default=True,
    help="Monte Carlo passes with dropout, whose spread is the uncertainty; 0: a single pass.",
)
@click.option("--seed", type=WholeType(0), default=0, show_default=True, help="Of the dropout.")
@click.option("--all-instruments", is_flag=True, help="All of a station, not only the best.")
@click.option("--probabilities", is_flag=True, help="Write them too, as miniSEED.")
@click.option("--plots", is_flag=True, help="Draw every day of a station and every detection.")
@click.option(
    "--workers",
    type=WholeType(1, 1024),
    help="Processes; half as many as there are cores by default. Results do not depend on it.",
)
@click.option("--scheduler", help="Address of a Dask scheduler whose workers compute instead.")
@click.option("--overwrite", is_flag=True, help="Replace a prediction of other settings.")
def predict(
    inputs: tuple[Path, ...],
    weights: Path,
    output: Path,
    fdsn: str | None,
    network: str,
    station: str,
    start: str | None,
    end: str | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    exclude_list: Path | None,
    channels: tuple[str, ...],
    stations: Path | None,
    how: str,
    detection_threshold: float | None,
    p_threshold: float | None,
    s_threshold: float | None,
    floor: float,
    overlap: float,
    stacking: str,
    refine: bool,
    mc_samples: int,
    seed: int,
    all_instruments: bool,
    probabilities: bool,
    plots: bool,
    workers: int | None,
    scheduler: str | None,
    overwrite: bool,
) -> None:
    """Pick continuous records of any stations.

    INPUTS are waveform files, folders, archives, patterns, and data sets of traces. One instrument
    of a station is used, by band, then rate. Picks do not depend on where files begin or end; the
    same command continues an interrupted one. OUTPUT gets picks.csv, detections.csv, QuakeML,
    tables for EQTransformer's, PhaseNet's, GaMMA's and PyOcto's programs, a page, and unused.csv:
    what was not used, and why.
    """
    if not inputs and not fdsn:
        raise click.UsageError("nothing to pick: name files or folders, or a service with --fdsn")
    from eqt.prediction.folder import refuse_foreign

    refuse_foreign(output)
    load_tensorflow()
    from eqt.picking.station_picks import PickingConfig
    from eqt.prediction.inputs import FilterOptions, parse_filter
    from eqt.prediction.run import PredictionConfig, default_workers, predict_archive
    from eqt.prediction.thresholds import find_thresholds
    from steadkit.cluster import Execution
    from steadkit.records.fdsn import ServiceRequest

    options = {"detection": detection_threshold, "p": p_threshold, "s": s_threshold}
    config = PredictionConfig(
        PickingConfig(
            find_thresholds(how, weights, options),
            overlap,
            stacking,
            refine,
            floor,
            mc_samples,
            seed,
        ),
        parse_filter(FilterOptions(start, end, include, exclude, channels, exclude_list)),
        all_instruments,
        probabilities,
        plots,
    )
    outcome = predict_archive(
        list(map(str, inputs)),
        str(weights),
        output,
        config,
        stations,
        Execution(workers or default_workers(), scheduler),
        overwrite,
        service=ServiceRequest(fdsn, network, station, channels=",".join(channels) or "*")
        if fdsn
        else None,
    )
    _report(outcome, output)


def _report(outcome: "Prediction", folder: Path) -> None:
    counts = outcome.counts
    echo(
        f"{counts.picks:,} picks and {counts.detections:,} detections in {outcome.n_units:,} "
        f"station-days, {outcome.n_computed:,} of them computed now"
    )
    if outcome.n_computed:
        rate = outcome.n_windows / max(outcome.elapsed_s, 1e-9)
        total = max(sum(outcome.seconds.values()), 1e-9)
        shares = ", ".join(
            f"{stage} {100 * value / total:.0f} %" for stage, value in outcome.seconds.items()
        )
        echo(f"{outcome.n_windows:,} windows, {rate:.0f} a second: {shares}")
    _report_reasons("passed over", outcome.skipped)
    echo(f"tables and {folder / 'summary.html'}")
    if outcome.failed:
        _report_reasons("could not be read", outcome.failed)
        sys.exit(1)


def _report_reasons(what: str, reasons: Counter[str]) -> None:
    if reasons:
        print_table(f"What {what}", ["reason", "number"], sorted(reasons.items()))
