"""Dropout of channels, as one product with the mask."""

from typing import Any

import keras
from keras import ops

from eqt.layers.serialization import registered


@registered
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
