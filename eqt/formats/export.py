"""A network for other programs: ONNX, TensorFlow's SavedModel, SeisBench's state."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import keras

from eqt.config import EQTConfig
from eqt.formats import seisbench
from eqt.layers import xla
from steadkit.atomic import (
    atomic_folder,
    atomic_write,
    check_targets,
    file_digests,
    unchanged_files,
)
from steadkit.errors import InputError, detail_of
from steadkit.silence import silenced

FORMATS: Final = ("onnx", "saved_model", "seisbench")

EXPORT: Final = "eqt export 1"
EXPORT_MARK: Final = "eqt.json"
"""Lists the files of a SavedModel with their digests, so that nothing else is ever replaced."""

_ONNX_NEEDS: Final = ("onnx", "tf2onnx")


def export(
    model: keras.Model, config: EQTConfig, form: str, path: Path, overwrite: bool = False
) -> list[Path]:
    """Write a network for another program, whole or not at all; returns what was written.

    Parameters
    ----------
    model, config
        As `eqt.model_io.read` gives them. Dropout is off in what is written.
    form
        One of ``FORMATS``.
    path
        The file; for ``saved_model`` the folder; for ``seisbench`` the name of
        the two files without their endings.
    overwrite
        Whether existing files, or a SavedModel, may be replaced.

    Raises
    ------
    InputError
        The format is unknown, cannot hold this network, needs a package that is not installed, or
        the target cannot be written.
    """
    if form == "onnx":
        return [to_onnx(model, path, overwrite)]
    if form == "saved_model":
        return [to_saved_model(model, path, overwrite)]
    if form == "seisbench":
        return seisbench.save(model, config, path, overwrite)
    raise InputError(f"unknown format {form!r}: use one of {', '.join(FORMATS)}")


def to_onnx(model: keras.Model, path: Path, overwrite: bool = False) -> Path:
    """Write a network as ONNX, for batches of any size; its outputs keep names and order."""
    check_targets([path], overwrite)
    missing = [name for name in _ONNX_NEEDS if find_spec(name) is None]
    if missing:
        raise InputError(
            f"ONNX needs {' and '.join(missing)}: pip install 'steadkit[export]' has all of it"
        )
    with atomic_write([path], overwrite) as (new,), xla.off():
        try:
            with silenced():  # tf2onnx logs every step, TensorFlow its optimiser's
                _named(model).export(new, format="onnx", verbose=False)
                _name_outputs(new, model.output_names)
        except (OSError, MemoryError):
            raise
        except Exception as error:  # whatever tf2onnx raises where it knows no layer
            raise InputError(
                f"this network cannot be written as ONNX: use --to saved_model ({detail_of(error)})"
            ) from error
    return path


def to_saved_model(model: keras.Model, folder: Path, overwrite: bool = False) -> Path:
    """Write a network as TensorFlow's SavedModel, a folder; ``serve`` gives a dictionary."""
    with atomic_folder(folder, overwrite, files_of) as new, xla.off():
        _named(model).export(new, format="tf_saved_model", verbose=False)
        content = json.dumps({"format": EXPORT, "files": file_digests(new)}, indent=1) + "\n"
        (new / EXPORT_MARK).write_text(content, encoding="utf-8")
    return folder


def _named(model: keras.Model) -> keras.Model:
    """Return the same network with a dictionary of outputs: a list is exported without names."""
    outputs = dict(zip(model.output_names, model.outputs, strict=True))
    named = keras.Model(model.input, outputs)
    named(keras.ops.zeros((1, *model.input_shape[1:])))  # Keras exports only what has been called
    return named


def _name_outputs(path: Path, names: list[str]) -> None:
    """Call the outputs of an ONNX file by their names; tf2onnx has called them Identity."""
    import onnx

    stored = onnx.load(path)
    called = [output.name for output in stored.graph.output]
    new = dict(zip(called, names, strict=True))
    for output in stored.graph.output:
        output.name = new[output.name]
    for node in stored.graph.node:
        for listed in (node.input, node.output):
            listed[:] = [new.get(name, name) for name in listed]
    onnx.checker.check_model(stored)
    onnx.save(stored, path)


def files_of(folder: Path) -> list[str] | None:
    """List the files of a SavedModel that we wrote; None where a folder holds none."""
    try:
        content = json.loads((folder / EXPORT_MARK).read_text(encoding="utf-8"))
        if content["format"] != EXPORT:
            return None
        return [EXPORT_MARK, *unchanged_files(folder, dict(content["files"]))]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
