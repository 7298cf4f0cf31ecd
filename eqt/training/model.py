"""Network of a training: built or read from a file, with frozen layers, and its optimizer."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras

from eqt.config import EQTConfig, TrainConfig
from eqt.kernels.fused_ops import Adam
from eqt.layer_plan import layers_to_freeze
from eqt.model import build_model
from eqt.model_io import load_model
from steadkit.errors import InputError
from steadkit.labels import TARGETS

UNDECAYED = ("bias", "beta", "gamma")
"""Names of weights that are excluded from weight decay."""


def compile_model(model: keras.Model, config: TrainConfig) -> keras.Model:
    """Compile a network with the published optimizer and losses, for Keras's own ``fit``."""
    model.compile(
        optimizer=make_optimizer(config, config.clip_norm or None),
        loss=dict.fromkeys(TARGETS, "binary_crossentropy"),
        loss_weights=dict(zip(TARGETS, config.loss_weights, strict=True)),
        # Compiling with XLA takes half a minute and gains a tenth on a CPU.
        jit_compile=config.xla,
    )
    # Adam's variables, if they are created while the first step is traced, take 5 s more.
    model.optimizer.build(model.trainable_variables)
    return model


def make_optimizer(config: TrainConfig, clip_norm: float | None = None) -> keras.Optimizer:
    """Return Adam, with decoupled weight decay of all weights but biases and normalisation."""
    decay = config.weight_decay or None
    optimizer = Adam(config.learning_rate, weight_decay=decay, global_clipnorm=clip_norm)
    # Decay of biases and of scales and shifts would not regularise, only bias the outputs.
    if decay:
        optimizer.exclude_from_weight_decay(var_names=list(UNDECAYED))
    return optimizer


def training_model(
    model_config: EQTConfig, config: TrainConfig, initial: keras.Model | None, replicas: int
) -> keras.Model:
    """Build a network for a training.

    Parameters
    ----------
    model_config, config
        Architecture, and training settings.
    initial
        A network of the same configuration whose weights are copied.
    replicas
        Number of devices. On several, batch normalisation is synchronised; otherwise their running
        means would differ.
    """
    with _dtype_policy(config.mixed_precision):
        model = build_model(model_config, config.seed)
    # Copied, and not used itself: it was built under the default precision policy.
    if initial is not None:
        model.set_weights(initial.get_weights())
    for layer in layers_to_freeze(model, config.freeze):
        layer.trainable = False  # freezes the running means of batch normalisation, too
    if not model.trainable_variables:
        raise InputError(f"nothing is left to learn: --freeze {','.join(config.freeze)} is all")
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = replicas > 1
    return model


def read_initial(path: Path, requested: EQTConfig | None) -> keras.Model:
    """Read the initial network of a training.

    Parameters
    ----------
    path
        Anything that `eqt.load_model` reads.
    requested
        The configuration that the user requested besides, if any.

    Raises
    ------
    InputError
        The file cannot be read, or holds another network.
    """
    model = load_model(path)
    if requested is not None and (changes := requested.diff(model.config)):
        text = "; ".join(
            f"{name} {file_value!r}, not {requested_value!r}"
            for name, requested_value, file_value in changes
        )
        raise InputError(
            f"{str(path)!r} holds another network than --model: {text}; leave --model out"
        )
    return model


@contextmanager
def _dtype_policy(name: str) -> Iterator[None]:
    """Create layers with a precision policy inside the block; they keep it."""
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(previous)
