"""Worker of a prediction: loads the network once, then computes and stores station-days."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from eqt.prediction.unit_files import write_plots, write_probabilities
from eqt.prediction.unit_store import write_unit
from eqt.prediction.units import Unit, UnitSettings, predict_unit
from steadkit.records.response import read_responses, velocity_converter


class WorkerSetup(NamedTuple):
    """What a worker needs to compute units.

    Attributes
    ----------
    store
        Folder of finished units.
    weights
        A file or folder that `eqt.load_model` reads.
    settings
        Thresholds, limits and the like.
    n_threads
        Threads of the network; the result does not depend on them.
    stations
        StationXML for amplitudes in m/s, or None.
    with_probabilities, with_plots
        Whether these are written too, into folders next to the store.
    """

    store: Path
    weights: Path
    settings: UnitSettings
    n_threads: int
    stations: Path | None = None
    with_probabilities: bool = False
    with_plots: bool = False


class UnitReport(NamedTuple):
    """What a finished unit has cost and found."""

    n_windows: int
    n_picks: int
    n_detections: int
    seconds: dict[str, float]
    failed: Counter[str]


@contextmanager
def unit_worker(setup: WorkerSetup) -> Iterator[Callable[[Unit], UnitReport]]:
    """Load the network and yield the function that computes and stores a unit."""
    from eqt.backend import load_tensorflow

    load_tensorflow()
    from eqt.model_io import load_model
    from eqt.probabilities import window_predictor
    from eqt.threads import configure_threads

    configure_threads(n_threads=setup.n_threads)
    picking = setup.settings.picking
    predict_station = window_predictor(load_model(setup.weights), picking.mc_samples, picking.seed)
    inventory = read_responses(setup.stations) if setup.stations else None

    def compute(unit: Unit) -> UnitReport:
        to_velocity = inventory and velocity_converter(inventory, unit.instrument)
        result = predict_unit(predict_station, unit, setup.settings, to_velocity)
        if setup.with_probabilities:
            write_probabilities(setup.store.parent / "probabilities", unit, result)
        if setup.with_plots:
            write_plots(setup.store.parent / "plots", unit, result)
        # Last: a unit in the store has all of its files.
        write_unit(setup.store, unit, result.tables, result.failed)
        arrivals, detections = result.tables[:2]
        return UnitReport(
            result.n_windows,
            int(arrivals["is_pick"].sum()),
            len(detections),
            dict(result.seconds),
            result.failed,
        )

    yield compute
