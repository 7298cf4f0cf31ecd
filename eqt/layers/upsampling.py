"""Upsampling and convolution in one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from eqt.layers.convolution import SameConv1D
from eqt.layers.serialization import registered


@registered
class UpsampleConv1D(SameConv1D):
    """Repeat each sample, cut ``crop`` samples from each end, convolve; for less work.

    Equal to UpSampling1D(2), Cropping1D(crop) and Conv1D(padding="same"), whose weights it has.
    A repeated sample meets an output through several taps, which can be summed before they are
    multiplied. With left = (width - 1) // 2, output 2 m + p (phase p, 0 or 1) is the sum over j of
    K[j] u[2 m + p + j - left], and since u[2 m] = u[2 m + 1] = x[m], tap j falls on
    x[m + (p + j - left) // 2]. So each phase is a convolution of x with a shorter kernel of its
    own, and both are one convolution with twice the channels.

    Where an odd number of samples is cut, u[2 m] = x[m] and u[2 m + 1] = x[m + 1], and the zeros
    beyond the ends begin between the two copies of a sample. The few outputs that meet them are
    taken the plain way.

    The interleaving is the sub-pixel convolution's: Shi et al. (2016), arXiv:1609.05158.

    Parameters
    ----------
    filters, kernel_size
        As for Conv1D, like all other arguments except padding, strides, dilation and groups.
    crop
        Samples to cut from each end after repeating.
    """

    def __init__(self, filters: int, kernel_size: int, crop: int = 0, **kwargs: Any):
        super().__init__(filters, kernel_size, **kwargs)
        self.crop = crop

    def call(self, inputs: Any) -> Any:
        """Return the convolved signal, 2 x (steps - crop) long."""
        whole, half = divmod(self.crop, 2)
        if whole:
            inputs = inputs[:, whole:-whole]
        return self._activated(self._split(inputs) if half else self._repeated(inputs))

    def _repeated(self, inputs: Any) -> Any:
        """Return the convolution of the repeated signal, nothing cut."""
        lowest, fold = _fold(self.kernel_size[0], 0)
        return self._interleaved(inputs, fold, before=-lowest)

    def _split(self, inputs: Any) -> Any:
        """Return the convolution of the repeated signal, one sample cut from each end."""
        (width,) = self.kernel_size
        left, pairs = (width - 1) // 2, inputs.shape[1] - 1
        right = width - 1 - left
        # How many pairs of outputs meet the zeros before and after, and what inputs they meet.
        first, last = (left + 1) // 2, (right + 1) // 2
        near, far = first + (right + 3) // 2, last + (left + 3) // 2
        if first + last >= pairs or max(near, far) > pairs + 1:
            return self._plain(inputs)
        lowest, fold = _fold(width, 1)
        start, stop = first + lowest, pairs - last + lowest + fold.shape[1] - 1
        parts = [self._interleaved(_steps(inputs, start, stop), fold)]
        if first:
            parts.insert(0, self._plain(_steps(inputs, 0, near))[:, : 2 * first])
        if last:
            parts.append(self._plain(_steps(inputs, pairs + 1 - far, pairs + 1))[:, -2 * last :])
        return ops.concatenate(parts, axis=1)

    def _plain(self, inputs: Any) -> Any:
        """Repeat, cut one sample from each end and convolve, as it is written."""
        repeated = ops.repeat(inputs, 2, axis=1)[:, 1:-1]
        return self._convolved(repeated, self.kernel, before=(self.kernel_size[0] - 1) // 2)

    def _interleaved(self, inputs: Any, fold: np.ndarray, before: int | None = None) -> Any:
        """Convolve with a kernel for each phase: (batch, 2 x steps, filters)."""
        taps, channels = fold.shape[1], inputs.shape[-1]
        # By phase, input, channel and filter; then as a kernel has them.
        kernel = ops.tensordot(ops.cast(fold, self.compute_dtype), self.kernel, axes=1)
        kernel = ops.transpose(kernel, (1, 2, 0, 3))
        kernel = ops.reshape(kernel, (taps, channels, 2 * self.filters))
        phases = self._convolved(inputs, kernel, before)
        return ops.reshape(phases, (-1, 2 * ops.shape(phases)[1], self.filters))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """Return the shape of the output for that of the input."""
        batch, steps, _ = input_shape
        return batch, None if steps is None else 2 * (steps - self.crop), self.filters

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {**super().get_config(), "crop": self.crop}


def _steps(inputs: Any, start: int, stop: int) -> Any:
    """Take some steps: inputs[:, start:stop], whose gradient TensorFlow takes one by one."""
    batch, _, channels = ops.shape(inputs)
    return ops.slice(inputs, (0, start, 0), (batch, stop - start, channels))


def _fold(width: int, shift: int) -> tuple[int, np.ndarray]:
    """Tell which inputs the taps of both phases fall on, for u[2 m + p] = x[m + (p + shift) // 2].

    Returns
    -------
    lowest
        The first of these inputs, as seen from m.
    fold
        Of shape (2, inputs, width): 1 where tap j of phase p falls on input t.

    Examples
    --------
    >>> lowest, fold = _fold(3, 0)
    >>> lowest, fold.tolist()
    (-1, [[[1, 0, 0], [0, 1, 1], [0, 0, 0]], [[0, 0, 0], [1, 1, 0], [0, 0, 1]]])
    """
    phase, tap = np.indices((2, width))
    meets = (phase + tap - (width - 1) // 2 + shift) // 2
    lowest = int(meets.min())
    fold = np.zeros((2, int(meets.max()) - lowest + 1, width), dtype=int)
    fold[phase, meets - lowest, tap] = 1
    return lowest, fold
