"""Batches as a tf.data stream; the only file of steadkit that imports TensorFlow."""

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
"""Made ahead while the network computes; each batch of 200 takes 29 MB with its targets."""

THREADS = 2
"""Batches made at a time; more wait for the interpreter."""

MAX_WORKERS = 4
MIN_BATCHES_FOR_WORKERS = 40
"""How many processes make batches by default, and from how many batches on."""

UNBOUNDED_EPOCHS = 10
"""As how many a stream without end counts."""

REST, PATIENCE = 0.1, 30.0
"""Seconds without a call after which none will come, and how long that is waited for at the end."""

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
    """Feed batches to training, made elsewhere while the network computes.

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
        Batches made at a time where no processes make them.
    workers
        Processes that make them, one batch each at a time; by default one a core, up to four,
        where there is enough to do, and none else. The batches are the same whoever makes them.
    continue_epochs
        Whether each iteration goes on with the epochs behind those of the one before, as
        ``model.fit`` wants it, which iterates once an epoch; else all are the same.
    sample_weight
        Whether to add, as a third, a dict of weights of the samples, each (batch, 6000): 0 where
        the truth of a target is not known, else 1. Labels must mark such samples
        (``LabelConfig.mark_unknown``); here their targets are 0.

    Returns
    -------
    tf.data.Dataset
        Pairs of waveforms (batch, 6000, 3) and a dict of targets, each (batch, 6000, 1).
    """
    import tensorflow as tf

    def make(number: Any) -> tuple[Any, dict[str, Any]]:
        # One call a batch: a call a trace would cost more than the work.
        flat = tf.numpy_function(
            lambda n: _make_batch(producer_ref, int(n)), [number], [tf.float32] * (1 + len(TARGETS))
        )
        for tensor, shape in zip(flat, _SHAPES, strict=True):
            tensor.set_shape(shape)
        return flat[0], dict(zip(TARGETS, flat[1:], strict=True))

    if start < 0 or threads < 1 or (workers or 0) < 0:
        raise InputError(
            f"a stream from batch {start} with {threads} threads and {workers} workers: "
            "use whole numbers from 0, and 1 thread or more"
        )
    if sample_weight and not batches.config.labels.mark_unknown:
        raise InputError(
            "weights of samples need targets in which the unknown ones are marked: make batches "
            "with LabelConfig(mark_unknown=True)"
        )
    pool = _worker_pool(batches, _default_workers(batches, epochs) if workers is None else workers)
    if pool is not None:
        threads = max(threads, len(pool))
    stop = np.iinfo(np.int64).max if epochs is None else epochs * len(batches)
    numbers = tf.data.Dataset.range(start, stop)
    # TensorFlow keeps for ever what its functions know, so they know the maker by a weak reference
    # only, and the stream keeps it: whatever is made of a stream, its iterators too, keeps that.
    producer = _BatchProducer(batches, pool)
    producer_ref = weakref.ref(producer)
    if continue_epochs and epochs is not None:
        passed = tf.data.Dataset.range(1).map(
            lambda _: tf.numpy_function(
                lambda: _start_iteration(producer_ref, stop - start), [], tf.int64
            )
        )
        following = passed.flat_map(
            lambda before: tf.data.Dataset.range(before + start, before + stop)
        )
        numbers = following.apply(tf.data.experimental.assert_cardinality(stop - start))
    made = numbers.map(make, num_parallel_calls=threads, deterministic=True)
    if sample_weight:
        made = made.map(_with_weights)
    made.producer = producer
    return made.prefetch(PREFETCH_BATCHES)


def _with_weights(waveforms: Any, targets: dict[str, Any]) -> tuple[Any, Any, Any]:
    import tensorflow as tf

    producer_ref = {
        name: tf.cast(target[..., 0] >= 0, tf.float32) for name, target in targets.items()
    }
    return waveforms, {name: tf.nn.relu(target) for name, target in targets.items()}, producer_ref


def _default_workers(batches: BatchLoader, epochs: int | None) -> int:
    """Tell how many processes are worth their start, which takes as long as some batches."""
    epochs = UNBOUNDED_EPOCHS if epochs is None else epochs
    return (
        min(count_cores(), MAX_WORKERS) if epochs * len(batches) >= MIN_BATCHES_FOR_WORKERS else 0
    )


def _worker_pool(batches: BatchLoader, workers: int) -> WorkerPool | None:
    """Start processes, or take those that this process has started for the same batches."""
    if not workers:
        return None
    pools = _POOLS.setdefault(batches, {})
    if workers not in pools:
        pools[workers] = WorkerPool(batches, workers)
        weakref.finalize(batches, pools[workers].close)
    return pools[workers]


@dataclass(eq=False)
class _BatchProducer:
    """Who makes the batches of a stream."""

    batches: BatchLoader
    pool: WorkerPool | None
    passed: int = 0
    """Batches of the iterations that were begun, of a stream that goes on."""


class _PendingCalls:
    """The calls from TensorFlow's threads that are under way.

    A program that ends while one of them needs Python would hang: TensorFlow waits for the call,
    and the call for an interpreter that is no more. That is so wherever an iterator is left alive,
    in a notebook, or in the traceback of what ended the program. So nothing is made any more at the
    end, and the program waits until what is made ahead is full and nobody calls.
    """

    def __init__(self) -> None:
        self._count, self._last = 0, -REST
        self._lock = threading.Lock()
        self._is_ending = False

    @contextmanager
    def track(self) -> Iterator[bool]:
        """Count a call; yields whether its batch is still wanted."""
        self._step(1)
        try:
            yield not self._is_ending
        finally:
            self._step(-1)

    def _step(self, by: int) -> None:
        with self._lock:
            self._count += by
            self._last = time.monotonic()

    def come_to_rest(self) -> None:
        """Wait until nobody calls any more."""
        self._is_ending, began = True, time.monotonic()
        while time.monotonic() - began < PATIENCE:
            if not self._count and time.monotonic() - self._last > REST:
                return
            time.sleep(REST / 10)


_PENDING_CALLS = _PendingCalls()
atexit.register(_PENDING_CALLS.come_to_rest)


def _start_iteration(producer_ref: "weakref.ref[_BatchProducer]", batches: int) -> int:
    """Begin another iteration; returns how many batches those before it had."""
    producer = producer_ref()
    assert producer is not None, "the stream is gone"
    before = producer.passed
    producer.passed += batches
    return before


def _make_batch(producer_ref: "weakref.ref[_BatchProducer]", number: int) -> list[np.ndarray]:
    producer = producer_ref()
    assert producer is not None, "the stream is gone"
    with _PENDING_CALLS.track() as is_wanted:
        return (
            _make_or_raise(producer, number)
            if is_wanted
            else [np.empty((0, *s[1:]), "f4") for s in _SHAPES]
        )


def _make_or_raise(producer: _BatchProducer, number: int) -> list[np.ndarray]:
    try:
        made = None if producer.pool is None else producer.pool.arrays(number)
        return producer.batches.arrays(number) if made is None else made
    except InputError as error:
        producer.batches.error = error  # TensorFlow would pass on its text alone
        raise
