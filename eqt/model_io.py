"""Load a network from any supported file, save it in a format of this package.

The format is detected by the content, not by the name; no code in a file is ever run.
"""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import h5py
import keras

from eqt.formats import keras_v2, keras_v3, seisbench, weights_h5
from eqt.runs import RunFolder
from steadkit.errors import InputError, damage_remedy, printable
from steadkit.paths import require_file

Load = Callable[[Path], keras.Model]

SUPPORTED_FILES: Final = (
    "a run folder, .weights.h5 or .keras of eqt, a published .h5, or SeisBench's .pt with its .json"
)

_ZIP: Final = b"PK\x03\x04"
_PICKLE: Final = b"\x80"


def load_model(path: str | os.PathLike[str]) -> keras.Model:
    """Load the network of a file or a run folder, with its weights.

    Parameters
    ----------
    path
        A run folder (its best weights), weights or a ``.keras`` file that eqt wrote, a published
        Keras 2 file, or SeisBench's ``.pt`` or ``.json``, both in one folder.

    Returns
    -------
    keras.Model
        Its outputs are ``detector``, ``picker_P`` and ``picker_S``, in this order; its attribute
        ``config`` is its configuration.

    Raises
    ------
    InputError
        The file is missing, damaged, or of another format.
    """
    path = Path(path)
    if path.is_dir():
        return weights_h5.load(RunFolder(path).best)
    require_file(path, f"no weights {str(path)!r}: name {SUPPORTED_FILES}")
    try:
        return _reader(path)(path)
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {damage_remedy(error)}") from error


def save_model(model: keras.Model, path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Write a network atomically, as ``.keras`` or as ``.weights.h5``.

    Parameters
    ----------
    model
        A network of `eqt.build_model` or `load_model`, trained or not. Its configuration is stored
        in the file.
    path
        File to write; its ending selects the format.
    overwrite
        Whether an existing file may be replaced.

    Raises
    ------
    InputError
        The ending is unknown, the weights do not fit the configuration, or the file cannot be
        written.
    """
    _writer(Path(path))(model, Path(path), overwrite)


def _writer(path: Path) -> Callable[..., None]:
    for module in (keras_v3, weights_h5):
        if path.name.endswith(module.SUFFIX):
            return module.save
    raise InputError(
        f"{str(path)!r} ends in neither {keras_v3.SUFFIX} nor {weights_h5.SUFFIX}: choose one"
    )


def _reader(path: Path) -> Load:
    """Return the reader of a file by its content."""
    with path.open("rb") as file:
        start = file.read(64)
    # Zip first: an HDF5 file may begin after a user block, so that h5py also finds one that is
    # stored in a zip archive.
    if start.startswith(_ZIP):
        return _zip_reader(path)
    if h5py.is_hdf5(path):
        return _hdf5_reader(path)
    if start.lstrip().startswith(b"{"):
        return seisbench.load
    if start.startswith(_PICKLE):
        raise InputError(
            f"{str(path)!r} is a pickle, which could run code: save it with a PyTorch of today"
        )
    raise _unknown(path)


def _hdf5_reader(path: Path) -> Load:
    try:
        with h5py.File(path, "r") as file:
            return keras_v2.load if "model_config" in file.attrs else weights_h5.load
    except Exception as error:  # whatever a hostile file makes h5py raise
        raise InputError(f"{str(path)!r} is a damaged HDF5 file: {printable(error)}") from error


def _zip_reader(path: Path) -> Load:
    try:
        with zipfile.ZipFile(path) as archive:
            names: list[Any] = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InputError(f"{str(path)!r} is a damaged zip file: {printable(error)}") from error
    if any(name.endswith("data.pkl") for name in names):
        return seisbench.load
    if keras_v3.KERAS_CONFIG in names:
        return keras_v3.load
    raise _unknown(path)


def _unknown(path: Path) -> InputError:
    return InputError(f"{str(path)!r} is no network that is known: name {SUPPORTED_FILES}")
