"""SeisBench's EQTransformer, a PyTorch state (``.pt``) beside its arguments (``.json``).

The network is the same, so every weight has its equal; PyTorch keeps most of them transposed, the
biases of an LSTM twice, and the components of the input in another order. Only the two variants
that SeisBench calls ``original_compatible`` compute what the published network does: the others
crop elsewhere after upsampling and add 1e-5, not 1e-7, to the sum of the attention's weights.

PyTorch is imported only here, and only to read and write tensors (``weights_only``): neither
SeisBench nor anything in the file is run.

Source: ``seisbench/models/eqtransformer.py``, https://github.com/seisbench/seisbench.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import keras
import numpy as np

from eqt.archives import archive
from eqt.config import EQTConfig
from eqt.guards import MOST_JSON, MOST_VALUES, finite
from eqt.model import build_model, transformer_suffixes
from steadkit.errors import InputError
from steadkit.files import staged

PHASES: Final = "PS"
ORDER: Final = "ZNE"
"""Components as SeisBench orders them where nothing else is said; ours are E, N, Z."""

_OURS: Final = "ENZ"
_COUNTER: Final = "num_batches_tracked"
"""PyTorch counts the batches that a normalisation has seen; it is not used here."""

VARIANTS: Final[dict[str, str]] = {"hard_sigmoid": "conservative", "sigmoid": "non-conservative"}
"""What SeisBench calls the variant with these gates; its names are not those of the files."""

_GATES: Final = {variant: gate for gate, variant in VARIANTS.items()}

_ARGUMENTS: Final[dict[str, Any]] = {
    "in_channels": len(_OURS),
    "in_samples": EQTConfig().input_length,
    "classes": len(PHASES),
    "sampling_rate": 100,
    "norm": "std",
    "norm_amp_per_comp": False,
    "norm_detrend": False,
}
"""Arguments that must be so, where they are given; the scaling belongs to the weights too."""

_FREE: Final = ("encoder_rnn", "dropout", "gate", "kernel_l1", "kernel_l2", "bias_l1")
"""What may differ from the published network: SeisBench's arguments, or of no use to it."""

Array = np.ndarray
Change = Callable[[Array], Array]


def _same(values: Array) -> Array:
    return values


def _column(values: Array) -> Array:
    return values[:, np.newaxis]


class Pair(NamedTuple):
    """One weight of ours, and the one or two of theirs whose sum it is."""

    ours: str
    theirs: tuple[str, ...]
    there: Change = _same
    back: Change = _same


def _as_is(ours: str, theirs: str) -> Pair:
    return Pair(ours, (theirs,))


def _turned(ours: str, theirs: str) -> Pair:
    """Match kernels (width, in, out) or matrices (in, out) with theirs, which begin with out."""
    return Pair(ours, (theirs,), np.transpose, np.transpose)


def _convolution(ours: str, theirs: str) -> Iterator[Pair]:
    yield _turned(f"{ours}/kernel", f"{theirs}.weight")
    yield _as_is(f"{ours}/bias", f"{theirs}.bias")


def _batch_norm(ours: str, theirs: str) -> Iterator[Pair]:
    yield _as_is(f"{ours}/gamma", f"{theirs}.weight")
    yield _as_is(f"{ours}/beta", f"{theirs}.bias")
    yield _as_is(f"{ours}/moving_mean", f"{theirs}.running_mean")
    yield _as_is(f"{ours}/moving_variance", f"{theirs}.running_var")


def _lstm(ours: str, theirs: str, end: str = "") -> Iterator[Pair]:
    yield _turned(f"{ours}/lstm_cell/kernel", f"{theirs}weight_ih{end}")
    yield _turned(f"{ours}/lstm_cell/recurrent_kernel", f"{theirs}weight_hh{end}")
    yield Pair(f"{ours}/lstm_cell/bias", (f"{theirs}bias_ih{end}", f"{theirs}bias_hh{end}"))


def _attention(ours: str, theirs: str) -> Iterator[Pair]:
    yield from (_as_is(f"{ours}/{name}", f"{theirs}.{name}") for name in _ATTENTION)


_ATTENTION: Final = ("Wt", "Wx", "bh", "Wa", "ba")


def _layer_norm(ours: str, theirs: str) -> Iterator[Pair]:
    for name in ("gamma", "beta"):
        yield Pair(f"{ours}/{name}", (f"{theirs}.{name}",), _column, np.ravel)


def _feed_forward(ours: str, theirs: str) -> Iterator[Pair]:
    for i in (1, 2):
        yield _turned(f"{ours}/W{i}", f"{theirs}.lin{i}.weight")
        yield _as_is(f"{ours}/b{i}", f"{theirs}.lin{i}.bias")


def pairs(config: EQTConfig, phases: str = PHASES) -> Iterator[Pair]:
    """Yield every weight of ours with its equal in SeisBench's state.

    Parameters
    ----------
    config
        A network that SeisBench has.
    phases
        In which order its state has the pickers.
    """
    for i in range(len(config.filters)):
        yield from _convolution(f"encoder_{i + 1}", f"encoder.convs.{i}")
    for i in range(len(config.residual_kernels)):
        for part, number in (("a", 1), ("b", 2)):
            ours, theirs = f"residual_{i + 1}", f"res_cnn_stack.members.{i}"
            yield from _batch_norm(f"{ours}_norm_{part}", f"{theirs}.norm{number}")
            yield from _convolution(f"{ours}_conv_{part}", f"{theirs}.conv{number}")
    for i in range(len(config.encoder_rnn)):
        ours, theirs = f"bilstm_{i + 1}", f"bi_lstm_stack.members.{i}"
        yield from _lstm(f"{ours}/forward_{ours}", f"{theirs}.lstm.cell_f.")
        yield from _lstm(f"{ours}/backward_{ours}", f"{theirs}.lstm.cell_b.")
        yield from _convolution(f"{ours}_nin", f"{theirs}.conv")
        yield from _batch_norm(f"{ours}_norm", f"{theirs}.norm")
    for suffix in transformer_suffixes(config.transformer_blocks):
        yield from _transformer(suffix, f"transformer_{suffix.lower()}")
    yield from _decoder("D", "decoder_d", config)
    yield from _convolution("detector", "conv_d")
    for i, phase in enumerate(phases):
        lstm = f"pick_lstms.{i}."
        # Only one of the two variants has cells of SeisBench's own here.
        cell = ("cell_f.", "") if config.gate == "hard_sigmoid" else ("", "_l0")
        yield from _lstm(f"lstm{phase}_1", lstm + cell[0], cell[1])
        yield from _attention(f"attention{phase}", f"pick_attentions.{i}")
        yield from _decoder(phase, f"pick_decoders.{i}", config)
        yield from _convolution(f"picker_{phase}", f"pick_convs.{i}")


def _transformer(suffix: str, theirs: str) -> Iterator[Pair]:
    yield from _attention(f"attention{suffix}", f"{theirs}.attention")
    yield from _layer_norm(f"attention{suffix}_norm", f"{theirs}.norm1")
    yield from _feed_forward(f"feed_forward{suffix}", f"{theirs}.ff")
    yield from _layer_norm(f"feed_forward{suffix}_norm", f"{theirs}.norm2")


def _decoder(branch: str, theirs: str, config: EQTConfig) -> Iterator[Pair]:
    for i in range(len(config.filters)):
        yield from _convolution(f"decoder{branch}_{i + 1}", f"{theirs}.convs.{i}")


def _first_kernel(kernel: Array, have: str, want: str) -> Array:
    """Reorder the inputs of the first convolution, (width, in, out).

    Examples
    --------
    >>> _first_kernel(np.arange(3).reshape(1, 3, 1), "ENZ", "ZNE").ravel()
    array([2, 1, 0])
    """
    return kernel[:, [have.index(component) for component in want]]


_FIRST: Final = "encoder_1/kernel"


def check_convertible(config: EQTConfig) -> None:
    """Refuse a network that SeisBench's EQTransformer cannot be.

    Raises
    ------
    InputError
        A setting differs from the published network's in what SeisBench has fixed.
    """
    published = EQTConfig()
    for field in fields(config):
        value, wanted = getattr(config, field.name), getattr(published, field.name)
        if field.name == "decoder_filters" and value == config.filters[::-1]:
            continue
        if field.name not in _FREE and value != wanted:
            raise InputError(
                f"SeisBench's EQTransformer has no {field.name} {value!r}, only {wanted!r}: "
                "export another model, or as ONNX"
            )
    if not config.encoder_rnn or set(config.encoder_rnn) != {"bilstm"}:
        raise InputError(
            f"SeisBench's EQTransformer has BiLSTM blocks, not {config.encoder_rnn!r}: "
            "export another model, or as ONNX"
        )


def to_state(model: keras.Model, config: EQTConfig) -> dict[str, Array]:
    """Return the weights as SeisBench's state, name by name.

    Raises
    ------
    InputError
        SeisBench has no such network.
    """
    check_convertible(config)
    weights = {w.path: keras.ops.convert_to_numpy(w) for w in model.weights}
    weights[_FIRST] = _first_kernel(weights[_FIRST], _OURS, ORDER)
    state: dict[str, Array] = {}
    for pair in pairs(config):
        values = np.ascontiguousarray(pair.there(weights[pair.ours]))
        first, *others = pair.theirs
        state[first] = values
        state |= {other: np.zeros_like(values) for other in others}
        if first.endswith(".running_var"):
            state[first.replace("running_var", _COUNTER)] = np.array(0, np.int64)
    return state


def arguments(config: EQTConfig) -> dict[str, Any]:
    """Return the arguments by which SeisBench builds its network for that state."""
    return {
        **_ARGUMENTS,
        "component_order": ORDER,
        "phases": PHASES,
        "lstm_blocks": len(config.encoder_rnn),
        "drop_rate": config.dropout,
        "original_compatible": VARIANTS[config.gate],
    }


def from_state(
    state: Mapping[str, Array], given: Mapping[str, Any]
) -> tuple[keras.Model, EQTConfig]:
    """Return our network with the weights of a state.

    Parameters
    ----------
    state
        Arrays by SeisBench's names.
    given
        The arguments of its network.

    Raises
    ------
    InputError
        The arguments are of a network that ours cannot be, or the state does not fit them.
    """
    config, phases, order = _understood(given)
    listed = list(pairs(config, phases))
    _check_names(state, listed)
    model = build_model(config)
    weights = {weight.path: weight for weight in model.weights}
    for pair in listed:
        values = [finite(state[name], name) for name in pair.theirs]
        wanted = pair.there(np.empty(weights[pair.ours].shape, bool)).shape
        for name, value in zip(pair.theirs, values, strict=True):
            if value.shape != wanted:
                raise InputError(f"{name!r} has shape {value.shape}, not {wanted}")
        total = pair.back(np.sum(values, axis=0)) if len(values) > 1 else pair.back(values[0])
        if pair.ours == _FIRST:
            total = _first_kernel(total, order, _OURS)
        weights[pair.ours].assign(total)
    return model, config


def _check_names(state: Mapping[str, Array], listed: list[Pair]) -> None:
    wanted = {name for pair in listed for name in pair.theirs}
    for name in wanted - set(state):
        raise InputError(f"the state has no {name!r}, which its arguments call for")
    for name in set(state) - wanted:
        if not name.endswith(f".{_COUNTER}"):
            raise InputError(f"the state has {name!r}, which is not in the network")


def _understood(given: Mapping[str, Any]) -> tuple[EQTConfig, str, str]:
    """Return the configuration, the order of the pickers and that of the components."""
    for name, wanted in _ARGUMENTS.items():
        if given.get(name, wanted) != wanted:
            raise InputError(f"its {name} is {given[name]!r}: only {wanted!r} can be converted")
    phases = "".join(map(str, given.get("phases", PHASES)))
    order = str(given.get("component_order", ORDER))
    for name, value, wanted in (("phases", phases, PHASES), ("component_order", order, ORDER)):
        if sorted(value) != sorted(wanted):
            raise InputError(f"its {name} is {value!r}: only {wanted}, in any order, can be read")
    variant = given.get("original_compatible", False)
    variant = "non-conservative" if variant is True else variant
    if not isinstance(variant, str) or variant not in _GATES:
        raise InputError(
            f"its original_compatible is {variant!r}: only {' and '.join(_GATES)} compute what the "
            "published network does"
        )
    blocks = given.get("lstm_blocks", 3)
    if isinstance(blocks, bool) or not isinstance(blocks, int) or not 1 <= blocks <= 100:
        raise InputError(f"its lstm_blocks is {blocks!r}: only 1 to 100 can be read")
    config = replace(EQTConfig(), encoder_rnn=("bilstm",) * blocks, gate=_GATES[variant])
    return replace(config, dropout=given.get("drop_rate", 0.1)), phases, order


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
        if not file.is_file():
            raise InputError(f"no {str(file)!r}: SeisBench's .pt and .json must lie side by side")
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
