"""Start a training in a new run folder, or resume an interrupted one."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from eqt import plots
from eqt.config import EQTConfig, TrainConfig, format_config
from eqt.kernels.batch_halves import HALVES
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
from eqt.seen import resolve_data
from eqt.sizes import check_training, max_traces
from eqt.threads import configure_threads
from eqt.training import checkpoint
from eqt.training.checkpoint import Progress
from eqt.training.data import batches_of, data_digest, missing_label_summary, training_split
from eqt.training.execution import (
    check_devices,
    devices_named,
    enable_determinism,
    make_strategy,
)
from eqt.training.loop import TrainingContext, fit, is_done
from eqt.training.model import read_initial, training_model
from eqt.training.reporting import ProgressReporter, environment, readme, refuse_changed
from eqt.training.steps import Trainer
from steadkit.atomic import write_one, write_text
from steadkit.errors import InputError
from steadkit.manifest import Manifest, load
from steadkit.plots import save
from steadkit.sources import Source, source_from_path

SAVE_EVERY = 500
"""Batches between two checkpoints; one of EQT takes 5 MB and some hundredths of a second."""

Log = Callable[[str], object]


@dataclass(frozen=True)
class RuntimeOptions:
    """Execution options that are not part of the training configuration.

    Attributes
    ----------
    devices
        Number or names; see `eqt.training.execution.devices_named`.
    save_every
        Batches between two checkpoints; 0 for only after each epoch, where one is always written.
    tensorboard
        Whether to write logs for TensorBoard.
    command
        The command line, recorded in the run folder.
    name
        Name of the network.
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
    log: Log = print,
    split: Path | None = None,
    *,
    init: Path | None = None,
    options: RuntimeOptions | None = None,
) -> RunFolder:
    """Train a network and write a run folder.

    Parameters
    ----------
    data
        A STEAD file, HDF5 with its CSV next to it.
    folder
        The run folder to create; None for the first name ``runs/<network>-<data>``, with a number
        if necessary, that neither exists nor is claimed by another training.
    model_config, config
        Architecture and training settings. Without the first, the network is that of `init`.
    log
        Receives one line per epoch.
    split
        A manifest with the split of every trace; by default the one next to the data, else the
        traces are split by earthquake.
    init
        Initial network: anything that `eqt.load_model` reads. None for random weights.
    options
        Devices, checkpoints and logs.

    Raises
    ------
    InputError
        The data or the initial network cannot be used, a split would be empty, or the folder
        exists; then no folder is left behind. Or the loss became NaN.
    """
    configure_threads(HALVES)
    options, source = options or RuntimeOptions(), source_from_path(data)
    # The name is claimed before the network is built, which takes a while and could be in vain.
    with claimed_folder(folder, data, options.name or "EQT") as claim:
        initial = None
        if init is not None:
            initial = read_initial(init, model_config)
            model_config = initial.config
        if model_config is None:
            raise InputError(
                "no network: name one with --model, or a file that holds one with --init"
            )
        manifest = training_split(data, config, split, log)
        about = {
            "network": options.name,
            "command": options.command,
            "init": str(init) if init else None,
            "devices": devices_named(options.devices),
            "save_every": options.save_every,
            "tensorboard": options.tensorboard,
            "data_digest": data_digest(source),
            "split_digest": manifest.digest,
        }
        setup = Setup(data, model_config, config, environment(), about)
        context = _build_context(RunFolder(claim.folder), setup, source, manifest, initial)

        def fill(run: RunFolder) -> None:
            save_setup(run, setup)
            write_one(run.split, manifest.write)
            write_text(run.readme, readme(claim.folder, setup, manifest, context.trainer.model))
            checkpoint.save_checkpoint(
                run.state, context.trainer.variables, Progress(), context.key
            )

        # The folder appears complete, with a first state, so that it can be resumed at any time.
        with create_run(claim, fill) as run, _remove_if_untouched(run):
            return _finish(context, setup, Progress(), log)


def resume(
    folder: Path, log: Log = print, other_machine: bool = False, data: Path | None = None
) -> RunFolder:
    """Resume an interrupted training; its weights are those of an uninterrupted one.

    Parameters
    ----------
    folder
        A run folder.
    log
        Receives one line per epoch.
    other_machine
        Whether software and hardware may differ from those at the start; the weights then differ in
        the last bits.
    data
        Current path of its data, if they were moved.

    Raises
    ------
    InputError
        The folder is not a run, has no checkpoint, or its data, split or settings have changed
        since it was started.
    """
    configure_threads(HALVES)
    run, setup = RunFolder(folder), load_setup(RunFolder(folder))
    if run.is_complete:
        log(f"{folder} is complete already")
        return run
    if not setup.about:
        raise InputError(f"{str(folder)!r} is of a version that kept no state: train anew")
    setup = replace(setup, data=resolve_data(run, setup, data))
    with locked_run(folder):
        source, manifest = source_from_path(setup.data), load(run.split)
        _refuse_changed_data(run, setup, source, manifest)
        if not other_machine:
            refuse_changed(setup.environment)
        context = _build_context(run, setup, source, manifest, None)
        progress = checkpoint.load_checkpoint(run.state, context.trainer.variables, context.key)
        log(f"going on after {progress.epoch} epochs and {progress.step} batches")
        return _finish(context, setup, progress, log)


def _refuse_changed_data(run: RunFolder, setup: Setup, source: Source, manifest: Manifest) -> None:
    digests = {"data": data_digest(source), "split": manifest.digest}
    for label, path in (("data", setup.data), ("split", run.split)):
        if digests[label] != setup.about.get(f"{label}_digest"):
            raise InputError(
                f"the {label} of {str(run.folder)!r} changed since it was begun: put {str(path)!r} "
                "back as it was, or train anew"
            )


def _build_context(
    run: RunFolder, setup: Setup, source: Source, manifest: Manifest, initial: Any
) -> TrainingContext:
    """Build network, batches and trainer; nothing is written yet."""
    config, about = setup.training, setup.about
    try:
        devices = list(map(str, about["devices"]))
        save_every = int(about["save_every"])
    except (LookupError, TypeError, ValueError) as error:
        raise InputError(
            f"{str(run.config)!r} is broken: its devices are "
            f"{format_config(about.get('devices'))}, "
            f"its save_every is {format_config(about.get('save_every'))}"
        ) from error
    # As recorded, since other devices round differently.
    devices = devices_named(",".join(devices)) if devices else []
    n_devices = max(len(devices), 1)
    check_training(setup.model, config.batch_size, max_traces(source.hdf5))
    check_devices(n_devices, config.batch_size, config.xla, config.mixed_precision)
    enable_determinism(config.xla)
    training, validation = batches_of(setup.data, manifest, config)
    strategy = make_strategy(devices)
    # Weights belong to the strategy in whose scope they are created.
    with strategy.scope():
        model = training_model(setup.model, config, initial, n_devices)
    trainer = Trainer(model, config, strategy, training.config.labels.mark_unknown)
    key = _key(setup)
    return TrainingContext(run, config, trainer, training, validation, key, save_every)


def _key(setup: Setup) -> str:
    """Return the key of the checkpoint: a digest of settings, data and split."""
    training = setup.training.to_dict()
    if not training["shuffle_block"]:
        # Runs that were started before this setting existed can still be resumed.
        del training["shuffle_block"]
    constants = [setup.about.get(name) for name in ("devices", "data_digest", "split_digest")]
    content = [setup.model.to_dict(), training, constants]
    return hashlib.blake2b(json.dumps(content).encode(), digest_size=32).hexdigest()


def _finish(context: TrainingContext, setup: Setup, progress: Progress, log: Log) -> RunFolder:
    """Train to the end and draw the loss curves, whose file marks the run as complete."""
    run, config = context.run, context.config
    traces = sum(context.training.size(number) for number in range(len(context.training)))
    log_dir = run.tensorboard if setup.about.get("tensorboard") else None
    for line in missing_label_summary(context.training, context.validation):
        log(line)
    reporter = ProgressReporter(config.epochs, len(context.training), traces, log, log_dir)
    progress = fit(context, progress, reporter)
    if is_done(progress, config) and progress.epoch < config.epochs:
        log(f"stopped early: no lower validation loss in {config.patience} epochs")
    save([plots.loss_curves(pd.read_csv(run.history))], run.curves, overwrite=True)
    # Last: without the picture the run counts as interrupted, and then needs its state.
    run.state.unlink(missing_ok=True)
    return run


@contextmanager
def _remove_if_untouched(run: RunFolder) -> Iterator[None]:
    """Remove the run folder after an error if its first checkpoint was never replaced."""
    # Each checkpoint is a new file that replaces the last: another inode is a later state.
    initial_inode = run.state.stat().st_ino
    try:
        yield
    except BaseException:
        if (
            run.state.exists()
            and run.state.stat().st_ino == initial_inode
            and not run.nan_batch.exists()
        ):
            remove_run(run)
        raise
