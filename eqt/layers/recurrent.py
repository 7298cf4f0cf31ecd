"""LSTM and bidirectional LSTM, with the gates of Keras 2 or 3."""

from collections.abc import Callable
from typing import Any, Final

import keras
from keras import ops

from eqt.kernels import xla
from eqt.kernels.recurrent import lstm


@keras.saving.register_keras_serializable("eqt")
def hard_sigmoid(x: Any) -> Any:
    """Return clip(0.2 x + 0.5, 0, 1), the hard sigmoid of Keras 2.

    Keras 3 has another function, clip(x / 6 + 0.5, 0, 1), under the same name: weights trained
    with one return wrong probabilities with the other.
    """
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


_GATE_DERIVATIVES: Final[dict[Any, Callable[[Any], Any]]] = {
    keras.activations.sigmoid: lambda gate: gate * (1 - gate),
    hard_sigmoid: lambda gate: 0.2 * ops.cast(ops.logical_and(gate > 0, gate < 1), gate.dtype),
}
"""Derivative of a gate's activation, as a function of its output."""


@keras.saving.register_keras_serializable("eqt")
class LSTM(keras.layers.LSTM):
    """Keras's LSTM, with the same weights and dropout, as one kernel on TensorFlow.

    With i, f, o = gate(x W + h U + b) and g = tanh(x W + h U + b), c becomes f c + i g and h
    becomes o tanh(c). In training x and h are first multiplied by dropout masks, one for each
    gate, the same at all steps.

    Options that the network does not use, such as initial states and Keras masks, are left to
    Keras.

    Sources: Hochreiter and Schmidhuber (1997), doi:10.1162/neco.1997.9.8.1735; for the dropout Gal
    and Ghahramani (2016), arXiv:1512.05287.
    """

    def call(
        self,
        sequences: Any,
        initial_state: Any = None,
        mask: Any = None,
        training: bool | None = False,
    ) -> Any:
        """Return h at every step: (batch, steps, units)."""
        # A lone backward LSTM of Keras returns the steps in reversed order: left to Keras.
        supported = _is_supported(self) and not self.go_backwards
        if initial_state is None and mask is None and supported:
            return _run_kernel(self, sequences, training)
        return super().call(sequences, initial_state, mask, training)


@keras.saving.register_keras_serializable("eqt")
class BidirectionalLSTM(keras.layers.Bidirectional):
    """Keras's Bidirectional of two `LSTM`, whose two directions can run in parallel."""

    def call(
        self,
        sequences: Any,
        initial_state: Any = None,
        mask: Any = None,
        training: bool | None = None,
    ) -> Any:
        """Return h of both directions at every step: (batch, steps, 2 x units)."""
        layers = self.forward_layer, self.backward_layer
        supported = self.merge_mode == "concat" and all(map(_is_supported, layers))
        if initial_state is None and mask is None and supported:
            # A kernel for each direction, not one for both: they then run in parallel.
            outputs = [_run_kernel(layer, sequences, training) for layer in layers]
            return ops.concatenate(outputs, axis=-1)
        return super().call(sequences, initial_state, mask, training)


def _is_supported(layer: keras.layers.LSTM) -> bool:
    """Return whether the kernel computes a layer with these options."""
    sequences_only = layer.return_sequences and not (layer.return_state or layer.stateful)
    known_activations = (
        layer.activation is keras.activations.tanh
        and layer.recurrent_activation in _GATE_DERIVATIVES
    )
    return sequences_only and known_activations and layer.use_bias and xla.is_on()


def _run_kernel(layer: LSTM, sequences: Any, training: bool | None) -> Any:
    return lstm(layer, _GATE_DERIVATIVES[layer.recurrent_activation], sequences, training)
