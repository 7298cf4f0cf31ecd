"""Convolution of few channels with several samples packed into one step."""

from typing import Any

import numpy as np
from keras import ops

from eqt.layers.convolution import SameConv1D
from eqt.layers.serialization import registered


@registered
class WideConv1D(SameConv1D):
    """Convolve n samples at a time: pack n steps of c channels into one step of n c channels.

    Equal to Conv1D(padding="same"), with the same weights. In a signal of rows of n samples, n
    outputs of f channels follow from a few rows: with left = (width - 1) // 2, output o of row m
    is the sum over j of K[j] x[n m + o + j - left], so input i of row m + r contributes through
    tap n r + i - o + left. The packed kernel is padded with zeros, and yet where channels are few
    the product of larger matrices is faster: one output channel from eight takes half the time.

    A signal whose length n does not divide is convolved without packing.

    Parameters
    ----------
    filters, kernel_size
        As for Conv1D, like all other arguments except padding, strides, dilation and groups.
    together
        Number of samples to pack into one step. Keras saves the argument under this name.
    """

    def __init__(self, filters: int, kernel_size: int, together: int = 1, **kwargs: Any):
        super().__init__(filters, kernel_size, **kwargs)
        self.pack = together

    def call(self, inputs: Any) -> Any:
        """Return the convolved signal, as long as the input."""
        _, steps, channels = ops.shape(inputs)
        pack, (width,) = self.pack, self.kernel_size
        # A graph traced without a length, as for export, cannot be packed.
        if pack == 1 or not isinstance(steps, int) or steps % pack:
            return self._activate(self._convolve(inputs, self.kernel, before=(width - 1) // 2))
        before, taps = _shifted_kernels(width, pack)
        # Axes: row, input, output, channel, filter; then (rows, n channels, n filters).
        kernel = ops.tensordot(ops.cast(taps, self.compute_dtype), self.kernel, axes=1)
        kernel = ops.transpose(kernel, (0, 1, 3, 2, 4))
        kernel = ops.reshape(kernel, (len(taps), pack * channels, pack * self.filters))
        packed = ops.reshape(inputs, (-1, steps // pack, pack * channels))
        outputs = ops.reshape(self._convolve(packed, kernel, before), (-1, steps, self.filters))
        return self._activate(outputs)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {**super().get_config(), "together": self.pack}


def _shifted_kernels(width: int, pack: int) -> tuple[int, np.ndarray]:
    """Return the rows before the output's own, and 1 where a tap joins an input and an output.

    The axes of the array are row, input in the row, output, tap.

    Examples
    --------
    >>> before, taps = _shifted_kernels(3, 2)
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
