"""Dropout of whole channels, for less work."""

from typing import Any

import keras
from keras import ops

from eqt.layers.serialization import registered


@registered
class ChannelDropout(keras.layers.SpatialDropout1D):
    """Keras's SpatialDropout1D, to the same bits: a product by what is left, and as its gradient.

    Keras chooses each element between its multiple and zero, and so takes the mask to full length.

    Source: Tompson et al. (2015), arXiv:1411.4280, section 3.2.
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return the inputs: (batch, steps, channels)."""
        if not (training and self.rate):
            return inputs
        batch, _, channels = ops.shape(inputs)
        ones = ops.ones((batch, 1, channels), inputs.dtype)
        left = keras.random.dropout(ones, self.rate, seed=self.seed_generator)
        return inputs * ops.stop_gradient(left)
