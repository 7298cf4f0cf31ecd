"""A convolution that keeps the length, in one with its bias and its activation."""

from collections.abc import Callable
from typing import Any, Final

import keras
from keras import ops

_FIXED: Final = {"padding": "same", "strides": 1, "dilation_rate": 1, "groups": 1}


class SameConv1D(keras.layers.Conv1D):
    """What the convolutions here share: Conv1D(padding="same"), with fewer passes over the memory.

    TensorFlow joins a two-dimensional convolution, a bias and an activation to one operation, but
    not those of Conv1D, where a dimension is dropped in between. So a signal is convolved as an
    image that is one sample high.

    Parameters
    ----------
    filters, kernel_size
        As for Conv1D, like all other arguments except padding, strides, dilation and groups.
    """

    def __init__(self, filters: int, kernel_size: int, **kwargs: Any):
        super().__init__(filters, kernel_size, **_FIXED, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {key: v for key, v in super().get_config().items() if key not in _FIXED}

    def _convolved(self, inputs: Any, kernel: Any, before: int | None = None) -> Any:
        """Convolve and add the bias; ReLU too, any other activation is left to `_activated`.

        Parameters
        ----------
        inputs
            Shape (batch, steps, channels).
        kernel
            Shape (taps, channels, copies x filters): the bias is that of each copy.
        before
            How many of the taps meet what is before the step itself. Beyond its ends the signal is
            zero. When ``None``, there are only outputs that meet no end.
        """
        taps, _, width = kernel.shape
        padding = "valid" if before is None else "same"
        if before not in (None, (taps - 1) // 2):
            inputs = ops.pad(inputs, ((0, 0), (before, taps - 1 - before), (0, 0)))
            padding = "valid"
        image, filter_ = ops.expand_dims(inputs, 1), ops.expand_dims(kernel, 0)
        outputs = ops.conv(image, filter_, padding=padding, data_format="channels_last")
        if self.use_bias:
            outputs = _biased(outputs, ops.tile(self.bias, width // self.filters))
        return ops.squeeze(self.activation(outputs) if self._joins() else outputs, 1)

    def _activated(self, outputs: Any) -> Any:
        """Activate what is not yet, as the last thing: a sigmoid hands its logits to the loss.

        Without them Keras clips the probabilities, and below 1e-7 nothing is learnt any more.
        """
        return outputs if self._joins() else self.activation(outputs)

    def _joins(self) -> bool:
        return self.activation is keras.activations.relu


def _biased(outputs: Any, bias: Any) -> Any:
    """Add a bias to each channel, whose gradient is a sum of its own.

    Left to itself, TensorFlow sums while it computes the gradient of the kernel, which then takes
    a third longer; the sum alone takes a tenth of it.
    """

    @ops.custom_gradient
    def add(outputs: Any, bias: Any) -> tuple[Any, Callable[..., Any]]:
        def gradient(*given: Any, upstream: Any = None) -> tuple[Any, Any]:
            slope = given[0] if upstream is None else upstream
            wide = ops.cast(slope, keras.backend.result_type(slope.dtype, "float32"))
            return slope, ops.cast(ops.sum(wide, tuple(range(wide.ndim - 1))), bias.dtype)

        # ops.add and no "+": TensorFlow then sees that it is a bias.
        return ops.add(outputs, bias), gradient

    return add(outputs, bias)
