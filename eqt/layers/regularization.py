"""Dropout of channels, in training or always, and batch normalisation."""

from typing import Any

import keras
from keras import ops

from eqt.kernels import xla
from eqt.kernels.fused_ops import batch_norm


@keras.saving.register_keras_serializable("eqt")
class ChannelDropout(keras.layers.SpatialDropout1D):
    """Keras's SpatialDropout1D, bit for bit, as a product with the scaled mask.

    Keras selects each element by a mask broadcast to the length of the signal. A product
    broadcasts the mask of one step, forward and backward.

    Source: Tompson et al. (2015), arXiv:1411.4280, section 3.2.
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return the inputs, (batch, steps, channels), in training with channels dropped."""
        if not (training and self.rate):
            return inputs
        batch, _, channels = ops.shape(inputs)
        ones = ops.ones((batch, 1, channels), inputs.dtype)
        mask = keras.random.dropout(ones, self.rate, seed=self.seed_generator)
        return inputs * ops.stop_gradient(mask)


@keras.saving.register_keras_serializable("eqt")
class MonteCarloDropout(keras.layers.SpatialDropout1D):
    """Spatial dropout that is active in prediction too: repeated runs show the uncertainty.

    A functional model passes its own ``training=False`` to every layer when it predicts, so a
    layer that shall drop channels then has to override it.

    Source: Gal and Ghahramani (2016), Dropout as a Bayesian Approximation: Representing Model
    Uncertainty in Deep Learning, arXiv:1506.02142.
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return the inputs with channels dropped, in training and in prediction."""
        return super().call(inputs, training=True)


@keras.saving.register_keras_serializable("eqt")
class ChannelMask(keras.layers.Layer):
    """Spatial dropout whose masks are drawn by the caller, so that they can be a window's own.

    Parameters
    ----------
    rate
        Share of channels that a mask drops.
    batch_size
        Number of waveforms in every batch.
    """

    def __init__(self, rate: float, batch_size: int, name: str | None = None):
        super().__init__(name=name)
        self.rate, self.batch_size = rate, batch_size

    def build(self, input_shape: Any) -> None:
        """Make the mask, ones at first."""
        shape = (self.batch_size, 1, input_shape[-1])
        self.mask = self.add_weight(shape=shape, initializer="ones", trainable=False, name="mask")

    def set_mask(self, factors: Any) -> None:
        """Set the factors of all channels, shape (batch, channels)."""
        self.mask.assign(factors[:, None])

    def call(self, inputs: Any) -> Any:
        """Return the inputs times the mask."""
        return inputs * self.mask

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {"rate": self.rate, "batch_size": self.batch_size, "name": self.name}


@keras.saving.register_keras_serializable("eqt")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras's batch normalisation; in training on TensorFlow one fused operation each way.

    Source: Ioffe and Szegedy (2015), Batch Normalization, arXiv:1502.03167.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Return the normalised inputs: (batch, steps, channels)."""
        compute_dtype = keras.backend.result_type(inputs.dtype, "float32")
        batch_statistics = training and self.trainable and mask is None and not self.synchronized
        if batch_statistics and compute_dtype == "float32" and xla.is_on():
            return batch_norm(self, inputs)
        return super().call(inputs, training, mask)
