"""Export of a network to ONNX, TensorFlow's SavedModel or SeisBench."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import keras

from eqt.formats import seisbench
from eqt.kernels import xla
from steadkit.atomic import (
    atomic_folder,
    atomic_write,
    check_targets,
    file_digests,
    unchanged_files,
)
from steadkit.console import silenced
from steadkit.errors import InputError, error_detail

FORMATS: Final = ("onnx", "saved_model", "seisbench")

EXPORT: Final = "eqt export 1"
EXPORT_MARK: Final = "eqt.json"
"""Lists the files of a SavedModel with their digests, so that nothing else is ever replaced."""

_ONNX_PACKAGES: Final = ("onnx", "tf2onnx")


def export(model: keras.Model, file_format: str, path: Path, overwrite: bool = False) -> list[Path]:
    """Write a network for another program, atomically; return the files written.

    Parameters
    ----------
    model
        A network of `eqt.load_model`. Dropout is off in the exported network.
    file_format
        One of ``FORMATS``.
    path
        The file; for ``saved_model`` the folder; for ``seisbench`` the name of the two files
        without their endings.
    overwrite
        Whether existing files, or a SavedModel, may be replaced.

    Raises
    ------
    InputError
        The format is unknown, cannot hold this network, needs a package that is not installed, or
        the target cannot be written.
    """
    if file_format == "onnx":
        return [to_onnx(model, path, overwrite)]
    if file_format == "saved_model":
        return [to_saved_model(model, path, overwrite)]
    if file_format == "seisbench":
        return seisbench.save(model, path, overwrite)
    raise InputError(f"unknown format {file_format!r}: use one of {', '.join(FORMATS)}")


def to_onnx(model: keras.Model, path: Path, overwrite: bool = False) -> Path:
    """Write a network as ONNX, for batches of any size; its outputs keep names and order."""
    check_targets([path], overwrite)
    missing = [name for name in _ONNX_PACKAGES if find_spec(name) is None]
    if missing:
        raise InputError(
            f"ONNX needs {' and '.join(missing)}: pip install 'steadkit[export]' has all of it"
        )
    with atomic_write([path], overwrite) as (new,), xla.off():
        try:
            with silenced():  # tf2onnx logs every step, TensorFlow its optimiser's
                _with_named_outputs(model).export(new, format="onnx", verbose=False)
                _name_outputs(new, model.output_names)
        except (OSError, MemoryError):
            raise
        except Exception as error:  # whatever tf2onnx raises where it knows no layer
            raise InputError(
                "this network cannot be written as ONNX: use --to saved_model "
                f"({error_detail(error)})"
            ) from error
    return path


def to_saved_model(model: keras.Model, folder: Path, overwrite: bool = False) -> Path:
    """Write a network as TensorFlow's SavedModel, a folder; ``serve`` gives a dictionary."""
    with atomic_folder(folder, overwrite, files_of) as new, xla.off():
        _with_named_outputs(model).export(new, format="tf_saved_model", verbose=False)
        content = json.dumps({"format": EXPORT, "files": file_digests(new)}, indent=1) + "\n"
        (new / EXPORT_MARK).write_text(content, encoding="utf-8")
    return folder


def _with_named_outputs(model: keras.Model) -> keras.Model:
    """Return the same network with a dictionary of outputs: a list is exported without names."""
    outputs = dict(zip(model.output_names, model.outputs, strict=True))
    named_model = keras.Model(model.input, outputs)
    # Keras exports only a model that has been called.
    named_model(keras.ops.zeros((1, *model.input_shape[1:])))
    return named_model


def _name_outputs(path: Path, names: list[str]) -> None:
    """Rename the outputs of an ONNX file, which tf2onnx calls Identity, in its graph and nodes."""
    import onnx

    onnx_model = onnx.load(path)
    current_names = [output.name for output in onnx_model.graph.output]
    new_names = dict(zip(current_names, names, strict=True))
    for output in onnx_model.graph.output:
        output.name = new_names[output.name]
    for node in onnx_model.graph.node:
        for node_names in (node.input, node.output):
            node_names[:] = [new_names.get(name, name) for name in node_names]
    onnx.checker.check_model(onnx_model)
    onnx.save(onnx_model, path)


def files_of(folder: Path) -> list[str] | None:
    """List the files of a SavedModel that `export` wrote; None if the folder is anything else."""
    try:
        content = json.loads((folder / EXPORT_MARK).read_text(encoding="utf-8"))
        if content["format"] != EXPORT:
            return None
        return [EXPORT_MARK, *unchanged_files(folder, dict(content["files"]))]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
