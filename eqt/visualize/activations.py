"""Outputs and attention weights of layers, in one pass, and attention averaged over traces."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from eqt.config import EQTConfig
from eqt.layers import SelfAttention
from eqt.visualize.layers import attentions
from eqt.visualize.time_axis import steps_of
from eqt.visualize.traces import SelectedTraces, arrivals
from steadkit.plots.trace import Row
from steadkit.schema import SAMPLING_RATE

BATCH_SIZE = 16
"""Traces of a batch: the outputs of all layers take 3 MB per trace."""

SECONDS_FROM_P = np.arange(-8.0, 30.01, 0.25)
"""Times relative to P, in seconds, at which attention is averaged over events."""


def feature_maps(
    model: keras.Model, waveforms: np.ndarray, names: Sequence[str]
) -> dict[str, np.ndarray]:
    """Compute the outputs of several layers in one pass.

    Parameters
    ----------
    model
        A network of `eqt.model.build_model`.
    waveforms
        Shape (traces, samples, components), normalised.
    names
        Names of the layers.

    Returns
    -------
    dict
        By name, in the order of the names, shape (traces, steps, channels), float32, without
        dropout.
    """
    outputs = {name: model.get_layer(name).output for name in names}
    # One model of all outputs: a model a layer runs the lower layers again for each.
    values = run(keras.Model(model.inputs, outputs), waveforms)
    return {name: values[name] for name in names}


def attention_of(model: keras.Model) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """Return a function that computes the attention weights of every attention layer.

    The network is run once, up to the inputs of these layers; the weights are computed from them.

    Parameters
    ----------
    model
        A network of `eqt.model.build_model`.

    Returns
    -------
    callable
        Takes waveforms, shape (traces, samples, components), normalised; returns by layer name an
        array of shape (traces, heads, steps, steps), one head unless the layer has several. The
        row is the step t that attends, the column the step t' attended to; a row adds up to 1,
        less the effect of the published 1e-7 in the denominator.
    """
    layers = attentions(model)
    network = keras.Model(model.inputs, {layer.name: layer.input for layer in layers})

    def attention(waveforms: np.ndarray) -> dict[str, np.ndarray]:
        layer_inputs = run(network, waveforms)
        return {layer.name: weights_of(layer, layer_inputs[layer.name]) for layer in layers}

    return attention


def weights_of(layer: SelfAttention, inputs: np.ndarray) -> np.ndarray:
    """Compute the weights of one layer for its inputs, shape (traces, heads, steps, steps)."""
    _, weights = layer(inputs, return_attention_scores=True)
    attention_weights = keras.ops.convert_to_numpy(weights)
    # Layers with one head return no axis for it.
    return attention_weights if attention_weights.ndim == 4 else attention_weights[:, np.newaxis]


def run(network: keras.Model, waveforms: np.ndarray) -> Any:
    """Run a network with one output or a dictionary of outputs over waveforms in batches."""
    outputs_of_batches = [network.predict_on_batch(batch) for batch in batches(waveforms)]
    return keras.tree.map_structure(
        lambda *outputs: np.concatenate(outputs)[: len(waveforms)], *outputs_of_batches
    )


def batches(waveforms: np.ndarray) -> Iterator[np.ndarray]:
    """Split waveforms into batches of one size, the last padded with zeros.

    For a batch of another size Keras would trace the network again.
    """
    for start in range(0, len(waveforms), BATCH_SIZE):
        batch = waveforms[start : start + BATCH_SIZE]
        yield np.pad(batch, ((0, BATCH_SIZE - len(batch)), (0, 0), (0, 0)))


@dataclass(frozen=True, eq=False)
class MeanAttention:
    """The mean attention of one layer over some traces."""

    events: np.ndarray
    """Shape (heads, steps, steps), over the events; NaN without any."""
    noise: np.ndarray
    """The same over the noise."""
    about_p: np.ndarray
    """Mean attention received at each time of `SECONDS_FROM_P`, shape (events, times)."""
    counts: tuple[int, int]
    """Number of events and of noise traces."""


def mean_attention(
    attention: Callable[[np.ndarray], dict[str, np.ndarray]],
    config: EQTConfig,
    chunks: Iterable[SelectedTraces],
) -> dict[str, MeanAttention]:
    """Average the attention of each layer over chunks of traces.

    Parameters
    ----------
    attention
        Function of `attention_of`.
    config
        Configuration of the network.
    chunks
        The traces.

    Returns
    -------
    dict
        By layer name.
    """
    sums: dict[str, dict[bool, np.ndarray]] = {}
    received: dict[str, list[np.ndarray]] = {}
    counts = {True: 0, False: 0}
    for chunk in chunks:
        for is_event in counts:
            counts[is_event] += int((chunk.is_event == is_event).sum())
        for name, weights in attention(chunk.waveforms).items():
            total = sums.setdefault(name, {})
            for is_event in counts:
                category_sum = weights[chunk.is_event == is_event].sum(axis=0, dtype=np.float64)
                total[is_event] = total.get(is_event, 0.0) + category_sum
            layer_received = received.setdefault(name, [])
            seconds = steps_of(name, config).seconds
            layer_received += [
                _received_around_p(w, seconds, row)
                for w, row in zip(weights, chunk.rows, strict=True)
            ]
    return {
        name: MeanAttention(
            _mean(total[True], counts[True]),
            _mean(total[False], counts[False]),
            np.array([curve for curve in received[name] if not np.isnan(curve).all()]).reshape(
                -1, len(SECONDS_FROM_P)
            ),
            (counts[True], counts[False]),
        )
        for name, total in sums.items()
    }


def mean_received(weights: np.ndarray) -> np.ndarray:
    """Return the attention each step receives: the mean over attending steps t and over heads.

    Parameters
    ----------
    weights
        Shape (heads, steps, steps).

    Returns
    -------
    numpy.ndarray
        Shape (steps,); 1 / steps each where all attend evenly.

    >>> mean_received(np.array([[[0.5, 0.5], [1.0, 0.0]]])).tolist()
    [0.75, 0.25]
    """
    return np.asarray(weights.mean(axis=(0, 1)))


def _mean(total: np.ndarray, count: int) -> np.ndarray:
    return total / count if count else np.full_like(total, np.nan)


def _received_around_p(weights: np.ndarray, seconds: np.ndarray, row: Row) -> np.ndarray:
    """Interpolate received attention at times relative to P; NaN outside the trace or without P."""
    phase_arrivals = arrivals(row)
    if "P" not in phase_arrivals:
        return np.full(len(SECONDS_FROM_P), np.nan)
    # Interpolated onto common times, since P lies at another place within a step in each trace.
    times = SECONDS_FROM_P + phase_arrivals["P"] / SAMPLING_RATE
    return np.interp(times, seconds, mean_received(weights), left=np.nan, right=np.nan)
