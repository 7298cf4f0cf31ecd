"""SeisBench's two files of a network; PyTorch is imported here, and only here."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from eqt.config import EQTConfig, format_config
from eqt.formats.safe_zip import archive
from eqt.formats.seisbench.convert import arguments, from_state, to_state
from eqt.formats.seisbench.names import Array
from eqt.formats.validation import MAX_JSON, MAX_VALUES
from steadkit.atomic import atomic_write
from steadkit.documents import OBJECT, read_json, value_at
from steadkit.errors import InputError, printable
from steadkit.paths import refuse_name, require_file


def save(model: keras.Model, config: EQTConfig, path: Path, overwrite: bool = False) -> list[Path]:
    """Write ``path.pt`` and ``path.json``, both or neither; SeisBench's ``load`` takes `path`.

    Returns
    -------
    list of Path
        The two files.

    Raises
    ------
    InputError
        SeisBench has no such network, PyTorch is not there, or the files cannot be written.
    """
    refuse_name(path)
    state = to_state(model, config)
    torch = _torch()
    about = {
        "docstring": "Earthquake Transformer, trained or converted by eqt.",
        "model_args": arguments(config),
        "seisbench_requirement": "0.7",
        "default_args": {},
    }
    name = path.name.removesuffix(".pt").removesuffix(".json")
    targets = [path.with_name(f"{name}{suffix}") for suffix in (".json", ".pt")]
    with atomic_write(targets, overwrite) as (new_json, new_pt):
        new_json.write_text(json.dumps(about, indent=4) + "\n", encoding="utf-8")
        torch.save({key: torch.from_numpy(values) for key, values in state.items()}, new_pt)
    return targets


def load(path: Path) -> keras.Model:
    """Return our network with the weights of a ``.pt`` file, its ``.json`` beside it.

    Raises
    ------
    InputError
        PyTorch is not there, a file is missing or damaged, or cannot be converted.
    """
    return read(path)[0]


def read(path: Path) -> tuple[keras.Model, EQTConfig]:
    """Do as `load`; returns the configuration too. Either of the two files may be named."""
    pt, about = beside(path)
    for file in (pt, about):
        require_file(file, f"no {str(file)!r}: SeisBench's .pt and .json must lie side by side")
    given = _arguments_in(about)
    try:
        return from_state(_state_in(pt), given)
    except InputError as error:
        raise InputError(f"{str(pt)!r} is refused: {error}") from error


def beside(path: Path) -> tuple[Path, Path]:
    """Return the state and the arguments, whichever is named; versions end in ``.v1`` and so on.

    Examples
    --------
    >>> [file.name for file in beside(Path("original.json.v3"))]
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
    """Read a state's tensors; PyTorch refuses to make anything else of the file."""
    with archive(pt):
        pass  # a plain zip file, and not too large
    torch = _torch()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of kinds of tensors that are refused below
            state = torch.load(pt, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a hostile file makes PyTorch raise
        raise InputError(
            "PyTorch finds no plain tensors in it, or something besides: save model.state_dict()"
        ) from error
    if not isinstance(state, dict):
        raise InputError(f"it holds a {type(state).__name__}, not a state: save model.state_dict()")
    return {printable(name): _array(torch, tensor, name) for name, tensor in state.items()}


def _array(torch: Any, tensor: Any, name: object) -> Array:
    """Return the values of a tensor of numbers that lie in the file itself."""
    known = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64)
    plain = isinstance(tensor, torch.Tensor) and isinstance(name, str)
    plain = plain and tensor.layout is torch.strided and tensor.device.type == "cpu"
    plain = plain and tensor.dtype in known and not (tensor.is_nested or tensor.is_quantized)
    if not plain or tensor.numel() > MAX_VALUES:
        raise InputError(
            f"{format_config(name)} is not a plain tensor of at most {MAX_VALUES:,} numbers in "
            "16 to 64 bits: save model.float().state_dict()"
        )
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
