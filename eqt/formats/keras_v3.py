"""Networks in Keras's format, ``.keras``, with this package's configuration and weights added.

Keras writes the file and can open it, once ``eqt.layers`` is imported. This module reads it
without Keras, and only the two members that it added: the configuration (``eqt.json``) and the
weights under their names (``eqt.weights.h5``). Keras's own list of layers, which can name code to
run, is only searched: a class that is not in the network is refused. (Keras's weights are matched
by position within each class of layers, so they are left to Keras.)
"""

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import keras

from eqt.config import EQTConfig, format_config
from eqt.formats import weights_h5
from eqt.formats.safe_zip import archive, member
from eqt.formats.validation import MAX_JSON
from steadkit.atomic import atomic_write
from steadkit.errors import InputError
from steadkit.paths import parse_json, require_file

SUFFIX: Final = ".keras"
FORMAT: Final = "eqt model 1"
CONFIG: Final = "eqt.json"
WEIGHTS: Final = "eqt.weights.h5"
KERAS_CONFIG: Final = "config.json"

FORMER_MODULES: Final = {
    f"eqt.layers.{former}": f"eqt.layers.{module}"
    for module, formers in {
        "convolution": ("packed_conv", "upsampling", "wide"),
        "recurrent": ("activations", "gates"),
        "regularization": ("dropout", "monte_carlo", "normalization"),
        "transformer_block": ("feed_forward", "positional_encoding", "positions"),
    }.items()
    for former in formers
}
"""Modules that had another name when a file was written, and where their layers are now."""


def save(model: keras.Model, path: Path, overwrite: bool = False) -> None:
    """Write a network atomically, without optimizer and losses.

    Parameters
    ----------
    model
        A network of `eqt.model.build_model`, trained or not.
    path
        File to write; must end in ``.keras``.
    overwrite
        Whether an existing file may be replaced.

    Raises
    ------
    InputError
        The weights do not fit the configuration, or the file cannot be written.
    """
    if path.suffix != SUFFIX:
        raise InputError(f"{str(path)!r} does not end in {SUFFIX}: Keras needs it to")
    weights = weights_h5.to_bytes(model)
    # Rebuilt from the stored weights: this checks that they fit, and drops the optimizer.
    rebuilt = weights_h5.from_bytes(weights, path)
    config_json = (
        json.dumps({"format": FORMAT, "config": rebuilt.config.to_dict()}, indent=2) + "\n"
    )
    with atomic_write([path], overwrite) as (new,):
        rebuilt.save(new)
        with zipfile.ZipFile(new, "a") as zip_file:
            zip_file.writestr(CONFIG, config_json)
            zip_file.writestr(WEIGHTS, weights)


def load(path: Path) -> keras.Model:
    """Load a network; no code in the file is run.

    Raises
    ------
    InputError
        The file is missing or damaged, or was not written by `save`.
    """
    require_file(path, f"no model {str(path)!r}: is the name right?")
    with archive(path) as zip_file:
        names = zip_file.namelist()
        for name in (CONFIG, WEIGHTS, KERAS_CONFIG):
            if name not in names:
                raise InputError(
                    f"{str(path)!r} has no {name}: only .keras files that eqt wrote are read"
                )
        config = _config(_json(zip_file, CONFIG, path), path)
        layers = _json(zip_file, KERAS_CONFIG, path)
        weights = member(zip_file, WEIGHTS)
    model = weights_h5.from_bytes(weights, path)
    if model.config != config:
        raise InputError(f"{str(path)!r} has two configurations that differ: write it again")
    _refuse_unknown_classes(layers, model, path)
    return model


def _json(zip_file: zipfile.ZipFile, name: str, path: Path) -> dict[str, Any]:
    try:
        return parse_json(member(zip_file, name, MAX_JSON), f"its {name}")
    except InputError as error:
        raise InputError(f"{str(path)!r} is refused: {error}") from error


def _config(content: Mapping[str, Any], path: Path) -> EQTConfig:
    if content.get("format") != FORMAT:
        raise InputError(f"{str(path)!r} holds no {FORMAT!r}: use a file that eqt wrote")
    if not isinstance(content.get("config"), dict):
        raise InputError(f"{str(path)!r} has no configuration in {CONFIG}: write it again")
    try:
        return EQTConfig.from_dict(content["config"])
    except InputError as error:
        raise InputError(f"{str(path)!r} has a broken configuration: {error}") from error


def _refuse_unknown_classes(stored: Any, model: keras.Model, path: Path) -> None:
    """Refuse a description that names a class or function which the network does not have.

    It is not run here, but Keras might run it, if the user opens the file with Keras next.
    """
    known = set(_named_classes(json.loads(model.to_json())))
    for name in _named_classes(stored):
        if FORMER_MODULES.get(name, name) not in known:
            raise InputError(
                f"{str(path)!r} names {format_config(name)} in {KERAS_CONFIG}, which is not in the "
                "network: use a file as eqt wrote it"
            )


def _named_classes(content: Any) -> Iterator[str]:
    """Yield the classes and functions that a description names.

    A stack and no recursion: a deeply nested description would exceed Python's limit.
    """
    stack = [content]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            for key in ("module", "class_name", "registered_name"):
                if item.get(key) is not None:
                    yield str(item[key])
            if item.get("class_name") == "function":
                yield str(item.get("config"))
            stack += item.values()
        elif isinstance(item, list):
            stack += item
