"""Where a training stands: every variable to the bit, and the losses so far, in one file.

Keras's own checkpoints lose the generators of the dropouts; a training that goes on from them is
another one. What early stopping and plateaus have to know follows from the history, and the order
of the traces from the seed, so neither is kept.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np

from eqt.formats.safe_zip import archive, member
from eqt.training.steps import LOSSES
from steadkit.atomic import write_one
from steadkit.errors import InputError
from steadkit.paths import require_file

FORMAT: Final = "eqt training state 1"
META: Final = "state.json"
HEADER: Final = 4096
"""Bytes that an array takes at most besides its values."""


@dataclass(frozen=True)
class Progress:
    """How far a training is.

    Attributes
    ----------
    epoch, step
        Completed epochs, and completed batches of the next one.
    totals, examples, seconds
        Of these batches: the sums of each loss over the examples, their number, and the time.
    rows
        The history: a row an epoch.
    """

    epoch: int = 0
    step: int = 0
    totals: tuple[float, ...] = (0.0,) * len(LOSSES)
    examples: int = 0
    seconds: float = 0.0
    rows: tuple[Mapping[str, float], ...] = ()

    @property
    def losses(self) -> dict[str, float]:
        """Mean losses of the epoch so far."""
        means = [total / max(self.examples, 1) for total in self.totals]
        return dict(zip(LOSSES, means, strict=True))

    @property
    def validation_losses(self) -> list[float]:
        """The validation losses of the epochs so far."""
        return [row["val_loss"] for row in self.rows]

    def after_batch(self, losses: np.ndarray, examples: int, seconds: float) -> "Progress":
        """Return what it is after a batch with these mean losses."""
        pairs = zip(self.totals, losses.tolist(), strict=True)
        return replace(
            self,
            step=self.step + 1,
            totals=tuple(total + examples * loss for total, loss in pairs),
            examples=self.examples + examples,
            seconds=self.seconds + seconds,
        )

    def after_epoch(self, row: Mapping[str, float]) -> "Progress":
        """Return what it is after an epoch."""
        return Progress(epoch=self.epoch + 1, rows=(*self.rows, row))


def save(path: Path, variables: Mapping[str, list[Any]], progress: Progress, key: str) -> None:
    """Write the state, whole or not at all, over an older one.

    Parameters
    ----------
    path
        Where to write.
    variables
        All that training changes, by kind.
    progress
        How far it is.
    key
        Identifies data, split and settings; `load` refuses a state of others.
    """
    meta = {"format": FORMAT, "key": key, "progress": vars(progress)}

    def write(new: Path) -> None:
        with zipfile.ZipFile(new, "x") as opened:
            opened.writestr(META, json.dumps(meta))
            for name, variable in _named(variables):
                content = io.BytesIO()
                np.lib.format.write_array(content, _values(variable), allow_pickle=False)
                opened.writestr(name, content.getvalue())

    write_one(path, write, overwrite=True)


def load(path: Path, variables: Mapping[str, list[Any]], key: str) -> Progress:
    """Give the variables the values that a file holds; nothing is changed if it is refused.

    Raises
    ------
    InputError
        The file is missing, damaged, or of another training.
    """
    require_file(
        path, f"no {path.name} in {str(path.parent)!r}: the run cannot go on, train anew with --out"
    )
    with archive(path) as opened:
        try:
            progress = _progress(json.loads(member(opened, META)), key, path)
            arrays = [_array(opened, name, values) for name, values in _named(variables)]
        except InputError as error:
            raise InputError(f"{str(path)!r} is refused: {error}") from error
        except Exception as error:  # whatever a damaged file makes NumPy or JSON raise
            raise InputError(
                f"{str(path)!r} is damaged: take it from a copy, or train again"
            ) from error
    for (_, variable), values in zip(_named(variables), arrays, strict=True):
        variable.assign(values)
    return progress


def _named(variables: Mapping[str, list[Any]]) -> list[tuple[str, Any]]:
    return [
        (f"{kind}/{n}.npy", one) for kind, some in variables.items() for n, one in enumerate(some)
    ]


def _values(variable: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(variable))


def _array(opened: zipfile.ZipFile, name: str, variable: Any) -> np.ndarray:
    wanted = _values(variable)
    content = member(opened, name, wanted.nbytes + HEADER)
    values = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    if (values.shape, values.dtype) != (wanted.shape, wanted.dtype):
        raise InputError(f"{name} is {values.dtype} {values.shape}, not {wanted.shape}")
    return values


def _progress(meta: Mapping[str, Any], key: str, path: Path) -> Progress:
    if meta["format"] != FORMAT:
        raise InputError(f"it holds no {FORMAT!r}")
    if meta["key"] != key:
        raise InputError("it belongs to other settings, data or another split")
    stored = dict(meta["progress"])
    totals, rows = stored.pop("totals"), stored.pop("rows")
    progress = Progress(totals=tuple(map(float, totals)), rows=tuple(map(dict, rows)), **stored)
    counts = (progress.epoch, progress.step, progress.examples)
    if any(not isinstance(count, int) or count < 0 for count in counts) or (
        len(progress.totals) != len(LOSSES) or len(progress.rows) != progress.epoch
    ):
        raise InputError("its progress cannot be")
    return progress
