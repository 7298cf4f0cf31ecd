"""Begin a training in a new run folder, or go on with one that was cut off."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from eqt import plots
from eqt.config import EQTConfig, TrainConfig, format_config
from eqt.runs import (
    RunFolder,
    Setup,
    claimed_folder,
    create_run,
    load_setup,
    locked_run,
    remove_run,
    save_setup,
)
from eqt.seen import data_now
from eqt.sizes import check_training, max_traces
from eqt.threads import configure_threads
from eqt.training import checkpoint
from eqt.training.batch_halves import HALVES
from eqt.training.checkpoint import Progress
from eqt.training.data import batches_of, data_digest, training_split, unknown_summary
from eqt.training.devices import check_devices, devices_named, make_repeatable, strategy_of
from eqt.training.environment import environment, refuse_changed
from eqt.training.loop import TrainingContext, fit, is_done
from eqt.training.model import read_initial, training_model
from eqt.training.readme import readme
from eqt.training.reporting import ProgressReporter
from eqt.training.steps import Trainer
from steadkit.atomic import write_one, write_text
from steadkit.errors import InputError
from steadkit.manifest import Manifest, load
from steadkit.sources import source_from_path

SAVE_EVERY = 500
"""Batches between two states; a state of EQT takes 5 MB and some hundredths of a second."""

Say = Callable[[str], object]


@dataclass(frozen=True)
class RuntimeOptions:
    """By what means a network is trained, which its configuration does not say.

    Attributes
    ----------
    devices
        How many, or which; see `eqt.training.devices.devices_named`.
    save_every
        Batches between two states; 0 for the end of each epoch alone, where one is kept anyway.
    tensorboard
        Whether to write logs for TensorBoard.
    command
        The command line, to be recorded.
    name
        What the network is called.
    """

    devices: str | None = None
    save_every: int = SAVE_EVERY
    tensorboard: bool = False
    command: str = "eqt.training.train, from Python"
    name: str = ""

    def __post_init__(self) -> None:
        if self.save_every < 0:
            raise InputError(f"a state every {self.save_every} batches: use 0 or more")


def train(
    data: Path,
    folder: Path | None,
    model_config: EQTConfig | None,
    config: TrainConfig,
    say: Say = print,
    split: Path | None = None,
    *,
    init: Path | None = None,
    means: RuntimeOptions | None = None,
) -> RunFolder:
    """Train a network and write a run folder.

    Parameters
    ----------
    data
        A STEAD file, HDF5 with its CSV beside it.
    folder
        The run folder to make; None for the first name ``runs/<network>-<data>``, with a number
        where need be, that neither is there nor is claimed by another training.
    model_config, config
        What to build, and how to train it. Without the first, the network is that of `init`.
    say
        Receives one line an epoch.
    split
        A manifest with the part of every trace; by default the one beside the data, else the
        traces are split by earthquake.
    init
        Where the network begins: whatever `eqt.model_io.read` reads. From scratch without.
    means
        Devices, states and logs.

    Raises
    ------
    InputError
        The data or the initial network cannot be used, a part would be empty, or the folder
        exists; then no folder is left behind. Or the loss became NaN.
    """
    configure_threads(HALVES)
    means = means or RuntimeOptions()
    # A network takes a while to build: the name is ours before, so that nothing is built in vain.
    with claimed_folder(folder, data, means.name or "EQT") as claim:
        given = None
        if init is not None:
            given, model_config = read_initial(init, model_config)
        if model_config is None:
            raise InputError(
                "no network: name one with --model, or a file that holds one with --init"
            )
        assigned = training_split(data, config, split, say)
        about = _about(data, init, means) | {"split_digest": assigned.digest}
        setup = Setup(data, model_config, config, environment(), about)
        work = _work(RunFolder(claim.folder), setup, assigned, given)

        def fill(run: RunFolder) -> None:
            save_setup(run, setup)
            write_one(run.split, assigned.write)
            write_text(run.readme, readme(claim.folder, setup, assigned, work.trainer.model))
            checkpoint.save(run.state, work.trainer.variables, Progress(), work.key)

        with create_run(claim, fill) as run, _remove_if_untouched(run):
            return _to_the_end(work, setup, Progress(), say)


def _about(data: Path, init: Path | None, means: RuntimeOptions) -> dict[str, Any]:
    """Return what a run was told besides its settings, and the digest of its data."""
    return {
        "network": means.name,
        "command": means.command,
        "init": str(init) if init else None,
        "devices": devices_named(means.devices),
        "save_every": means.save_every,
        "tensorboard": means.tensorboard,
        "data_digest": data_digest(data),
    }


def resume(
    folder: Path, say: Say = print, other_machine: bool = False, data: Path | None = None
) -> RunFolder:
    """Go on with a training that was cut off, to the same weights as if it had not been.

    Parameters
    ----------
    folder
        A run folder.
    say
        Receives one line an epoch.
    other_machine
        Whether software and hardware may be others than at the beginning; the weights are then
        not the same to the last bit.
    data
        Where its data are now, if not where they were.

    Raises
    ------
    InputError
        The folder is no run, lacks its state, or its data, split or settings are no longer those
        that it was begun with.
    """
    configure_threads(HALVES)
    run, setup = RunFolder(folder), load_setup(RunFolder(folder))
    if run.is_complete:
        say(f"{folder} is complete already")
        return run
    if not setup.about:
        raise InputError(f"{str(folder)!r} is of a version that kept no state: train anew")
    setup = replace(setup, data=data_now(run, setup, data))
    with locked_run(folder):
        assigned = load(run.split)
        _refuse_others(run, setup, assigned)
        if not other_machine:
            refuse_changed(setup.environment)
        work = _work(run, setup, assigned, None)
        progress = checkpoint.load(run.state, work.trainer.variables, work.key)
        say(f"going on after {progress.epoch} epochs and {progress.step} batches")
        return _to_the_end(work, setup, progress, say)


def _refuse_others(run: RunFolder, setup: Setup, assigned: Manifest) -> None:
    digests = {"data": data_digest(setup.data), "split": assigned.digest}
    for what, path in (("data", setup.data), ("split", run.split)):
        if digests[what] != setup.about.get(f"{what}_digest"):
            raise InputError(
                f"the {what} of {str(run.folder)!r} changed since it was begun: put {str(path)!r} "
                "back as it was, or train anew"
            )


def _work(run: RunFolder, setup: Setup, assigned: Manifest, given: Any) -> TrainingContext:
    """Make all that a training needs; nothing is written yet."""
    config, about = setup.training, setup.about
    try:
        devices = list(map(str, about["devices"]))
        save_every = int(about["save_every"])
    except (LookupError, TypeError, ValueError) as error:
        raise InputError(
            f"{str(run.config)!r} is broken: its devices are {format_config(about.get('devices'))}, "
            f"its save_every is {format_config(about.get('save_every'))}"
        ) from error
    devices = devices_named(",".join(devices)) if devices else []
    count = max(len(devices), 1)
    check_training(setup.model, config.batch_size, max_traces(source_from_path(setup.data).hdf5))
    check_devices(count, config.batch_size, config.xla, config.mixed_precision)
    make_repeatable(config.xla)
    training, validation = batches_of(setup.data, assigned, config)
    strategy = strategy_of(devices)
    with strategy.scope():
        model = training_model(setup.model, config, given, count)
    trainer = Trainer(model, config, strategy, training.config.labels.mark_unknown)
    key = _key(setup)
    return TrainingContext(run, setup.model, config, trainer, training, validation, key, save_every)


def _key(setup: Setup) -> str:
    """Identify what a state belongs to."""
    training = setup.training.to_dict()
    if not training["shuffle_block"]:
        del training["shuffle_block"]  # runs that were begun before there was one go on
    content = [setup.model.to_dict(), training, _lasting(setup.about)]
    return hashlib.blake2b(json.dumps(content).encode(), digest_size=32).hexdigest()


def _lasting(about: Mapping[str, Any]) -> list[Any]:
    return [about.get(name) for name in ("devices", "data_digest", "split_digest")]


def _to_the_end(work: TrainingContext, setup: Setup, progress: Progress, say: Say) -> RunFolder:
    """Train, and make the picture that says that the run is complete."""
    run, config = work.run, work.config
    traces = sum(work.training.size(number) for number in range(len(work.training)))
    logs = run.tensorboard if setup.about.get("tensorboard") else None
    for line in unknown_summary(work.training, work.validation):
        say(line)
    teller = ProgressReporter(config.epochs, len(work.training), traces, say, logs)
    progress = fit(work, progress, teller)
    if is_done(progress, config) and progress.epoch < config.epochs:
        say(f"stopped early: no lower validation loss in {config.patience} epochs")
    plots.save(plots.loss_curves(pd.read_csv(run.history)), run.curves, overwrite=True)
    run.state.unlink(missing_ok=True)
    return run


@contextmanager
def _remove_if_untouched(run: RunFolder) -> Iterator[None]:
    """Remove a run folder that holds nothing but its beginning."""
    begun = run.state.stat().st_ino
    try:
        yield
    except BaseException:
        if run.state.exists() and run.state.stat().st_ino == begun and not run.nan_batch.exists():
            remove_run(run)
        raise
