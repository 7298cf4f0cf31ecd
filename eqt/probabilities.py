"""Probabilities of waveforms, with Monte Carlo dropout also their standard deviations."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np

from eqt.blocks import seed_of
from eqt.inference import compile_inference
from eqt.layers import MonteCarloDropout
from steadkit.errors import InputError


class Probabilities(NamedTuple):
    """Probabilities of detection, P and S, each of shape (traces, samples, 3)."""

    mean: np.ndarray
    std: np.ndarray | None = None
    """Standard deviation over the Monte Carlo samples; None without any."""


Predict = Callable[[Any], Probabilities]
"""Maps normalised waveforms, shape (traces, samples, components), to probabilities."""


def predictor(model: keras.Model, mc_samples: int = 0, seed: int = 0) -> Predict:
    """Return the function from waveforms to probabilities.

    Parameters
    ----------
    model
        A network of `eqt.model.build_model`; its weights are copied, later training has no effect.
    mc_samples
        With 0 the network is run once, without dropout, and is deterministic. With n it is run n
        times with the spatial dropout of its residual CNN active, as in the published network
        always: mean and standard deviation over these runs are the result.
    seed
        Seed of the dropout. The same batches in the same order have the same result.

    Raises
    ------
    InputError
        The network has no spatial dropout to leave on, or there is only one sample.
    """
    if mc_samples == 0:
        run = compile_inference(model)
        return lambda waveforms: Probabilities(_concatenate(run(waveforms)))
    if mc_samples < 2:
        raise InputError(f"{mc_samples} Monte Carlo samples have no spread: use 2 or more, or 0")
    stochastic_model = _with_dropout(model, seed)

    def predict(waveforms: Any) -> Probabilities:
        runs = (
            _concatenate(stochastic_model.predict_on_batch(waveforms)) for _ in range(mc_samples)
        )
        first = next(runs).astype(np.float64)
        # Sums of deviations from the first run, not of the values: where the runs are nearly
        # equal, the difference of two large sums would cancel the digits.
        total, squares = np.zeros_like(first), np.zeros_like(first)
        for run in runs:
            total += run - first
            squares += (run - first) ** 2
        mean = total / mc_samples
        variance = np.maximum(squares / mc_samples - mean**2, 0)
        mean += first
        return Probabilities(mean.astype(np.float32), np.sqrt(variance).astype(np.float32))

    return predict


def _concatenate(outputs: list[Any]) -> np.ndarray:
    return np.concatenate([np.asarray(output) for output in outputs], axis=-1)


def _with_dropout(model: keras.Model, seed: int) -> keras.Model:
    """Copy a network with its spatial dropout always active."""
    dropout_layers = []

    def copy(layer: keras.Layer) -> keras.Layer:
        settings = layer.get_config()
        if isinstance(layer, keras.layers.SpatialDropout1D):
            settings["seed"] = seed_of(seed, layer.name)
            dropout_layers.append(MonteCarloDropout.from_config(settings))
            return dropout_layers[-1]
        return type(layer).from_config(settings)

    copied = keras.models.clone_model(model, clone_function=copy)
    if not any(layer.rate for layer in dropout_layers):
        raise InputError(
            "this network has no spatial dropout: it has no residual CNN or its rate is 0, "
            "so Monte Carlo samples would all be the same"
        )
    copied.set_weights(model.get_weights())
    return copied
