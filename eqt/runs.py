"""Run folder of a training: its files, its setup, and the claim and lock of its name.

::

    README.txt           description, and the command that created it
    config.json          model, training, data, environment, and options
    split.manifest       the split of every trace: train, validation or test
    history.csv          losses, F1, learning rate and time of every epoch
    best.weights.h5      the weights with the lowest validation loss
    last.weights.h5      the weights after the last epoch
    state.npz            checkpoint from which a training is resumed; removed at its end
    nan_batch.npz        the batch whose loss was NaN, if any
    tensorboard/         logs for TensorBoard, if requested
    curves.png           the losses over the epochs; written last, so it marks a complete run

A folder appears with its first four files complete (README, configuration, split and state), so
it can be resumed from the start.
"""

import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from eqt.config import EQTConfig, TrainConfig, format_config
from steadkit.atomic import atomic_folder, lock_folder, writable_folder, write_text
from steadkit.errors import BusyError, InputError
from steadkit.paths import OBJECT, TEXT, read_json, require_file, value_at

MAX_JSON: Final = 1 << 20
"""Bytes of a configuration."""

RUNS = Path("runs")
"""Parent folder of runs without a name."""


@dataclass(frozen=True)
class RunFolder:
    """A run folder's files."""

    folder: Path

    @property
    def readme(self) -> Path:
        """Description of the folder."""
        return self.folder / "README.txt"

    @property
    def config(self) -> Path:
        """Model, training, data and environment, as JSON."""
        return self.folder / "config.json"

    @property
    def split(self) -> Path:
        """The split of every trace, as a manifest."""
        return self.folder / "split.manifest"

    @property
    def history(self) -> Path:
        """One row per epoch, as CSV."""
        return self.folder / "history.csv"

    @property
    def best(self) -> Path:
        """Weights with the lowest validation loss."""
        return self.folder / "best.weights.h5"

    @property
    def last(self) -> Path:
        """Weights after the last epoch."""
        return self.folder / "last.weights.h5"

    @property
    def state(self) -> Path:
        """Checkpoint from which training is resumed."""
        return self.folder / "state.npz"

    @property
    def nan_batch(self) -> Path:
        """The batch whose loss was NaN."""
        return self.folder / "nan_batch.npz"

    @property
    def tensorboard(self) -> Path:
        """Logs for TensorBoard."""
        return self.folder / "tensorboard"

    @property
    def curves(self) -> Path:
        """Losses over the epochs, as a picture."""
        return self.folder / "curves.png"

    @property
    def files(self) -> tuple[Path, ...]:
        """All files of a run but the logs; any other file in the folder is the user's."""
        first_files = (self.readme, self.config, self.split, self.history, self.state)
        return (*first_files, self.best, self.last, self.nan_batch, self.curves)

    @property
    def is_complete(self) -> bool:
        """Whether training has come to its end."""
        return self.curves.exists()


@dataclass(frozen=True)
class Setup:
    """Data, model, training settings and environment of a run."""

    data: Path
    model: EQTConfig
    training: TrainConfig
    environment: Mapping[str, Any]
    about: Mapping[str, Any] = field(default_factory=dict)
    """Options, and digests of data and split; empty in runs of the first version."""


def default_run_folder(data: Path, model: str = "EQT", busy_folders: Collection[Path] = ()) -> Path:
    """Name a new run after its network and data, with a number if the name is not free.

    Parameters
    ----------
    data, model
        The file of its data, and the name of its network.
    busy_folders
        Folders that other processes have claimed for new runs.
    """
    name = f"{model.lower().replace(' ', '-')}-{data.stem}"
    folder = RUNS / name
    number = 2
    while os.path.lexists(folder) or folder in busy_folders:
        folder = RUNS / f"{name}-{number}"
        number += 1
    return folder


class RunClaim(NamedTuple):
    """An exclusive claim to the name of a new run."""

    folder: Path
    """The final folder."""
    partial: Path
    """The staging folder of its first files."""
    stage: ExitStack
    """Moves the folder into place when it is closed, or removes it after an error."""


@contextmanager
def claimed_folder(folder: Path | None, data: Path, model: str = "EQT") -> Iterator[RunClaim]:
    """Claim the name of a new run before the costly work of starting one.

    The claim is a lock on the staging folder, so it ends with the process; a staging folder left by
    a killed process is reused by the next claim.

    Parameters
    ----------
    folder
        The run folder; None for the first `default_run_folder` that is free.
    data, model
        Names for the default folder.

    Raises
    ------
    InputError
        The folder exists, or another process has claimed it.
    """
    with suppress(_UnusedError), ExitStack() as stage:
        yield _claim(folder, stage) if folder else _claim_default(data, model, stage)
        # The error makes `stage` remove a staging folder that `create_run` has not moved.
        raise _UnusedError


class _UnusedError(Exception):
    """A claim ended without a run."""


def _claim(folder: Path, stage: ExitStack) -> RunClaim:
    refuse_existing_run(folder)
    return RunClaim(folder, stage.enter_context(atomic_folder(folder)), stage)


def _claim_default(data: Path, model: str, stage: ExitStack) -> RunClaim:
    busy_folders: list[Path] = []
    while True:
        folder = default_run_folder(data, model, busy_folders)
        try:
            return _claim(folder, stage)
        except InputError as error:
            # Another process may also have moved its run into place since the check.
            if not isinstance(error, BusyError) and not os.path.lexists(folder):
                raise
            busy_folders.append(folder)


@contextmanager
def create_run(target: Path | RunClaim, fill: Callable[[RunFolder], object]) -> Iterator[RunFolder]:
    """Create a new run folder atomically with its first files, and lock it inside the block.

    Parameters
    ----------
    target
        The run folder, or the claim to it.
    fill
        Writes the first files.

    Raises
    ------
    InputError
        It exists: a run is never overwritten. Or another process is creating it.
    """
    with ExitStack() as stack:
        claim = target if isinstance(target, RunClaim) else _claim(target, ExitStack())
        with claim.stage.pop_all():
            stack.enter_context(locked_run(claim.partial))  # the lock goes with the folder
            fill(RunFolder(claim.partial))
        yield RunFolder(claim.folder)


def refuse_existing_run(folder: Path) -> None:
    """Refuse an existing path as the folder of a new run, which never overwrites."""
    if os.path.lexists(folder):
        raise InputError(
            f"run folder {str(folder)!r} exists: name another with --output, move it away, "
            "or go on with it by --resume"
        )


@contextmanager
def locked_run(folder: Path) -> Iterator[None]:
    """Lock a run folder inside the block; the lock ends with the process at the latest.

    Raises
    ------
    InputError
        Another process has locked it.
    """
    busy = f"another process is training in {str(folder)!r}: wait for it"
    descriptor = lock_folder(folder, busy)
    try:
        with writable_folder(folder):
            yield
    finally:
        os.close(descriptor)


def remove_run(run: RunFolder) -> None:
    """Remove the files of a run, and its folder unless it holds files of the user."""
    shutil.rmtree(run.tensorboard, ignore_errors=True)
    for path in run.files:
        path.unlink(missing_ok=True)
    with suppress(OSError):
        run.folder.rmdir()


def save_setup(run: RunFolder, setup: Setup) -> None:
    """Write the run's configuration."""
    content = {
        "data": str(setup.data.resolve()),
        "model": setup.model.to_dict(),
        "training": setup.training.to_dict(),
        "environment": dict(setup.environment),
        "about": dict(setup.about),
    }
    write_text(run.config, json.dumps(content, indent=2) + "\n")


def load_setup(run: RunFolder) -> Setup:
    """Read a run's configuration.

    Raises
    ------
    InputError
        The folder is not a run, or its configuration is broken.
    """
    require_file(
        run.config,
        f"{str(run.folder)!r} is not a run folder: it has no {run.config.name}; "
        "name one that eqt train made",
    )
    where = repr(str(run.config))
    content = {"about": {}} | read_json(run.config, MAX_JSON)  # the first runs had no "about"
    data, *tables = (
        value_at(content, name, TEXT if name == "data" else OBJECT, where)
        for name in ("data", "model", "training", "environment", "about")
    )
    if not data or "\0" in data:
        raise InputError(
            f"{where} has 'data' = {format_config(data)}: the name of a file is needed"
        )
    try:
        model, training = EQTConfig.from_dict(tables[0]), TrainConfig.from_dict(tables[1])
    except InputError as error:
        raise InputError(f"{where} is broken: {error}") from error
    return Setup(Path(data), model, training, *tables[2:])
