"""Parallel evaluation of the two halves of a batch, which keeps two CPU cores busy."""

from collections import Counter
from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any, Final

import keras
from keras import ops

HALVES: Final = 2

Network = Callable[..., list[Any]]
"""Called with waveforms and ``training``, as a model is; returns the model's outputs in order."""

FULL_BATCH_LAYERS: Final = (
    keras.layers.BatchNormalization,
    keras.layers.Bidirectional,
    keras.layers.RNN,
)
"""Layers that get the complete batch.

Batch normalisation needs its mean; recurrent layers already run two directions in parallel.
"""


def run_in_halves(model: keras.Model, count: int = HALVES) -> Network:
    """Return a function equal to a network that runs each layer on both halves of a batch.

    With one thread per operation the halves run in parallel and synchronise at few layers. With all
    threads in each operation, the many small operations would keep only one core busy.

    Parameters
    ----------
    model
        A functional model, each layer of which is called once; its outputs are sigmoids.
    count
        Number of chunks of a batch, 2 or 1.

    Returns
    -------
    Network
        For batches of at least `count` traces. Its gradients are reproducible bit for bit.
    """
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    (start,) = model.inputs
    # Each layer that uses a tensor pops a copy of its own, so that no list outlives its last use.
    n_uses = Counter(id(tensor) for layer in layers for tensor in keras.tree.flatten(layer.input))
    n_uses.update(map(id, model.outputs))

    def run(waveforms: Any, training: bool) -> list[Any]:
        chunks = [waveforms]
        if count > 1:
            chunks = _split(waveforms, (ops.shape(waveforms)[0] + 1) // count)
        copies = {id(start): [chunks] * n_uses[id(start)]}
        for layer in layers:
            inputs = [copies[id(tensor)].pop() for tensor in keras.tree.flatten(layer.input)]
            outputs = _call_layer(layer, inputs, training)
            copies[id(layer.output)] = _fan_out(outputs, n_uses[id(layer.output)])
        logits = [[half._keras_logits for half in copies[id(t)].pop()] for t in model.outputs]
        # Keras keeps the logits with a sigmoid's result, and computes the loss from them.
        return [keras.activations.sigmoid(ops.concatenate(halves)) for halves in logits]

    return run


def _fan_out(chunks: list[Any], count: int) -> list[list[Any]]:
    """Copy chunks for `count` consumers, whose gradients are summed in a fixed order.

    TensorFlow's AddN sums three or more tensors in the order in which their memory becomes free,
    which varies: two equal trainings would differ in bits. The sum of two is commutative.
    """
    if count < 3:
        return [chunks] * count
    return [list(copy) for copy in zip(*[_fork(chunk, count) for chunk in chunks], strict=True)]


def _fork(tensor: Any, count: int) -> list[Any]:
    import tensorflow as tf

    @tf.custom_gradient
    def fork(tensor: Any) -> tuple[list[Any], Callable[..., Any]]:
        def sum_grads(*grads: Any) -> Any:
            # Written as a chain of additions, Grappler would merge it into one AddN again.
            return tf.reduce_sum(tf.stack(grads), axis=0)

        return [tf.identity(tensor) for _ in range(count)], sum_grads

    copies: list[Any] = fork(tensor)
    return copies


def _call_layer(layer: keras.Layer, inputs: Sequence[Any], training: bool) -> list[Any]:
    """Call a layer on both halves of its inputs; only an addition has two inputs."""
    options = {"training": training} if "training" in signature(layer.call).parameters else {}
    if isinstance(layer, FULL_BATCH_LAYERS):
        (halves,) = inputs
        if len(halves) == 1:
            return [layer(halves[0], **options)]
        return _split(layer(ops.concatenate(halves), **options), ops.shape(halves[0])[0])
    pairs = map(list, zip(*inputs, strict=True)) if len(inputs) > 1 else inputs[0]
    return [layer(half, **options) for half in pairs]


def _split(batch: Any, n_first: Any) -> list[Any]:
    import tensorflow as tf

    # Not by slices, whose gradients are padded to the complete batch and then summed.
    chunks: list[Any] = tf.split(batch, [n_first, tf.shape(batch)[0] - n_first])
    return chunks
