"""LSTMs over short sequences: Keras's own, with all steps and both directions in one kernel."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import keras
from keras import ops

from eqt.layers import compiling
from eqt.layers.gates import hard_sigmoid
from eqt.layers.registry import registered

_SLOPES: Final[dict[Any, Callable[[Any], Any]]] = {
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
            return _run([self], sequences, training)
        return super().call(sequences, initial_state, mask, training)


@registered
class BidirectionalLSTM(keras.layers.Bidirectional):
    """Keras's Bidirectional of two `LSTM`, both in the same kernel."""

    def call(
        self,
        sequences: Any,
        initial_state: Any = None,
        mask: Any = None,
        training: bool | None = None,
    ) -> Any:
        """Return h of both directions at every step: (batch, steps, 2 x units)."""
        both = [self.forward_layer, self.backward_layer]
        if initial_state is None and mask is None and all(map(_is_usual, both)):
            return _run(both, sequences, training)
        return super().call(sequences, initial_state, mask, training)


def _is_usual(layer: keras.layers.LSTM) -> bool:
    """Tell whether a layer is one of those that this file is for."""
    whole = layer.return_sequences and not (layer.return_state or layer.stateful)
    known = layer.activation is keras.activations.tanh and layer.recurrent_activation in _SLOPES
    return whole and known and layer.use_bias and not compiling.is_off()


def _run(layers: Sequence[LSTM], sequences: Any, training: bool | None) -> Any:
    """Return h of a layer that reads forwards, or of that and one that reads backwards."""
    cells = [layer.cell for layer in layers]
    # In float32 at least, under mixed precision too: the errors of the steps add up.
    wide = keras.backend.result_type(cells[0].variable_dtype, "float32")
    x = ops.cast(sequences, wide)
    stored = [(cell.kernel, cell.recurrent_kernel, cell.bias) for cell in cells]
    weights = [ops.cast(weight, wide) for three in stored for weight in three]
    masks, gate = _masks(cells, x) if training else None, cells[0].recurrent_activation

    @ops.custom_gradient
    def lstm(x: Any, *weights: Any) -> tuple[Any, Callable[..., Any]]:
        outputs, *kept = _forward(gate, x, weights, masks)

        def gradient(*given: Any, upstream: Any = None) -> Any:
            slope = given[0] if upstream is None else upstream
            return _backward(gate, slope, x, weights, masks, *kept)

        return outputs, gradient

    return ops.cast(lstm(x, *weights), layers[0].compute_dtype)


def _masks(cells: Sequence[Any], x: Any) -> tuple[Any, Any] | None:
    """Draw what dropout leaves of x and h, each (directions, gates, batch, channels or units)."""
    if not (cells[0].dropout or cells[0].recurrent_dropout):
        return None
    batch, _, channels = ops.shape(x)
    widths = {"dropout": channels, "recurrent_dropout": cells[0].units}
    ones = {rate: ops.ones((4, batch, width), x.dtype) for rate, width in widths.items()}
    of_x, of_h = (
        ops.stack([
            keras.random.dropout(all_, getattr(cell, rate), seed=cell.seed_generator)
            for cell in cells
        ])
        for rate, all_ in ones.items()
    )
    return of_x, of_h


# Below, arrays are by step, direction, gate, trace and channel, as far as they have them: steps in
# the order in which a direction reads, gates as i, f, g, o. Each step is one product for them all.


@compiling.compiled
def _forward(gate: Any, x: Any, weights: Any, masks: Any) -> tuple[Any, ...]:
    """Return the outputs, (batch, steps, channels), and what the gradient needs."""
    kernel, recurrent, bias = _by_gate(weights)
    steps, batch = x.shape[1], ops.shape(x)[0]
    z = ops.matmul(_read(x, kernel.shape[0], masks), kernel) + ops.expand_dims(bias, 2)
    z = ops.transpose(ops.reshape(z, (kernel.shape[0], 4, steps, batch, -1)), (2, 0, 1, 3, 4))

    def step(state: tuple[Any, ...], given: tuple[Any, ...]) -> tuple[Any, ...]:
        (h, c), (z,) = state, given
        i, f, g, o = _gates(gate, z + ops.matmul(_dropped(h, masks), recurrent))
        c = f * c + i * g
        return o * ops.tanh(c), c

    zero = ops.zeros_like(z[0, :, 0])
    h, c = _scan(step, (zero, zero), (z,))
    return _written(h), z, h, c


@compiling.compiled
def _backward(
    gate: Any, slope: Any, x: Any, weights: Any, masks: Any, z: Any, h: Any, c: Any
) -> tuple[Any, ...]:
    """Return the slopes for x and for each of the weights, given those for the outputs.

    A step hands its slopes to the one before: for c by what f keeps, for h through the gates.
    """
    kernel, recurrent, _ = _by_gate(weights)
    before = _dropped(_delayed(h), masks)
    i, f, g, o = _gates(gate, z + ops.matmul(before, recurrent))
    bent, held = _SLOPES[gate], ops.tanh(c)
    by_gate = [g * bent(i), _delayed(c) * bent(f), i * (1 - g * g), held * bent(o)]

    def step(state: tuple[Any, ...], given: tuple[Any, ...]) -> tuple[Any, ...]:
        (dz, dc), (dh, of_c, kept, by_gate) = state, given
        dh = dh + _gathered(ops.matmul(dz, _turned(recurrent)), masks and masks[1])
        dc = dc + dh * of_c
        return ops.stack([dc, dc, dc, dh], axis=1) * by_gate, dc * kept

    given = (_unwritten(slope, kernel.shape[0]), o * (1 - held * held), f, ops.stack(by_gate, axis=2))
    start = (ops.zeros_like(z[0]), ops.zeros_like(c[0]))
    dz = _steps_together(_scan(step, start, given, backwards=True)[0])
    dkernel = ops.matmul(_turned(_read(x, kernel.shape[0], masks)), dz)
    drecurrent = ops.matmul(_turned(_steps_together(before)), dz)
    dx = ops.reshape(ops.matmul(dz, _turned(kernel)), (kernel.shape[0], 4, z.shape[0], -1, *x.shape[2:]))
    dx = _gathered(dx, masks and ops.expand_dims(masks[0], 2))
    dx = ops.swapaxes(sum(_in_time(ops.unstack(dx))), 0, 1)
    return dx, *_as_stored(dkernel, drecurrent, ops.sum(dz, axis=2))


def _scan(
    step: Callable[..., Any], state: tuple[Any, ...], given: tuple[Any, ...], backwards: bool = False
) -> tuple[Any, ...]:
    """Return the states after each step, which has its own of the arrays given."""
    count = given[0].shape[0]
    states = tuple(ops.zeros((count, *ops.shape(part)), part.dtype) for part in state)

    def next_(i: Any, state: Any, states: Any) -> Any:
        at = count - 1 - i if backwards else i
        state = step(state, tuple(array[at] for array in given))
        parts = zip(states, state, strict=True)
        kept = (
            ops.slice_update(all_, (at, *[0] * (len(all_.shape) - 1)), part[None])
            for all_, part in parts
        )
        return i + 1, state, tuple(kept)

    return ops.while_loop(lambda i, *_: i < count, next_, (0, state, states))[2]


def _by_gate(weights: Sequence[Any]) -> list[Any]:
    """Return kernels, recurrent kernels and biases of Keras's cells, each by direction and gate."""

    def split(weight: Any) -> Any:
        *rows, width = weight.shape
        return ops.moveaxis(ops.reshape(weight, (*rows, 4, width // 4)), -2, 0)

    return [ops.stack([split(weight) for weight in weights[kind::3]]) for kind in range(3)]


def _as_stored(*weights: Any) -> list[Any]:
    """Return what is by direction and gate as Keras's cells have it."""

    def join(weight: Any) -> Any:
        last = ops.moveaxis(weight, 0, -2)
        return ops.reshape(last, (*last.shape[:-2], 4 * last.shape[-1]))

    return [join(weight[way]) for way in range(weights[0].shape[0]) for weight in weights]


def _read(x: Any, ways: int, masks: Any) -> Any:
    """Return the inputs as each direction and gate reads them, all steps together."""
    x = ops.swapaxes(x, 0, 1)
    read = ops.expand_dims(ops.stack([x, ops.flip(x, 0)][:ways]), 1)
    if masks:
        read = read * ops.expand_dims(masks[0], 2)
    return ops.reshape(read, (ways, read.shape[1], -1, x.shape[-1]))


def _written(h: Any) -> Any:
    """Return the outputs, (batch, steps, channels)."""
    parts = _in_time(ops.unstack(h, axis=1))
    return ops.swapaxes(ops.concatenate(parts, axis=-1), 0, 1)


def _unwritten(outputs: Any, ways: int) -> Any:
    """Return what `_written` was given."""
    parts = ops.split(ops.swapaxes(outputs, 0, 1), ways, axis=-1)
    return ops.stack(_in_time(parts), axis=1)


def _in_time(parts: Any) -> list[Any]:
    """Turn the second direction round, if there is one: its steps are in time, or again not."""
    return [ops.flip(part, 0) if way else part for way, part in enumerate(parts)]


def _gates(gate: Any, z: Any) -> tuple[Any, ...]:
    i, f, g, o = ops.unstack(z, axis=-3)
    return gate(i), gate(f), ops.tanh(g), gate(o)


def _dropped(h: Any, masks: Any) -> Any:
    """Return h as each gate sees it."""
    h = ops.expand_dims(h, -3)
    return h * masks[1] if masks else h


def _gathered(slopes: Any, mask: Any) -> Any:
    """Return the slopes for what all gates have seen, by direction."""
    return ops.sum(slopes if mask is None else slopes * mask, axis=1)


def _delayed(states: Any) -> Any:
    """Return the states before each step."""
    return ops.concatenate([ops.zeros_like(states[:1]), states[:-1]])


def _steps_together(x: Any) -> Any:
    """Return an array by direction and gate, all steps together."""
    _, ways, gates, _, width = x.shape
    return ops.reshape(ops.transpose(x, (1, 2, 0, 3, 4)), (ways, gates, -1, width))


def _turned(matrices: Any) -> Any:
    return ops.swapaxes(matrices, -1, -2)
