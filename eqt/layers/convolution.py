"""Length-preserving convolution, also after upsampling."""

from collections.abc import Sequence
from typing import Any, Final

import keras
from keras import ops

from eqt.kernels import xla
from eqt.kernels.convolution import packed_conv, upsampled_conv

_FIXED_ARGUMENTS: Final = {"padding": "same", "strides": 1, "dilation_rate": 1, "groups": 1}


class SameConv1D(keras.layers.Conv1D):
    """Base class of the convolutions: Conv1D(padding="same").

    Parameters
    ----------
    filters, kernel_size
        As for Conv1D, like all other arguments except padding, strides, dilation and groups.
    """

    def __init__(self, filters: int, kernel_size: int, **kwargs: Any):
        super().__init__(filters, kernel_size, **_FIXED_ARGUMENTS, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        config = super().get_config()
        return {key: value for key, value in config.items() if key not in _FIXED_ARGUMENTS}


@keras.saving.register_keras_serializable("eqt", "WideConv1D")
class PackedConv1D(SameConv1D):
    """Conv1D(padding="same"), of several samples at a time; see `eqt.kernels.convolution`.

    Parameters
    ----------
    filters, kernel_size
        As for `SameConv1D`.
    together
        Number of samples to pack into one step. Keras saves the argument under this name.
    """

    def __init__(self, filters: int, kernel_size: int, together: int = 1, **kwargs: Any):
        super().__init__(filters, kernel_size, **kwargs)
        self.pack = together

    def call(self, inputs: Any) -> Any:
        """Return the convolved signal, as long as the input."""
        if xla.is_tensorflow():
            return packed_conv(self, inputs, self.pack)
        return super().call(inputs)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {**super().get_config(), "together": self.pack}


# Keras names the weights in its files by the class: with another name it would not find those of
# the files that were written so far.
PackedConv1D.__name__ = "WideConv1D"


@keras.saving.register_keras_serializable("eqt")
class UpsampleConv1D(SameConv1D):
    """UpSampling1D(2), Cropping1D(crop) and Conv1D(padding="same"), with the same weights.

    Parameters
    ----------
    filters, kernel_size
        As for `SameConv1D`.
    crop
        Samples to crop from each end after repeating.
    """

    def __init__(self, filters: int, kernel_size: int, crop: int = 0, **kwargs: Any):
        super().__init__(filters, kernel_size, **kwargs)
        self.crop = crop

    def call(self, inputs: Any) -> Any:
        """Return the convolved signal, 2 x (steps - crop) long."""
        if xla.is_tensorflow():
            return upsampled_conv(self, inputs, self.crop)
        repeated = ops.repeat(inputs, 2, axis=1)
        return super().call(repeated[:, self.crop : repeated.shape[1] - self.crop])

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """Return the shape of the output for that of the input."""
        batch, steps, _ = input_shape
        return batch, None if steps is None else 2 * (steps - self.crop), self.filters

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {**super().get_config(), "crop": self.crop}
