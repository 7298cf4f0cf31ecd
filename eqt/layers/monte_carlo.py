"""Monte Carlo dropout: active in prediction too, so that repeated runs show the uncertainty."""

from typing import Any

import keras

from eqt.layers.serialization import registered


@registered
class MonteCarloDropout(keras.layers.SpatialDropout1D):
    """Spatial dropout that is always active.

    A functional model passes its own ``training=False`` to every layer when it predicts, so a
    layer that shall drop channels then has to override it.

    Source: Gal and Ghahramani (2016), Dropout as a Bayesian Approximation: Representing Model
    Uncertainty in Deep Learning, arXiv:1506.02142.
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return the inputs with channels dropped, in training and in prediction."""
        return super().call(inputs, training=True)
