"""Reader and writer of SeisBench's two files; the only module that imports PyTorch."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from eqt.config import format_config
from eqt.formats.safe_zip import archive
from eqt.formats.seisbench.convert import arguments, from_state, to_state
from eqt.formats.seisbench.names import Array
from eqt.formats.validation import MAX_JSON, MAX_VALUES
from steadkit.atomic import atomic_write
from steadkit.errors import InputError, printable
from steadkit.paths import OBJECT, read_json, refuse_name, require_file, value_at


def save(model: keras.Model, path: Path, overwrite: bool = False) -> list[Path]:
    """Write ``path.pt`` and ``path.json``, both or neither; SeisBench's ``load`` takes `path`.

    Returns
    -------
    list of Path
        The two files.

    Raises
    ------
    InputError
        SeisBench cannot represent the network, PyTorch is not installed, or the files cannot be
        written.
    """
    refuse_name(path)
    state = to_state(model)
    torch = _torch()
    description = {
        "docstring": "Earthquake Transformer, trained or converted by eqt.",
        "model_args": arguments(model.config),
        "seisbench_requirement": "0.7",
        "default_args": {},
    }
    name = path.name.removesuffix(".pt").removesuffix(".json")
    targets = [path.with_name(f"{name}{suffix}") for suffix in (".json", ".pt")]
    with atomic_write(targets, overwrite) as (new_json, new_pt):
        new_json.write_text(json.dumps(description, indent=4) + "\n", encoding="utf-8")
        torch.save({key: torch.from_numpy(values) for key, values in state.items()}, new_pt)
    return targets


def load(path: Path) -> keras.Model:
    """Load a network from either of a ``.pt`` file and its ``.json`` in the same folder.

    Raises
    ------
    InputError
        PyTorch is not installed, a file is missing or damaged, or cannot be converted.
    """
    pt, description = file_pair(path)
    for file in (pt, description):
        require_file(file, f"no {str(file)!r}: SeisBench's .pt and .json must lie side by side")
    model_args = _arguments_in(description)
    try:
        return from_state(_state_in(pt), model_args)
    except InputError as error:
        raise InputError(f"{str(pt)!r} is refused: {error}") from error


def file_pair(path: Path) -> tuple[Path, Path]:
    """Return the files of state and arguments, from either of them, with an ending such as ``.v1``.

    Examples
    --------
    >>> [file.name for file in file_pair(Path("original.json.v3"))]
    ['original.pt.v3', 'original.json.v3']
    """
    start, dot, end = path.name.rpartition(".json" if ".json" in path.name else ".pt")
    if not dot:
        return path, path.with_suffix(".json")
    return path.with_name(f"{start}.pt{end}"), path.with_name(f"{start}.json{end}")


def _arguments_in(path: Path) -> Mapping[str, Any]:
    arguments: Mapping[str, Any] = value_at(
        read_json(path, MAX_JSON), "model_args", OBJECT, repr(str(path))
    )
    return arguments


def _state_in(pt: Path) -> dict[str, Array]:
    """Read a state's tensors; with ``weights_only`` PyTorch refuses any other pickled object."""
    with archive(pt):
        pass  # opened only to validate the zip file and its size
    torch = _torch()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about types of tensors that are refused below
            state = torch.load(pt, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a hostile file makes PyTorch raise
        raise InputError(
            "PyTorch finds no plain tensors in it, or something besides: save model.state_dict()"
        ) from error
    if not isinstance(state, dict):
        raise InputError(f"it holds a {type(state).__name__}, not a state: save model.state_dict()")
    return {printable(name): _array(torch, tensor, name) for name, tensor in state.items()}


def _array(torch: Any, tensor: Any, name: object) -> Array:
    """Return the values of a dense tensor of numbers that are stored in the file."""
    dtypes = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64)
    is_dense = isinstance(tensor, torch.Tensor) and isinstance(name, str)
    is_dense = is_dense and tensor.layout is torch.strided and tensor.device.type == "cpu"
    is_dense = is_dense and tensor.dtype in dtypes
    is_dense = is_dense and not (tensor.is_nested or tensor.is_quantized)
    if not is_dense or tensor.numel() > MAX_VALUES:
        raise InputError(
            f"{format_config(name)} is not a plain tensor of at most {MAX_VALUES:,} numbers in "
            "16 to 64 bits: save model.float().state_dict()"
        )
    # NumPy has no bfloat16.
    if tensor.dtype is torch.bfloat16:
        tensor = tensor.float()
    values: Array = tensor.detach().numpy()
    return values


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise InputError(
            "PyTorch is not installed: pip install torch, to read or write SeisBench's files"
        ) from error
    return torch
