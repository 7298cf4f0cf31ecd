"""Layers of a network to show: selection by name or type, kernels and their frequency response."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

import keras
import numpy as np

from eqt.layer_plan import group_layers
from eqt.layers import SelfAttention
from steadkit.errors import InputError
from steadkit.schema import SAMPLING_RATE

DEFAULT_LAYERS: Final = (
    keras.layers.Conv1D,
    keras.layers.RNN,
    keras.layers.Bidirectional,
    keras.layers.LayerNormalization,
    SelfAttention,
)
"""Types of layers that are shown by default: convolutions, recurrent layers, attention, and the
normalisations that end attention and transformer blocks."""

FREQUENCIES: Final = 257
"""Number of frequencies from 0 to half the sampling rate."""


def convolutions(model: keras.Model) -> list[keras.layers.Conv1D]:
    """Return every convolution in order, including those of the decoders and the heads."""
    return [layer for layer in ordered_layers(model) if isinstance(layer, keras.layers.Conv1D)]


def attentions(model: keras.Model) -> list[SelfAttention]:
    """Return the attention layers in order."""
    return [layer for layer in ordered_layers(model) if isinstance(layer, SelfAttention)]


def ordered_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers in forward order, one branch after the other."""
    return [layer for _, layers in group_layers(model) for layer in layers]


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
    if layer_types is not DEFAULT_LAYERS:
        layers = [layer for layer in layers if isinstance(layer, layer_types)]
    # By name also others than the default ones, if their output is a series of steps.
    candidates = {layer.name: layer for layer in layers if len(layer.output.shape) == 3}
    for name in names:
        if name not in candidates:
            similar = get_close_matches(name[:60], candidates, 3)
            suggestion = f" (did you mean {', '.join(similar)}?)" if similar else ""
            raise InputError(
                f"no layer {name[:60]!r} to show{suggestion}: use one of {', '.join(candidates)}"
            )
    return [candidates[name] for name in dict.fromkeys(names)]


def kernel_of(layer: keras.layers.Conv1D) -> np.ndarray:
    """Return a convolution's kernel, shape (taps, inputs, outputs)."""
    return np.asarray(keras.ops.convert_to_numpy(layer.kernel), np.float32)


def bias_of(layer: keras.layers.Conv1D) -> np.ndarray:
    """Return a convolution's bias, shape (outputs,)."""
    return np.asarray(keras.ops.convert_to_numpy(layer.bias), np.float32)


def response(
    kernel: np.ndarray, rate: float = SAMPLING_RATE, count: int = FREQUENCIES
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the frequency response of kernels.

    Parameters
    ----------
    kernel
        Shape (taps, ...).
    rate
        Sampling rate of the input, Hz.
    count
        Number of frequencies.

    Returns
    -------
    hertz
        Shape (count,), from 0 to rate / 2.
    amplitude
        Shape (count, ...), the modulus of sum_k kernel[k] exp(-2 pi i f k / rate).

    Examples
    --------
    >>> hertz, amplitude = response(np.array([0.5, 0.5]), 100.0, 3)
    >>> hertz.tolist(), amplitude.round(3).tolist()
    ([0.0, 25.0, 50.0], [1.0, 0.707, 0.0])
    """
    hertz = np.linspace(0, rate / 2, count)
    turns = np.exp(-2j * np.pi * np.outer(hertz, np.arange(len(kernel))) / rate)
    return hertz, np.abs(np.tensordot(turns, kernel, 1))
