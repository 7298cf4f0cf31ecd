"""Upsampling by 2, cropping and convolution in one operation."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from eqt.layers.convolution import SameConv1D
from eqt.layers.serialization import registered


@registered
class UpsampleConv1D(SameConv1D):
    """Repeat each sample, crop ``crop`` samples from each end and convolve, as one convolution.

    Equal to UpSampling1D(2), Cropping1D(crop) and Conv1D(padding="same"), with the same weights.
    A repeated sample contributes to an output through several taps, which can be summed before the
    product. With left = (width - 1) // 2, output 2 m + p (phase p, 0 or 1) is the sum over j of
    K[j] u[2 m + p + j - left], and since u[2 m] = u[2 m + 1] = x[m], tap j falls on
    x[m + (p + j - left) // 2]. So each phase is a convolution of x with its own, shorter kernel,
    and both phases are one convolution with twice the channels.

    After an odd crop u[2 m] = x[m] and u[2 m + 1] = x[m + 1], and the zero padding begins between
    the two copies of a sample. The few outputs that reach it are computed without the phases.

    The interleaving is the sub-pixel convolution's: Shi et al. (2016), arXiv:1609.05158.

    Parameters
    ----------
    filters, kernel_size
        As for Conv1D, like all other arguments except padding, strides, dilation and groups.
    crop
        Samples to crop from each end after repeating.
    """

    def __init__(self, filters: int, kernel_size: int, crop: int = 0, **kwargs: Any):
        super().__init__(filters, kernel_size, **kwargs)
        self.crop = crop

    def call(self, inputs: Any) -> Any:
        """Return the convolved signal, 2 x (steps - crop) long."""
        # Two cropped samples are the copies of one input, which needs no upsampling first.
        n_inputs, half = divmod(self.crop, 2)
        if n_inputs:
            inputs = inputs[:, n_inputs:-n_inputs]
        outputs = self._with_half_crop(inputs) if half else self._without_half_crop(inputs)
        return self._activate(outputs)

    def _without_half_crop(self, inputs: Any) -> Any:
        """Return the convolution of the repeated signal, nothing cropped."""
        first_input, taps_by_phase = _phase_taps(self.kernel_size[0], 0)
        return self._convolve_phases(inputs, taps_by_phase, before=-first_input)

    def _with_half_crop(self, inputs: Any) -> Any:
        """Return the convolution of the repeated signal, one sample cropped from each end."""
        (width,) = self.kernel_size
        left, pairs = (width - 1) // 2, inputs.shape[1] - 1
        right = width - 1 - left
        # Numbers of pairs of outputs that reach the zero padding at the start and at the end, and
        # of the inputs that they depend on.
        first, last = (left + 1) // 2, (right + 1) // 2
        first_inputs, last_inputs = first + (right + 3) // 2, last + (left + 3) // 2
        if first + last >= pairs or max(first_inputs, last_inputs) > pairs + 1:
            return self._plain(inputs)
        first_input, taps_by_phase = _phase_taps(width, 1)
        start, stop = first + first_input, pairs - last + first_input + taps_by_phase.shape[1] - 1
        parts = [self._convolve_phases(_slice_steps(inputs, start, stop), taps_by_phase)]
        if first:
            at_start = _slice_steps(inputs, 0, first_inputs)
            parts.insert(0, self._plain(at_start)[:, : 2 * first])
        if last:
            at_end = _slice_steps(inputs, pairs + 1 - last_inputs, pairs + 1)
            parts.append(self._plain(at_end)[:, -2 * last :])
        return ops.concatenate(parts, axis=1)

    def _plain(self, inputs: Any) -> Any:
        """Repeat, crop one sample from each end and convolve, one operation after the other."""
        repeated = ops.repeat(inputs, 2, axis=1)[:, 1:-1]
        return self._convolve(repeated, self.kernel, before=(self.kernel_size[0] - 1) // 2)

    def _convolve_phases(
        self, inputs: Any, taps_by_phase: np.ndarray, before: int | None = None
    ) -> Any:
        """Convolve with a kernel for each phase and interleave: (batch, 2 x steps, filters)."""
        taps, channels = taps_by_phase.shape[1], inputs.shape[-1]
        # Axes: phase, input, channel, filter; then (inputs, channels, phases x filters).
        kernel = ops.tensordot(ops.cast(taps_by_phase, self.compute_dtype), self.kernel, axes=1)
        kernel = ops.transpose(kernel, (1, 2, 0, 3))
        kernel = ops.reshape(kernel, (taps, channels, 2 * self.filters))
        phases = self._convolve(inputs, kernel, before)
        return ops.reshape(phases, (-1, 2 * ops.shape(phases)[1], self.filters))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """Return the shape of the output for that of the input."""
        batch, steps, _ = input_shape
        return batch, None if steps is None else 2 * (steps - self.crop), self.filters

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {**super().get_config(), "crop": self.crop}


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
