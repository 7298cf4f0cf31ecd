"""Kernels of convolutions, and their frequency response."""

import keras
import numpy as np

from steadkit.schema import SAMPLING_RATE

FREQUENCIES = 257
"""Number of frequencies from 0 to half the sampling rate."""


def kernel_of(layer: keras.layers.Conv1D) -> np.ndarray:
    """Return a convolution's kernel, shape (taps, inputs, outputs)."""
    return np.asarray(keras.ops.convert_to_numpy(layer.kernel), np.float32)


def bias_of(layer: keras.layers.Conv1D) -> np.ndarray:
    """Return a convolution's bias, shape (outputs,)."""
    return np.asarray(keras.ops.convert_to_numpy(layer.bias), np.float32)


def response(
    kernel: np.ndarray, rate: float = SAMPLING_RATE, count: int = FREQUENCIES
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the frequency response of kernels.

    Parameters
    ----------
    kernel
        Shape (taps, ...).
    rate
        Sampling rate of the input, Hz.
    count
        Number of frequencies.

    Returns
    -------
    hertz
        Shape (count,), from 0 to rate / 2.
    amplitude
        Shape (count, ...), the modulus of sum_k kernel[k] exp(-2 pi i f k / rate).

    Examples
    --------
    >>> hertz, amplitude = response(np.array([0.5, 0.5]), 100.0, 3)
    >>> hertz.tolist(), amplitude.round(3).tolist()
    ([0.0, 25.0, 50.0], [1.0, 0.707, 0.0])
    """
    hertz = np.linspace(0, rate / 2, count)
    turns = np.exp(-2j * np.pi * np.outer(hertz, np.arange(len(kernel))) / rate)
    return hertz, np.abs(np.tensordot(turns, kernel, 1))
