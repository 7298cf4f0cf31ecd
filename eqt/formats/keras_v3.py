"""A network in Keras's own format, ``.keras``, with this package's configuration and weights.

Keras wrote the file and opens it, where ``eqt.layers`` is imported. Here it is opened without
Keras: of its members only ours are read, the configuration (``eqt.json``) and the weights under
their names (``eqt.weights.h5``). Keras's own list of layers, which can name code to run, is only
looked through: a kind of layer that is not in the network is refused. (Keras's weights go by
position within each class of layers, so they are left to Keras.)
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
from steadkit.documents import parse_json
from steadkit.errors import InputError
from steadkit.paths import require_file

SUFFIX: Final = ".keras"
FORMAT: Final = "eqt model 1"
CONFIG: Final = "eqt.json"
WEIGHTS: Final = "eqt.weights.h5"
KERAS_CONFIG: Final = "config.json"


def save(model: keras.Model, config: EQTConfig, path: Path, overwrite: bool = False) -> None:
    """Write a network, whole or not at all; neither optimizer nor losses are kept.

    Parameters
    ----------
    model
        What `eqt.model.build_model` made of `config`, however it was trained since.
    config
        Its configuration.
    path
        Where to write; must end in ``.keras``.
    overwrite
        Whether an existing file may be replaced.

    Raises
    ------
    InputError
        The weights do not fit the configuration, or the file cannot be written.
    """
    if path.suffix != SUFFIX:
        raise InputError(f"{str(path)!r} does not end in {SUFFIX}: Keras needs it to")
    weights = weights_h5.to_bytes(model, config)
    # Built anew from what is stored: so it fits, and brings no optimizer along.
    fresh, _ = weights_h5.from_bytes(weights, path)
    stored = json.dumps({"format": FORMAT, "config": config.to_dict()}, indent=2) + "\n"
    with atomic_write([path], overwrite) as (new,):
        fresh.save(new)
        with zipfile.ZipFile(new, "a") as opened:
            opened.writestr(CONFIG, stored)
            opened.writestr(WEIGHTS, weights)


def load(path: Path) -> keras.Model:
    """Build the network that a file describes, and fill it; nothing in the file is run.

    Raises
    ------
    InputError
        The file is missing or damaged, was not written by `save`, or holds anything more.
    """
    return read(path)[0]


def read(path: Path) -> tuple[keras.Model, EQTConfig]:
    """Do as `load`; returns the configuration too."""
    require_file(path, f"no model {str(path)!r}: is the name right?")
    with archive(path) as opened:
        names = opened.namelist()
        for name in (CONFIG, WEIGHTS, KERAS_CONFIG):
            if name not in names:
                raise InputError(
                    f"{str(path)!r} has no {name}: only .keras files that eqt wrote are read"
                )
        config = _config(_json(opened, CONFIG, path), path)
        layers = _json(opened, KERAS_CONFIG, path)
        weights = member(opened, WEIGHTS)
    model, stored = weights_h5.from_bytes(weights, path)
    if stored != config:
        raise InputError(f"{str(path)!r} has two configurations that differ: write it again")
    _refuse_foreign(layers, model, path)
    return model, config


def _json(opened: zipfile.ZipFile, name: str, path: Path) -> dict[str, Any]:
    try:
        return parse_json(member(opened, name, MAX_JSON), f"its {name}")
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


def _refuse_foreign(stored: Any, model: keras.Model, path: Path) -> None:
    """Refuse a description that names a class or function which the network does not have.

    Plain Keras might run it, when it opens the file next.
    """
    known = set(_named(json.loads(model.to_json())))
    for name in _named(stored):
        if name not in known:
            raise InputError(
                f"{str(path)!r} names {format_config(name)} in {KERAS_CONFIG}, which is not in the "
                "network: use a file as eqt wrote it"
            )


def _named(content: Any) -> Iterator[str]:
    """Yield the classes and functions that a description names, without recursion."""
    waiting = [content]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            for key in ("module", "class_name", "registered_name"):
                if item.get(key) is not None:
                    yield str(item[key])
            if item.get("class_name") == "function":
                yield str(item.get("config"))
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
