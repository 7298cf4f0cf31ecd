"""Frequency responses: against what a convolution does to a sine."""

import numpy as np
import pytest
from conftest import TINY

from eqt.model import build_model
from eqt.visualize.layers import bias_of, kernel_of, response


@pytest.mark.parametrize("frequency", [5.0, 12.5, 40.0])
def test_a_sine_comes_out_as_much_larger_as_the_response_says(frequency):
    kernel = np.random.default_rng(0).normal(size=11)
    hertz, amplitude = response(kernel)
    assert (hertz[0], hertz[-1]) == (0.0, 50.0)
    time = np.arange(4000) / 100
    out = np.convolve(np.exp(2j * np.pi * frequency * time), kernel, "valid")
    expected = np.interp(frequency, hertz, amplitude)
    np.testing.assert_allclose(np.abs(out), expected, rtol=2e-3)


def test_kernels_are_the_layers_weights():
    layer = build_model(TINY).get_layer("decoderP_1")
    kernel, bias = layer.get_weights()
    np.testing.assert_array_equal(kernel_of(layer), kernel)
    np.testing.assert_array_equal(bias_of(layer), bias)
