"""Waveforms and targets as a tf.data stream; the only file here that imports TensorFlow.

Order is a function of seed and epoch, and a batch a function of its number, so a stream gives the
same batches whatever the number of threads, and can begin anywhere.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from steadkit.catalog import numbers, read_table
from steadkit.errors import InputError
from steadkit.labels import TARGETS, LabelConfig, targets
from steadkit.manifest import Manifest
from steadkit.schema import COMPONENTS, EVENT, N_SAMPLES
from steadkit.sources import source_of
from steadkit.store import Waveforms
from steadkit.transforms import NORMALIZATIONS, normalize

PREFETCH_BATCHES = 4
"""Made ahead while the network computes; each batch of 200 takes 29 MB with its targets."""


@dataclass(frozen=True)
class BatchConfig:
    """How batches are made.

    Parameters
    ----------
    batch_size
        Traces in a batch; the last batch of an epoch may have fewer.
    normalization
        ``std`` or ``max``, see `steadkit.transforms.normalize`.
    labels
        Shape of the targets.
    """

    batch_size: int = 200
    normalization: str = "std"
    labels: LabelConfig = field(default_factory=LabelConfig)

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InputError(f"batch size {self.batch_size} must be at least 1")
        if self.normalization not in NORMALIZATIONS:
            raise InputError(
                f"normalisation {self.normalization!r} is unknown: use {', '.join(NORMALIZATIONS)}"
            )


class Batches:
    """Numbered batches of some traces of a STEAD file, made with NumPy alone.

    Parameters
    ----------
    data
        A STEAD file, HDF5 with its CSV beside it.
    traces
        Trace names, or a manifest.
    config
        How batches are made.
    seed
        Selects the order of each epoch; None keeps the order of `traces`.

    Raises
    ------
    InputError
        A file or trace cannot be used, or an event lacks its P arrival.
    """

    def __init__(
        self,
        data: Path,
        traces: Sequence[str] | Manifest,
        config: BatchConfig | None = None,
        seed: int | None = None,
    ):
        self.config = config or BatchConfig()
        self.names = list(traces.traces if isinstance(traces, Manifest) else traces)
        if not self.names:
            raise InputError(f"no trace of {str(data)!r} selected: at least one is needed")
        self.seed = seed
        source = source_of(data)
        self.p, self.s = arrivals(source.csv, self.names)
        self.waveforms = Waveforms(source.hdf5, self.names)
        self.fault: InputError | None = None

    def __len__(self) -> int:
        """How many batches an epoch has, the last one perhaps smaller."""
        return -(-len(self.names) // self.config.batch_size)

    def order(self, epoch: int) -> np.ndarray:
        """Return the indices of the traces in the order of an epoch."""
        count = len(self.names)
        if self.seed is None:
            return np.arange(count)
        return np.random.default_rng([self.seed, epoch]).permutation(count)

    def batch(self, number: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Make a batch, counted through all epochs.

        Returns
        -------
        waveforms : numpy.ndarray
            Shape (batch, 6000, 3), float32, normalised.
        targets : dict of str to numpy.ndarray
            ``detector``, ``picker_P``, ``picker_S``, each (batch, 6000, 1), float32.
        """
        epoch, place = divmod(number, len(self))
        size = self.config.batch_size
        # Reading in the order of the file is kinder to a disk, but the batch keeps its own order.
        chosen = self.order(epoch)[place * size : (place + 1) * size]
        waveforms = normalize(self.waveforms.read(chosen), self.config.normalization)
        return waveforms, targets(self.p[chosen], self.s[chosen], self.config.labels)


def arrivals(csv: Path, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Look up P and S arrivals of traces, in samples; NaN for noise and for a missing S.

    Raises
    ------
    InputError
        A trace is not in the table, or an event's arrivals are missing, outside or out of order.
    """
    columns = ("trace_name", "trace_category", "p_arrival_sample", "s_arrival_sample")
    table = read_table(csv, columns).set_index("trace_name", drop=False)
    if unknown := [name for name in names if name not in table.index][:1]:
        raise InputError(f"{str(csv)!r} has no trace {unknown[0]!r}: is it the file of the list?")
    rows = table.loc[list(names)]
    p, s = numbers(rows, "p_arrival_sample"), numbers(rows, "s_arrival_sample")
    events = (rows["trace_category"] == EVENT).to_numpy()
    _check_arrivals(rows, events, p, s)
    return np.where(events, p, np.nan), np.where(events, s, np.nan)


def _check_arrivals(rows: pd.DataFrame, events: np.ndarray, p: np.ndarray, s: np.ndarray) -> None:
    outside = (p < 0) | (p >= N_SAMPLES) | (s < 0) | (s >= N_SAMPLES)
    faults = {"no P arrival": np.isnan(p), "an arrival outside": outside, "S before P": s <= p}
    for fault, found in faults.items():
        if (found & events).any():
            row = int(np.flatnonzero(found & events)[0])
            raise InputError(
                f"trace {rows['trace_name'].iloc[row]!r} has {fault} "
                f"(P {p[row]:g}, S {s[row]:g}): drop it or repair its row"
            )


def stream(batches: Batches, start: int = 0, epochs: int | None = 1) -> Any:
    """Feed batches to training, made by another thread while the network computes.

    Parameters
    ----------
    batches
        What to feed.
    start
        The number of the first batch, counted through all epochs.
    epochs
        Where to stop; None goes on for ever.

    Returns
    -------
    tf.data.Dataset
        Pairs of waveforms (batch, 6000, 3) and a dict of targets, each (batch, 6000, 1).
    """
    import tensorflow as tf

    def make(number: Any) -> tuple[Any, dict[str, Any]]:
        # One call a batch: a call a trace would cost more than the work.
        flat = tf.numpy_function(
            lambda n: _flat(batches, int(n)), [number], [tf.float32] * (1 + len(TARGETS))
        )
        for tensor, shape in zip(flat, _SHAPES, strict=True):
            tensor.set_shape(shape)
        return flat[0], dict(zip(TARGETS, flat[1:], strict=True))

    stop = np.iinfo(np.int64).max if epochs is None else epochs * len(batches)
    numbers_ = tf.data.Dataset.range(start, stop)
    return numbers_.map(make, num_parallel_calls=2, deterministic=True).prefetch(PREFETCH_BATCHES)


_SHAPES = ((None, N_SAMPLES, len(COMPONENTS)), *[(None, N_SAMPLES, 1)] * len(TARGETS))


@contextmanager
def clear_faults(*sources: Batches) -> Iterator[None]:
    """Raise what was wrong with the data, not what TensorFlow makes of it."""
    try:
        yield
    except Exception:
        for batches in sources:
            if batches.fault is not None:
                raise batches.fault from None
        raise


def _flat(batches: Batches, number: int) -> list[np.ndarray]:
    try:
        waveforms, labels = batches.batch(number)
    except InputError as fault:
        batches.fault = fault  # TensorFlow would pass on its text alone
        raise
    return [waveforms, *(labels[name] for name in TARGETS)]
