"""Dropout that acts also when predicting: what a network is unsure of then differs each time."""

from typing import Any

import keras

from eqt.layers.serialization import registered


@registered
class MonteCarloDropout(keras.layers.SpatialDropout1D):
    """Spatial dropout that is never switched off.

    Keras switches off what was only called with ``training=True`` when it predicts.

    Source: Gal and Ghahramani (2016), Dropout as a Bayesian Approximation: Representing Model
    Uncertainty in Deep Learning, arXiv:1506.02142.
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Drop channels whether this is training or not."""
        return super().call(inputs, training=True)
