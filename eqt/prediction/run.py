"""A prediction from archives of records to tables: plan, compute what is missing, write tables."""

import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from eqt.picking.station_picks import PickingConfig
from eqt.prediction.folder import prediction_folder
from eqt.prediction.inputs import RecordFilter, find_records
from eqt.prediction.picks_xml import write_quakeml, write_scml
from eqt.prediction.summary import Overview, write_summary
from eqt.prediction.tables import TABLE_NAMES, TableContext, TableCounts, write_tables
from eqt.prediction.unit_store import is_stored, iter_stored
from eqt.prediction.units import Span, Unit, UnitSettings, UnitTables, plan_units
from eqt.prediction.worker import UnitReport, WorkerSetup
from eqt.pretrained import find_weights
from eqt.runs import RunFolder, load_setup
from steadkit.atomic import atomic_write
from steadkit.atomic.kinds import ANY
from steadkit.cluster import Execution, run_tasks
from steadkit.console import ProgressBar
from steadkit.errors import InputError
from steadkit.paths import require_file
from steadkit.processes import count_cores
from steadkit.records.fdsn import ServiceRequest
from steadkit.records.stations import is_station_xml, read_stations

PAGE: Final = "summary.html"
XML_NAMES: Final = ("picks.xml", "picks.scml")

FOREVER: Final = Span(-(2**63), 2**63 - 1)


@dataclass(frozen=True)
class PredictionConfig:
    """Settings of a prediction, all that its results depend on besides weights and records.

    Parameters
    ----------
    picking
        Thresholds, overlap, stacking and the like.
    records
        Limits of time, and patterns of stations and channels.
    all_instruments
        Whether every instrument of a station is picked, not only the best of each day.
    probabilities
        Whether the probabilities are written as miniSEED.
    plots
        Whether days and detections are drawn.
    """

    picking: PickingConfig = field(default_factory=PickingConfig)
    records: RecordFilter = field(default_factory=RecordFilter)
    all_instruments: bool = False
    probabilities: bool = False
    plots: bool = False


class Prediction(NamedTuple):
    """Outcome of a prediction.

    Attributes
    ----------
    counts
        Rows of the tables.
    n_units, n_computed
        Station-days in all, and those computed now.
    skipped, failed
        Numbers of files or channels that were passed over by rule, and of those that could not be
        read, by reason.
    n_windows, elapsed_s
        Of the units computed now.
    seconds
        Time of all workers by stage: reading, filtering, predicting, picking.
    """

    counts: TableCounts
    n_units: int
    n_computed: int
    skipped: Counter[str]
    failed: Counter[str]
    n_windows: int
    elapsed_s: float
    seconds: Mapping[str, float]


def predict_archive(
    inputs: Sequence[str],
    weights: str,
    folder: Path,
    config: PredictionConfig,
    stations: Path | None = None,
    execution: Execution = Execution(),  # noqa: B008 - frozen
    overwrite: bool = False,
    service: ServiceRequest | None = None,
) -> Prediction:
    """Pick archives of continuous records and write all tables into a folder.

    What an earlier, interrupted call has computed is kept, and the bytes of the tables are those
    of an undisturbed call, for any number of workers.

    Parameters
    ----------
    inputs
        Files, folders and patterns.
    weights
        A run folder, any file that `eqt.load_model` reads, or the name of published weights.
    folder
        A new folder, or one of a prediction with the same settings.
    config
        All other settings.
    stations
        StationXML or CSV with coordinates; StationXML brings responses too.
    execution
        Where the units are computed.
    overwrite
        Whether a prediction with other settings may be replaced.
    service
        A web service whose records are picked too.

    Raises
    ------
    InputError
        There is no record to pick, or an input, the weights or the folder cannot be used.
    """
    weights_file, normalization = resolve_weights(weights)
    digest = file_digest(weights_file)
    has_responses = stations is not None and is_station_xml(stations)
    context = TableContext(
        stations=read_stations(stations) if stations else {},
        digest=digest,
        thresholds=config.picking.thresholds,
        amplitude_unit="m/s" if has_responses else "counts",
    )
    units, skipped, failed = plan_records(inputs, config, service)
    settings = settings_document(config, normalization, digest, stations)
    about = {"weights": str(weights), "inputs": list(map(str, inputs))}
    with prediction_folder(folder, settings, about, overwrite) as store:
        setup = WorkerSetup(
            store,
            weights_file,
            UnitSettings(_limits(config.records), config.picking, normalization),
            max(count_cores() // execution.n_workers, 1),
            stations if has_responses else None,
            config.probabilities,
            config.plots,
        )
        missing = [unit for unit in units if not is_stored(store, unit)]
        start = time.perf_counter()
        reports = _compute(setup, missing, execution, len(units))
        elapsed_s = time.perf_counter() - start
        for stored in iter_stored(store, units):
            failed += stored.failed
        overview = Overview()
        targets = [folder / name for name in (*TABLE_NAMES, *XML_NAMES, PAGE)]
        with atomic_write(targets, overwrite=True, kinds=[ANY] * len(targets)) as staged:
            counts = _write_tables(staged, store, units, context, overview)
            write_summary(staged[-1], overview, settings | about, skipped, failed)
    return Prediction(
        counts,
        len(units),
        len(missing),
        skipped,
        failed,
        sum(report.n_windows for report in reports),
        elapsed_s,
        _sum_seconds(reports),
    )


def _write_tables(
    staged: Sequence[Path],
    store: Path,
    units: Sequence[Unit],
    context: TableContext,
    overview: Overview,
) -> TableCounts:
    """Write all tables; CSV and Parquet take one pass over the units, each XML file another."""

    def tables() -> Iterator[UnitTables]:
        return (stored.tables for stored in iter_stored(store, units))

    folder = staged[0].parent
    counts = write_tables(overview.watch(tables()), folder, context)
    for name, write in zip(XML_NAMES, (write_quakeml, write_scml), strict=True):
        write(tables(), folder / name, context)
    return counts


class RecordPlan(NamedTuple):
    """Station-days, and what is passed over by rule or could not be read, by reason."""

    units: list[Unit]
    skipped: Counter[str]
    failed: Counter[str]


def plan_records(
    inputs: Sequence[str], config: PredictionConfig, service: ServiceRequest | None = None
) -> RecordPlan:
    """List the station-days of all inputs.

    Raises
    ------
    InputError
        There is none.
    """
    skipped: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    headers = find_records(inputs, config.records, skipped, failed, service)
    units = plan_units(headers, _limits(config.records), config.all_instruments)
    if not units:
        reasons = ", ".join(f"{count} {r}" for r, count in sorted((skipped + failed).items()))
        raise InputError(
            f"nothing to pick in {', '.join(map(repr, map(str, inputs)))}"
            f"{f': {reasons}' if reasons else ''}; name records of ground motion"
        )
    return RecordPlan(units, skipped, failed)


def default_workers() -> int:
    """Return how many worker processes suit this machine: each has two cores."""
    return max(count_cores() // 2, 1)


def _limits(records: RecordFilter) -> Span:
    start = FOREVER.start if records.start is None else records.start
    return Span(start, FOREVER.end if records.end is None else records.end)


def settings_document(
    config: PredictionConfig, normalization: str, digest: str, stations: Path | None
) -> dict[str, Any]:
    """Return every setting that results depend on, as JSON's types."""
    document = asdict(config)
    picking = document.pop("picking")
    thresholds = picking.pop("thresholds")
    return {
        "weights_sha256": digest,
        "normalization": normalization,
        **{f"{name}_threshold": value for name, value in thresholds.items()},
        **picking,
        **document.pop("records"),
        **document,
        "stations_sha256": file_digest(stations) if stations else None,
    }


def resolve_weights(weights: str) -> tuple[Path, str]:
    """Return the file of some weights and the normalisation that they were trained with."""
    path = find_weights(weights)
    if path.is_dir():
        return RunFolder(path).best, load_setup(RunFolder(path)).training.normalization
    require_file(path)
    return path, "std"


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    require_file(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _compute(
    setup: WorkerSetup, units: Sequence[Unit], execution: Execution, n_units: int
) -> list[UnitReport]:
    """Compute units with a bar of the station-days, the windows per second and the time left."""
    if not units:
        return []
    bar, reports = ProgressBar(), []
    start, n_windows, n_picks = time.perf_counter(), 0, 0
    bar.start(f"{n_units - len(units)} of {n_units} station-days", len(units))
    try:
        for _, report in run_tasks("eqt.prediction.worker:unit_worker", setup, units, execution):
            reports.append(report)
            n_windows, n_picks = n_windows + report.n_windows, n_picks + report.n_picks
            rate = n_windows / (time.perf_counter() - start)
            n_done = n_units - len(units) + len(reports)
            bar.step(f"{n_done} of {n_units} station-days, {n_picks} picks, {rate:.0f} windows/s")
    finally:
        bar.stop()
    return reports


def _sum_seconds(reports: Iterable[UnitReport]) -> dict[str, float]:
    seconds: dict[str, float] = defaultdict(float)
    for report in reports:
        for stage, value in report.seconds.items():
            seconds[stage] += value
    return dict(seconds)
