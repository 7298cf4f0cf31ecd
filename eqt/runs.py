"""The run folder: what a training leaves behind, and how it is found again.

::

    README.txt           what all this is, and the command that made it
    config.json          model, training, data, environment, and what else the run was told
    split.manifest       the part of every trace: train, validation or test
    history.csv          losses, F1, learning rate and time of every epoch
    best.weights.h5      the weights with the lowest validation loss
    last.weights.h5      the weights after the last epoch
    state.npz            where a training that was cut off goes on; taken away at its end
    nan_batch.npz        the batch whose loss was NaN, where one was
    tensorboard/         logs for TensorBoard, where they were asked for
    curves.png           the losses over the epochs; written last, so it says the run is complete

A folder appears with its first four files complete (README, configuration, split and state), so
from then on it can be resumed.
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
from steadkit.atomic import atomic_folder, folder_made, lock_folder, write_text
from steadkit.documents import TABLE, TEXT, read_json, value_at
from steadkit.errors import BusyError, InputError
from steadkit.paths import require_file

MAX_JSON: Final = 1 << 20
"""Bytes of a configuration."""

RUNS = Path("runs")
"""Where runs go that are not named."""


@dataclass(frozen=True)
class RunFolder:
    """A run folder's files."""

    folder: Path

    @property
    def readme(self) -> Path:
        """What the folder is, in words."""
        return self.folder / "README.txt"

    @property
    def config(self) -> Path:
        """Model, training, data and environment, as JSON."""
        return self.folder / "config.json"

    @property
    def split(self) -> Path:
        """The part of every trace, as a manifest."""
        return self.folder / "split.manifest"

    @property
    def history(self) -> Path:
        """One row an epoch, as CSV."""
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
        """Where training goes on."""
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
        """All of them but the logs; whatever else is in the folder is somebody else's."""
        first_files = (self.readme, self.config, self.split, self.history, self.state)
        return (*first_files, self.best, self.last, self.nan_batch, self.curves)

    @property
    def is_complete(self) -> bool:
        """Whether training has come to its end."""
        return self.curves.exists()


@dataclass(frozen=True)
class Setup:
    """What a run was made from."""

    data: Path
    model: EQTConfig
    training: TrainConfig
    environment: Mapping[str, Any]
    about: Mapping[str, Any] = field(default_factory=dict)
    """What else it was told, and the digests of its data and split; empty in the first runs."""


def default_folder(data: Path, model: str = "EQT", busy_folders: Collection[Path] = ()) -> Path:
    """Name a new run after its network and data, with a number if the name is not free.

    Parameters
    ----------
    data, model
        The file that it is trained on, and what the network is called.
    busy_folders
        Names that other processes have claimed for runs that they are making.
    """
    name = f"{model.lower().replace(' ', '-')}-{data.stem}"
    folder = RUNS / name
    number = 2
    while os.path.lexists(folder) or folder in busy_folders:
        folder = RUNS / f"{name}-{number}"
        number += 1
    return folder


class Claim(NamedTuple):
    """The name of a new run, which no other process can take."""

    folder: Path
    """Where the run will stand."""
    partial: Path
    """Where its first files are written."""
    stage: ExitStack
    """Puts the folder in place when it is closed, or removes it after an error."""


@contextmanager
def claimed_folder(folder: Path | None, data: Path, model: str = "EQT") -> Iterator[Claim]:
    """Claim the name of a new run, before the work that it takes to begin one.

    The claim is a lock on the staging folder, so it ends with the process; what a kill leaves of it
    is taken over by whoever claims the name next.

    Parameters
    ----------
    folder
        Where the run shall stand; None for the first `default_folder` that is free.
    data, model
        What the default is named after.

    Raises
    ------
    InputError
        The folder exists, or another process has claimed it.
    """
    with suppress(_UnusedError), ExitStack() as stage:
        yield _claim(folder, stage) if folder else _claim_default(data, model, stage)
        raise _UnusedError  # what `created` has not put in place is removed


class _UnusedError(Exception):
    """A claim ends of which no run was made."""


def _claim(folder: Path, stage: ExitStack) -> Claim:
    refuse_existing(folder)
    return Claim(folder, stage.enter_context(atomic_folder(folder)), stage)


def _claim_default(data: Path, model: str, stage: ExitStack) -> Claim:
    busy_folders: list[Path] = []
    while True:
        folder = default_folder(data, model, busy_folders)
        try:
            return _claim(folder, stage)
        except InputError as error:
            # Another process may also have put its run in place since we looked.
            if not isinstance(error, BusyError) and not os.path.lexists(folder):
                raise
            busy_folders.append(folder)


@contextmanager
def create_run(target: Path | Claim, fill: Callable[[RunFolder], object]) -> Iterator[RunFolder]:
    """Make a new run folder, with its first files or not at all, and hold it.

    Parameters
    ----------
    place
        Where it shall stand, or the claim to that.
    fill
        Writes the first files.

    Raises
    ------
    InputError
        It exists: a run is never overwritten. Or another process is making it.
    """
    with ExitStack() as stack:
        claim = target if isinstance(target, Claim) else _claim(target, ExitStack())
        with claim.stage.pop_all():
            stack.enter_context(locked_run(claim.partial))  # the lock goes with the folder
            fill(RunFolder(claim.partial))
        yield RunFolder(claim.folder)


def refuse_existing(folder: Path) -> None:
    """Refuse the folder of a new run where anything is: a run is never overwritten."""
    if os.path.lexists(folder):
        raise InputError(
            f"run folder {str(folder)!r} exists: name another with --out, move it away, "
            "or go on with it by --resume"
        )


@contextmanager
def locked_run(folder: Path) -> Iterator[None]:
    """Hold a run folder for this process; the lock goes with the process, however it ends.

    Raises
    ------
    InputError
        Another process holds it.
    """
    busy = f"another process is training in {str(folder)!r}: wait for it"
    descriptor = lock_folder(folder, busy)
    try:
        with folder_made(folder):
            yield
    finally:
        os.close(descriptor)


def remove_run(run: RunFolder) -> None:
    """Remove the files of a run, and its folder unless the user has put something there."""
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
        value_at(content, name, TEXT if name == "data" else TABLE, where)
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
