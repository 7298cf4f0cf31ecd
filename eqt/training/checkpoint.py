"""Training checkpoint: every variable bit for bit, the losses and the history, in one file.

Keras's own checkpoints lose the seed generators of dropout, so a training resumed from them
differs. The state of early stopping and plateaus follows from the history, and the order of the
traces from the seed, so neither is stored.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from keras.ops import convert_to_numpy

from eqt.formats.safe_zip import archive, member
from eqt.training.steps import LOSSES
from steadkit.atomic import write_one
from steadkit.errors import InputError
from steadkit.paths import require_file

FORMAT: Final = "eqt training state 1"
META: Final = "state.json"
HEADER: Final = 4096
"""Maximum size in bytes of the NPY header of an array."""


@dataclass(frozen=True)
class Progress:
    """Progress of a training.

    Attributes
    ----------
    epoch, step
        Completed epochs, and completed batches of the current one.
    totals, examples, seconds
        Of these batches: the sum of each loss over the examples, the number of examples, and the
        computing time.
    rows
        The history: one row per epoch.
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
        """Return the progress after a batch with these mean losses."""
        pairs = zip(self.totals, losses.tolist(), strict=True)
        return replace(
            self,
            step=self.step + 1,
            # Sums in float64 and not means: after a resume they continue to the same bits.
            totals=tuple(total + examples * loss for total, loss in pairs),
            examples=self.examples + examples,
            seconds=self.seconds + seconds,
        )

    def after_epoch(self, row: Mapping[str, float]) -> "Progress":
        """Return the progress after an epoch."""
        return Progress(epoch=self.epoch + 1, rows=(*self.rows, row))


def save_checkpoint(
    path: Path, variables: Mapping[str, list[Any]], progress: Progress, key: str
) -> None:
    """Write the state atomically, replacing an older one.

    Parameters
    ----------
    path
        Where to write.
    variables
        All variables that training changes, by category.
    progress
        Epochs, batches and losses so far.
    key
        Identifies data, split and settings; `load_checkpoint` refuses a state with another key.
    """
    meta = {"format": FORMAT, "key": key, "progress": vars(progress)}

    def write(new: Path) -> None:
        # Stored and not compressed: weights are nearly random bits, and this is done often.
        with zipfile.ZipFile(new, "x") as opened:
            opened.writestr(META, json.dumps(meta))
            for name, variable in _named_variables(variables):
                content = io.BytesIO()
                np.lib.format.write_array(content, convert_to_numpy(variable), allow_pickle=False)
                opened.writestr(name, content.getvalue())

    write_one(path, write, overwrite=True)


def load_checkpoint(path: Path, variables: Mapping[str, list[Any]], key: str) -> Progress:
    """Assign stored values to the variables; if the file is refused, none is changed.

    Raises
    ------
    InputError
        The file is missing, damaged, or of another training.
    """
    require_file(
        path,
        f"no {path.name} in {str(path.parent)!r}: the run cannot go on, train anew with --output",
    )
    with archive(path) as opened:
        try:
            progress = _parse_progress(json.loads(member(opened, META)), key, path)
            arrays = [
                _read_array(opened, name, values) for name, values in _named_variables(variables)
            ]
        except InputError as error:
            raise InputError(f"{str(path)!r} is refused: {error}") from error
        except Exception as error:  # whatever a damaged file makes NumPy or JSON raise
            raise InputError(
                f"{str(path)!r} is damaged: take it from a copy, or train again"
            ) from error
    # Only now, when every array has been read and checked.
    for (_, variable), values in zip(_named_variables(variables), arrays, strict=True):
        variable.assign(values)
    return progress


def _named_variables(variables: Mapping[str, list[Any]]) -> list[tuple[str, Any]]:
    return [
        (f"{category}/{n}.npy", variable)
        for category, members in variables.items()
        for n, variable in enumerate(members)
    ]


def _read_array(opened: zipfile.ZipFile, name: str, variable: Any) -> np.ndarray:
    expected = convert_to_numpy(variable)
    content = member(opened, name, expected.nbytes + HEADER)
    values = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    # NumPy would broadcast or cast silently, and the training continue from other weights.
    if (values.shape, values.dtype) != (expected.shape, expected.dtype):
        raise InputError(f"{name} is {values.dtype} {values.shape}, not {expected.shape}")
    return values


def _parse_progress(meta: Mapping[str, Any], key: str, path: Path) -> Progress:
    if meta["format"] != FORMAT:
        raise InputError(f"it holds no {FORMAT!r}")
    if meta["key"] != key:
        raise InputError("it belongs to other settings, data or another split")
    # JSON has turned the tuples into lists.
    stored = dict(meta["progress"])
    totals, rows = stored.pop("totals"), stored.pop("rows")
    progress = Progress(totals=tuple(map(float, totals)), rows=tuple(map(dict, rows)), **stored)
    counts = (progress.epoch, progress.step, progress.examples)
    if any(not isinstance(count, int) or count < 0 for count in counts) or (
        len(progress.totals) != len(LOSSES) or len(progress.rows) != progress.epoch
    ):
        raise InputError("its progress cannot be")
    return progress
