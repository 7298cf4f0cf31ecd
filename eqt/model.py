"""The Earthquake Transformer as one Keras model, top to bottom as in the paper's figure 1."""

import keras

from eqt import blocks
from eqt.config import EQTConfig
from eqt.sizes import check_buildable
from steadkit.errors import InputError

_DEFAULT = EQTConfig()


def build_model(config: EQTConfig = _DEFAULT, seed: int = 0) -> keras.Model:
    """Return the network, with initial weights that depend on the seed alone.

    Parameters
    ----------
    config
        Configuration of the network; the published network by default.
    seed
        Seed of every initial value and every dropout; no global random state is used.

    Returns
    -------
    keras.Model
        Maps ``(batch, samples, components)`` to a list of three probabilities per sample,
        ``detector``, ``picker_P`` and ``picker_S``, each ``(batch, samples, 1)``. Losses,
        weights, metrics and targets may be dictionaries with these names as keys. Dropout acts
        in training only. Its attribute ``config`` is the configuration.

    Raises
    ------
    InputError
        It does not fit into the memory, see `eqt.sizes.check_buildable`, or Keras is set to axes
        or a type that the network does not have.
    """
    _check_keras()
    check_buildable(config)
    # ---- functional model ----
    waveform = keras.Input((config.input_length, config.components), name="waveform")

    x = blocks.encoder(waveform, config, seed)
    x = blocks.residual_cnn(x, config, seed)
    x = blocks.recurrent_stack(x, config, seed)
    x = blocks.positions(x, config, seed)
    for suffix in transformer_suffixes(config.transformer_blocks):
        x = blocks.transformer(x, suffix, config, seed)
    p = blocks.picker(x, "P", config, seed)
    s = blocks.picker(x, "S", config, seed)

    branches = {"detector": ("D", x), "picker_P": ("P", p), "picker_S": ("S", s)}
    outputs = []
    for name, (branch, start) in branches.items():
        decoded = blocks.decoder(start, branch, config, seed)
        outputs.append(blocks.head(decoded, name, config, seed))
    model = keras.Model(waveform, outputs, name="eqt")
    model.config = config
    return model


def require_config(model: keras.Model) -> EQTConfig:
    """Return the configuration of a network, which files store with its weights.

    Raises
    ------
    InputError
        It has none, for instance because Keras itself read it from a file.
    """
    config = getattr(model, "config", None)
    if not isinstance(config, EQTConfig):
        raise InputError("this model has no EQTConfig: use one of build_model or load_model")
    return config


def transformer_suffixes(count: int) -> list[str]:
    """Return the name suffixes of the transformer blocks: the published two are D0 and D.

    Examples
    --------
    >>> transformer_suffixes(2)
    ['D0', 'D']
    """
    return [f"D{i}" for i in range(count - 1)] + ["D"]


def _check_keras() -> None:
    """Refuse global settings of Keras under which the network would silently be another."""
    settings = {"floatx": keras.config.floatx(), "axes": keras.config.image_data_format()}
    if settings != {"floatx": "float32", "axes": "channels_last"}:
        raise InputError(
            f"Keras is set to {settings['floatx']} and {settings['axes']}, by keras.json perhaps: "
            'the network needs keras.config.set_floatx("float32") and '
            'keras.config.set_image_data_format("channels_last")'
        )
