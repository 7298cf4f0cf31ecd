"""Inference with constant weights, each batch split over the processor's cores."""

from collections.abc import Callable
from typing import Any

import keras

from eqt import threads

InferenceFunction = Callable[[Any], list[Any]]
"""Maps waveforms, as the network takes them, to the list of its outputs."""


def compile_inference(model: keras.Model, n_parts: int | None = None) -> InferenceFunction:
    """Compile a network for inference, its current weights as constants.

    TensorFlow folds constants: it brings the weights into the processor's memory layout, and
    computes what depends on them alone, such as the decoders' kernels, once and not for every
    batch.

    Parameters
    ----------
    model
        A network of `eqt.model.build_model`.
    n_parts
        Parts of every batch, which run in parallel; by default one for each core. Results of
        batches of one size and number of parts are the same for any number of cores.
    """
    if keras.backend.backend() != "tensorflow":
        return model.predict_on_batch
    import tensorflow as tf

    variables = model.trainable_variables, model.non_trainable_variables
    values = [[keras.ops.convert_to_numpy(weight) for weight in group] for group in variables]

    def outputs(n_parts: int, waveforms: Any) -> list[Any]:
        constants = [[tf.constant(value) for value in group] for group in values]
        # As equal as possible, for batches of any size: the last one is often smaller.
        sizes = (tf.shape(waveforms)[0] + tf.range(n_parts)) // n_parts
        parts = tf.split(waveforms, sizes, num=n_parts) if n_parts > 1 else [waveforms]
        computed = [model.stateless_call(*constants, part, training=False)[0] for part in parts]
        return [tf.concat(output, axis=0) for output in zip(*computed, strict=True)]

    signature = tf.TensorSpec((None, *model.input_shape[1:]))
    compiled = {
        n_parts: tf.function(
            lambda waveforms, n_parts=n_parts: outputs(n_parts, waveforms),
            [signature],
            autograph=False,
        )
        for n_parts in {1, n_parts or threads.n_shards()}
    }

    def run(waveforms: Any) -> list[Any]:
        wanted_parts = n_parts or threads.n_shards()
        compiled_function = compiled[wanted_parts if len(waveforms) >= wanted_parts else 1]
        return [output.numpy() for output in compiled_function(waveforms)]

    return run
