"""Outputs and attention weights of layers for some traces, in one pass through the network."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np

from eqt.layers import SelfAttention
from eqt.visualize.layers import attentions

BATCH_SIZE = 16
"""Traces of a batch: the outputs of all layers take 3 MB per trace."""


def feature_maps(
    model: keras.Model, waveforms: np.ndarray, names: Sequence[str]
) -> dict[str, np.ndarray]:
    """Compute the outputs of several layers in one pass.

    Parameters
    ----------
    model
        A network of `eqt.model.build_model`.
    waveforms
        Shape (traces, samples, components), normalised.
    names
        Names of the layers.

    Returns
    -------
    dict
        By name, in the order of the names, shape (traces, steps, channels), float32, without
        dropout.
    """
    outputs = {name: model.get_layer(name).output for name in names}
    values = run(keras.Model(model.inputs, outputs), waveforms)
    return {name: values[name] for name in names}


def attention_of(model: keras.Model) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """Return a function that computes the attention weights of every attention layer.

    The network is run once, up to the inputs of these layers; the weights are computed from them.

    Parameters
    ----------
    model
        A network of `eqt.model.build_model`.

    Returns
    -------
    callable
        Takes waveforms, shape (traces, samples, components), normalised; returns by layer name an
        array of shape (traces, heads, steps, steps), one head unless the layer has several. The
        row is the step t that attends, the column the step t' attended to; a row adds up to 1,
        less the effect of the published 1e-7 in the denominator.
    """
    layers = attentions(model)
    network = keras.Model(model.inputs, {layer.name: layer.input for layer in layers})

    def attention(waveforms: np.ndarray) -> dict[str, np.ndarray]:
        layer_inputs = run(network, waveforms)
        return {layer.name: weights_of(layer, layer_inputs[layer.name]) for layer in layers}

    return attention


def weights_of(layer: SelfAttention, inputs: np.ndarray) -> np.ndarray:
    """Compute the weights of one layer for its inputs, shape (traces, heads, steps, steps)."""
    _, weights = layer(inputs, return_attention_scores=True)
    attention_weights = keras.ops.convert_to_numpy(weights)
    return attention_weights if attention_weights.ndim == 4 else attention_weights[:, np.newaxis]


def run(network: keras.Model, waveforms: np.ndarray) -> Any:
    """Run a network with one output or a dictionary of outputs over waveforms in batches."""
    outputs_of_batches = [network.predict_on_batch(batch) for batch in batches(waveforms)]
    return keras.tree.map_structure(
        lambda *outputs: np.concatenate(outputs)[: len(waveforms)], *outputs_of_batches
    )


def batches(waveforms: np.ndarray) -> Iterator[np.ndarray]:
    """Split waveforms into batches of one size, the last padded with zeros.

    For a batch of another size Keras would trace the network again.
    """
    for start in range(0, len(waveforms), BATCH_SIZE):
        batch = waveforms[start : start + BATCH_SIZE]
        yield np.pad(batch, ((0, BATCH_SIZE - len(batch)), (0, 0), (0, 0)))
