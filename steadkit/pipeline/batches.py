"""Numbered batches of waveforms and targets, made with NumPy alone."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from steadkit.errors import InputError
from steadkit.example import Example
from steadkit.labels import TARGETS, shape_targets
from steadkit.manifest import Manifest
from steadkit.pipeline.buffers import BufferPool
from steadkit.pipeline.config import BatchConfig
from steadkit.pipeline.data_source import TraceSource
from steadkit.pipeline.sampler import EpochOrder, balanced_order, generator_factory, natural_order
from steadkit.schema import N_SAMPLES, TRACE_SHAPE
from steadkit.transforms import (
    AugmentConfig,
    augment,
    check_auxiliary,
    light_augmentation,
    normalize_batch_into,
)

READ_AT_ONCE = 8
"""Waveforms read together: few enough to stay in the cache of a core until they are done."""

MAX_AHEAD = 8192
"""Traces up to which a block is read ahead, 590 MB; of more the system might drop some unused."""


class BatchLoader:
    """Numbered batches of some traces.

    Parameters
    ----------
    data
        A STEAD file, HDF5 with its CSV beside it, or several; or `TraceSource`.
    traces
        Trace names, or a manifest; all by default.
    config
        How batches are made.
    seed
        Selects the order of each epoch and every augmentation; None keeps the order of `traces`.
    shard
        Which worker this is, from 0, and of how many: each makes its share of every batch, one
        behind the other, so that together they make what one would.

    Raises
    ------
    InputError
        A file or trace cannot be used, an event lacks its P arrival, or an augmentation lacks a
        seed or traces to draw from.
    """

    def __init__(
        self,
        data: Path | Sequence[Path] | TraceSource,
        traces: Sequence[str] | Manifest | None = None,
        config: BatchConfig | None = None,
        seed: int | None = None,
        shard: tuple[int, int] = (0, 1),
    ):
        self.config = config or BatchConfig()
        self.data_source = data if isinstance(data, TraceSource) else _trace_source(data, traces)
        self.seed, self.shard = seed, shard
        self._check()
        self._auxiliary = self.data_source.auxiliary()
        self._variants = _variants(self.config)
        for one in self._variants:
            if one is not None:
                check_auxiliary(one, self._auxiliary)
        self._local = threading.local()
        self._buffers = BufferPool()
        self._orders: dict[int, EpochOrder] = {}
        self.error: InputError | None = None

    def _check(self) -> None:
        worker, workers = self.shard
        if not 0 <= worker < workers:
            raise InputError(f"shard {worker} of {workers} is none: count from 0")
        config = self.config
        if self.seed is None and (config.augment or config.mix != "natural"):
            raise InputError("augmented or balanced batches are drawn: give a seed")
        if self.seed is None and config.shuffle_block:
            raise InputError(
                f"blocks of {config.shuffle_block} traces are shuffled by a seed and there is "
                "none: give a seed, or leave shuffle_block at 0"
            )
        if self.config.mix == "balanced" and len(set(self.data_source.is_event.tolist())) < 2:
            raise InputError("a balanced mix needs events and noise: these traces have one alone")

    @property
    def names(self) -> Sequence[str]:
        """The names of the traces."""
        return self.data_source.names

    @property
    def p(self) -> np.ndarray:
        """P arrivals of the traces, in samples; NaN for noise."""
        return self.data_source.p

    @property
    def s(self) -> np.ndarray:
        """S arrivals of the traces, in samples; NaN for noise and where it is missing."""
        return self.data_source.s

    def __len__(self) -> int:
        """How many batches an epoch has, the last one perhaps smaller."""
        return -(-len(self._order_of(0).traces) // self.config.traces)

    def order(self, epoch: int) -> np.ndarray:
        """Return the numbers of the traces in the order of an epoch."""
        return self._order_of(epoch).traces

    def _order_of(self, epoch: int) -> EpochOrder:
        order = self._orders.get(epoch)
        if order is None:
            block = self.config.shuffle_block
            file_order = self.data_source.file_order if block else None
            if self.config.mix == "balanced" and self.seed is not None:
                order = balanced_order(
                    self.data_source.is_event, self.seed, epoch, file_order, block
                )
            else:
                order = natural_order(len(self.data_source), self.seed, epoch, file_order, block)
            # Two, for where one epoch ends and the next begins.
            self._orders = dict([*self._orders.items()][-1:]) | {epoch: order}
        return order

    def trace_numbers(self, number: int) -> np.ndarray:
        """Return the numbers of the traces that a batch is made of, of this worker's share."""
        return self._share_of(number)[1].traces

    def _share_of(self, number: int) -> tuple[int, EpochOrder]:
        epoch, place = divmod(number, len(self))
        traces, repetitions, _ = self._order_of(epoch)
        here = slice(place * self.config.traces, (place + 1) * self.config.traces)
        worker, workers = self.shard
        count = len(traces[here])
        own = slice(count * worker // workers, count * (worker + 1) // workers)
        return epoch, EpochOrder(traces[here][own], repetitions[here][own])

    def examples(self, number: int) -> list[Example]:
        """Make the examples of a batch, augmented but not normalised yet."""
        made: list[Example | None] = [None] * self.size(number)
        for first, some in self._groups(number):
            # Some waveforms lie where the next ones will be read.
            made[first : first + len(some)] = [
                example.with_waveform(example.waveform.copy()) for example in some
            ]
        return [example for example in made if example is not None]

    def batch(self, number: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Make a batch, counted through all epochs.

        Returns
        -------
        waveforms : numpy.ndarray
            Shape (batch, 6000, 3), float32, normalised.
        targets : dict of str to numpy.ndarray
            ``detector``, ``picker_P``, ``picker_S``, each (batch, 6000, 1), float32.
        """
        waveforms, *targets = self.arrays(number)
        return waveforms, dict(zip(TARGETS, targets, strict=True))

    def arrays(self, number: int) -> list[np.ndarray]:
        """Make a batch as a list: the waveforms, and the three targets."""
        arrays = self._buffers.arrays(batch_shapes(self.size(number)))
        self.fill(number, arrays)
        return arrays

    def size(self, number: int) -> int:
        """Tell how many examples a batch has."""
        return len(self._variants) * len(self.trace_numbers(number))

    def fill(self, number: int, arrays: Sequence[np.ndarray]) -> None:
        """Make a batch in arrays that are there already, of the shapes that `batch_shapes` gives."""
        self._read_ahead(number)
        waveforms, *targets = arrays
        mode, labels = self.config.normalization, self.config.labels
        for target in targets:
            target[:] = 0

        def label(row: int, example: Example) -> None:
            detector, picker_p, picker_s = (target[row] for target in targets)
            shape_targets(
                detector, picker_p, picker_s, example.p, example.s, labels, example.coda_end
            )

        if self._variants != [None]:
            for first, examples in self._groups(number):
                some = waveforms[first : first + len(examples)]
                for row, example in enumerate(examples):
                    some[row] = example.waveform
                    label(first + row, example)
                normalize_batch_into(some, some, mode)
            return
        traces = self.trace_numbers(number)
        for place in range(0, len(traces), READ_AT_ONCE):
            some = waveforms[place : place + READ_AT_ONCE]
            normalize_batch_into(some, self._waveforms(traces, place)[: len(some)], mode)
        for row, trace in enumerate(traces.tolist()):
            label(row, self.data_source.example(trace, waveforms[row]))

    def _read_ahead(self, number: int) -> None:
        """Ask the system for the next block of the file while this one is used.

        A trace comes less than a block, of its kind, earlier or later than it lies in the file.
        """
        epoch, place = divmod(number, len(self))
        unshuffled = self._order_of(epoch).unshuffled
        ahead = self.config.shuffle_block * (2 if self.config.mix == "balanced" else 1)
        if unshuffled is None or ahead > MAX_AHEAD:
            return
        start, stop = place * self.config.traces, (place + 1) * self.config.traces
        start = start + ahead if start else 0
        self.data_source.read_ahead(unshuffled[start : stop + ahead])

    def _groups(self, number: int) -> Iterator[tuple[int, list[Example]]]:
        """Make the examples of a batch, a few neighbours at a time, after the first one's row.

        Each group is good until the next is made.
        """
        epoch, (traces, repetitions, _) = self._share_of(number)
        for place in range(0, len(traces), READ_AT_ONCE):
            here = slice(place, place + READ_AT_ONCE)
            own = [*zip(traces[here].tolist(), repetitions[here].tolist(), strict=True)]
            waveforms = self._waveforms(traces, place)
            examples = [self.data_source.example(own[n][0], waveforms[n]) for n in range(len(own))]
            for variant, config in enumerate(self._variants):
                changed = examples
                if config is not None:
                    changed = [
                        augment(
                            example,
                            config,
                            self._random(epoch, trace, len(self._variants) * time + variant),
                            self._auxiliary,
                        )
                        for example, (trace, time) in zip(examples, own, strict=True)
                    ]
                yield variant * len(traces) + place, changed

    def _waveforms(self, traces: np.ndarray, place: int) -> np.ndarray:
        """Read a few waveforms from a place on, into the memory of this thread."""
        if not hasattr(self._local, "waveforms"):
            self._local.waveforms = np.empty((READ_AT_ONCE, *TRACE_SHAPE), np.float32)
        waveforms: np.ndarray = self._local.waveforms
        some = traces[place : place + READ_AT_ONCE]
        self.data_source.read(some, waveforms[: len(some)])
        return waveforms

    def _random(self, epoch: int, trace: int, variant: int) -> np.random.Generator:
        if not hasattr(self._local, "generator"):
            self._local.generator = generator_factory(self.seed or 0)
        random: np.random.Generator = self._local.generator(epoch, trace, variant)
        return random


def batch_shapes(size: int) -> list[tuple[int, ...]]:
    """Tell the shapes of the waveforms and of the three targets of a batch of this size."""
    return [(size, *TRACE_SHAPE), *[(size, N_SAMPLES, 1)] * len(TARGETS)]


def _trace_source(
    data: Path | Sequence[Path], traces: Sequence[str] | Manifest | None
) -> TraceSource:
    paths = [data] if isinstance(data, Path) else list(data)
    return TraceSource(paths, traces.traces if isinstance(traces, Manifest) else traces)


def _variants(config: BatchConfig) -> list[AugmentConfig | None]:
    """List what is done to each trace; it comes once for each."""
    if config.paired and config.augment is not None:
        return [light_augmentation(config.augment), config.augment]
    return [config.augment]


@contextmanager
def raise_input_errors(*sources: BatchLoader) -> Iterator[None]:
    """Raise what was wrong with the data, not what TensorFlow makes of it."""
    try:
        yield
    except Exception:
        for batches in sources:
            if batches.error is not None:
                raise batches.error from None
        raise
