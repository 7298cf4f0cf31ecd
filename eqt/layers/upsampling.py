"""Upsampling and convolution in one."""

from collections.abc import Sequence
from typing import Any, Final

import keras
import numpy as np
from keras import ops

from eqt.layers.registry import registered

_FIXED: Final = {"padding": "same", "strides": 1, "dilation_rate": 1, "groups": 1}


@registered
class UpsampleConv1D(keras.layers.Conv1D):
    """Repeat each sample, cut ``crop`` samples from each end, convolve; for less work.

    Equal to UpSampling1D(2), Cropping1D(crop) and Conv1D(padding="same"), whose weights it has.
    A repeated sample meets an output through several taps, which can be summed before they are
    multiplied. With left = (width - 1) // 2, output 2 m + p (phase p, 0 or 1) is the sum over j of
    K[j] u[2 m + p + j - left], and since u[2 m] = u[2 m + 1] = x[m], tap j falls on
    x[m + (p + j - left) // 2]. So each phase is a convolution of x with a shorter kernel of its
    own, and both are one convolution with twice the channels.

    Where an odd number of samples is cut, the zeros beyond the ends begin between the two copies of
    a sample: what the copy that is cut would have added to the outputs near it is taken off.

    The interleaving is the sub-pixel convolution's: Shi et al. (2016), arXiv:1609.05158.

    Parameters
    ----------
    filters, kernel_size
        As for Conv1D, like all other arguments except padding, strides, dilation and groups.
    crop
        Samples to cut from each end after repeating.
    """

    def __init__(self, filters: int, kernel_size: int, crop: int = 0, **kwargs: Any):
        super().__init__(filters, kernel_size, **_FIXED, **kwargs)
        self.crop = crop

    def call(self, inputs: Any) -> Any:
        """Return the convolved signal, 2 x (steps - crop) long."""
        whole, half = divmod(self.crop, 2)
        if whole:
            inputs = inputs[:, whole:-whole]
        outputs = self._repeated(inputs)
        if half:
            outputs = outputs[:, 1:-1] - self._beyond(inputs, outputs.shape[1] - 2)
        return self.activation(outputs + self.bias if self.use_bias else outputs)

    def _repeated(self, inputs: Any) -> Any:
        """Return the convolution of the repeated signal, nothing cut."""
        before, fold = _fold(self.kernel_size[0])
        taps = fold.shape[1]
        _, steps, channels = ops.shape(inputs)
        kernel = ops.einsum("ptk,kio->tipo", ops.cast(fold, self.compute_dtype), self.kernel)
        kernel = ops.reshape(kernel, (taps, channels, 2 * self.filters))
        padded = ops.pad(inputs, ((0, 0), (before, taps - 1 - before), (0, 0)))
        phases = ops.conv(padded, kernel, padding="valid", data_format="channels_last")
        return ops.reshape(phases, (-1, 2 * steps, self.filters))

    def _beyond(self, inputs: Any, steps: int) -> Any:
        """Return what one more sample at each end adds to the outputs between."""
        width = self.kernel_size[0]
        left = (width - 1) // 2
        near, far = min(left, steps), min(width - 1 - left, steps)
        # Output n meets the sample before it by tap left - 1 - n, and the other end alike.
        first = ops.einsum("bi,nio->bno", inputs[:, 0], ops.flip(self.kernel[:left], 0)[:near])
        last = ops.einsum("bi,nio->bno", inputs[:, -1], ops.flip(self.kernel[left + 1 :][:far], 0))
        return ops.pad(first, ((0, 0), (0, steps - near), (0, 0))) + ops.pad(
            last, ((0, 0), (steps - far, 0), (0, 0))
        )

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """Return the shape of the output for that of the input."""
        batch, steps, _ = input_shape
        return batch, None if steps is None else 2 * (steps - self.crop), self.filters

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        own = {key: v for key, v in super().get_config().items() if key not in _FIXED}
        return {**own, "crop": self.crop}


def _fold(width: int) -> tuple[int, np.ndarray]:
    """Return how many inputs lie before, and 1 where tap j of phase p falls on input t: (p, t, j).

    Examples
    --------
    >>> before, fold = _fold(3)
    >>> before, fold.tolist()
    (1, [[[1, 0, 0], [0, 1, 1], [0, 0, 0]], [[0, 0, 0], [1, 1, 0], [0, 0, 1]]])
    """
    left = (width - 1) // 2
    before = (left + 1) // 2
    phase, tap = np.indices((2, width))
    meets = (phase + tap - left) // 2 + before
    fold = np.zeros((2, meets.max() + 1, width), dtype=int)
    fold[phase, meets, tap] = 1
    return before, fold
