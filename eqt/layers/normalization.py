"""Batch normalisation by TensorFlow's fused operation."""

from typing import Any

import keras
from keras import ops

from eqt.layers import xla
from eqt.layers.serialization import registered


@registered
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras's batch normalisation; in training on TensorFlow one fused operation each way.

    Source: Ioffe and Szegedy (2015), Batch Normalization, arXiv:1502.03167.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Return the normalised inputs: (batch, steps, channels)."""
        compute_dtype = keras.backend.result_type(inputs.dtype, "float32")
        batch_statistics = training and self.trainable and mask is None and not self.synchronized
        if not batch_statistics or compute_dtype != "float32" or not xla.has_kernels():
            return super().call(inputs, training, mask)
        import tensorflow as tf

        image = tf.cast(inputs[:, None], tf.float32)
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=image, scale=self.gamma, offset=self.beta, mean=[], variance=[], epsilon=self.epsilon
        )
        # The fused operation normalises by the variance over n, but returns that over n - 1 for
        # the running mean; Keras uses n for both.
        n_values = tf.cast(tf.size(image) // image.shape[-1], tf.float32)
        for moving_average, value in (
            (self.moving_mean, mean),
            (self.moving_variance, variance * (n_values - 1) / n_values),
        ):
            moving_average.assign(moving_average * self.momentum + value * (1 - self.momentum))
        return ops.cast(outputs[:, 0], self.compute_dtype)
