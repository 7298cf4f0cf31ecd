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
from steadkit.pipeline.sampler import EpochOrder, balanced, generators, natural
from steadkit.schema import N_SAMPLES, TRACE_SHAPE
from steadkit.transforms import (
    AugmentConfig,
    augment,
    check_auxiliary,
    light_augmentation,
    normalize_some_into,
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
        self.records = data if isinstance(data, TraceSource) else _records(data, traces)
        self.seed, self.shard = seed, shard
        self._check()
        self._donors = self.records.donors()
        self._variants = _variants(self.config)
        for one in self._variants:
            if one is not None:
                check_auxiliary(one, self._donors)
        self._own = threading.local()
        self._memory = BufferPool()
        self._orders: dict[int, EpochOrder] = {}
        self.fault: InputError | None = None

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
        if self.config.mix == "balanced" and len(set(self.records.is_event.tolist())) < 2:
            raise InputError("a balanced mix needs events and noise: these traces have one alone")

    @property
    def names(self) -> Sequence[str]:
        """The names of the traces."""
        return self.records.names

    @property
    def p(self) -> np.ndarray:
        """P arrivals of the traces, in samples; NaN for noise."""
        return self.records.p

    @property
    def s(self) -> np.ndarray:
        """S arrivals of the traces, in samples; NaN for noise and where it is missing."""
        return self.records.s

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
            file_order = self.records.file_order if block else None
            if self.config.mix == "balanced" and self.seed is not None:
                order = balanced(self.records.is_event, self.seed, epoch, file_order, block)
            else:
                order = natural(len(self.records), self.seed, epoch, file_order, block)
            # Two, for where one epoch ends and the next begins.
            self._orders = dict([*self._orders.items()][-1:]) | {epoch: order}
        return order

    def chosen(self, number: int) -> np.ndarray:
        """Return the numbers of the traces that a batch is made of, of this worker's share."""
        return self._chosen(number)[1].traces

    def _chosen(self, number: int) -> tuple[int, EpochOrder]:
        epoch, place = divmod(number, len(self))
        traces, times, _ = self._order_of(epoch)
        here = slice(place * self.config.traces, (place + 1) * self.config.traces)
        worker, workers = self.shard
        count = len(traces[here])
        own = slice(count * worker // workers, count * (worker + 1) // workers)
        return epoch, EpochOrder(traces[here][own], times[here][own])

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
        arrays = self._memory.arrays(shapes(self.size(number)))
        self.fill(number, arrays)
        return arrays

    def size(self, number: int) -> int:
        """Tell how many examples a batch has."""
        return len(self._variants) * len(self.chosen(number))

    def fill(self, number: int, arrays: Sequence[np.ndarray]) -> None:
        """Make a batch in arrays that are there already, of the shapes that `shapes` gives."""
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
                normalize_some_into(some, some, mode)
            return
        traces = self.chosen(number)
        for place in range(0, len(traces), READ_AT_ONCE):
            some = waveforms[place : place + READ_AT_ONCE]
            normalize_some_into(some, self._waveforms(traces, place)[: len(some)], mode)
        for row, trace in enumerate(traces.tolist()):
            label(row, self.records.example(trace, waveforms[row]))

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
        self.records.read_ahead(unshuffled[start : stop + ahead])

    def _groups(self, number: int) -> Iterator[tuple[int, list[Example]]]:
        """Make the examples of a batch, a few neighbours at a time, after the first one's row.

        Each group is good until the next is made.
        """
        epoch, (traces, times, _) = self._chosen(number)
        for place in range(0, len(traces), READ_AT_ONCE):
            here = slice(place, place + READ_AT_ONCE)
            own = [*zip(traces[here].tolist(), times[here].tolist(), strict=True)]
            waveforms = self._waveforms(traces, place)
            examples = [self.records.example(own[n][0], waveforms[n]) for n in range(len(own))]
            for variant, config in enumerate(self._variants):
                changed = examples
                if config is not None:
                    changed = [
                        augment(
                            example,
                            config,
                            self._random(epoch, trace, len(self._variants) * time + variant),
                            self._donors,
                        )
                        for example, (trace, time) in zip(examples, own, strict=True)
                    ]
                yield variant * len(traces) + place, changed

    def _waveforms(self, traces: np.ndarray, place: int) -> np.ndarray:
        """Read a few waveforms from a place on, into the memory of this thread."""
        if not hasattr(self._own, "waveforms"):
            self._own.waveforms = np.empty((READ_AT_ONCE, *TRACE_SHAPE), np.float32)
        waveforms: np.ndarray = self._own.waveforms
        some = traces[place : place + READ_AT_ONCE]
        self.records.read(some, waveforms[: len(some)])
        return waveforms

    def _random(self, epoch: int, trace: int, variant: int) -> np.random.Generator:
        if not hasattr(self._own, "generator"):
            self._own.generator = generators(self.seed or 0)
        random: np.random.Generator = self._own.generator(epoch, trace, variant)
        return random


def shapes(size: int) -> list[tuple[int, ...]]:
    """Tell the shapes of the waveforms and of the three targets of a batch of this size."""
    return [(size, *TRACE_SHAPE), *[(size, N_SAMPLES, 1)] * len(TARGETS)]


def _records(data: Path | Sequence[Path], traces: Sequence[str] | Manifest | None) -> TraceSource:
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
            if batches.fault is not None:
                raise batches.fault from None
        raise
