"""Folder of an experiment: its files, created once and reused when it is resumed.

::

    experiment.json      the settings; a folder without it is no experiment
    stead/, data.hdf5    simulated chunks, and the data, unless they are elsewhere
    split.manifest       the split of every trace, for all runs
    bclos-seed-0/        a run per network and seed, with its evaluation
    report.html          and report.md, claims.csv, tables and figures: written last, together
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from eqt.config import EQTConfig, TrainConfig
from eqt.experiments.suites import Settings, simulated_counts
from eqt.runs import RunFolder
from steadkit.atomic import staging_folder, write_one, write_text
from steadkit.catalog import KEY_COLUMNS, read_table
from steadkit.dataset_files import dataset_files
from steadkit.demo import chunk_files, demo
from steadkit.errors import InputError, printable
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
        if folder.is_dir() and _has_files(folder):
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
    from eqt.training.data import refuse_one_class, traces_of, training_split

    if settings.data is None:
        return  # as many as are needed are simulated
    source, training = source_from_path(settings.data), settings.training
    split = training_split(source.hdf5, training, None, len)
    table = read_table(source.csv, KEY_COLUMNS).set_index("trace_name")
    categories = table.loc[traces_of(split, "train"), "trace_category"]
    if not training.one_class:
        refuse_one_class((categories == EVENT).to_numpy(), source.hdf5)


def _has_files(folder: Path) -> bool:
    """Return whether a folder has files besides the rest of an interrupted first write."""
    return any(path != staging_folder(folder / SETTINGS) for path in folder.iterdir())


def _read(file: Path) -> dict[str, object]:
    content = read_json(file)
    # A setting that an earlier version lacked behaved like its default.
    training = value_at(content, "training", OBJECT, repr(str(file)))
    content["training"] = TrainConfig().to_dict() | training
    return content


def _differences(stored: dict, requested: dict) -> list[tuple[str, object, object]]:
    flat_stored, flat_requested = (
        document | document["training"] for document in (stored, requested)
    )
    names = sorted((flat_stored.keys() | flat_requested.keys()) - {"training"})
    pairs = ((name, flat_stored.get(name), flat_requested.get(name)) for name in names)
    return [
        (name, document, new_value) for name, document, new_value in pairs if document != new_value
    ]


def data_of(folder: Path, settings: Settings, log: Log) -> Path:
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


def split_for(folder: Path, data: Path, settings: Settings, log: Log) -> Path:
    """Return the split of all runs; create it from one next to the data, else by earthquake."""
    from eqt.training import training_split

    target = folder / "split.manifest"
    if not target.exists():
        existing = existing_split(source_from_path(settings.data).hdf5) if settings.data else None
        write_one(target, training_split(data, settings.training, existing, log).write)
    return target
