"""From one state of a training to its end: epoch after epoch, kept on the disk on the way."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from eqt.config import EQTConfig, TrainConfig
from eqt.config.schedules import should_stop
from eqt.formats import weights_h5
from eqt.runs import RunFolder
from eqt.training import checkpoint, metrics
from eqt.training.checkpoint import Progress
from eqt.training.reporting import ProgressReporter
from eqt.training.steps import LOSSES, Trainer
from steadkit.atomic import atomic_write, write_one
from steadkit.errors import InputError
from steadkit.pipeline import BatchLoader, raise_input_errors, to_tf_dataset


@dataclass(frozen=True, eq=False)
class TrainingContext:
    """What there is to do: the network and its batches, and where all is kept.

    `key` identifies the settings and data; `save_every` is in batches, 0 for the ends of epochs.
    """

    run: RunFolder
    model_config: EQTConfig
    config: TrainConfig
    trainer: Trainer
    training: BatchLoader
    validation: BatchLoader
    key: str
    save_every: int

    def save_state(self, progress: Progress) -> None:
        """Keep all that is needed to go on from here."""
        checkpoint.save(self.run.state, self.trainer.variables, progress, self.key)


def fit(work: TrainingContext, progress: Progress, teller: ProgressReporter) -> Progress:
    """Train from some progress to the end; returns the last progress.

    Raises
    ------
    InputError
        A trace cannot be used, or the loss became NaN.
    """
    config, steps = work.config, len(work.training)
    first = progress.epoch * steps + progress.step
    # Not for ever: what is made ahead after the last batch would be for nothing.
    feed = iter(to_tf_dataset(work.training, start=first, epochs=config.epochs))
    try:
        with raise_input_errors(work.training, work.validation):
            while not is_done(progress, config):
                progress = _epoch(work, progress, feed, teller)
    finally:
        teller.end()
    return progress


def is_done(progress: Progress, config: TrainConfig) -> bool:
    """Tell whether all epochs are over, or early stopping says so."""
    return progress.epoch >= config.epochs or should_stop(
        progress.validation_losses, config.patience
    )


def _epoch(
    work: TrainingContext, progress: Progress, feed: Iterator[Any], teller: ProgressReporter
) -> Progress:
    """Do the rest of an epoch, validate, and keep what it has brought."""
    config, steps = work.config, len(work.training)
    rate = config.learning_rate_at(progress.epoch, progress.validation_losses)
    teller.begin(progress)
    while progress.step < steps:
        began, number = time.perf_counter(), progress.epoch * steps + progress.step
        work.trainer.set_rate(config.warmup_rate(rate, number, steps))
        batch = next(feed)
        losses = np.asarray(work.trainer.step(*batch), np.float64)
        if not np.isfinite(losses).all():
            _stop_at_nan(work, progress, batch, number)
        spent = time.perf_counter() - began
        progress = progress.after_batch(losses, len(batch[0]), spent)
        teller.batch(progress)
        if work.save_every and progress.step % work.save_every == 0 and progress.step < steps:
            work.save_state(progress)
    began = time.perf_counter()
    with work.trainer.averaged():
        told = validate(work)
        is_best = told["val_loss"] < min(progress.validation_losses, default=np.inf)
        for path in (work.run.last, *([work.run.best] if is_best else [])):
            weights_h5.save(work.trainer.model, work.model_config, path, overwrite=True)
    seconds = progress.seconds + time.perf_counter() - began
    row = {"epoch": progress.epoch + 1, **progress.losses, **told, "learning_rate": rate}
    progress = progress.after_epoch({**row, "seconds": round(seconds, 3)})
    write_history(work.run, progress)
    # Last: a kill before it only has the epoch's end done again, to the same files.
    work.save_state(progress)
    teller.epoch(progress, is_best)
    return progress


def validate(work: TrainingContext) -> dict[str, float]:
    """Return losses and F1 on the validation part, as columns of the history."""
    totals, counts = np.zeros(len(LOSSES)), metrics.RunningCounts()
    batches = work.validation
    arrivals = np.column_stack([batches.p, batches.s])
    for number, (waveforms, targets) in enumerate(to_tf_dataset(batches)):
        losses, found, peaks = (np.asarray(t) for t in work.trainer.validate(waveforms, targets))
        totals += len(waveforms) * losses.astype(float)
        truth = arrivals[batches.trace_numbers(number)]
        counts = counts.plus(metrics.count(found, peaks, truth))
    means = (totals / len(batches.names)).tolist()
    if not np.isfinite(means).all():
        raise InputError(
            "the validation loss became NaN: try a smaller --learning-rate, or --clip-norm 1"
        )
    return {f"val_{name}": mean for name, mean in zip(LOSSES, means, strict=True)} | counts.f1


def write_history(run: RunFolder, progress: Progress) -> None:
    """Write the history, a row an epoch."""
    with atomic_write([run.history], overwrite=True) as (path,):
        pd.DataFrame(list(progress.rows)).to_csv(path, index=False)


def _stop_at_nan(work: TrainingContext, progress: Progress, batch: Any, number: int) -> None:
    """Keep the batch whose loss is NaN, and say so."""
    waveforms, targets = batch
    names = [work.training.names[trace] for trace in work.training.trace_numbers(number)]
    copies = len(waveforms) // len(names)  # of a paired batch the same traces come twice
    arrays = {
        "waveforms": waveforms.numpy(),
        **{name: target.numpy() for name, target in targets.items()},
        "trace_names": np.array(names * copies),
        "epoch": np.array(progress.epoch + 1),
        "step": np.array(progress.step + 1),
    }

    def write(path: Path) -> None:
        with path.open("xb") as file:
            np.savez(file, **arrays)

    write_one(work.run.nan_batch, write, overwrite=True)
    raise InputError(
        f"the loss became NaN in epoch {progress.epoch + 1}, batch {progress.step + 1}: that batch "
        f"is in {str(work.run.nan_batch)!r}; try a smaller --learning-rate, or --clip-norm 1"
    )
