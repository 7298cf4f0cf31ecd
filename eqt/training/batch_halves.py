"""A network that takes both halves of a batch side by side, so that two cores are at work."""

from collections import Counter
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


def run_in_halves(model: keras.Model, count: int = HALVES) -> Network:
    """Return a function that computes what a network does, layer after layer for both halves.

    Where each operation has one core, the halves are computed at once and wait for each other at
    few layers. With all cores in each operation, the many small ones keep one of them busy.

    Parameters
    ----------
    model
        A functional model, each layer of which is called once; its outputs are sigmoids.
    count
        Into how many parts the batch falls, two or one.

    Returns
    -------
    Network
        For batches of as many traces or more. Its slopes are the same bits each time.
    """
    layers = [each for each in model.layers if not isinstance(each, keras.layers.InputLayer)]
    (start,) = model.inputs
    wanted = Counter(id(tensor) for layer in layers for tensor in keras.tree.flatten(layer.input))
    wanted.update(map(id, model.outputs))

    def run(waveforms: Any, training: bool) -> list[Any]:
        parts = [waveforms]
        if count > 1:
            parts = _split(waveforms, (ops.shape(waveforms)[0] + 1) // count)
        copies = {id(start): [parts] * wanted[id(start)]}
        for layer in layers:
            inputs = [copies[id(tensor)].pop() for tensor in keras.tree.flatten(layer.input)]
            made = _called(layer, inputs, training)
            copies[id(layer.output)] = _copies(made, wanted[id(layer.output)])
        return [_joined(copies[id(output)].pop()) for output in model.outputs]

    return run


def _copies(parts: list[Any], count: int) -> list[list[Any]]:
    """Give the parts to so many layers, whose slopes are added up in one order.

    TensorFlow adds three tensors in the order in which their memory becomes free, which is not
    always the same: equal trainings would differ in bits. Of two the order does not matter.
    """
    if count < 3:
        return [parts] * count
    return [list(copy) for copy in zip(*[_fork(part, count) for part in parts], strict=True)]


def _fork(tensor: Any, count: int) -> list[Any]:
    import tensorflow as tf

    @tf.custom_gradient
    def fork(tensor: Any) -> tuple[list[Any], Callable[..., Any]]:
        def slope(*slopes: Any) -> Any:
            # As sums of two that are one operation each, they would be joined to one of all.
            return tf.reduce_sum(tf.stack(slopes), axis=0)

        return [tf.identity(tensor) for _ in range(count)], slope

    copies: list[Any] = fork(tensor)
    return copies


def _called(layer: keras.Layer, inputs: Sequence[Any], training: bool) -> list[Any]:
    """Call a layer for both halves of its inputs, of which only an addition has two."""
    mode = {"training": training} if "training" in signature(layer.call).parameters else {}
    if isinstance(layer, TOGETHER):
        (halves,) = inputs
        if len(halves) == 1:
            return [layer(halves[0], **mode)]
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
