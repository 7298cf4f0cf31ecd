"""A convolution of few channels, several samples at a time."""

from typing import Any

import numpy as np
from keras import ops

from eqt.layers.convolution import SameConv1D
from eqt.layers.serialization import registered


@registered
class WideConv1D(SameConv1D):
    """Convolve several samples at a time, as one with as many times the channels.

    Equal to Conv1D(padding="same"), whose weights it has. Seen as rows of n samples, a signal of c
    channels is one of n c channels, and n outputs of f channels follow from a few rows: with
    left = (width - 1) // 2, output o of row m is the sum over j of K[j] x[n m + o + j - left], so
    input i of row m + r meets it through tap n r + i - o + left. The kernel then holds zeros too,
    and yet where channels are few the product of larger matrices takes less time: one channel out
    of eight half of it.

    A signal whose steps n does not divide is convolved the plain way.

    Parameters
    ----------
    filters, kernel_size
        As for Conv1D, like all other arguments except padding, strides, dilation and groups.
    together
        How many samples at a time.
    """

    def __init__(self, filters: int, kernel_size: int, together: int = 1, **kwargs: Any):
        super().__init__(filters, kernel_size, **kwargs)
        self.together = together

    def call(self, inputs: Any) -> Any:
        """Return the convolved signal, as long as the input."""
        _, steps, channels = ops.shape(inputs)
        count, (width,) = self.together, self.kernel_size
        # What is traced without a length, as for export, is taken the plain way.
        if count == 1 or not isinstance(steps, int) or steps % count:
            return self._activated(self._convolved(inputs, self.kernel, before=(width - 1) // 2))
        before, spread = _shifted_kernels(width, count)
        # By row, input, output, channel and filter; then as a kernel has them.
        kernel = ops.tensordot(ops.cast(spread, self.compute_dtype), self.kernel, axes=1)
        kernel = ops.transpose(kernel, (0, 1, 3, 2, 4))
        kernel = ops.reshape(kernel, (len(spread), count * channels, count * self.filters))
        wide = ops.reshape(inputs, (-1, steps // count, count * channels))
        outputs = ops.reshape(self._convolved(wide, kernel, before), (-1, steps, self.filters))
        return self._activated(outputs)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {**super().get_config(), "together": self.together}


def _shifted_kernels(width: int, count: int) -> tuple[int, np.ndarray]:
    """Return how many rows lie before, and 1 where tap j leads from an input to an output.

    The array is by row, input in it, output and tap.

    Examples
    --------
    >>> before, spread = _shifted_kernels(3, 2)
    >>> before, spread.shape, spread[0, 1, 0].tolist(), spread[1, :, 0].tolist()
    (1, (3, 2, 2, 3), [1, 0, 0], [[0, 1, 0], [0, 0, 1]])
    """
    left = (width - 1) // 2
    before, after = -(-left // count), -(-(width - 1 - left) // count)
    output, tap = np.indices((count, width))
    place = before * count + output + tap - left
    spread = np.zeros((before + 1 + after, count, count, width), dtype=int)
    spread[place // count, place % count, output, tap] = 1
    return before, spread
