"""Attribution of a probability to the samples of a waveform: integrated gradients and occlusion."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import keras
import numpy as np

from eqt.visualize.activations import BATCH_SIZE, run
from steadkit.errors import InputError
from steadkit.labels import TARGETS
from steadkit.schema import COMPONENTS, SAMPLING_RATE

POINTS: Final = (64, 128, 256)
"""Numbers of integration points, tried in order until the completeness error is small enough."""

TOLERANCE: Final = 0.02
"""Completeness error allowed, relative to the change of probability."""

MIN_ERROR: Final = 1e-3
"""Absolute completeness error that is always allowed: in noise the change itself is close to 0."""

WINDOW, HOP = 1.0, 0.5
"""Length and step of the silenced windows, seconds."""

TAPER = 10
"""Samples of the taper at each end: an abrupt silence would have onsets of its own."""

ALL: Final = "all"
"""Label of the three components together."""


@dataclass(frozen=True, eq=False)
class Gradients:
    """Integrated gradients of one waveform: the contribution of each sample to a probability."""

    attributions: np.ndarray
    """Shape (samples, components); they sum to `change` plus `completeness_error`."""
    change: float
    """Probability of the waveform less that of silence."""
    completeness_error: float
    """Sum of the attributions less `change`."""
    points: int
    """Number of integration points."""


@dataclass(frozen=True, eq=False)
class Occlusion:
    """Decrease of a probability when a window of the waveform is silenced."""

    seconds: np.ndarray
    """Middle of each window, shape (windows,)."""
    probability_drops: np.ndarray
    """Shape (windows, components + 1), the last for all components together."""
    width: float
    """Seconds of a window."""


def output_of(model: keras.Model, output: str) -> keras.Model:
    """Return the network with only one of its outputs.

    Raises
    ------
    InputError
        It has no such output.
    """
    if output not in TARGETS:
        raise InputError(f"unknown output {output[:60]!r}: use one of {', '.join(TARGETS)}")
    return keras.Model(model.inputs, model.get_layer(output).output)


def integrated_gradients(
    network: keras.Model, waveforms: np.ndarray, samples: Sequence[int]
) -> Iterator[Gradients]:
    """Compute the integrated gradients of each waveform.

    The attribution of sample i is x_i times the mean of dF/dx_i on the straight path from silence
    to x: x_i integral_0^1 dF(a x)/dx_i da. The attributions add up to F(x) - F(0), which plain
    gradients do not. The integral is evaluated by the midpoint rule in u with a = u^2, because F
    changes most while a is small, with more points until the sum is within `TOLERANCE`, or
    `POINTS` are exhausted; the remaining error is returned.

    Source: Sundararajan, Taly and Yan (2017), Axiomatic Attribution for Deep Networks,
    arXiv:1703.01365.

    Parameters
    ----------
    network
        A network with one output, see `output_of`.
    waveforms
        Shape (traces, samples, components), normalised: silence, zero, is the mean of each
        component.
    samples
        The sample of each trace whose probability is F.

    Yields
    ------
    Gradients
        One for each trace.

    Raises
    ------
    InputError
        Keras does not run on TensorFlow, which computes the gradients.
    """
    # Compiled once for all traces; the sample is a tensor, so that another one is no new graph.
    gradient = _gradient_of(network)
    for waveform, sample in zip(waveforms, samples, strict=True):
        yield _attribute(network, partial(gradient, sample), waveform, sample)


def _attribute(
    network: keras.Model,
    gradient: Callable[[np.ndarray], np.ndarray],
    waveform: np.ndarray,
    sample: int,
) -> Gradients:
    ends = run(network, np.stack([waveform, np.zeros_like(waveform)]))[:, sample, 0]
    change = float(ends[0]) - float(ends[1])
    # Completeness, the sum of attributions against the change, checks the integral by itself.
    for points in POINTS:
        attributions = waveform * _mean_gradient(gradient, waveform, points)
        completeness_error = float(attributions.sum()) - change
        if abs(completeness_error) <= max(TOLERANCE * abs(change), MIN_ERROR):
            break
    return Gradients(attributions, change, completeness_error, points)


def _mean_gradient(
    gradient: Callable[[np.ndarray], np.ndarray], waveform: np.ndarray, points: int
) -> np.ndarray:
    u = (np.arange(points) + 0.5) / points
    # In float64: hundreds of small terms are summed, and compared with the change.
    total = np.zeros(waveform.shape, np.float64)
    for chunk in np.array_split(u, -(-points // BATCH_SIZE)):
        # Points a = u^2 of the path, so that da = 2 u du below.
        path_points = (chunk**2)[:, np.newaxis, np.newaxis] * waveform
        grads = gradient(path_points.astype(np.float32)).astype(np.float64)
        total += np.tensordot(2 * chunk / points, grads, 1)  # da = 2 u du
    return total


def _gradient_of(network: keras.Model) -> Callable[[int, np.ndarray], np.ndarray]:
    if keras.backend.backend() != "tensorflow":
        backend = keras.backend.backend()
        raise InputError(f"gradients need Keras on TensorFlow, not on {backend!r}: change it")
    import tensorflow as tf

    @tf.function
    def gradient(sample: Any, waveforms: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(waveforms)
            total = tf.reduce_sum(network(waveforms, training=False)[:, sample, 0])
        return tape.gradient(total, waveforms)

    return lambda sample, waveforms: gradient(tf.constant(sample), tf.constant(waveforms)).numpy()


def occlusion(
    network: keras.Model,
    waveform: np.ndarray,
    sample: int,
    width: float = WINDOW,
    hop: float = HOP,
) -> Occlusion:
    """Measure how far a probability falls when a window of one or all components is silenced.

    Source: Zeiler and Fergus (2014), Visualizing and Understanding Convolutional Networks,
    arXiv:1311.2901, section 4.2.

    Parameters
    ----------
    network, waveform, sample
        As for `integrated_gradients`.
    width, hop
        Length and step of the windows, seconds.

    Raises
    ------
    InputError
        The window is empty or longer than the trace, or the step is not positive.
    """
    length = len(waveform)
    samples, step = round(width * SAMPLING_RATE), round(hop * SAMPLING_RATE)
    if not (0 < samples <= length and step > 0):
        longest = length / SAMPLING_RATE
        raise InputError(f"cannot silence {width:g} s every {hop:g} s: a trace has {longest:g} s")
    starts = np.arange(0, length - samples + 1, step)
    # Every window is silenced on each component and on all together: n (components + 1) copies.
    before = run(network, waveform[np.newaxis])[0, sample, 0]
    silenced = _silenced(waveform, starts, samples)
    after = [run(network, part)[:, sample, 0] for part in silenced]
    probability_drops = before - np.concatenate(after).reshape(len(starts), -1)
    return Occlusion((starts + (samples - 1) / 2) / SAMPLING_RATE, probability_drops, width)


def _silenced(waveform: np.ndarray, starts: np.ndarray, samples: int) -> Iterator[np.ndarray]:
    """Yield batches of copies with each window silenced on each component, then on all."""
    components = waveform.shape[1]
    component_masks = np.vstack([np.eye(components, dtype=bool), np.ones(components, bool)])
    windows = [(start, mask) for start in starts.tolist() for mask in component_masks]
    for first in range(0, len(windows), BATCH_SIZE):
        batch_windows = windows[first : first + BATCH_SIZE]
        batch = np.repeat(waveform[np.newaxis], len(batch_windows), axis=0)
        for copy, (start, mask) in zip(batch, batch_windows, strict=True):
            copy[:, mask] *= _silence_taper(len(waveform), start, samples)[:, np.newaxis]
        yield batch


def _silence_taper(length: int, start: int, samples: int) -> np.ndarray:
    """Return the factors that silence a window: 0 inside, 1 outside, and a cosine taper between.

    >>> _silence_taper(6, 2, 2).tolist()[2:4]
    [0.0, 0.0]
    """
    indices = np.arange(length)
    outside = np.maximum(np.maximum(start - indices, indices - (start + samples - 1)), 0)
    fade = np.minimum(outside / TAPER, 1.0)
    return (0.5 - 0.5 * np.cos(np.pi * fade)).astype(np.float32)


COLUMNS: Final = (*COMPONENTS, ALL)
"""Columns of `Occlusion.probability_drops`."""
