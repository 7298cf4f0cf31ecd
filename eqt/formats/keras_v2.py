"""Reader of the published weights, HDF5 files of Keras 2; no code in them is run.

Only the stored description (JSON) and the arrays are read. Keras itself cannot load these files:
they name classes and arguments that it no longer has.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import h5py
import keras
import numpy as np

from eqt.config import EQTConfig, format_config
from eqt.formats.validation import array_in, check_size, group_in, json_in
from eqt.layers import AdditiveAttention
from eqt.model import build_model, transformer_suffixes
from steadkit.errors import InputError, printable
from steadkit.labels import TARGETS
from steadkit.paths import require_file

Layer = dict[str, Any]

_REQUIRED_SETTINGS: Final[dict[str, Layer]] = {
    "InputLayer": {},
    "Activation": {"activation": "relu"},
    "Add": {},
    "BatchNormalization": {"axis": -1, "epsilon": 1e-3},
    "Bidirectional": {"merge_mode": "concat"},
    "Conv1D": {"padding": "same", "strides": [1], "dilation_rate": [1]},
    "Cropping1D": {"cropping": [1, 1]},
    "FeedForward": {"activation": "relu"},
    "LayerNormalization": {},
    "LSTM": {"activation": "tanh", "return_sequences": True, "go_backwards": False},
    "MaxPooling1D": {"pool_size": [2], "strides": [2], "padding": "same"},
    "SeqSelfAttention": {"attention_type": "additive", "history_only": False},
    "SpatialDropout1D": {},
    "UpSampling1D": {"size": 2},
}
"""Layers that a published file may have, and their required settings."""

MAX_ARRAYS: Final = 10
"""Arrays of a layer; a bidirectional LSTM has six."""


def load(path: Path) -> keras.Model:
    """Load the network of a published file, with its weights.

    The dropout rate, the number of BiLSTM blocks and the gates are read from the file; the rest
    must be as in ``EQTConfig``. Any other file is refused, with the name of the layer.
    """
    require_file(path)
    try:
        return _build_and_fill(*_read(path))
    except InputError as error:
        raise InputError(f"{str(path)!r} is refused: {error}") from error
    except Exception as error:  # whatever a hostile file makes h5py or Keras raise
        raise InputError(
            f"{str(path)!r} is not a model saved by Keras 2, or is damaged: use the published .h5 "
            "file"
        ) from error


def _build_and_fill(
    config: EQTConfig, stored: list[Layer], arrays: dict[str, list[np.ndarray]]
) -> keras.Model:
    pairs = list(_match_layers(stored, config))
    model = build_model(config)
    for stored_layer, name in pairs:
        _fill(model.get_layer(name), stored_layer, arrays[stored_layer["config"]["name"]])
    return model


def _read(path: Path) -> tuple[EQTConfig, list[Layer], dict[str, list[np.ndarray]]]:
    """Return the config, the layers' descriptions and, for each layer, its weights."""
    with h5py.File(path, "r") as file:
        stored = json_in(file, "model_config")["config"]["layers"]
        for layer in stored:
            _check_known(layer)
        config = _config(stored)
        # Before any array is read: a forged description must not cost more than the file's size.
        check_size(config, path.stat().st_size)
        names = [layer["config"]["name"] for layer in stored]
        if len(set(names)) < len(names):
            raise InputError("two of its layers have one name: use the published .h5 file")
        arrays = {name: _layer_arrays(file, f"model_weights/{name}") for name in names}
    return config, stored, arrays


def _layer_arrays(file: h5py.File, layer: str) -> list[np.ndarray]:
    names = [_text(name) for name in group_in(file, layer).attrs["weight_names"]]
    if len(names) > MAX_ARRAYS:
        raise InputError(
            f"{format_config(layer)} has {len(names):,} arrays, at most {MAX_ARRAYS} are read"
        )
    return [array_in(file, f"{layer}/{name}") for name in names]


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name


def _refusal(layer: Layer, problem: str) -> InputError:
    name = layer["config"]["name"]
    return InputError(
        f"layer {format_config(name)} {problem}: use a file with the published architecture"
    )


def _check_known(layer: Layer) -> None:
    """Refuse a layer that the network does not have, or has with other settings."""
    class_name, settings = layer["class_name"], layer["config"]
    if class_name not in _REQUIRED_SETTINGS:
        raise _refusal(layer, f"is a {printable(class_name)}")
    for key, expected in _REQUIRED_SETTINGS[class_name].items():
        if settings[key] != expected:
            raise _refusal(layer, f"has {key} {format_config(settings[key])}, not {expected!r}")
    if class_name == "Bidirectional":
        _check_known(settings["layer"])


def _config(stored: list[Layer]) -> EQTConfig:
    """Return the configuration on which the stored layers agree."""
    settings: Layer = {}
    for layer in stored:
        for key, value in _settings(layer):
            if settings.setdefault(key, value) != value:
                raise _refusal(
                    layer,
                    f"has {key} {format_config(value)}, others {format_config(settings[key])}",
                )
    blocks = sum(layer["class_name"] == "Bidirectional" for layer in stored)
    return EQTConfig(encoder_rnn=("bilstm",) * blocks, **settings)


def _settings(layer: Layer) -> list[tuple[str, Any]]:
    """Return dropout rates and gates of a stored layer."""
    config = layer["config"]
    match layer["class_name"]:
        case "Bidirectional":
            return _settings(config["layer"])
        case "LSTM":
            rates = [("dropout", config[key]) for key in ("dropout", "recurrent_dropout")]
            return [*rates, ("gate", config["recurrent_activation"])]
        case "SpatialDropout1D":
            return [("dropout", config["rate"])]
        case "FeedForward":
            return [("dropout", config["dropout_rate"])]
    return []


def _target_layers(config: EQTConfig) -> Iterator[tuple[str, str]]:
    """Yield class and name of the layers to fill, in the order of the numbers in Keras's names."""
    for i in range(len(config.filters)):
        yield "Conv1D", f"encoder_{i + 1}"
    for i in range(len(config.residual_kernels)):
        for part in "ab":
            yield "BatchNormalization", f"residual_{i + 1}_norm_{part}"
            yield "Conv1D", f"residual_{i + 1}_conv_{part}"
    for i, layer_type in enumerate(config.encoder_rnn):
        yield "Bidirectional", f"{layer_type}_{i + 1}"
        yield "Conv1D", f"{layer_type}_{i + 1}_nin"
        yield "BatchNormalization", f"{layer_type}_{i + 1}_norm"
    for suffix in transformer_suffixes(config.transformer_blocks):
        yield "LayerNormalization", f"attention{suffix}_norm"
        yield "FeedForward", f"feed_forward{suffix}"
        yield "LayerNormalization", f"feed_forward{suffix}_norm"
    yield from (("LSTM", f"lstm{phase}_1") for phase in "PS")
    for branch in "DPS":
        yield from (("Conv1D", f"decoder{branch}_{i + 1}") for i in range(len(config.filters)))


def _match_layers(stored: list[Layer], config: EQTConfig) -> Iterator[tuple[Layer, str]]:
    """Yield each stored layer that has weights, with the name of its counterpart in the model.

    Outputs and attention have the same names; Keras numbered the others in order of creation.
    """
    by_name = {layer["config"]["name"]: layer for layer in stored}
    for name in (*TARGETS, "attentionD0", "attentionD", "attentionP", "attentionS"):
        if name not in by_name:
            raise InputError(f"the file has no layer {name!r}: use a published .h5 file")
        yield by_name.pop(name), name
    # No attention layer may be left over: the four above are all there are.
    targets: dict[str, list[str]] = {"SeqSelfAttention": []}
    for class_name, name in _target_layers(config):
        targets.setdefault(class_name, []).append(name)
    for class_name, names in targets.items():
        sources = [name for name, layer in by_name.items() if layer["class_name"] == class_name]
        if len(sources) != len(names):
            counts = f"{len(sources)} other layers of kind {class_name}, not {len(names)}"
            raise InputError(f"the file has {counts}: use a published .h5 file")
        # By length first: conv1d_2 comes before conv1d_10.
        sources.sort(key=lambda name: (len(name), name))
        yield from ((by_name[source], name) for source, name in zip(sources, names, strict=True))


def _fill(layer: keras.Layer, stored: Layer, arrays: list[np.ndarray]) -> None:
    """Assign the stored arrays to a layer, whose settings and shapes must be the same."""
    for key, value in _required_settings(layer).items():
        if stored["config"].get(key) != value:
            raise _refusal(
                stored, f"has {key} {format_config(stored['config'].get(key))}, not {value!r}"
            )
    shapes, expected = [array.shape for array in arrays], [w.shape for w in layer.weights]
    if shapes != expected:
        raise _refusal(stored, f"has weights of shapes {printable(shapes)}, not {expected}")
    layer.set_weights(arrays)


def _required_settings(layer: keras.Layer) -> Layer:
    """Return the settings that the shapes of the weights do not determine."""
    if isinstance(layer, keras.layers.Conv1D):
        return {"activation": layer.activation.__name__}
    if isinstance(layer, AdditiveAttention):
        return {"attention_width": layer.width}
    return {}
