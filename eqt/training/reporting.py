"""Progress reports of a training: progress bar, one line per epoch, TensorBoard logs."""

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from eqt.training.checkpoint import Progress
from eqt.training.metrics import NAMES
from steadkit.console import ProgressBar

LOG_EVERY: Final = 50
"""Batches between two points of TensorBoard's curve of the training loss."""


class ProgressReporter:
    """Progress bar, epoch lines and TensorBoard logs of one training.

    Parameters
    ----------
    epochs, steps, traces
        Maximum number of epochs, batches per epoch, traces per epoch.
    log
        Receives one line per epoch.
    log_dir
        Folder of TensorBoard logs; None for no logs.
    """

    def __init__(
        self,
        epochs: int,
        steps: int,
        traces: int,
        log: Callable[[str], object],
        log_dir: Path | None = None,
    ):
        self.epochs, self.steps, self.traces, self.log = epochs, steps, traces, log
        self._bar, self._writer = ProgressBar(), _writer(log_dir) if log_dir else None

    def begin(self, progress: Progress) -> None:
        """Start the progress bar of an epoch, at the batch where it begins or is resumed."""
        self._bar.start(f"epoch {progress.epoch + 1}/{self.epochs}", self.steps)
        self._bar.step(count=progress.step)

    def batch(self, progress: Progress) -> None:
        """Advance the progress bar by one batch."""
        self._bar.step(self._line(progress))
        number = progress.epoch * self.steps + progress.step
        if self._writer is not None and number % LOG_EVERY == 0:
            self._write({"batch_loss": progress.losses["loss"]}, number)

    def _line(self, progress: Progress) -> str:
        """Format loss, F1 of the last epoch, throughput and remaining time."""
        rate = progress.step / max(progress.seconds, 1e-9)
        remaining = (self.epochs - progress.epoch) * self.steps - progress.step
        items = [
            f"epoch {progress.epoch + 1}/{self.epochs}: loss {progress.losses['loss']:.4f}",
            *([_f1(progress.rows[-1])] if progress.rows else []),
            f"{rate * self.traces / self.steps:.0f} traces/s",
            f"at most {duration(remaining / max(rate, 1e-9))} left",
        ]
        return ", ".join(items)

    def epoch(self, progress: Progress, is_best: bool) -> None:
        """Log the results of the latest epoch of the history."""
        self._bar.stop()
        row = progress.rows[-1]
        seconds = row["seconds"]
        mean = sum(row["seconds"] for row in progress.rows) / len(progress.rows)
        self.log(
            f"epoch {progress.epoch}/{self.epochs}: loss {row['loss']:.4f}, "
            f"validation {row['val_loss']:.4f}{' (best)' if is_best else ''}, {_f1(row)}, "
            f"{self.traces / max(seconds, 1e-9):.0f} traces/s, {duration(seconds)}, "
            f"at most {duration(mean * (self.epochs - progress.epoch))} left"
        )
        if self._writer is not None:
            figures = {name: value for name, value in row.items() if name != "epoch"}
            self._write(figures, progress.epoch * self.steps)

    def end(self) -> None:
        """Remove the progress bar and close the logs, also after an error."""
        self._bar.stop()
        if self._writer is not None:
            self._writer.close()

    def _write(self, figures: Mapping[str, float], number: int) -> None:
        import tensorflow as tf

        assert self._writer is not None
        # Equal to tf.summary.scalar, which requires the package tensorboard.
        metadata = tf.compat.v1.SummaryMetadata(
            plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars"),
            data_class="DATA_CLASS_SCALAR",
        )
        with self._writer.as_default():
            for name, value in figures.items():
                tf.summary.write(name, tf.constant(value, tf.float32), number, metadata)
        self._writer.flush()


def _writer(folder: Path) -> Any:
    import tensorflow as tf

    return tf.summary.create_file_writer(str(folder))


def _f1(row: Mapping[str, float]) -> str:
    values = (row[f"val_{name}_f1"] for name in NAMES)
    texts = ("-" if math.isnan(value) else f"{value:.3f}" for value in values)
    return f"F1 {'/'.join(texts)}"


def duration(seconds: float) -> str:
    """Format a duration in seconds.

    >>> duration(0.2), duration(75), duration(36_000)
    ('0 s', '1:15', '10:00:00')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    text = time.strftime("%H:%M:%S", time.gmtime(seconds % 86400)).lstrip("0:")
    days = int(seconds // 86400)
    return f"{days} d {text}" if days else text
