"""A network that takes both halves of a batch side by side, so that two cores are at work."""

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any, Final

import keras
from keras import ops

HALVES: Final = 2

Network = Callable[..., list[Any]]
"""Takes waveforms and ``training``, as a model does, and returns its outputs in order."""

TOGETHER: Final = (
    keras.layers.BatchNormalization,
    keras.layers.Bidirectional,
    keras.layers.RNN,
)
"""Layers that take the whole batch: for its mean, or since there are two that can run at once."""


def side_by_side(model: keras.Model) -> Network:
    """Return a function that computes what a network does, layer after layer for both halves.

    Where each operation has one core, the halves are computed at once and wait for each other at
    few layers. With all cores in each operation, the many small ones keep one of them busy.

    Parameters
    ----------
    model
        A functional model, each layer of which is called once; its outputs are sigmoids.

    Returns
    -------
    Network
        For batches of two traces or more.
    """
    layers = [each for each in model.layers if not isinstance(each, keras.layers.InputLayer)]
    (start,) = model.inputs

    def run(waveforms: Any, training: bool) -> list[Any]:
        halves = {id(start): _split(waveforms, (ops.shape(waveforms)[0] + 1) // 2)}
        for layer in layers:
            inputs = [halves[id(tensor)] for tensor in keras.tree.flatten(layer.input)]
            halves[id(layer.output)] = _called(layer, inputs, training)
        return [_joined(halves[id(output)]) for output in model.outputs]

    return run


def _called(layer: keras.Layer, inputs: Sequence[Any], training: bool) -> list[Any]:
    """Call a layer for both halves of its inputs, of which only an addition has two."""
    mode = {"training": training} if "training" in signature(layer.call).parameters else {}
    if isinstance(layer, TOGETHER):
        (halves,) = inputs
        return _split(layer(ops.concatenate(halves), **mode), ops.shape(halves[0])[0])
    if len(inputs) > 1:
        return [layer(list(pair), **mode) for pair in zip(*inputs, strict=True)]
    return [layer(half, **mode) for half in inputs[0]]


def _split(whole: Any, first: Any) -> list[Any]:
    import tensorflow as tf

    # Not by slices: their gradients are as long as the whole, and have to be added up.
    parts: list[Any] = tf.split(whole, [first, tf.shape(whole)[0] - first])
    return parts


def _joined(halves: Sequence[Any]) -> Any:
    """Join probabilities, and with them the logits from which the loss is taken."""
    return keras.activations.sigmoid(ops.concatenate([half._keras_logits for half in halves]))
