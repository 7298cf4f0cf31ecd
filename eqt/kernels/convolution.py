"""Convolutions as fused two-dimensional ones: of packed samples, and of upsampled signals.

TensorFlow fuses a two-dimensional convolution, a bias and an activation into one operation, but
not those of Conv1D, which drops a dimension in between. So a signal is convolved as an image that
is one sample high: the network runs 1,042 instead of 870 traces a second.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops
from keras.layers import Conv1D


def packed_conv(layer: Conv1D, inputs: Any, pack: int) -> Any:
    """Convolve n samples at a time: pack n steps of c channels into one step of n c channels.

    In a signal of rows of n samples, n outputs of f channels follow from a few rows: with
    left = (width - 1) // 2, output o of row m is the sum over j of K[j] x[n m + o + j - left], so
    input i of row m + r contributes through tap n r + i - o + left. The packed kernel is padded
    with zeros, and yet where channels are few the product of larger matrices is faster: one output
    channel from eight takes half the time.

    A signal whose length n does not divide is convolved without packing.
    """
    _, steps, channels = ops.shape(inputs)
    (width,) = layer.kernel_size
    # A graph traced without a length, as for export, cannot be packed.
    if pack == 1 or not isinstance(steps, int) or steps % pack:
        return _activate(layer, _convolve(layer, inputs, layer.kernel, (width - 1) // 2))
    before, taps = _packed_taps(width, pack)
    # Axes: row, input, output, channel, filter; then (rows, n channels, n filters).
    kernel = ops.tensordot(ops.cast(taps, layer.compute_dtype), layer.kernel, axes=1)
    kernel = ops.transpose(kernel, (0, 1, 3, 2, 4))
    kernel = ops.reshape(kernel, (len(taps), pack * channels, pack * layer.filters))
    packed = ops.reshape(inputs, (-1, steps // pack, pack * channels))
    outputs = _convolve(layer, packed, kernel, before)
    return _activate(layer, ops.reshape(outputs, (-1, steps, layer.filters)))


def _packed_taps(width: int, pack: int) -> tuple[int, np.ndarray]:
    """Return the rows before the output's own, and 1 where a tap joins an input and an output.

    The axes of the array are row, input in the row, output, tap.

    Examples
    --------
    >>> before, taps = _packed_taps(3, 2)
    >>> before, taps.shape, taps[0, 1, 0].tolist(), taps[1, :, 0].tolist()
    (1, (3, 2, 2, 3), [1, 0, 0], [[0, 1, 0], [0, 0, 1]])
    """
    left = (width - 1) // 2
    before, after = -(-left // pack), -(-(width - 1 - left) // pack)
    output, tap = np.indices((pack, width))
    sample = before * pack + output + tap - left
    taps = np.zeros((before + 1 + after, pack, pack, width), dtype=int)
    taps[sample // pack, sample % pack, output, tap] = 1
    return before, taps


def upsampled_conv(layer: Conv1D, inputs: Any, crop: int) -> Any:
    """Upsample by 2, crop and convolve as one convolution, 2 x (steps - crop) long.

    A repeated sample contributes to an output through several taps, which can be summed before the
    product. With left = (width - 1) // 2, output 2 m + p (phase p, 0 or 1) is the sum over j of
    K[j] u[2 m + p + j - left], and since u[2 m] = u[2 m + 1] = x[m], tap j falls on
    x[m + (p + j - left) // 2]. So each phase is a convolution of x with its own, shorter kernel,
    and both phases are one convolution with twice the channels.

    The interleaving is the sub-pixel convolution's: Shi et al. (2016), arXiv:1609.05158.
    """
    # Two cropped samples are the copies of one input, which needs no upsampling first.
    n_inputs, half = divmod(crop, 2)
    if n_inputs:
        inputs = inputs[:, n_inputs:-n_inputs]
    if half:
        return _activate(layer, _upsampled_with_half_crop(layer, inputs))
    first_input, taps_by_phase = _phase_taps(layer.kernel_size[0], 0)
    return _activate(layer, _convolve_phases(layer, inputs, taps_by_phase, -first_input))


def _upsampled_with_half_crop(layer: Conv1D, inputs: Any) -> Any:
    """Return the convolution of the repeated signal, one sample cropped from each end.

    u[2 m] is then x[m] and u[2 m + 1] is x[m + 1], and the zero padding begins between the two
    copies of a sample. The few outputs that reach it are computed without the phases.
    """
    (width,) = layer.kernel_size
    left, pairs = (width - 1) // 2, inputs.shape[1] - 1
    right = width - 1 - left
    # Numbers of pairs of outputs that reach the zero padding at the start and at the end, and of
    # the inputs that they depend on.
    first, last = (left + 1) // 2, (right + 1) // 2
    first_inputs, last_inputs = first + (right + 3) // 2, last + (left + 3) // 2

    def convolve_plainly(inputs: Any) -> Any:
        return _convolve(layer, ops.repeat(inputs, 2, axis=1)[:, 1:-1], layer.kernel, left)

    if first + last >= pairs or max(first_inputs, last_inputs) > pairs + 1:
        return convolve_plainly(inputs)
    first_input, taps_by_phase = _phase_taps(width, 1)
    start, stop = first + first_input, pairs - last + first_input + taps_by_phase.shape[1] - 1
    segments = [_convolve_phases(layer, _slice_steps(inputs, start, stop), taps_by_phase)]
    if first:
        at_start = _slice_steps(inputs, 0, first_inputs)
        segments.insert(0, convolve_plainly(at_start)[:, : 2 * first])
    if last:
        at_end = _slice_steps(inputs, pairs + 1 - last_inputs, pairs + 1)
        segments.append(convolve_plainly(at_end)[:, -2 * last :])
    return ops.concatenate(segments, axis=1)


def _slice_steps(inputs: Any, start: int, stop: int) -> Any:
    """Return inputs[:, start:stop] by `ops.slice`, whose gradient is one operation."""
    batch, _, channels = ops.shape(inputs)
    return ops.slice(inputs, (0, start, 0), (batch, stop - start, channels))


def _phase_taps(width: int, shift: int) -> tuple[int, np.ndarray]:
    """Return the inputs that the taps of both phases fall on, u[2 m + p] = x[m + (p + shift) // 2].

    Returns
    -------
    first_input
        The first of these inputs, relative to m.
    taps_by_phase
        Of shape (2, inputs, width): 1 where tap j of phase p falls on input t.

    Examples
    --------
    >>> first_input, taps_by_phase = _phase_taps(3, 0)
    >>> first_input, taps_by_phase.tolist()
    (-1, [[[1, 0, 0], [0, 1, 1], [0, 0, 0]], [[0, 0, 0], [1, 1, 0], [0, 0, 1]]])
    """
    phase, tap = np.indices((2, width))
    position = (phase + tap - (width - 1) // 2 + shift) // 2
    first_input = int(position.min())
    taps_by_phase = np.zeros((2, int(position.max()) - first_input + 1, width), dtype=int)
    taps_by_phase[phase, position - first_input, tap] = 1
    return first_input, taps_by_phase


def _convolve_phases(
    layer: Conv1D, inputs: Any, taps_by_phase: np.ndarray, before: int | None = None
) -> Any:
    """Convolve with a kernel for each phase and interleave: (batch, 2 x steps, filters)."""
    taps, channels = taps_by_phase.shape[1], inputs.shape[-1]
    # Axes: phase, input, channel, filter; then (inputs, channels, phases x filters).
    kernel = ops.tensordot(ops.cast(taps_by_phase, layer.compute_dtype), layer.kernel, axes=1)
    kernel = ops.transpose(kernel, (1, 2, 0, 3))
    kernel = ops.reshape(kernel, (taps, channels, 2 * layer.filters))
    phases = _convolve(layer, inputs, kernel, before)
    return ops.reshape(phases, (-1, 2 * ops.shape(phases)[1], layer.filters))


def _convolve(layer: Conv1D, inputs: Any, kernel: Any, before: int | None) -> Any:
    """Convolve, add the bias and apply ReLU; any other activation is left to `_activate`.

    Parameters
    ----------
    layer
        Has the bias and the activation.
    inputs
        Shape (batch, steps, channels).
    kernel
        Shape (taps, channels, copies x filters): each copy of the filters has the same bias.
    before
        Number of taps on samples before the output's own. The signal is padded with zeros;
        when ``None`` it is not, and the outputs whose taps reach past an end are left out.
    """
    taps, _, width = kernel.shape
    padding = "valid" if before is None else "same"
    # "same" pads (taps - 1) // 2 samples before; any other number is padded explicitly.
    if before not in (None, (taps - 1) // 2):
        inputs = ops.pad(inputs, ((0, 0), (before, taps - 1 - before), (0, 0)))
        padding = "valid"
    image, image_kernel = ops.expand_dims(inputs, 1), ops.expand_dims(kernel, 0)
    outputs = ops.conv(image, image_kernel, padding=padding, data_format="channels_last")
    if layer.use_bias:
        outputs = _add_bias(outputs, ops.tile(layer.bias, width // layer.filters))
    return ops.squeeze(layer.activation(outputs) if _is_fused(layer) else outputs, 1)


def _is_fused(layer: Conv1D) -> bool:
    return layer.activation is keras.activations.relu


def _activate(layer: Conv1D, outputs: Any) -> Any:
    """Apply an activation that is not fused; it must come last, after every reshape.

    A sigmoid passes its logits on to the loss only as the last operation. Without logits Keras
    clips the probabilities, and an output below 1e-7 has no gradient any more.
    """
    return outputs if _is_fused(layer) else layer.activation(outputs)


def _add_bias(outputs: Any, bias: Any) -> Any:
    """Add a bias to each channel, with a gradient computed apart from the kernel's.

    By default TensorFlow sums it within the operation of the kernel's gradient, which then takes a
    third longer (2.18 ms instead of 1.63 ms); as a separate sum both take 1.75 ms.
    """

    @ops.custom_gradient
    def add(outputs: Any, bias: Any) -> tuple[Any, Callable[..., Any]]:
        def gradient(grad: Any) -> tuple[Any, Any]:
            # The sum over traces and steps needs float32 or wider under mixed precision.
            wide_grad = ops.cast(grad, keras.backend.result_type(grad.dtype, "float32"))
            axes = tuple(range(wide_grad.ndim - 1))
            return grad, ops.cast(ops.sum(wide_grad, axes), bias.dtype)

        # ops.add, not "+": TensorFlow recognises only this as the bias to fuse.
        return ops.add(outputs, bias), gradient

    return add(outputs, bias)
