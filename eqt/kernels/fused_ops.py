"""Batch normalisation and Adam as single operations of TensorFlow."""

from typing import Any

import keras
from keras import ops


def batch_norm(layer: keras.layers.BatchNormalization, inputs: Any) -> Any:
    """Normalise by the statistics of a batch, (batch, steps, channels); update the running means.

    In float32, one operation forward and one for the gradient.
    """
    import tensorflow as tf

    image = tf.cast(inputs[:, None], tf.float32)
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=image, scale=layer.gamma, offset=layer.beta, mean=[], variance=[], epsilon=layer.epsilon
    )
    # The fused operation normalises by the variance over n, but returns that over n - 1 for the
    # running mean; Keras uses n for both.
    n_values = tf.cast(tf.size(image) // image.shape[-1], tf.float32)
    for moving_average, value in (
        (layer.moving_mean, mean),
        (layer.moving_variance, variance * (n_values - 1) / n_values),
    ):
        moving_average.assign(moving_average * layer.momentum + value * (1 - layer.momentum))
    return ops.cast(outputs[:, 0], layer.compute_dtype)


class Adam(keras.optimizers.Adam):
    """Keras's Adam with `ResourceApplyAdam`: one operation per weight instead of fourteen.

    With weight decay it is AdamW. A network as small as this one spends more time on dispatching
    its small operations than on computing them.

    Sources: Kingma and Ba (2015), arXiv:1412.6980; Loshchilov and Hutter (2019), arXiv:1711.05101.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one weight and its two moments."""
        import tensorflow as tf

        # Keras keeps the moments in private lists, in the order of the weights.
        index, dtype = self._get_variable_index(variable), variable.dtype
        step = tf.cast(self.iterations.value, dtype) + 1
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=self.beta_1**step,
            beta2_power=self.beta_2**step,
            lr=tf.cast(learning_rate, dtype),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.cast(gradient, dtype),
        )
