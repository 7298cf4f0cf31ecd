"""Selection of the layers of a network by name or type."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

import keras

from eqt.layers import SelfAttention
from steadkit.errors import InputError

DEFAULT_LAYERS: Final = (
    keras.layers.Conv1D,
    keras.layers.RNN,
    keras.layers.Bidirectional,
    keras.layers.LayerNormalization,
    SelfAttention,
)
"""Types of layers that are shown by default: convolutions, recurrent layers, attention, and the
normalisations that end attention and transformer blocks."""


def convolutions(model: keras.Model) -> list[keras.layers.Conv1D]:
    """Return every convolution in order, including those of the decoders and the heads."""
    return [layer for layer in ordered_layers(model) if isinstance(layer, keras.layers.Conv1D)]


def attentions(model: keras.Model) -> list[SelfAttention]:
    """Return the attention layers in order."""
    return [layer for layer in ordered_layers(model) if isinstance(layer, SelfAttention)]


def ordered_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers in forward order, one branch after the other.

    Keras interleaves the layers of the branches of a graph.
    """
    layers = model.layers[1:]
    return sorted(layers, key=lambda layer: _branch(layer.name))


def _branch(name: str) -> int:
    """Return the number of a layer's branch: 0 for common layers, then the outputs in order.

    >>> _branch("attentionD"), _branch("decoderD_1"), _branch("lstmP_1"), _branch("picker_S")
    (0, 1, 2, 3)
    """
    stem = name.partition("_")[0]
    if name == "detector" or stem == "decoderD":
        return 1
    for branch, phase in ((2, "P"), (3, "S")):
        if name == f"picker_{phase}" or (stem.endswith(phase) and stem != phase):
            return branch
    return 0


def select_layers(
    model: keras.Model,
    names: Sequence[str] = (),
    layer_types: tuple[type, ...] = DEFAULT_LAYERS,
) -> list[keras.layers.Layer]:
    """Return the named layers, or without names all layers of some types.

    Raises
    ------
    InputError
        The network has no layer of a name, or its type cannot be shown.
    """
    layers = ordered_layers(model)
    if not names:
        return [layer for layer in layers if isinstance(layer, layer_types)]
    candidates = {layer.name: layer for layer in layers if _is_series(layer)}
    if layer_types is not DEFAULT_LAYERS:
        candidates = {
            name: layer for name, layer in candidates.items() if isinstance(layer, layer_types)
        }
    for name in names:
        if name not in candidates:
            raise InputError(_no_such_layer(name, list(candidates)))
    return [candidates[name] for name in dict.fromkeys(names)]


def _is_series(layer: keras.layers.Layer) -> bool:
    return len(layer.output.shape) == 3


def _no_such_layer(name: str, available: list[str]) -> str:
    similar = get_close_matches(name[:60], available, 3)
    suggestion = f" (did you mean {', '.join(similar)}?)" if similar else ""
    return f"no layer {name[:60]!r} to show{suggestion}: use one of {', '.join(available)}"
