"""Training and evaluation of the networks of a suite in one folder, which can be resumed.

::

    experiment.json      the settings; a folder without it is no experiment
    stead/, data.hdf5    simulated chunks, and the data, unless they are elsewhere
    split.manifest       the split of every trace, for all runs
    bclos-seed-0/        a run per network and seed, with its evaluation
    report.html          and report.md, claims.csv, tables and figures: written last, together
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras

from eqt.compare import require_results
from eqt.config import EQTConfig, TrainConfig
from eqt.evaluation import evaluate, plan
from eqt.experiments.suites import Settings, simulated_counts, suite_networks
from eqt.picking.picks import Thresholds
from eqt.presets import preset
from eqt.runs import RunFolder, load_setup
from eqt.training import resume, traces_of, train, training_split
from eqt.training.data import refuse_one_class
from steadkit.atomic import staging_folder, write_one, write_text
from steadkit.capacity import duration_text
from steadkit.catalog import KEY_COLUMNS, read_table
from steadkit.dataset_files import dataset_files
from steadkit.demo import chunk_files, demo
from steadkit.errors import InputError, printable
from steadkit.manifest import load
from steadkit.merge import merge
from steadkit.paths import OBJECT, read_json, value_at
from steadkit.schema import EVENT
from steadkit.selection import Selection
from steadkit.sources import source_from_path
from steadkit.split import existing_split
from steadkit.subset import subset

Log = Callable[[str], object]

SETTINGS = "experiment.json"


@dataclass(frozen=True)
class Entry:
    """Configuration and run folder of one network trained with one seed."""

    network: str
    model: EQTConfig
    training: TrainConfig
    run: RunFolder

    @property
    def evaluation(self) -> Path:
        """The folder of its evaluation, which is complete if it exists."""
        return self.run.folder / "evaluation"


def open_folder(folder: Path, settings: Settings) -> None:
    """Create the folder of an experiment, or accept one that was begun with the same settings.

    Raises
    ------
    InputError
        The folder is no experiment, or one with other settings; or the data are too few to train
        and test on.
    """
    settings_dict = settings.to_dict()
    settings_file = folder / SETTINGS
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{str(folder)!r} is a file: name a folder with --output")
    if not settings_file.exists():
        # The rest of an interrupted first write is no other content.
        rest = staging_folder(settings_file)
        if folder.is_dir() and any(path != rest for path in folder.iterdir()):
            raise InputError(
                f"{str(folder)!r} exists and is no experiment, it has no {SETTINGS}: "
                "name another folder with --output"
            )
        _refuse_few(settings)
        folder.mkdir(parents=True, exist_ok=True)
        write_text(settings_file, json.dumps(settings_dict, indent=2) + "\n")
        return
    for name, stored, requested in _differences(_read(settings_file), settings_dict):
        raise InputError(
            f"{str(folder)!r} was begun with {name} {printable(repr(stored))}, not {requested!r}: "
            "name another folder with --output, or use the same"
        )


def _refuse_few(settings: Settings) -> None:
    """Refuse data of which a split would be empty, or the training split of one class only."""
    if settings.data is None:
        return  # as many as are needed are simulated
    source, training = source_from_path(settings.data), settings.training
    # Before anything is written: otherwise the refusal would leave a folder with these settings.
    split = training_split(source.hdf5, training, None, len)
    table = read_table(source.csv, KEY_COLUMNS).set_index("trace_name")
    categories = table.loc[traces_of(split, "train"), "trace_category"]
    if not training.one_class:
        refuse_one_class((categories == EVENT).to_numpy(), source.hdf5)


def _read(file: Path) -> dict[str, object]:
    content = read_json(file)
    # A setting that an earlier version lacked behaved like its default.
    training = value_at(content, "training", OBJECT, repr(str(file)))
    content["training"] = TrainConfig().to_dict() | training
    return content


def _differences(stored: dict, requested: dict) -> list[tuple[str, object, object]]:
    old, new = (document | document["training"] for document in (stored, requested))
    names = sorted((old.keys() | new.keys()) - {"training"})
    return [
        (name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)
    ]


def prepare_data(folder: Path, settings: Settings, log: Log) -> Path:
    """Return the data of an experiment; create them if needed, as a simulation or a hashed subset.

    Raises
    ------
    InputError
        The data cannot be used.
    """
    files = dataset_files(folder / "data.hdf5")
    if settings.data is not None:
        source = source_from_path(settings.data)
        traces = len(read_table(source.csv, KEY_COLUMNS))
        if settings.traces is None or traces <= settings.traces:
            return source.hdf5
        if not files.hdf5.exists():
            log(f"taking {settings.traces:,} of the {traces:,} traces of {source.hdf5}")
            subset([source], files, Selection(count=settings.traces, seed=settings.training.seed))
    elif not files.hdf5.exists() and settings.traces is not None:
        events, noise = simulated_counts(settings.suite, settings.traces)
        log(f"no --data: simulating {events:,} events and {noise:,} noise traces")
        demo(folder / "stead", events, noise, settings.training.seed)
        chunks = [source_from_path(path) for path in chunk_files(folder / "stead", events)]
        merge(chunks, files)
    return files.hdf5


def prepare_split(folder: Path, data: Path, settings: Settings, log: Log) -> Path:
    """Return the split of all runs; create it from one next to the data, else by earthquake."""
    target = folder / "split.manifest"
    if not target.exists():
        existing = existing_split(source_from_path(settings.data).hdf5) if settings.data else None
        write_one(target, training_split(data, settings.training, existing, log).write)
    return target


def list_entries(folder: Path, settings: Settings, seeds: int) -> list[Entry]:
    """List all trainings: every network with the first seed, then with the next.

    In this order the first complete suite is finished as early as possible.
    """
    first = settings.training.seed
    return [
        Entry(
            name,
            preset(name).config,
            replace(settings.training, seed=seed),
            RunFolder(folder / f"{name.lower().replace(' ', '-')}-seed-{seed}"),
        )
        for seed in range(first, first + seeds)
        for name in suite_networks(settings.suite)
    ]


def run_all(entries: Sequence[Entry], data: Path, split: Path, log: Log) -> None:
    """Train and evaluate all entries that are not finished.

    Raises
    ------
    InputError
        A training or evaluation fails, or a run folder does not match the settings.
    """
    # Refused before the first training, not after hours of it.
    for entry in entries:
        if entry.evaluation.exists():
            require_results(entry.evaluation, "move it away, so that it is evaluated again")
    times: list[float] = []
    for number, entry in enumerate(entries, 1):
        remaining = (
            f", about {_remaining_time(times, len(entries) - number + 1)} left" if times else ""
        )
        log(f"[{number}/{len(entries)}] {entry.network}, seed {entry.training.seed}{remaining}")
        # Runs that are complete take no time, and would spoil the estimate of the rest.
        start_time, is_new = time.perf_counter(), not entry.run.curves.exists()
        if entry.run.folder.exists():
            _check(entry, split)
            resume(entry.run.folder, log)
        else:
            train(data, entry.run.folder, entry.model, entry.training, log, split)
        if not entry.evaluation.exists():
            # With the published thresholds, as the study's networks were.
            evaluate(plan(entry.run.folder, None, None, entry.evaluation), Thresholds())
        # Otherwise every network's graph stays in memory, and Keras numbers the layers of the
        # next one from there on.
        keras.utils.clear_session()
        times += [time.perf_counter() - start_time] * is_new


def _remaining_time(times: Sequence[float], runs: int) -> str:
    """Format the expected time of the remaining runs, from the mean of the finished ones.

    >>> _remaining_time([100.0, 140.0], 3), _remaining_time([7200.0], 2)
    ('6 min', '4.0 h')
    """
    return duration_text(runs * sum(times) / len(times))


def _check(entry: Entry, split: Path) -> None:
    """Refuse an existing run folder with another split, network or training than the entry."""
    setup = load_setup(entry.run)
    # A run that somebody copied into the folder would spoil the comparison without notice.
    same_split = load(entry.run.split).digest == load(split).digest
    if not same_split or (setup.model, setup.training) != (entry.model, entry.training):
        raise InputError(
            f"{str(entry.run.folder)!r} was made with another split or other settings: move it away"
        )
