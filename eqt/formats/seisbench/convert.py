"""Our network as SeisBench's state and arguments, and back; no PyTorch is needed for it."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Final

import keras
import numpy as np

from eqt.config import EQTConfig, format_config
from eqt.formats.seisbench.names import PHASES, Array, WeightMap, weight_maps
from eqt.formats.validation import finite
from eqt.model import build_model
from steadkit.errors import InputError

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
    for pair in weight_maps(config):
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
    listed = list(weight_maps(config, phases))
    _check_names(state, listed)
    model = build_model(config)
    weights = {weight.path: weight for weight in model.weights}
    for pair in listed:
        values = [finite(state[name], name) for name in pair.theirs]
        wanted = pair.there(np.empty(weights[pair.ours].shape, bool)).shape
        for name, value in zip(pair.theirs, values, strict=True):
            if value.shape != wanted:
                raise InputError(f"{format_config(name)} has shape {value.shape}, not {wanted}")
        total = pair.back(np.sum(values, axis=0)) if len(values) > 1 else pair.back(values[0])
        if pair.ours == _FIRST:
            total = _first_kernel(total, order, _OURS)
        weights[pair.ours].assign(total)
    return model, config


def _check_names(state: Mapping[str, Array], listed: list[WeightMap]) -> None:
    wanted = {name for pair in listed for name in pair.theirs}
    for name in sorted(wanted - set(state)):
        raise InputError(f"the state has no {name!r}, which its arguments call for")
    for name in sorted(set(state) - wanted):
        if not name.endswith(f".{_COUNTER}"):
            raise InputError(f"the state has {format_config(name)}, which is not in the network")


def _understood(given: Mapping[str, Any]) -> tuple[EQTConfig, str, str]:
    """Return the configuration, the order of the pickers and that of the components."""
    for name, wanted in _ARGUMENTS.items():
        if given.get(name, wanted) != wanted:
            raise InputError(
                f"its {name} is {format_config(given[name])}: only {wanted!r} can be converted"
            )
    phases = _letters(given, "phases", PHASES)
    order = _letters(given, "component_order", ORDER)
    variant = given.get("original_compatible", False)
    variant = "non-conservative" if variant is True else variant
    if not isinstance(variant, str) or variant not in _GATES:
        raise InputError(
            f"its original_compatible is {format_config(variant)}: only {' and '.join(_GATES)} "
            "compute what the published network does"
        )
    blocks = given.get("lstm_blocks", 3)
    if isinstance(blocks, bool) or not isinstance(blocks, int) or not 1 <= blocks <= 100:
        raise InputError(f"its lstm_blocks is {format_config(blocks)}: only 1 to 100 can be read")
    config = replace(EQTConfig(), encoder_rnn=("bilstm",) * blocks, gate=_GATES[variant])
    return replace(config, dropout=given.get("drop_rate", 0.1)), phases, order


def _letters(given: Mapping[str, Any], name: str, wanted: str) -> str:
    """Return letters in the order in which they are given, as a text or a list."""
    value = given.get(name, wanted)
    if not isinstance(value, str | list | tuple) or sorted(map(str, value)) != sorted(wanted):
        raise InputError(
            f"its {name} is {format_config(value)}: only {wanted}, in any order, can be read"
        )
    return "".join(value)
