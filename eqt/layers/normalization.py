"""Batch normalisation, in one operation."""

from typing import Any

import keras
from keras import ops

from eqt.layers import xla
from eqt.layers.serialization import registered


@registered
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras's, which TensorFlow learns with in one operation, and its gradient in another.

    Source: Ioffe and Szegedy (2015), Batch Normalization, arXiv:1502.03167.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Return the normalised inputs: (batch, steps, channels)."""
        wide = keras.backend.result_type(inputs.dtype, "float32")
        learns = training and self.trainable and mask is None and not self.synchronized
        if not learns or wide != "float32" or not xla.has_kernels():
            return super().call(inputs, training, mask)
        import tensorflow as tf

        image = tf.cast(inputs[:, None], tf.float32)
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=image, scale=self.gamma, offset=self.beta, mean=[], variance=[], epsilon=self.epsilon
        )
        # It divides by n - 1 what is kept, and by n what it normalises with; Keras always by n.
        count = tf.cast(tf.size(image) // image.shape[-1], tf.float32)
        for moving, value in (
            (self.moving_mean, mean),
            (self.moving_variance, variance * (count - 1) / count),
        ):
            moving.assign(moving * self.momentum + value * (1 - self.momentum))
        return ops.cast(outputs[:, 0], self.compute_dtype)
