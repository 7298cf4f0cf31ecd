"""Training loop: epochs with validation and early stopping, and a checkpoint after each."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from eqt.config import TrainConfig
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
    """Network, batches and run folder of a training.

    `key` identifies the settings and data; `save_every` is in batches, 0 for only after each epoch.
    """

    run: RunFolder
    config: TrainConfig
    trainer: Trainer
    training: BatchLoader
    validation: BatchLoader
    key: str
    save_every: int

    def save_state(self, progress: Progress) -> None:
        """Write the checkpoint from which the training can be resumed."""
        checkpoint.save_checkpoint(self.run.state, self.trainer.variables, progress, self.key)


def fit(context: TrainingContext, progress: Progress, reporter: ProgressReporter) -> Progress:
    """Train from a given progress to the end; returns the final progress.

    Raises
    ------
    InputError
        A trace cannot be used, or the loss became NaN.
    """
    config, steps = context.config, len(context.training)
    first = progress.epoch * steps + progress.step
    # Finite: prefetching stops after the last batch.
    batches = iter(to_tf_dataset(context.training, start=first, epochs=config.epochs))
    try:
        with raise_input_errors(context.training, context.validation):
            while not is_done(progress, config):
                progress = _epoch(context, progress, batches, reporter)
    finally:
        reporter.end()
    return progress


def is_done(progress: Progress, config: TrainConfig) -> bool:
    """Return whether all epochs are done or early stopping applies."""
    return progress.epoch >= config.epochs or should_stop(
        progress.validation_losses, config.patience
    )


def _epoch(
    context: TrainingContext, progress: Progress, batches: Iterator[Any], reporter: ProgressReporter
) -> Progress:
    """Train the rest of an epoch, validate, and write weights, history and checkpoint."""
    config, steps = context.config, len(context.training)
    rate = config.learning_rate_at(progress.epoch, progress.validation_losses)
    reporter.begin(progress)
    while progress.step < steps:
        start, number = time.perf_counter(), progress.epoch * steps + progress.step
        # By the number of the batch alone, so that a resumed training has the same rates.
        context.trainer.set_rate(config.warmup_rate(rate, number, steps))
        batch = next(batches)
        losses = np.asarray(context.trainer.step(*batch), np.float64)
        # Before anything is written: the last checkpoint stays one of finite weights.
        if not np.isfinite(losses).all():
            _stop_at_nan(context, progress, batch, number)
        elapsed = time.perf_counter() - start
        progress = progress.after_batch(losses, len(batch[0]), elapsed)
        reporter.batch(progress)
        if context.save_every and progress.step % context.save_every == 0 and progress.step < steps:
            context.save_state(progress)
    start = time.perf_counter()
    # Validated and written are the averages; the training continues from the weights themselves.
    with context.trainer.averaged_weights():
        validation = validate(context)
        is_best = validation["val_loss"] < min(progress.validation_losses, default=np.inf)
        for path in (context.run.last, *([context.run.best] if is_best else [])):
            weights_h5.save(context.trainer.model, path, overwrite=True)
    seconds = progress.seconds + time.perf_counter() - start
    row = {"epoch": progress.epoch + 1, **progress.losses, **validation, "learning_rate": rate}
    progress = progress.after_epoch({**row, "seconds": round(seconds, 3)})
    write_history(context.run, progress)
    # Last: after a kill before this line, the resumed training repeats the end of the epoch and
    # writes the same files.
    context.save_state(progress)
    reporter.epoch(progress, is_best)
    return progress


def validate(context: TrainingContext) -> dict[str, float]:
    """Return losses and F1 of the validation split, as columns of the history."""
    totals, counts = np.zeros(len(LOSSES)), metrics.RunningCounts()
    batches = context.validation
    arrivals = np.column_stack([batches.p, batches.s])
    for number, (waveforms, targets) in enumerate(to_tf_dataset(batches)):
        losses, candidates, peaks = (
            np.asarray(t) for t in context.trainer.validate(waveforms, targets)
        )
        # Weighted, since the last batch may be smaller.
        totals += len(waveforms) * losses.astype(float)
        batch_arrivals = arrivals[batches.trace_numbers(number)]
        counts = counts.add(metrics.count_batch(candidates, peaks, batch_arrivals))
    means = (totals / len(batches.names)).tolist()
    if not np.isfinite(means).all():
        raise InputError(
            "the validation loss became NaN: try a smaller --learning-rate, or --clip-norm 1"
        )
    return {f"val_{name}": mean for name, mean in zip(LOSSES, means, strict=True)} | counts.f1


def write_history(run: RunFolder, progress: Progress) -> None:
    """Write the history, one row per epoch."""
    with atomic_write([run.history], overwrite=True) as (path,):
        pd.DataFrame(list(progress.rows)).to_csv(path, index=False)


def _stop_at_nan(context: TrainingContext, progress: Progress, batch: Any, number: int) -> None:
    """Write the batch whose loss is NaN, and raise."""
    waveforms, targets = batch
    names = [context.training.names[trace] for trace in context.training.trace_numbers(number)]
    copies = len(waveforms) // len(names)  # a paired batch holds each trace twice
    arrays = {
        "waveforms": waveforms.numpy(),
        **{name: target.numpy() for name, target in targets.items()},
        "trace_names": np.array(names * copies),
        "epoch": np.array(progress.epoch + 1),
        "step": np.array(progress.step + 1),
    }

    def write(path: Path) -> None:
        # Opened here: np.savez would replace a file, and append .npz to a name without it.
        with path.open("xb") as file:
            np.savez(file, **arrays)

    write_one(context.run.nan_batch, write, overwrite=True)
    raise InputError(
        f"the loss became NaN in epoch {progress.epoch + 1}, batch {progress.step + 1}: that batch "
        f"is in {str(context.run.nan_batch)!r}; try a smaller --learning-rate, or --clip-norm 1"
    )
