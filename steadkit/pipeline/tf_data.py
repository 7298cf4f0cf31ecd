"""Batches as a tf.data.Dataset; the only file of steadkit that imports TensorFlow."""

import atexit
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from steadkit.errors import InputError
from steadkit.labels import TARGETS
from steadkit.pipeline.batches import BatchLoader
from steadkit.pipeline.workers import WorkerPool
from steadkit.processes import count_cores
from steadkit.schema import COMPONENTS, N_SAMPLES

PREFETCH_BATCHES = 4
"""Batches prefetched while the network computes; one of 200 takes 29 MB with its targets."""

THREADS = 2
"""Batches made at a time in this process; more threads only wait for the interpreter lock."""

MAX_WORKERS = 4
MIN_BATCHES_FOR_WORKERS = 40
"""Default number of worker processes, and number of batches from which they are started."""

UNBOUNDED_EPOCHS = 10
"""Epochs for which an endless stream counts in the choice of workers."""

IDLE_S, MAX_WAIT_S = 0.1, 30.0
"""Seconds without a call after which none is expected, and longest wait for them at exit."""

_POOLS: weakref.WeakKeyDictionary[BatchLoader, dict[int, WorkerPool]] = weakref.WeakKeyDictionary()

_SHAPES = ((None, N_SAMPLES, len(COMPONENTS)), *[(None, N_SAMPLES, 1)] * len(TARGETS))


def to_tf_dataset(
    batches: BatchLoader,
    start: int = 0,
    epochs: int | None = 1,
    threads: int = THREADS,
    workers: int | None = None,
    continue_epochs: bool = False,
    sample_weight: bool = False,
) -> Any:
    """Return batches as a prefetching ``tf.data.Dataset``.

    Parameters
    ----------
    batches
        Loader of the batches.
    start
        Number of the first batch, counted through all epochs: where an interrupted training
        continues.
    epochs
        Epoch at which to stop; None for an endless data set.
    threads
        Batches made at a time without worker processes.
    workers
        Worker processes, which make one batch each at a time; by default one per core, up to four,
        from a total of 40 batches on, and none below. The batches do not depend on it.
    continue_epochs
        Whether each iteration continues with the epochs after those of the previous one, for
        ``model.fit``, which iterates once per epoch; otherwise all iterations are the same.
    sample_weight
        Whether to add a third element, a dict of sample weights, each (batch, 6000): 0 where the
        truth of a target is not known, else 1. Labels must mark such samples
        (``LabelConfig.mark_unknown``); their targets are then 0.

    Returns
    -------
    tf.data.Dataset
        Pairs of waveforms (batch, 6000, 3) and a dict of targets, each (batch, 6000, 1).
    """
    import tensorflow as tf

    def make(number: Any) -> tuple[Any, dict[str, Any]]:
        # One Python call per batch: one per trace would cost more than the work.
        flat = tf.numpy_function(
            lambda n: _make_batch(producer_ref, int(n)), [number], [tf.float32] * (1 + len(TARGETS))
        )
        # The shapes are lost in the call, and Keras needs them.
        for tensor, shape in zip(flat, _SHAPES, strict=True):
            tensor.set_shape(shape)
        return flat[0], dict(zip(TARGETS, flat[1:], strict=True))

    _check_stream(batches, start, threads, workers or 0, sample_weight)
    pool = _worker_pool(batches, _default_workers(batches, epochs) if workers is None else workers)
    if pool is not None:
        threads = max(threads, len(pool))
    stop = np.iinfo(np.int64).max if epochs is None else epochs * len(batches)
    # TensorFlow never releases the Python functions of a data set, nor what they refer to. They
    # hold a weak reference, and the data set the producer itself: every data set and iterator
    # derived from it keeps the producer alive, and the workers stop with the last of them.
    producer = _BatchProducer(batches, pool)
    producer_ref = weakref.ref(producer)
    if continue_epochs and epochs is not None:
        numbers = _continued_numbers(producer_ref, start, stop)
    else:
        numbers = tf.data.Dataset.range(start, stop)
    dataset = numbers.map(make, num_parallel_calls=threads, deterministic=True)
    if sample_weight:
        dataset = dataset.map(_with_weights)
    dataset.producer = producer
    return dataset.prefetch(PREFETCH_BATCHES)


def _check_stream(
    batches: BatchLoader, start: int, threads: int, workers: int, sample_weight: bool
) -> None:
    if start < 0 or threads < 1 or workers < 0:
        raise InputError(
            f"a stream from batch {start} with {threads} threads and {workers} workers: "
            "use whole numbers from 0, and 1 thread or more"
        )
    if sample_weight and not batches.config.labels.mark_unknown:
        raise InputError(
            "weights of samples need targets in which the unknown ones are marked: make batches "
            "with LabelConfig(mark_unknown=True)"
        )


def _continued_numbers(producer_ref: "weakref.ref[_BatchProducer]", start: int, stop: int) -> Any:
    """Return a data set of batch numbers that continues at each iteration."""
    import tensorflow as tf

    # A data set is a function, the same in each iteration. So its first element is a call that
    # counts iterations, and the batch numbers start where the previous iteration ended.
    first = tf.data.Dataset.range(1).map(
        lambda _: tf.numpy_function(
            lambda: _start_iteration(producer_ref, stop - start), [], tf.int64
        )
    )
    numbers = first.flat_map(lambda before: tf.data.Dataset.range(before + start, before + stop))
    # flat_map loses the number of batches, which Keras shows in its progress bar.
    return numbers.apply(tf.data.experimental.assert_cardinality(stop - start))


def _with_weights(waveforms: Any, targets: dict[str, Any]) -> tuple[Any, Any, Any]:
    import tensorflow as tf

    weights = {name: tf.cast(target[..., 0] >= 0, tf.float32) for name, target in targets.items()}
    # The mark of an unknown sample is negative; its target becomes 0.
    return waveforms, {name: tf.nn.relu(target) for name, target in targets.items()}, weights


def _default_workers(batches: BatchLoader, epochs: int | None) -> int:
    """Return how many processes repay their start, which takes as long as some batches."""
    epochs = UNBOUNDED_EPOCHS if epochs is None else epochs
    return (
        min(count_cores(), MAX_WORKERS) if epochs * len(batches) >= MIN_BATCHES_FOR_WORKERS else 0
    )


def _worker_pool(batches: BatchLoader, workers: int) -> WorkerPool | None:
    """Return the worker pool of a loader, started once for each number of workers."""
    if not workers:
        return None
    # By loader and number: a further data set of the same loader starts no processes.
    pools = _POOLS.setdefault(batches, {})
    if workers not in pools:
        pools[workers] = WorkerPool(batches, workers)
        # The pool does not refer to the loader, so both go when the last data set does.
        weakref.finalize(batches, pools[workers].close)
    return pools[workers]


@dataclass(eq=False)
class _BatchProducer:
    """Loader and workers of a data set, kept alive by it and by its iterators."""

    batches: BatchLoader
    pool: WorkerPool | None
    n_started: int = 0
    """Batches of the iterations started so far, where they continue."""


class _PendingCalls:
    """Counter of the running calls from TensorFlow's threads, to wait for them at exit.

    A program that ends during such a call would hang: TensorFlow waits for the call, and the call
    for the interpreter, which is gone. It happens whenever an iterator is still alive, in a
    notebook or in the traceback that ended the program. So calls return empty batches once the
    program is ending, and exit waits until the prefetch buffer is full and no call is left.
    """

    def __init__(self) -> None:
        self._count, self._last = 0, -IDLE_S
        self._lock = threading.Lock()
        self._is_ending = False

    @contextmanager
    def track(self) -> Iterator[bool]:
        """Count a call; yields whether its batch is still needed."""
        self._add(1)
        try:
            yield not self._is_ending
        finally:
            self._add(-1)

    def _add(self, n_calls: int) -> None:
        with self._lock:
            self._count += n_calls
            self._last = time.monotonic()

    def wait_until_idle(self) -> None:
        """Refuse further batches and wait until no call is running."""
        self._is_ending, started = True, time.monotonic()
        while time.monotonic() - started < MAX_WAIT_S:
            if not self._count and time.monotonic() - self._last > IDLE_S:
                return
            time.sleep(IDLE_S / 10)


_PENDING_CALLS = _PendingCalls()
atexit.register(_PENDING_CALLS.wait_until_idle)


def _start_iteration(producer_ref: "weakref.ref[_BatchProducer]", batches: int) -> int:
    """Start an iteration; return the number of batches of all previous ones."""
    producer = producer_ref()
    assert producer is not None, "the stream is gone"
    before = producer.n_started
    producer.n_started += batches
    return before


def _make_batch(producer_ref: "weakref.ref[_BatchProducer]", number: int) -> list[np.ndarray]:
    producer = producer_ref()
    assert producer is not None, "the stream is gone"
    with _PENDING_CALLS.track() as is_needed:
        return (
            _make_or_raise(producer, number)
            if is_needed
            else [np.empty((0, *s[1:]), "f4") for s in _SHAPES]
        )


def _make_or_raise(producer: _BatchProducer, number: int) -> list[np.ndarray]:
    try:
        arrays = None if producer.pool is None else producer.pool.arrays(number)
        return producer.batches.arrays(number) if arrays is None else arrays
    except InputError as error:
        # TensorFlow passes on only the text; `raise_input_errors` raises the error itself.
        producer.batches.error = error
        raise
