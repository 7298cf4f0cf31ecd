"""Format of this package: an HDF5 file with the configuration and every weight under its name.

No code in the file is ever run, and a missing name or a wrong shape is refused. (Keras's own
weight files are matched by position, and a layer that is not found is only a warning.)
"""

import io
import json
from pathlib import Path

import h5py
import keras
from blake3 import blake3

from eqt.config import EQTConfig
from eqt.formats.validation import array_in, check_size, json_in
from eqt.model import build_model, require_config
from steadkit.atomic import atomic_write
from steadkit.errors import InputError, printable
from steadkit.paths import require_file

SUFFIX = ".weights.h5"
FORMAT = "eqt weights 1"
GROUP = "weights"
DIGEST = "blake3"


def save(model: keras.Model, path: Path, overwrite: bool = False) -> None:
    """Write a network atomically.

    Parameters
    ----------
    model
        A network of `eqt.model.build_model`; `load` rebuilds it from its configuration.
    path
        File to write.
    overwrite
        Whether an existing file may be replaced.
    """
    with atomic_write([path], overwrite) as (new,), h5py.File(new, "x") as file:
        _write(model, file)


def to_bytes(model: keras.Model) -> bytes:
    """Return the content of the file that `save` would write."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        _write(model, file)
    return content.getvalue()


def _write(model: keras.Model, file: h5py.File) -> None:
    file.attrs["format"] = FORMAT
    file.attrs["config"] = json.dumps(require_config(model).to_dict())
    group = file.create_group(GROUP)
    for weight in model.weights:
        group[weight.path] = keras.ops.convert_to_numpy(weight)
    file.attrs[DIGEST] = _digest(model)


def _digest(model: keras.Model) -> str:
    """Return the digest of all weights in order: HDF5 itself has no checksum of them."""
    hasher = blake3()
    for weight in model.weights:
        hasher.update(keras.ops.convert_to_numpy(weight).astype("<f4").tobytes())
    return hasher.hexdigest()


def load(path: Path) -> keras.Model:
    """Load a network.

    Raises
    ------
    InputError
        The file is missing, of another format, or does not fit its own configuration.
    """
    require_file(path, f"no weights {str(path)!r}: is the run complete, and the name right?")
    if not h5py.is_hdf5(path):
        raise InputError(f"{str(path)!r} is not an HDF5 file: name weights that eqt train wrote")
    return _read(path, path, path.stat().st_size)


def from_bytes(content: bytes, path: Path) -> keras.Model:
    """Load the content that `to_bytes` returned; `path` is for error messages."""
    return _read(io.BytesIO(content), path, len(content))


def _read(source: Path | io.BytesIO, path: Path, size: int) -> keras.Model:
    try:
        with h5py.File(source, "r") as file:
            config = _config_in(file, path)
            _check_size(config, size, path)
            model = build_model(config)
            _fill(model, file, path)
    except InputError:
        raise
    except Exception as error:  # whatever a hostile file makes h5py or Keras raise
        raise InputError(
            f"{str(path)!r} is damaged ({printable(error)}): take the original"
        ) from error
    return model


def _config_in(file: h5py.File, path: Path) -> EQTConfig:
    if str(file.attrs.get("format")) != FORMAT:
        raise InputError(f"{str(path)!r} holds no {FORMAT!r}: name weights that eqt train wrote")
    try:
        return EQTConfig.from_dict(json_in(file, "config"))
    except InputError as error:
        raise InputError(f"{str(path)!r} has a broken configuration: {error}") from error


def _check_size(config: EQTConfig, size: int, path: Path) -> None:
    try:
        check_size(config, size)
    except InputError as error:
        raise InputError(f"{str(path)!r} does not fit its configuration: {error}") from error


def _fill(model: keras.Model, file: h5py.File, path: Path) -> None:
    for weight in model.weights:
        try:
            values = array_in(file, f"{GROUP}/{weight.path}")
        except InputError as error:
            raise InputError(f"{str(path)!r} does not fit its configuration: {error}") from error
        if values.shape != tuple(weight.shape):
            raise InputError(
                f"{str(path)!r} does not fit its configuration: {weight.path!r} needs shape "
                f"{tuple(weight.shape)}, the file has {values.shape}"
            )
        weight.assign(values)
    # The first files had no digest.
    if str(file.attrs.get(DIGEST, _digest(model))) != _digest(model):
        raise InputError(f"{str(path)!r} is damaged: its weights are not those that were written")
