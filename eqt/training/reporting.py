"""What a training records and reports: its environment, README.txt, progress, TensorBoard logs."""

import math
import os
import platform
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np

from eqt.config import TrainConfig
from eqt.runs import Setup
from eqt.training.checkpoint import Progress
from eqt.training.metrics import NAMES
from steadkit.console import ProgressBar
from steadkit.errors import InputError, printable
from steadkit.manifest import Manifest
from steadkit.processes import count_cores
from steadkit.sampling import SPLITS
from steadkit.version import __version__

THREADS: Final = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")

IGNORED_KEYS: Final = ("platform", "python")
"""Entries that do not affect the results."""

LOG_EVERY: Final = 50
"""Batches between two points of TensorBoard's curve of the training loss."""


def environment() -> dict[str, str]:
    """Return versions, devices and thread counts; the last bits of a training depend on them."""
    import tensorflow as tf

    devices = []
    for device in tf.config.list_physical_devices():
        model = tf.config.experimental.get_device_details(device).get("device_name")
        devices.append(f"{device.name} ({model})" if model else device.name)
    threading = tf.config.threading
    threads = {
        "cores": count_cores(),
        "intra_op_threads": threading.get_intra_op_parallelism_threads() or "one a core",
        "inter_op_threads": threading.get_inter_op_parallelism_threads() or "one a core",
        **{name: os.environ[name] for name in THREADS if name in os.environ},
    }
    return {
        "steadkit": __version__,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "platform": platform.platform(),
        "processor": platform.machine(),
        "devices": ", ".join(devices),
        **{name: str(value) for name, value in threads.items()},
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "TensorFlow's default"),
    }


def refuse_changed(recorded: Mapping[str, Any]) -> None:
    """Refuse to resume a run on a machine or with software that would change the last bits.

    Raises
    ------
    InputError
        An entry differs; the message names it.
    """
    # Keys of either: an entry that only one of the two has is a difference as well.
    current = environment()
    changed = [
        f"{printable(name)} was {printable(recorded.get(name))}, is {current.get(name)}"
        for name in sorted((recorded.keys() | current.keys()) - set(IGNORED_KEYS))
        if recorded.get(name) != current.get(name)
    ]
    if changed:
        raise InputError(
            f"the run was begun elsewhere: {'; '.join(changed)}; go back there, or say "
            "--other-machine to go on with slightly other figures"
        )


def readme(folder: Path, setup: Setup, split: Manifest, model: keras.Model) -> str:
    """Return the text: contents of the folder, its origin, and commands for resuming and use."""
    about, counts = setup.about, Counter(split.splits)
    network = f" ({about['network']})" if str(about["network"]) else ""
    n_trainable = sum(math.prod(weight.shape) for weight in model.trainable_variables)
    split_counts = ", ".join(f"{counts[name]:,} {name}" for name in SPLITS)
    start = f"the network of {about['init']}" if about["init"] else "random weights"
    paragraphs = [
        f"A training of the Earthquake Transformer{network}, by steadkit "
        f"{setup.environment['steadkit']}.",
        f"It was made by:\n    {about['command']}",
        f"The data are {setup.data.resolve()}: {split_counts} traces, as split.manifest lists "
        f"them. The network has {model.count_params():,} parameters, of which {n_trainable:,} "
        f"learn, and began with {start}. {_recipe_changes(setup.training)}",
        FILES.strip(),
        f"If there is no curves.png, training was cut off. This goes on with it, to the same "
        f"weights as if it had not been:\n    eqt train --resume {folder}",
        f"And this tells how right its picks are on the test split:\n    eqt evaluate {folder}",
    ]
    # Paths and commands may have characters that a terminal would obey.
    lines = "\n\n".join(map(_wrapped, paragraphs)).split("\n")
    return "\n".join(printable(line, None) for line in lines) + "\n"


FILES = """
config.json          all settings, the software and the machine; digests of data and split
split.manifest       the split of every trace
history.csv          losses, F1, learning rate and seconds of every epoch
curves.png           the losses as a picture
best.weights.h5      the weights with the lowest validation loss
last.weights.h5      the weights after the last epoch
"""


def _recipe_changes(training: TrainConfig) -> str:
    """Return a sentence on the settings that differ from the published recipe."""
    settings, published = training.to_dict(), TrainConfig().to_dict()
    changed = [f"{name} {value}" for name, value in settings.items() if published[name] != value]
    recipe = "It is trained by the published recipe"
    return f"{recipe}, but for: {', '.join(changed)}." if changed else f"{recipe}."


def _wrapped(paragraph: str) -> str:
    """Wrap long lines, except indented commands, and without breaking paths."""
    fill = partial(textwrap.fill, width=96, break_on_hyphens=False, break_long_words=False)
    lines = paragraph.split("\n")
    return "\n".join(line if line.startswith(" ") else fill(line) for line in lines)


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
        self._bar, self._writer = ProgressBar(), None
        if log_dir is not None:
            import tensorflow as tf

            self._writer = tf.summary.create_file_writer(str(log_dir))

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
        # At most: early stopping may end it before.
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
