"""A network whose weights are constants, and batches that the cores share."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import TINY

from eqt import threads
from eqt.inference import compile_inference
from eqt.kernels import xla
from eqt.model import build_model

SHORT = replace(
    TINY, input_length=128, residual_kernels=(3,), encoder_rnn=("bilstm",), picker_rnn=("lstm",)
)


def waves(count):
    """Make some random waveforms."""
    return np.random.default_rng(0).standard_normal((count, 128, 3)).astype(np.float32)


@pytest.mark.parametrize("shares", [1, 2, 3])
@pytest.mark.parametrize("count", [1, 2, 5, 6])
def test_it_computes_what_the_network_does(shares, count, monkeypatch):
    monkeypatch.setattr(threads, "n_shards", lambda: shares)
    model = build_model(SHORT)
    outputs = compile_inference(model)(waves(count))
    for output, expected in zip(outputs, model.predict_on_batch(waves(count)), strict=True):
        assert output.shape == expected.shape
        np.testing.assert_allclose(output, expected, atol=1e-6)


def test_what_is_learnt_later_is_not_followed():
    model = build_model(SHORT)
    run, before = compile_inference(model), model.predict_on_batch(waves(2))
    model.set_weights([0.5 * weight for weight in model.get_weights()])
    np.testing.assert_allclose(run(waves(2))[0], before[0], atol=1e-6)
    assert np.abs(model.predict_on_batch(waves(2))[0] - before[0]).max() > 1e-3


def test_what_is_not_compiled_gives_the_same():
    model = build_model(SHORT)
    compiled = np.concatenate([np.asarray(output) for output in model(waves(2))])
    with xla.off():
        assert not xla.is_on()
        plain = np.concatenate([np.asarray(output) for output in model(waves(2))])
    assert xla.is_on()
    np.testing.assert_allclose(compiled, plain, atol=1e-6)
