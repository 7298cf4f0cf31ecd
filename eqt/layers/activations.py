"""Hard sigmoid of Keras 2, the gate activation of the published recurrent layers."""

from typing import Any

from keras import ops

from eqt.layers.serialization import registered


@registered
def hard_sigmoid(x: Any) -> Any:
    """Return clip(0.2 x + 0.5, 0, 1), the hard sigmoid of Keras 2.

    Keras 3 has another function, clip(x / 6 + 0.5, 0, 1), under the same name: weights trained
    with one return wrong probabilities with the other.
    """
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)
