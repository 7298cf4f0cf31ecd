"""SeisBench's two files of a network; PyTorch is imported here, and only here."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from eqt.archives import archive
from eqt.config import EQTConfig
from eqt.guards import MOST_JSON, MOST_VALUES
from eqt.seisbench_state.convert import arguments, from_state, to_state
from eqt.seisbench_state.names import Array
from steadkit.atomic import staged
from steadkit.errors import InputError
from steadkit.paths import require_file


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
    with staged(targets, overwrite) as (new_json, new_pt):
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
    try:
        if path.stat().st_size > MOST_JSON:
            raise InputError(
                f"{str(path)!r} is larger than {MOST_JSON:,} bytes: is it the right one?"
            )
        given = json.loads(path.read_text(encoding="utf-8"))["model_args"]
    except InputError:
        raise
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(f"{str(path)!r} has no model_args of SeisBench: {error!r}") from error
    if not isinstance(given, dict):
        raise InputError(f"{str(path)!r} has model_args {given!r}, not a list of arguments")
    return given


def _state_in(path: Path) -> dict[str, Array]:
    """Read a state's tensors; PyTorch refuses to make anything else of the file."""
    with archive(path):
        pass  # a plain zip file, and not too large
    torch = _torch()
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a hostile file makes PyTorch raise
        reason = str(error).partition("\n")[0]
        raise InputError(f"PyTorch finds no plain tensors in it ({reason})") from error
    if not isinstance(state, dict):
        raise InputError(f"it holds a {type(state).__name__}, not a state: save model.state_dict()")
    return {str(name): _array(torch, tensor, str(name)) for name, tensor in state.items()}


def _array(torch: Any, tensor: Any, name: str) -> Array:
    plain = isinstance(tensor, torch.Tensor) and tensor.layout is torch.strided
    if not plain or tensor.is_quantized or tensor.is_complex() or tensor.numel() > MOST_VALUES:
        raise InputError(f"{name!r} is not a plain tensor of at most {MOST_VALUES:,} numbers")
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
