"""Attention averaged over many traces, in absolute time and relative to the P arrival."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from eqt.config import EQTConfig
from eqt.visualize.time_axis import steps_of
from eqt.visualize.traces import SelectedTraces, arrivals
from steadkit.plots.annotations import Row
from steadkit.schema import SAMPLING_RATE

SECONDS_FROM_P = np.arange(-8.0, 30.01, 0.25)
"""Times relative to P, in seconds, at which attention is averaged over events."""


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
        Function of `eqt.visualize.activations.attention_of`.
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
    times = SECONDS_FROM_P + phase_arrivals["P"] / SAMPLING_RATE
    return np.interp(times, seconds, mean_received(weights), left=np.nan, right=np.nan)
