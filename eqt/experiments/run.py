"""Training and evaluation of the networks of a suite, one after the other; resumable."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras

from eqt.compare import require_results
from eqt.evaluation import evaluate, plan
from eqt.experiments.folder import Entry, Log
from eqt.experiments.suites import Settings, networks_of
from eqt.picking.picks import Thresholds
from eqt.presets import preset
from eqt.runs import RunFolder, load_setup
from eqt.training import resume, train
from steadkit.capacity import duration_text
from steadkit.errors import InputError
from steadkit.manifest import load


def entries_of(folder: Path, settings: Settings, seeds: int) -> list[Entry]:
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
        for name in networks_of(settings.suite)
    ]


def run_all(entries: Sequence[Entry], data: Path, split: Path, log: Log) -> None:
    """Train and evaluate all entries that are not finished.

    Raises
    ------
    InputError
        A training or evaluation fails, or a run folder does not match the settings.
    """
    for entry in entries:
        if entry.evaluation.exists():
            require_results(entry.evaluation, "move it away, so that it is evaluated again")
    times: list[float] = []
    for number, entry in enumerate(entries, 1):
        remaining = (
            f", about {_remaining_time(times, len(entries) - number + 1)} left" if times else ""
        )
        log(f"[{number}/{len(entries)}] {entry.network}, seed {entry.training.seed}{remaining}")
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
    same_split = load(entry.run.split).digest == load(split).digest
    if not same_split or (setup.model, setup.training) != (entry.model, entry.training):
        raise InputError(
            f"{str(entry.run.folder)!r} was made with another split or other settings: move it away"
        )
