"""Reproduction of the study's experiments: a suite trained, compared, and checked by the claims.

``eqt experiment merged`` trains every network of the study's suite on one split, evaluates them on
one test split, compares each with EQT, and states for every claim of the study whether we agree.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from eqt.experiments.suites import Settings, make_settings

if TYPE_CHECKING:
    from eqt.experiments.results import ExperimentResult

__all__ = [
    "Settings",
    "default_folder",
    "experiment",
    "make_settings",
]

FOLDER = Path("experiments")
"""Default folder of experiments."""


def default_folder(settings: Settings) -> Path:
    """Return the default folder of an experiment, by its suite and whether it is quick.

    >>> default_folder(make_settings("merged", None, True, {})).as_posix()
    'experiments/merged-quick'
    """
    return FOLDER / (settings.suite + ("" if settings.traces is None else "-quick"))


def experiment(
    folder: Path,
    settings: Settings,
    seeds: int = 1,
    log: Callable[[str], object] = print,
    draws: int | None = None,
) -> "ExperimentResult":
    """Train, evaluate and compare a suite; finished runs in the folder are kept.

    Parameters
    ----------
    folder
        Of the experiment; created, or resumed where it was interrupted.
    settings
        Suite, data and training.
    seeds
        Number of trainings of each network, each with its seed; more can be added later.
    log
        Receives a line at a time.
    draws
        Number of draws of the bootstrap over earthquakes, by default ``eqt.metrics.RESAMPLES``.

    Returns
    -------
    ExperimentResult
        Also written as ``report.html``, ``report.md``, ``claims.csv``, other tables and figures.

    Raises
    ------
    InputError
        The data cannot be used, the folder is no experiment or was begun with other settings,
        or another process is working in it.
    """
    from eqt.experiments.report import FILES, write_report
    from eqt.experiments.results import experiment_result
    from eqt.experiments.run import list_entries, open_folder, prepare_data, prepare_split, run_all
    from eqt.experiments.suites import suite_networks
    from eqt.metrics import RESAMPLES
    from eqt.presets import preset
    from eqt.sizes import check_training, max_traces
    from steadkit.atomic import atomic_write, writable_folder
    from steadkit.demo import require_room
    from steadkit.manifest import load
    from steadkit.sources import source_from_path

    draws = RESAMPLES if draws is None else draws
    traces = (
        max_traces(source_from_path(settings.data).hdf5) if settings.data else settings.traces or 0
    )
    for name in suite_networks(settings.suite):
        check_training(preset(name).config, settings.training.batch_size, traces)
    if settings.data is None and settings.traces is not None:
        require_room(folder, 2 * settings.traces)  # the chunks, and all in one file
    open_folder(folder, settings)
    # The atomic write is opened before the trainings because it locks the folder: a second
    # process must not take a running training for an interrupted one and resume it.
    with (
        writable_folder(folder),
        atomic_write([folder / name for name in FILES], overwrite=True) as paths,
    ):
        data = prepare_data(folder, settings, log)
        split = prepare_split(folder, data, settings, log)
        entries = list_entries(folder, settings, seeds)
        run_all(entries, data, split, log)
        result = experiment_result(settings, seeds, load(split), entries, draws)
        write_report(result, paths, draws)
    return result
