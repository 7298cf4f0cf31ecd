"""A network in one plain HDF5 file: every weight under its name, the configuration inside.

Nothing in the file is ever run, and nothing is filled in: a name or shape that does not fit is
refused. (Keras's own weight files go by position, and only warn where a layer is not found.)
"""

import json
from pathlib import Path

import h5py
import keras
import numpy as np

from eqt.config import EQTConfig
from eqt.model import build_model
from steadkit.errors import InputError
from steadkit.files import staged

SUFFIX = ".weights.h5"
FORMAT = "eqt weights 1"
GROUP = "weights"


def save(model: keras.Model, config: EQTConfig, path: Path, overwrite: bool = False) -> None:
    """Write a network, whole or not at all.

    Parameters
    ----------
    model
        What `eqt.model.build_model` made of `config`.
    config
        Its configuration, by which `load` builds it again.
    path
        Where to write.
    overwrite
        Whether an existing file may be replaced.
    """
    with staged([path], overwrite) as (new,), h5py.File(new, "x") as file:
        file.attrs["format"] = FORMAT
        file.attrs["config"] = json.dumps(config.to_dict())
        group = file.create_group(GROUP)
        for weight in model.weights:
            group[weight.path] = keras.ops.convert_to_numpy(weight)


def load(path: Path) -> keras.Model:
    """Build the network that a file describes, and fill it.

    Raises
    ------
    InputError
        The file is missing, is not such a file, or does not fit its own configuration.
    """
    if not path.is_file():
        raise InputError(f"no weights {str(path)!r}: is the run complete, and the name right?")
    if not h5py.is_hdf5(path):
        raise InputError(f"{str(path)!r} is not an HDF5 file: name weights that eqt train wrote")
    try:
        with h5py.File(path, "r") as file:
            model = build_model(_config_in(file, path))
            _fill(model, file, path)
    except InputError:
        raise
    except Exception as error:  # whatever a hostile file makes h5py or Keras raise
        raise InputError(f"{str(path)!r} is damaged: {error}") from error
    return model


def _config_in(file: h5py.File, path: Path) -> EQTConfig:
    if file.attrs.get("format") != FORMAT:
        raise InputError(f"{str(path)!r} holds no {FORMAT!r}: name weights that eqt train wrote")
    try:
        return EQTConfig.from_dict(json.loads(file.attrs["config"]))
    except InputError:
        raise
    except (TypeError, AttributeError, RecursionError, ValueError) as error:
        raise InputError(f"{str(path)!r} has a broken configuration: {error}") from error


def _fill(model: keras.Model, file: h5py.File, path: Path) -> None:
    for weight in model.weights:
        stored = file[GROUP].get(weight.path)
        if not isinstance(stored, h5py.Dataset) or stored.shape != tuple(weight.shape):
            shape = getattr(stored, "shape", "none")
            raise InputError(
                f"{str(path)!r} does not fit its configuration: {weight.path!r} needs shape "
                f"{tuple(weight.shape)}, the file has {shape}"
            )
        values = stored[()]
        if not np.isfinite(values).all():
            raise InputError(f"{str(path)!r} holds NaN or infinity in {weight.path!r}")
        weight.assign(values)
