"""Probabilities of waveforms, with Monte Carlo dropout also their standard deviations."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import keras
import numpy as np

from eqt.blocks import seed_of
from eqt.inference import compile_inference
from eqt.layers import ChannelMask, MonteCarloDropout
from steadkit.errors import InputError


class Probabilities(NamedTuple):
    """Probabilities of detection, P and S, each of shape (traces, samples, 3)."""

    mean: np.ndarray
    std: np.ndarray | None = None
    """Standard deviation over the Monte Carlo samples; None without any."""


Predict = Callable[[Any], Probabilities]
"""Maps normalised waveforms, shape (traces, samples, components), to probabilities."""

WindowPredict = Callable[[Any, Sequence[int]], Probabilities]
"""Maps normalised windows of one station, and the number of each, to probabilities."""

BATCH_SIZE: Final = 128
"""Windows in one call of the network, always as many: other sizes round otherwise."""

N_PARTS: Final = 4
"""Parts of a batch of windows, which run in parallel: always as many, as rounding depends on it."""

WINDOW_OFFSET: Final = 2**42
"""Added to numbers of windows, which are negative before 1970; seeds are not."""


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
    _check_samples(mc_samples)
    stochastic_model = _with_dropout(model, seed)
    return lambda waveforms: _mean_and_std(
        _concatenate(stochastic_model.predict_on_batch(waveforms)) for _ in range(mc_samples)
    )


def window_predictor(
    model: keras.Model, mc_samples: int = 0, seed: int = 0
) -> Callable[[str], WindowPredict]:
    """Return the function from a station's name to the function that predicts its windows.

    The result for a window depends on nothing but the window, its number and the station's name:
    batches are divided into `N_PARTS` parts on any machine, and the channels that Monte Carlo
    dropout drops are drawn for each window.

    Parameters
    ----------
    model, mc_samples
        See `predictor`.
    seed
        Seed of the dropout.

    Raises
    ------
    InputError
        See `predictor`.
    """
    if mc_samples == 0:
        run = compile_inference(model, N_PARTS)
        return lambda station: lambda waveforms, _: Probabilities(_concatenate(run(waveforms)))
    _check_samples(mc_samples)
    layers: list[ChannelMask] = []
    masked_model = _replace_dropout(
        model,
        lambda settings: ChannelMask(settings["rate"], BATCH_SIZE, settings["name"]),
        layers,
    )

    def predict_station(station: str) -> WindowPredict:
        station_seed = seed_of(seed, station)

        def predict(waveforms: Any, windows: Sequence[int]) -> Probabilities:
            return _mean_and_std(map(partial(run_once, waveforms, windows), range(mc_samples)))

        def run_once(waveforms: Any, windows: Sequence[int], number: int) -> np.ndarray:
            seeds = [[station_seed, WINDOW_OFFSET + window, number] for window in windows]
            _draw_masks(layers, seeds)
            return _concatenate(masked_model.predict_on_batch(waveforms))

        return predict

    return predict_station


def _draw_masks(layers: Sequence[ChannelMask], seeds: Sequence[list[int]]) -> None:
    """Draw for each window the channels that each layer drops."""
    n_channels = [layer.mask.shape[-1] for layer in layers]
    uniform = np.ones((BATCH_SIZE, sum(n_channels)))
    for row, entropy in zip(uniform, seeds, strict=False):
        row[:] = np.random.default_rng(entropy).random(len(row))
    for layer, values in zip(
        layers, np.split(uniform, np.cumsum(n_channels)[:-1], axis=1), strict=True
    ):
        layer.set_mask((values >= layer.rate) / (1 - layer.rate))


def _check_samples(mc_samples: int) -> None:
    if mc_samples < 2:
        raise InputError(f"{mc_samples} Monte Carlo samples have no spread: use 2 or more, or 0")


def _mean_and_std(runs: Iterable[np.ndarray]) -> Probabilities:
    run_iterator = iter(runs)
    first = next(run_iterator).astype(np.float64)
    # Sums of deviations from the first run, not of the values: where the runs are nearly
    # equal, the difference of two large sums would cancel the digits.
    total, squares, n_samples = np.zeros_like(first), np.zeros_like(first), 1
    for run in run_iterator:
        total += run - first
        squares += (run - first) ** 2
        n_samples += 1
    mean = total / n_samples
    variance = np.maximum(squares / n_samples - mean**2, 0)
    mean += first
    return Probabilities(mean.astype(np.float32), np.sqrt(variance).astype(np.float32))


def _concatenate(outputs: list[Any]) -> np.ndarray:
    return np.concatenate([np.asarray(output) for output in outputs], axis=-1)


def _with_dropout(model: keras.Model, seed: int) -> keras.Model:
    """Copy a network with its spatial dropout always active."""

    def active_dropout(settings: dict[str, Any]) -> keras.Layer:
        settings["seed"] = seed_of(seed, settings["name"])
        return MonteCarloDropout.from_config(settings)

    return _replace_dropout(model, active_dropout, [])


def _replace_dropout(
    model: keras.Model,
    replace: Callable[[dict[str, Any]], keras.Layer],
    replacements: list[Any],
) -> keras.Model:
    """Copy a network with other layers for its spatial dropout; they are appended to a list."""

    def copy(layer: keras.Layer) -> keras.Layer:
        settings = layer.get_config()
        if isinstance(layer, keras.layers.SpatialDropout1D):
            replacements.append(replace(settings))
            return replacements[-1]
        return type(layer).from_config(settings)

    copied = keras.models.clone_model(model, clone_function=copy)
    if not any(layer.rate for layer in replacements):
        raise InputError(
            "this network has no spatial dropout: it has no residual CNN or its rate is 0, "
            "so Monte Carlo samples would all be the same"
        )
    for layer in model.layers:
        if layer.weights:
            copied.get_layer(layer.name).set_weights(layer.get_weights())
    return copied
