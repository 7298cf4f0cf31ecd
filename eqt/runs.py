"""The run folder: what a training leaves behind, and how it is found again.

::

    config.json          model, training, data and environment
    split.manifest       the part of every trace: train, validation or test
    history.csv          losses, learning rate and time of every epoch
    best.weights.h5      the weights with the lowest validation loss
    last.weights.h5      the weights after the last epoch
    curves.png           the losses over the epochs; written last, so it says the run is complete
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eqt.config import EQTConfig, TrainConfig
from steadkit.errors import InputError
from steadkit.files import write_text

RUNS = Path("runs")
"""Where runs go that are not named."""


@dataclass(frozen=True)
class Run:
    """A run folder's files."""

    folder: Path

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
    def curves(self) -> Path:
        """Losses over the epochs, as a picture."""
        return self.folder / "curves.png"


@dataclass(frozen=True)
class Setup:
    """What a run was made from."""

    data: Path
    model: EQTConfig
    training: TrainConfig
    environment: Mapping[str, Any]


def default_folder(data: Path, model: str = "EQT") -> Path:
    """Name a new run after its network and data, with a number if there is one already."""
    name = f"{model.lower().replace(' ', '-')}-{data.stem}"
    folder = RUNS / name
    number = 2
    while folder.exists():
        folder = RUNS / f"{name}-{number}"
        number += 1
    return folder


def create(folder: Path) -> Run:
    """Make a new run folder.

    Raises
    ------
    InputError
        It exists: a run is never overwritten.
    """
    try:
        folder.mkdir(parents=True)
    except FileExistsError as error:
        raise InputError(
            f"run folder {str(folder)!r} exists: name another with --out, or move it away"
        ) from error
    return Run(folder)


def save_setup(run: Run, setup: Setup) -> None:
    """Write the run's configuration."""
    content = {
        "data": str(setup.data.resolve()),
        "model": setup.model.to_dict(),
        "training": setup.training.to_dict(),
        "environment": dict(setup.environment),
    }
    write_text(run.config, json.dumps(content, indent=2) + "\n")


def load_setup(run: Run) -> Setup:
    """Read a run's configuration.

    Raises
    ------
    InputError
        The folder is not a run, or its configuration is broken.
    """
    if not run.config.is_file():
        raise InputError(
            f"{str(run.folder)!r} is not a run folder: it has no {run.config.name}; "
            "name one that eqt train made"
        )
    try:
        content = json.loads(run.config.read_text(encoding="utf-8"))
        return Setup(
            Path(content["data"]),
            EQTConfig.from_dict(content["model"]),
            TrainConfig.from_dict(content["training"]),
            content["environment"],
        )
    except InputError:
        raise
    except json.JSONDecodeError as error:
        raise InputError(f"{str(run.config)!r} is not JSON: {error}") from error
    except (LookupError, TypeError, AttributeError, RecursionError, ValueError) as error:
        raise InputError(f"{str(run.config)!r} is broken: {error!r}") from error
