"""Batches as a tf.data stream; the only file of steadkit that imports TensorFlow."""

from typing import Any

import numpy as np

from steadkit.errors import InputError
from steadkit.labels import TARGETS
from steadkit.pipeline.batches import Batches
from steadkit.schema import COMPONENTS, N_SAMPLES

PREFETCH_BATCHES = 4
"""Made ahead while the network computes; each batch of 200 takes 29 MB with its targets."""

THREADS = 2
"""Batches made at a time; more wait for the interpreter."""

_SHAPES = ((None, N_SAMPLES, len(COMPONENTS)), *[(None, N_SAMPLES, 1)] * len(TARGETS))


def stream(batches: Batches, start: int = 0, epochs: int | None = 1, threads: int = THREADS) -> Any:
    """Feed batches to training, made by other threads while the network computes.

    Parameters
    ----------
    batches
        What to feed.
    start
        The number of the first batch, counted through all epochs: where a training that was cut
        off goes on.
    epochs
        Where to stop; None goes on for ever.
    threads
        Batches made at a time; the batches are the same whatever it is.

    Returns
    -------
    tf.data.Dataset
        Pairs of waveforms (batch, 6000, 3) and a dict of targets, each (batch, 6000, 1).
    """
    import tensorflow as tf

    def make(number: Any) -> tuple[Any, dict[str, Any]]:
        # One call a batch: a call a trace would cost more than the work.
        flat = tf.numpy_function(
            lambda n: _arrays(batches, int(n)), [number], [tf.float32] * (1 + len(TARGETS))
        )
        for tensor, shape in zip(flat, _SHAPES, strict=True):
            tensor.set_shape(shape)
        return flat[0], dict(zip(TARGETS, flat[1:], strict=True))

    if start < 0 or threads < 1:
        raise InputError(f"a stream from batch {start} with {threads} threads: use 0, 1 or more")
    stop = np.iinfo(np.int64).max if epochs is None else epochs * len(batches)
    numbers = tf.data.Dataset.range(start, stop)
    made = numbers.map(make, num_parallel_calls=threads, deterministic=True)
    return made.prefetch(PREFETCH_BATCHES)


def _arrays(batches: Batches, number: int) -> list[np.ndarray]:
    try:
        return batches.arrays(number)
    except InputError as fault:
        batches.fault = fault  # TensorFlow would pass on its text alone
        raise
