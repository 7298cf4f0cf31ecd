"""Train a network on part of a data set; leave a run folder that explains itself."""

import platform
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from eqt import checkpoints, plots
from eqt.config import EQTConfig, TrainConfig
from eqt.model import build_model
from eqt.runs import Run, Setup, create, save_setup
from steadkit import sampling
from steadkit.console import Bar
from steadkit.errors import InputError
from steadkit.files import staged, write_with
from steadkit.labels import TARGETS
from steadkit.manifest import Manifest
from steadkit.pipeline import Batches, clear_faults, stream
from steadkit.split import Rule, existing_split, list_rows, split_manifest, usable_for
from steadkit.version import __version__


def train(
    data: Path,
    folder: Path,
    model_config: EQTConfig,
    config: TrainConfig,
    say: Callable[[str], object] = print,
    split: Path | None = None,
) -> Run:
    """Train from scratch and write a run folder.

    Parameters
    ----------
    data
        A STEAD file, HDF5 with its CSV beside it.
    folder
        The run folder to make.
    model_config, config
        What to build, and how to train it.
    say
        Receives one line an epoch.
    split
        A manifest with the part of every trace; by default the one beside the data, else the
        traces are split by earthquake.

    Raises
    ------
    InputError
        The data cannot be used, a part would be empty, or the folder exists. Then no folder is
        left behind.
    """
    assigned = split_of(data, config, split, say)
    parts = {part: traces_of(assigned, part) for part in sampling.PARTS}
    for part, names in parts.items():
        if not names:
            raise InputError(f"no trace left for the {part} part of {str(data)!r}: use more data")
    training = Batches(data, parts["train"], config.training_batches, seed=config.seed)
    validation = Batches(data, parts["validation"], config.batches)
    model = compiled(build_model(model_config, config.seed), config)

    run = create(folder)
    save_setup(run, Setup(data, model_config, config, environment()))
    write_with(run.split, assigned.write)
    callbacks = [
        keras.callbacks.LearningRateScheduler(config.learning_rate_at),
        keras.callbacks.TerminateOnNaN(),
        Keeper(run, model_config, len(parts["train"]), config.epochs, say),
        keras.callbacks.EarlyStopping(patience=config.patience),
    ]
    with _no_empty_run(run), clear_faults(training, validation):
        model.fit(
            stream(training, epochs=None),
            validation_data=stream(validation),
            epochs=config.epochs,
            steps_per_epoch=len(training),
            callbacks=callbacks,
            shuffle=False,  # the stream has its order
            verbose=0,
        )
    history = pd.read_csv(run.history)
    if not np.isfinite(history["loss"]).all():
        raise InputError(f"the loss became NaN: see {str(run.history)!r}, try a smaller rate")
    plots.save(plots.loss_curves(history), run.curves)
    return run


@contextmanager
def _no_empty_run(run: Run) -> Iterator[None]:
    """Remove a run folder in which no epoch was completed."""
    try:
        yield
    except BaseException:
        if not run.history.exists():
            shutil.rmtree(run.folder)
        raise


def split_of(
    data: Path, config: TrainConfig, split: Path | None, say: Callable[[str], object]
) -> Manifest:
    """Take the split that was named, else the one beside the data, else cut by earthquake."""
    path = split or existing_split(data)
    if path is None:
        return split_by_earthquake(data, config)
    manifest = usable_for(path, data)
    say(f"parts as in {path}")
    return manifest


def split_by_earthquake(data: Path, config: TrainConfig) -> Manifest:
    """Cut a data set into train, validation and test, each earthquake whole in one of them."""
    rule = Rule(shares=config.shares, seed=config.seed)
    manifest, _ = split_manifest(*list_rows(data, rule), rule)
    return manifest


def traces_of(split: Manifest, part: str) -> list[str]:
    """List the traces of one part."""
    pairs = zip(split.traces, split.parts, strict=True)
    return [name for name, its_part in pairs if its_part == part]


def compiled(model: keras.Model, config: TrainConfig) -> keras.Model:
    """Give a network its optimizer and its losses, as published."""
    model.compile(
        optimizer=keras.optimizers.Adam(config.learning_rate),
        loss=dict.fromkeys(TARGETS, "binary_crossentropy"),
        loss_weights=dict(zip(TARGETS, config.loss_weights, strict=True)),
        # Compiling with XLA takes half a minute and gains a tenth on a CPU.
        jit_compile=False,
    )
    # Made here, Adam's variables need not be made while the first step is traced: 5 s sooner.
    model.optimizer.build(model.trainable_variables)
    return model


class Keeper(keras.callbacks.Callback):
    """Writes history and weights after every epoch, and says how it went."""

    def __init__(
        self,
        run: Run,
        config: EQTConfig,
        traces: int,
        epochs: int,
        say: Callable[[str], object],
    ):
        super().__init__()
        self.run, self.config = run, config
        self.traces, self.epochs, self.say = traces, epochs, say
        self.bar = Bar()
        self.rows: list[dict[str, Any]] = []
        self.started = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the clock and, on a terminal, a bar."""
        self.started = time.perf_counter()
        self.bar.start(f"epoch {epoch + 1}/{self.epochs}", self.params["steps"])

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Step the bar."""
        self.bar.step(f"loss {(logs or {}).get('loss', np.nan):.4f}")

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Leave no bar behind, however training ends."""
        self.bar.stop()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keep what the epoch has brought."""
        seconds = time.perf_counter() - self.started
        self.bar.stop()
        row = {"epoch": epoch + 1, **(logs or {}), "seconds": round(seconds, 3)}
        earlier = [kept["val_loss"] for kept in self.rows]
        self.rows.append(row)
        is_best = row["val_loss"] < min(earlier, default=float("inf"))
        for path in (self.run.last, *([self.run.best] if is_best else [])):
            checkpoints.save(self.model, self.config, path, overwrite=True)
        with staged([self.run.history], overwrite=True) as (path,):
            pd.DataFrame(self.rows).to_csv(path, index=False)
        self.say(
            f"epoch {epoch + 1}/{self.epochs}: loss {row['loss']:.4f}, "
            f"validation {row['val_loss']:.4f}{' (best)' if is_best else ''}, "
            f"{self.traces / seconds:.0f} traces/s, {seconds:.0f} s"
        )


def environment() -> dict[str, str]:
    """Tell with what software a run was made; another thread count changes the last bits."""
    import tensorflow as tf

    return {
        "steadkit": __version__,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "platform": platform.platform(),
        "devices": ", ".join(device.name for device in tf.config.list_physical_devices()),
    }
