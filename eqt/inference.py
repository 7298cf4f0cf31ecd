"""A network for predicting: its weights are constants, and the cores may share every batch."""

from collections.abc import Callable
from typing import Any

import keras

from eqt import threads

InferenceFunction = Callable[[Any], list[Any]]
"""Takes waveforms as the network does and returns its outputs, in order."""


def compile_inference(model: keras.Model) -> InferenceFunction:
    """Return what a network computes when it predicts, with the weights that it has now.

    As constants, weights are brought into the processor's order once and not for every batch, and
    what is computed from them alone, as the kernels of the decoders are, is computed once.
    """
    if keras.backend.backend() != "tensorflow":
        return model.predict_on_batch
    import tensorflow as tf

    variables = model.trainable_variables, model.non_trainable_variables
    values = [[keras.ops.convert_to_numpy(one) for one in some] for some in variables]

    def outputs(shares: int, waveforms: Any) -> list[Any]:
        constants = [[tf.constant(value) for value in some] for some in values]
        sizes = (tf.shape(waveforms)[0] + tf.range(shares)) // shares
        parts = tf.split(waveforms, sizes, num=shares) if shares > 1 else [waveforms]
        computed = [model.stateless_call(*constants, part, training=False)[0] for part in parts]
        return [tf.concat(each, axis=0) for each in zip(*computed, strict=True)]

    anything = tf.TensorSpec((None, *model.input_shape[1:]))
    compiled = {
        shares: tf.function(
            lambda waveforms, shares=shares: outputs(shares, waveforms), [anything], autograph=False
        )
        for shares in {1, threads.n_shards()}
    }

    def run(waveforms: Any) -> list[Any]:
        shares = threads.n_shards() if len(waveforms) >= threads.n_shards() else 1
        return [output.numpy() for output in compiled[shares](waveforms)]

    return run
