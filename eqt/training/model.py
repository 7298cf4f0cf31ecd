"""The network that is trained: built or taken from a file, frozen in parts, with its optimizer."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras

from eqt.config import EQTConfig, TrainConfig
from eqt.layer_plan import layers_to_freeze
from eqt.model import build_model
from eqt.model_io import read
from eqt.training.adam import Adam
from steadkit.errors import InputError
from steadkit.labels import TARGETS

UNDECAYED = ("bias", "beta", "gamma")
"""Names of weights that weight decay leaves alone."""


def compile_model(model: keras.Model, config: TrainConfig) -> keras.Model:
    """Give a network its optimizer and its losses, as published, for Keras's own ``fit``."""
    model.compile(
        optimizer=optimizer_of(config, config.clip_norm or None),
        loss=dict.fromkeys(TARGETS, "binary_crossentropy"),
        loss_weights=dict(zip(TARGETS, config.loss_weights, strict=True)),
        # Compiling with XLA takes half a minute and gains a tenth on a CPU.
        jit_compile=config.xla,
    )
    # Made here, Adam's variables need not be made while the first step is traced: 5 s sooner.
    model.optimizer.build(model.trainable_variables)
    return model


def optimizer_of(config: TrainConfig, clip_norm: float | None = None) -> keras.Optimizer:
    """Make Adam, with decoupled weight decay where there is any, but not of biases and norms."""
    decay = config.weight_decay or None
    optimizer = Adam(config.learning_rate, weight_decay=decay, global_clipnorm=clip_norm)
    if decay:
        optimizer.exclude_from_weight_decay(var_names=list(UNDECAYED))
    return optimizer


def training_model(
    model_config: EQTConfig, config: TrainConfig, given: keras.Model | None, replicas: int
) -> keras.Model:
    """Build a network for a training.

    Parameters
    ----------
    model_config, config
        What to build, and how it will be trained.
    given
        A network of the same configuration whose weights it begins with.
    replicas
        On how many devices. On several, batch normalisation takes its means over all of them;
        else their running means would differ.
    """
    with _precision(config.mixed_precision):
        model = build_model(model_config, config.seed)
    if given is not None:
        model.set_weights(given.get_weights())
    for layer in layers_to_freeze(model, config.freeze):
        layer.trainable = False  # batch normalisation then keeps its running means too
    if not model.trainable_variables:
        raise InputError(f"nothing is left to learn: --freeze {','.join(config.freeze)} is all")
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = replicas > 1
    return model


def read_initial(path: Path, wanted: EQTConfig | None) -> tuple[keras.Model, EQTConfig]:
    """Read the network that a training begins with.

    Parameters
    ----------
    path
        Anything that `eqt.model_io.read` reads.
    wanted
        The network that was asked for besides, if any.

    Raises
    ------
    InputError
        The file cannot be read, or holds another network.
    """
    model, config = read(path)
    if wanted is not None and (found := wanted.diff(config)):
        told = "; ".join(f"{name} {theirs!r}, not {mine!r}" for name, mine, theirs in found)
        raise InputError(
            f"{str(path)!r} holds another network than --model: {told}; leave --model out"
        )
    return model, config


@contextmanager
def _precision(name: str) -> Iterator[None]:
    """Let layers be made in some precision; they keep it."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
