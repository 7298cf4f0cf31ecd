"""Conversion to and from SeisBench's state and arguments, without PyTorch."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Final

import keras
import numpy as np

from eqt.config import EQTConfig, format_config
from eqt.formats.seisbench.names import PHASES, Array, WeightMap, weight_maps
from eqt.formats.validation import finite
from eqt.model import build_model, require_config
from steadkit.errors import InputError

ORDER: Final = "ZNE"
"""SeisBench's default order of components; this package's is E, N, Z."""

_EQT_ORDER: Final = "ENZ"
_COUNTER: Final = "num_batches_tracked"
"""PyTorch's counter of batches in a normalisation, without effect in inference."""

VARIANTS: Final[dict[str, str]] = {"hard_sigmoid": "conservative", "sigmoid": "non-conservative"}
"""SeisBench's name of the variant with these gates, which is not that of the published file."""

_GATES: Final = {variant: gate for gate, variant in VARIANTS.items()}

_ARGUMENTS: Final[dict[str, Any]] = {
    "in_channels": len(_EQT_ORDER),
    "in_samples": EQTConfig().input_length,
    "classes": len(PHASES),
    "sampling_rate": 100,
    "norm": "std",
    "norm_amp_per_comp": False,
    "norm_detrend": False,
}
"""Required arguments, where present; the weights depend on the normalisation too."""

_FREE_SETTINGS: Final = ("encoder_rnn", "dropout", "gate", "kernel_l1", "kernel_l2", "bias_l1")
"""Settings that may differ from the published network: SeisBench has arguments for the first three,
the penalties act in training only."""


def _reorder_components(kernel: Array, order: str, new_order: str) -> Array:
    """Reorder the components in the kernel of the first convolution, (width, in, out).

    Examples
    --------
    >>> _reorder_components(np.arange(3).reshape(1, 3, 1), "ENZ", "ZNE").ravel()
    array([2, 1, 0])
    """
    return kernel[:, [order.index(component) for component in new_order]]


_FIRST_KERNEL: Final = "encoder_1/kernel"


def check_convertible(config: EQTConfig) -> None:
    """Refuse a network that SeisBench's EQTransformer cannot represent.

    Raises
    ------
    InputError
        A setting that SeisBench has fixed differs from the published network's.
    """
    published = EQTConfig()
    for field in fields(config):
        value, expected = getattr(config, field.name), getattr(published, field.name)
        if field.name == "decoder_filters" and value == config.filters[::-1]:
            continue
        if field.name not in _FREE_SETTINGS and value != expected:
            raise InputError(
                f"SeisBench's EQTransformer has no {field.name} {value!r}, only {expected!r}: "
                "export another model, or as ONNX"
            )
    if not config.encoder_rnn or set(config.encoder_rnn) != {"bilstm"}:
        raise InputError(
            f"SeisBench's EQTransformer has BiLSTM blocks, not {config.encoder_rnn!r}: "
            "export another model, or as ONNX"
        )


def to_state(model: keras.Model) -> dict[str, Array]:
    """Convert the weights to SeisBench's state, arrays by name.

    Raises
    ------
    InputError
        SeisBench cannot represent the network.
    """
    config = require_config(model)
    check_convertible(config)
    weights = {w.path: keras.ops.convert_to_numpy(w) for w in model.weights}
    weights[_FIRST_KERNEL] = _reorder_components(weights[_FIRST_KERNEL], _EQT_ORDER, ORDER)
    state: dict[str, Array] = {}
    for pair in weight_maps(config):
        values = np.ascontiguousarray(pair.to_source(weights[pair.target]))
        first, *second = pair.source
        state[first] = values
        # The second bias of an LSTM, which PyTorch adds to the first.
        state |= {name: np.zeros_like(values) for name in second}
        if first.endswith(".running_var"):
            state[first.replace("running_var", _COUNTER)] = np.array(0, np.int64)
    return state


def arguments(config: EQTConfig) -> dict[str, Any]:
    """Return the arguments from which SeisBench builds the network of the state."""
    return {
        **_ARGUMENTS,
        "component_order": ORDER,
        "phases": PHASES,
        "lstm_blocks": len(config.encoder_rnn),
        "drop_rate": config.dropout,
        "original_compatible": VARIANTS[config.gate],
    }


def from_state(state: Mapping[str, Array], model_args: Mapping[str, Any]) -> keras.Model:
    """Build the network of a state.

    Parameters
    ----------
    state
        Arrays by SeisBench's names.
    model_args
        Arguments of SeisBench's network.

    Raises
    ------
    InputError
        The arguments are of a network that this package cannot represent, or the state does not
        fit them.
    """
    config, phases, order = _parse_arguments(model_args)
    maps = list(weight_maps(config, phases))
    _check_names(state, maps)
    model = build_model(config)
    weights = {weight.path: weight for weight in model.weights}
    for pair in maps:
        values = [finite(state[name], name) for name in pair.source]
        expected = pair.to_source(np.empty(weights[pair.target].shape, bool)).shape
        for name, value in zip(pair.source, values, strict=True):
            if value.shape != expected:
                raise InputError(f"{format_config(name)} has shape {value.shape}, not {expected}")
        summed = np.sum(values, axis=0) if len(values) > 1 else values[0]
        weight = pair.to_target(summed)
        if pair.target == _FIRST_KERNEL:
            weight = _reorder_components(weight, order, _EQT_ORDER)
        weights[pair.target].assign(weight)
    return model


def _check_names(state: Mapping[str, Array], maps: list[WeightMap]) -> None:
    expected = {name for pair in maps for name in pair.source}
    for name in sorted(expected - set(state)):
        raise InputError(f"the state has no {name!r}, which its arguments call for")
    for name in sorted(set(state) - expected):
        if not name.endswith(f".{_COUNTER}"):
            raise InputError(f"the state has {format_config(name)}, which is not in the network")


def _parse_arguments(model_args: Mapping[str, Any]) -> tuple[EQTConfig, str, str]:
    """Return the configuration, the order of the pickers and that of the components."""
    for name, expected in _ARGUMENTS.items():
        if model_args.get(name, expected) != expected:
            raise InputError(
                f"its {name} is {format_config(model_args[name])}: only {expected!r} can be "
                "converted"
            )
    phases = _parse_letters(model_args, "phases", PHASES)
    order = _parse_letters(model_args, "component_order", ORDER)
    variant = model_args.get("original_compatible", False)
    # SeisBench takes True as another name of this variant.
    variant = "non-conservative" if variant is True else variant
    if not isinstance(variant, str) or variant not in _GATES:
        raise InputError(
            f"its original_compatible is {format_config(variant)}: only {' and '.join(_GATES)} "
            "compute what the published network does"
        )
    blocks = model_args.get("lstm_blocks", 3)
    if isinstance(blocks, bool) or not isinstance(blocks, int) or not 1 <= blocks <= 100:
        raise InputError(f"its lstm_blocks is {format_config(blocks)}: only 1 to 100 can be read")
    config = replace(EQTConfig(), encoder_rnn=("bilstm",) * blocks, gate=_GATES[variant])
    return replace(config, dropout=model_args.get("drop_rate", 0.1)), phases, order


def _parse_letters(model_args: Mapping[str, Any], name: str, letters: str) -> str:
    """Return letters in the order of an argument, a string or a list."""
    value = model_args.get(name, letters)
    if not isinstance(value, str | list | tuple) or sorted(map(str, value)) != sorted(letters):
        raise InputError(
            f"its {name} is {format_config(value)}: only {letters}, in any order, can be read"
        )
    return "".join(value)
