"""Train and evaluate the networks of a suite, one after the other; what is done is kept."""

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras

from eqt.evaluate import evaluate, plan
from eqt.experiments.folder import Entry, Say
from eqt.experiments.suites import Settings, networks_of
from eqt.experiments.traces import complete
from eqt.picks import Thresholds
from eqt.presets import preset
from eqt.runs import Run, load_setup
from eqt.train import train
from steadkit.errors import InputError
from steadkit.manifest import load

PARTIAL = ".evaluation.partial"


def entries_of(folder: Path, settings: Settings, seeds: int) -> list[Entry]:
    """List what is to be trained: every network with the first seed, then with the next.

    So the first complete suite is there as early as possible.
    """
    first = settings.training.seed
    return [
        Entry(
            name,
            preset(name).config,
            replace(settings.training, seed=seed),
            Run(folder / f"{name.lower().replace(' ', '-')}-seed-{seed}"),
        )
        for seed in range(first, first + seeds)
        for name in networks_of(settings.suite)
    ]


def run_all(entries: Sequence[Entry], data: Path, split: Path, say: Say) -> None:
    """Train and evaluate what is not done yet.

    Raises
    ------
    InputError
        A training or evaluation cannot be done, or a run folder is not what the settings say.
    """
    times: list[float] = []
    for number, entry in enumerate(entries, 1):
        left = f", about {_left(times, len(entries) - number + 1)} left" if times else ""
        say(f"[{number}/{len(entries)}] {entry.network}, seed {entry.training.seed}{left}")
        started, is_new = time.perf_counter(), not entry.run.curves.exists()
        _settle(entry, split, say)
        if not entry.run.curves.exists():
            train(data, entry.run.folder, entry.model, entry.training, say, split)
        if not entry.evaluation.exists():
            _evaluate(entry, data)
        # Else every network's graph stays in memory, and its layers are counted on.
        keras.utils.clear_session()
        times += [time.perf_counter() - started] * is_new


def _left(times: Sequence[float], runs: int) -> str:
    """Tell how long so many runs will take, by those that were made.

    >>> _left([100.0, 140.0], 3), _left([7200.0], 2)
    ('6 min', '4.0 h')
    """
    seconds = runs * sum(times) / len(times)
    return f"{seconds / 3600:.1f} h" if seconds >= 7200 else f"{seconds / 60:.0f} min"


def _settle(entry: Entry, split: Path, say: Say) -> None:
    """Check a run folder that is there; remove it if its training was cut off."""
    run = entry.run
    if not run.folder.exists():
        return
    if run.config.exists() and run.split.exists():
        setup = load_setup(run)
        same_split = load(run.split).digest == load(split).digest
        if not same_split or (setup.model, setup.training) != (entry.model, entry.training):
            raise InputError(
                f"{str(run.folder)!r} was made with another split or other settings: move it away"
            )
    if run.curves.exists():
        say(f"{run.folder} is there already")
        return
    say(f"{run.folder} was cut off in training: trained anew")
    _remove(run)


def _remove(run: Run) -> None:
    """Remove a run that this experiment began, and nothing that somebody else put there."""
    own = {path.name for path in (run.config, run.split, run.history, run.best, run.last)}
    for path in run.folder.iterdir():
        is_staging = path.name.startswith(".") and path.name.endswith(".partial")
        if path.name not in own and not is_staging:
            raise InputError(
                f"{str(path)!r} is in the folder of a training that was cut off, and is none of "
                "its files: move it away"
            )
    shutil.rmtree(run.folder)


def _evaluate(entry: Entry, data: Path) -> None:
    """Evaluate into a folder beside, and rename: whole or not at all."""
    partial = entry.run.folder / PARTIAL
    if partial.exists():
        shutil.rmtree(partial)
    evaluate(plan(entry.run.folder, None, None, partial), Thresholds())
    complete(partial, data)
    os.replace(partial, entry.evaluation)
