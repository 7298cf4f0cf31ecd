"""What a training says while it goes on: a bar, a line an epoch, and logs for TensorBoard."""

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
    """Tells how training goes.

    Parameters
    ----------
    epochs, steps, traces
        How many there are at most, batches in an epoch, and traces in it.
    say
        Receives one line an epoch.
    logs
        Where TensorBoard's logs go, if anywhere.
    """

    def __init__(
        self,
        epochs: int,
        steps: int,
        traces: int,
        say: Callable[[str], object],
        logs: Path | None = None,
    ):
        self.epochs, self.steps, self.traces, self.say = epochs, steps, traces, say
        self._bar, self._writer = ProgressBar(), _writer(logs) if logs else None

    def begin(self, progress: Progress) -> None:
        """Show an epoch that begins, or goes on."""
        self._bar.start(f"epoch {progress.epoch + 1}/{self.epochs}", self.steps)
        self._bar.step(count=progress.step)

    def batch(self, progress: Progress) -> None:
        """Show a batch more."""
        self._bar.step(self._line(progress))
        number = progress.epoch * self.steps + progress.step
        if self._writer is not None and number % LOG_EVERY == 0:
            self._write({"batch_loss": progress.losses["loss"]}, number)

    def _line(self, progress: Progress) -> str:
        """Tell loss, the last epoch's F1, rate and time left."""
        rate = progress.step / max(progress.seconds, 1e-9)
        left = (self.epochs - progress.epoch) * self.steps - progress.step
        words = [
            f"epoch {progress.epoch + 1}/{self.epochs}: loss {progress.losses['loss']:.4f}",
            *([_f1(progress.rows[-1])] if progress.rows else []),
            f"{rate * self.traces / self.steps:.0f} traces/s",
            f"at most {duration(left / max(rate, 1e-9))} left",
        ]
        return ", ".join(words)

    def epoch(self, progress: Progress, is_best: bool) -> None:
        """Say how an epoch went, the last one of the history."""
        self._bar.stop()
        row = progress.rows[-1]
        seconds = row["seconds"]
        mean = sum(row["seconds"] for row in progress.rows) / len(progress.rows)
        self.say(
            f"epoch {progress.epoch}/{self.epochs}: loss {row['loss']:.4f}, "
            f"validation {row['val_loss']:.4f}{' (best)' if is_best else ''}, {_f1(row)}, "
            f"{self.traces / max(seconds, 1e-9):.0f} traces/s, {duration(seconds)}, "
            f"at most {duration(mean * (self.epochs - progress.epoch))} left"
        )
        if self._writer is not None:
            figures = {name: value for name, value in row.items() if name != "epoch"}
            self._write(figures, progress.epoch * self.steps)

    def end(self) -> None:
        """Leave no bar behind, however training ends."""
        self._bar.stop()
        if self._writer is not None:
            self._writer.close()

    def _write(self, figures: Mapping[str, float], number: int) -> None:
        import tensorflow as tf

        assert self._writer is not None
        # What tf.summary.scalar writes, which needs TensorBoard itself to be installed.
        kind = tf.compat.v1.SummaryMetadata(
            plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars"),
            data_class="DATA_CLASS_SCALAR",
        )
        with self._writer.as_default():
            for name, value in figures.items():
                tf.summary.write(name, tf.constant(value, tf.float32), number, kind)
        self._writer.flush()


def _writer(folder: Path) -> Any:
    import tensorflow as tf

    return tf.summary.create_file_writer(str(folder))


def _f1(row: Mapping[str, float]) -> str:
    values = (row[f"val_{name}_f1"] for name in NAMES)
    texts = ("-" if math.isnan(value) else f"{value:.3f}" for value in values)
    return f"F1 {'/'.join(texts)}"


def duration(seconds: float) -> str:
    """Write a time as a person would.

    >>> duration(0.2), duration(75), duration(36_000)
    ('0 s', '1:15', '10:00:00')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    text = time.strftime("%H:%M:%S", time.gmtime(seconds % 86400)).lstrip("0:")
    days = int(seconds // 86400)
    return f"{days} d {text}" if days else text
