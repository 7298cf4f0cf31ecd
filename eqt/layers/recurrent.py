"""LSTMs over short sequences: Keras's own, with all steps in one kernel."""

from collections.abc import Callable
from typing import Any, Final

import keras
from keras import ops

from eqt.layers import xla
from eqt.layers.activations import hard_sigmoid
from eqt.layers.serialization import registered

_ACTIVATION_GRADIENTS: Final[dict[Any, Callable[[Any], Any]]] = {
    keras.activations.sigmoid: lambda gate: gate * (1 - gate),
    hard_sigmoid: lambda gate: 0.2 * ops.cast(ops.logical_and(gate > 0, gate < 1), gate.dtype),
}
"""The slope of an activation of gates, by what it gives."""


@registered
class LSTM(keras.layers.LSTM):
    """Keras's LSTM, whose weights and dropout it has, for less work.

    With i, f, o = gate(x W + h U + b) and g = tanh(x W + h U + b), c becomes f c + i g and h
    becomes o tanh(c). In training x and h are first multiplied by what dropout leaves: masks for
    each gate, which are the same at all steps.

    What is x W comes from one product; the steps are a compiled loop, and so is the gradient, which
    is written out. What other layers than those of the network may ask for, initial states and
    Keras masks among it, is left to Keras.

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
        if initial_state is None and mask is None and _is_usual(self) and not self.go_backwards:
            return _run(self, sequences, training)
        return super().call(sequences, initial_state, mask, training)


@registered
class BidirectionalLSTM(keras.layers.Bidirectional):
    """Keras's Bidirectional of two `LSTM`, which need not wait for each other."""

    def call(
        self,
        sequences: Any,
        initial_state: Any = None,
        mask: Any = None,
        training: bool | None = None,
    ) -> Any:
        """Return h of both directions at every step: (batch, steps, 2 x units)."""
        both = self.forward_layer, self.backward_layer
        usual = self.merge_mode == "concat" and all(map(_is_usual, both))
        if initial_state is None and mask is None and usual:
            return ops.concatenate([_run(way, sequences, training) for way in both], axis=-1)
        return super().call(sequences, initial_state, mask, training)


def _is_usual(layer: keras.layers.LSTM) -> bool:
    """Tell whether a layer is one of those that this file is for."""
    whole = layer.return_sequences and not (layer.return_state or layer.stateful)
    known = (
        layer.activation is keras.activations.tanh
        and layer.recurrent_activation in _ACTIVATION_GRADIENTS
    )
    return whole and known and layer.use_bias and not xla.is_off()


def _run(layer: LSTM, sequences: Any, training: bool | None) -> Any:
    """Return h at every step, in the order of the input also where it is read backwards."""
    cell, backwards = layer.cell, bool(layer.go_backwards)
    # In float32 at least, under mixed precision too: the errors of the steps add up.
    wide = keras.backend.result_type(cell.variable_dtype, "float32")
    x, *weights = (
        ops.cast(each, wide) for each in (sequences, cell.kernel, cell.recurrent_kernel, cell.bias)
    )
    masks = _masks(cell, x) if training else None
    outputs = _lstm(cell.recurrent_activation, backwards, x, weights, masks)
    # While a graph is made, what is compiled in it does not tell all of its shape.
    outputs = ops.reshape(outputs, (-1, x.shape[1], cell.units))
    return ops.cast(outputs, layer.compute_dtype)


def _masks(cell: Any, x: Any) -> tuple[Any, Any] | None:
    """Draw what dropout leaves of x and of h, each (gates, batch, channels or units)."""
    if not (cell.dropout or cell.recurrent_dropout):
        return None
    batch, _, channels = ops.shape(x)

    def draw(width: int, rate: float) -> Any:
        ones = ops.ones((4, batch, width), x.dtype)
        return keras.random.dropout(ones, rate, seed=cell.seed_generator)

    return draw(channels, cell.dropout), draw(cell.units, cell.recurrent_dropout)


def _lstm(gate: Any, backwards: bool, x: Any, weights: Any, masks: Any) -> Any:
    """Return h at every step, (batch, steps, units); the masks have no gradient."""

    @ops.custom_gradient
    def lstm(*inputs: Any) -> tuple[Any, Callable[..., Any]]:
        # Else TensorFlow, computing at once, would look for a gradient of the loop itself.
        x, *weights = map(ops.stop_gradient, inputs)
        outputs, *kept = _forward(gate, backwards, x, weights, masks)

        def gradient(*given: Any, upstream: Any = None) -> Any:
            slope = given[0] if upstream is None else upstream
            return _backward(gate, backwards, slope, x, weights, masks, *kept)

        return outputs, gradient

    return lstm(x, *weights)


# Below, arrays are by step, gate, trace and channel, as far as they have them: steps in the order
# in which they are read, gates as i, f, g, o. Each step is one product for all gates.


@xla.xla_jit
def _forward(gate: Any, backwards: bool, x: Any, weights: Any, masks: Any) -> tuple[Any, ...]:
    """Return the outputs, (batch, steps, units), and what the gradient needs."""
    kernel, recurrent, bias = map(_split_gates, weights)
    z = ops.matmul(_read(x, backwards, masks), kernel) + bias
    z = ops.reshape(z, (4, x.shape[1], -1, z.shape[-1]))

    def step(state: tuple[Any, ...], given: tuple[Any, ...]) -> tuple[Any, ...]:
        (h, c), (z,) = state, given
        i, f, g, o = _gates(gate, z + ops.matmul(_apply_dropout(h, masks), recurrent))
        c = f * c + i * g
        return o * ops.tanh(c), c

    z = ops.swapaxes(z, 0, 1)
    zero = ops.zeros_like(z[0, 0])
    h, c = _scan(step, (zero, zero), (z,))
    return ops.swapaxes(_maybe_reverse(h, backwards), 0, 1), z, h, c


@xla.xla_jit
def _backward(
    gate: Any,
    backwards: bool,
    slope: Any,
    x: Any,
    weights: Any,
    masks: Any,
    z: Any,
    h: Any,
    c: Any,
) -> tuple[Any, ...]:
    """Return the slopes for x and for each of the weights, given those for the outputs.

    A step hands its slopes to the one before: for c by what f keeps, for h through the gates.
    """
    kernel, recurrent, _ = map(_split_gates, weights)
    before = _apply_dropout(_previous(h), masks)
    i, f, g, o = _gates(gate, z + ops.matmul(before, recurrent))
    bent, held = _ACTIVATION_GRADIENTS[gate], ops.tanh(c)
    by_gate = [g * bent(i), _previous(c) * bent(f), i * (1 - g * g), held * bent(o)]

    def step(state: tuple[Any, ...], given: tuple[Any, ...]) -> tuple[Any, ...]:
        (dz, dc), (dh, of_c, kept, by_gate) = state, given
        dh = dh + _sum_gates(ops.matmul(dz, _transposed(recurrent)), masks and masks[1])
        dc = dc + dh * of_c
        return ops.stack([dc, dc, dc, dh]) * by_gate, dc * kept

    dh = _maybe_reverse(ops.swapaxes(slope, 0, 1), backwards)
    given = (dh, o * (1 - held * held), f, ops.stack(by_gate, axis=1))
    dz, _ = _scan(step, (ops.zeros_like(z[0]), ops.zeros_like(c[0])), given, last_first=True)
    dz = _flatten_time(dz)
    dkernel = ops.matmul(_transposed(_read(x, backwards, masks)), dz)
    drecurrent = ops.matmul(_transposed(_flatten_time(before)), dz)
    dx = ops.reshape(ops.matmul(dz, _transposed(kernel)), (4, x.shape[1], -1, x.shape[2]))
    dx = _sum_gates(dx, masks and ops.expand_dims(masks[0], 1))
    dx = ops.swapaxes(_maybe_reverse(dx, backwards), 0, 1)
    return (
        dx,
        _to_keras_layout(dkernel),
        _to_keras_layout(drecurrent),
        _to_keras_layout(ops.sum(dz, axis=1)),
    )


def _scan(
    step: Callable[..., Any],
    state: tuple[Any, ...],
    given: tuple[Any, ...],
    last_first: bool = False,
) -> tuple[Any, ...]:
    """Return the states after each step, which has its own part of each array that is given."""
    count = given[0].shape[0]
    states = tuple(ops.zeros((count, *ops.shape(part)), part.dtype) for part in state)

    def next_(done: Any, state: Any, states: Any) -> Any:
        at = count - 1 - done if last_first else done
        state = step(state, tuple(array[at] for array in given))
        states = tuple(
            ops.slice_update(all_, (at, *[0] * len(part.shape)), part[None])
            for all_, part in zip(states, state, strict=True)
        )
        return done + 1, state, states

    return ops.while_loop(lambda done, *_: done < count, next_, (0, state, states))[2]


def _split_gates(weight: Any) -> Any:
    """Return a weight of Keras's cell with an axis of gates before all others."""
    *rows, width = weight.shape
    split = ops.moveaxis(ops.reshape(weight, (*rows, 4, width // 4)), -2, 0)
    return split if rows else ops.expand_dims(split, 1)


def _to_keras_layout(weight: Any) -> Any:
    """Return what is by gate as Keras's cell has it."""
    last = ops.moveaxis(weight, 0, -2)
    return ops.reshape(last, (*last.shape[:-2], 4 * last.shape[-1]))


def _read(x: Any, backwards: bool, masks: Any) -> Any:
    """Return the inputs as each gate reads them, all steps together."""
    x = ops.expand_dims(_maybe_reverse(ops.swapaxes(x, 0, 1), backwards), 0)
    x = x * ops.expand_dims(masks[0], 1) if masks else x
    return ops.reshape(x, (x.shape[0], -1, x.shape[-1]))


def _maybe_reverse(steps: Any, backwards: bool) -> Any:
    """Bring steps from the order in which they are read into that of time, or back."""
    return ops.flip(steps, 0) if backwards else steps


def _gates(gate: Any, z: Any) -> tuple[Any, ...]:
    i, f, g, o = ops.unstack(z, axis=-3)
    return gate(i), gate(f), ops.tanh(g), gate(o)


def _apply_dropout(h: Any, masks: Any) -> Any:
    """Return h as each gate sees it."""
    h = ops.expand_dims(h, -3)
    return h * masks[1] if masks else h


def _sum_gates(slopes: Any, mask: Any) -> Any:
    """Return the slopes for what all gates have seen."""
    return ops.sum(slopes if mask is None else slopes * mask, axis=0)


def _previous(states: Any) -> Any:
    """Return the states before each step."""
    return ops.concatenate([ops.zeros_like(states[:1]), states[:-1]])


def _flatten_time(x: Any) -> Any:
    """Return an array by gate, all steps together."""
    return ops.reshape(ops.swapaxes(x, 0, 1), (x.shape[1], -1, x.shape[-1]))


def _transposed(matrices: Any) -> Any:
    return ops.swapaxes(matrices, -1, -2)
