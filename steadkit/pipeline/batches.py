"""Numbered batches of waveforms and targets, made with NumPy alone, and their configuration."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from steadkit.errors import InputError
from steadkit.example import Example
from steadkit.labels import TARGETS, LabelConfig, shape_targets
from steadkit.manifest import Manifest
from steadkit.pipeline.buffers import BufferPool
from steadkit.pipeline.data_source import TraceSource
from steadkit.pipeline.sampler import EpochOrder, balanced_order, generator_factory, natural_order
from steadkit.schema import N_SAMPLES, TRACE_SHAPE
from steadkit.transforms import (
    NORMALIZATIONS,
    AugmentConfig,
    augment,
    check_auxiliary,
    light_augmentation,
    normalize_batch_into,
)

MIXES = ("natural", "balanced")
"""Events and noise in the proportion of the traces, or alternating."""


@dataclass(frozen=True)
class BatchConfig:
    """Size, mix, augmentation, normalisation and targets of batches.

    Parameters
    ----------
    batch_size
        Examples in a batch; the last batch of an epoch may have fewer.
    normalization
        One of `steadkit.transforms.NORMALIZATIONS`.
    labels
        Shape of the targets.
    augment
        Augmentation of each trace; None for none.
    paired
        As published for EQT: the first half of a batch are traces that are lightly augmented
        (`steadkit.transforms.light_augmentation`), the second half the same traces fully augmented.
    mix
        ``natural``: every trace once per epoch. ``balanced``: events and noise alternate, and the
        traces of the smaller class are repeated, each as often as any other of it or once more.
    shuffle_block
        0: each epoch is a random permutation of all traces, which reads them from all over the
        file. Otherwise each epoch reads the file from front to back in blocks of this many traces,
        shuffled within a block; see `steadkit.pipeline.sampler.shuffle_in_blocks`. Meant for files
        in random order: in a sorted file, a batch would hold similar traces. Auxiliary traces of
        an augmentation are read from all over the file.
    """

    batch_size: int = 200
    normalization: str = "std"
    labels: LabelConfig = field(default_factory=LabelConfig)
    augment: AugmentConfig | None = None
    paired: bool = False
    mix: str = "natural"
    shuffle_block: int = 0

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InputError(f"batch size {self.batch_size} must be at least 1")
        if self.normalization not in NORMALIZATIONS:
            raise InputError(
                f"normalisation {self.normalization!r} is unknown: use {', '.join(NORMALIZATIONS)}"
            )
        if self.mix not in MIXES:
            raise InputError(f"mix {self.mix!r} is unknown: use {' or '.join(MIXES)}")
        block = self.shuffle_block
        if isinstance(block, bool) or not isinstance(block, int) or block < 0:
            raise InputError(
                f"shuffle block {block!r} is no number of traces: use a whole number above 0, "
                "or 0 to shuffle all traces at once"
            )
        if self.paired and (self.augment is None or self.batch_size % 2):
            raise InputError(
                f"paired batches of {self.batch_size} need an even size and an augmentation"
            )

    @property
    def traces(self) -> int:
        """Number of traces in a batch: half its examples where they are paired."""
        return self.batch_size // 2 if self.paired else self.batch_size


GROUP_TRACES = 8
"""Waveforms read and processed together: few enough to stay in the cache of a core."""

MAX_READAHEAD_TRACES = 8192
"""Longest block that is read ahead, 590 MB; the page cache might drop parts of a longer one."""


class BatchLoader:
    """Loader of numbered batches, each a function of its number and the seed.

    Parameters
    ----------
    data
        A STEAD file, HDF5 with its CSV next to it, or several; or a `TraceSource`.
    traces
        Trace names, or a manifest; all by default.
    config
        Size, mix, augmentation, normalisation and targets.
    seed
        Selects the order of each epoch and every augmentation; None keeps the order of `traces`.
    shard
        Index of this worker, from 0, and number of workers: each makes a contiguous part of every
        batch, so that the parts of all workers together are the batch of a single one.

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
        if not isinstance(data, TraceSource):
            paths = [data] if isinstance(data, Path) else list(data)
            data = TraceSource(paths, traces.traces if isinstance(traces, Manifest) else traces)
        self.data_source = data
        self.seed, self.shard = seed, shard
        self._check()
        self._auxiliary = self.data_source.auxiliary()
        self._variants = _variants(self.config)
        for variant in self._variants:
            if variant is not None:
                check_auxiliary(variant, self._auxiliary)
        # Several threads make batches at a time; each has a buffer and a generator to itself.
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
        """Return the number of batches in an epoch; the last one may be smaller."""
        return -(-len(self._epoch_order(0).traces) // self.config.traces)

    def order(self, epoch: int) -> np.ndarray:
        """Return the trace numbers in the order of an epoch."""
        return self._epoch_order(epoch).traces

    def _epoch_order(self, epoch: int) -> EpochOrder:
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
            # Two orders are kept: threads make the last batches of an epoch while others make the
            # first ones of the next.
            self._orders = dict([*self._orders.items()][-1:]) | {epoch: order}
        return order

    def trace_numbers(self, number: int) -> np.ndarray:
        """Return the trace numbers of this worker's share of a batch."""
        return self._worker_share(number)[1].traces

    def _worker_share(self, number: int) -> tuple[int, EpochOrder]:
        epoch, place = divmod(number, len(self))
        traces, repetitions, _ = self._epoch_order(epoch)
        batch = slice(place * self.config.traces, (place + 1) * self.config.traces)
        worker, workers = self.shard
        count = len(traces[batch])
        # Whole numbers alone: shares of all workers are disjoint and complete, for any count.
        share = slice(count * worker // workers, count * (worker + 1) // workers)
        return epoch, EpochOrder(traces[batch][share], repetitions[batch][share])

    def examples(self, number: int) -> list[Example]:
        """Return the examples of a batch, augmented but not normalised."""
        examples: list[Example | None] = [None] * self.size(number)
        for first, group in self._groups(number):
            # Copies, as the next group is read into the same buffer.
            examples[first : first + len(group)] = [
                example.with_waveform(example.waveform.copy()) for example in group
            ]
        return [example for example in examples if example is not None]

    def batch(self, number: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Return a batch by its number, counted through all epochs.

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
        """Return a batch as a list: the waveforms and the three targets."""
        arrays = self._buffers.arrays(batch_shapes(self.size(number)))
        self.fill(number, arrays)
        return arrays

    def size(self, number: int) -> int:
        """Return the number of examples in this worker's share of a batch."""
        return len(self._variants) * len(self.trace_numbers(number))

    def fill(self, number: int, arrays: Sequence[np.ndarray]) -> None:
        """Write a batch into given arrays, of the shapes that `batch_shapes` returns."""
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
                group = waveforms[first : first + len(examples)]
                for row, example in enumerate(examples):
                    group[row] = example.waveform
                    label(first + row, example)
                normalize_batch_into(group, group, mode)
            return
        # Without augmentation, waveforms are normalised from the read buffer into the batch: one
        # pass over memory less than with a copy.
        traces = self.trace_numbers(number)
        for place in range(0, len(traces), GROUP_TRACES):
            group = waveforms[place : place + GROUP_TRACES]
            normalize_batch_into(group, self._waveforms(traces, place)[: len(group)], mode)
        for row, trace in enumerate(traces.tolist()):
            label(row, self.data_source.example(trace, waveforms[row]))

    def _read_ahead(self, number: int) -> None:
        """Prefetch the next block of the file into the page cache while this one is used.

        Shuffling within blocks moves a trace by less than one block, in a balanced mix by less than
        one of its category: traces up to that distance ahead are needed soon.
        """
        epoch, place = divmod(number, len(self))
        unshuffled = self._epoch_order(epoch).unshuffled
        ahead = self.config.shuffle_block * (2 if self.config.mix == "balanced" else 1)
        if unshuffled is None or ahead > MAX_READAHEAD_TRACES:
            return
        start, stop = place * self.config.traces, (place + 1) * self.config.traces
        # The first batch of an epoch asks for the whole distance, each later one for its increment.
        start = start + ahead if start else 0
        self.data_source.read_ahead(unshuffled[start : stop + ahead])

    def _groups(self, number: int) -> Iterator[tuple[int, list[Example]]]:
        """Yield the examples of a batch in small groups, each with the row of its first example.

        A group is valid until the next one is requested.
        """
        epoch, (traces, repetitions, _) = self._worker_share(number)
        for place in range(0, len(traces), GROUP_TRACES):
            group = slice(place, place + GROUP_TRACES)
            # The repetition is part of the key: in a balanced mix a trace comes again, augmented in
            # another way.
            keys = [*zip(traces[group].tolist(), repetitions[group].tolist(), strict=True)]
            waveforms = self._waveforms(traces, place)
            examples = [
                self.data_source.example(keys[n][0], waveforms[n]) for n in range(len(keys))
            ]
            for variant, config in enumerate(self._variants):
                augmented = examples
                if config is not None:
                    augmented = [
                        augment(
                            example,
                            config,
                            self._random(epoch, trace, len(self._variants) * repetition + variant),
                            self._auxiliary,
                        )
                        for example, (trace, repetition) in zip(examples, keys, strict=True)
                    ]
                yield variant * len(traces) + place, augmented

    def _waveforms(self, traces: np.ndarray, place: int) -> np.ndarray:
        """Read the group of waveforms that starts at `place` into this thread's buffer."""
        if not hasattr(self._local, "waveforms"):
            self._local.waveforms = np.empty((GROUP_TRACES, *TRACE_SHAPE), np.float32)
        waveforms: np.ndarray = self._local.waveforms
        group = traces[place : place + GROUP_TRACES]
        self.data_source.read(group, waveforms[: len(group)])
        return waveforms

    def _random(self, epoch: int, trace: int, variant: int) -> np.random.Generator:
        if not hasattr(self._local, "generator"):
            self._local.generator = generator_factory(self.seed or 0)
        random: np.random.Generator = self._local.generator(epoch, trace, variant)
        return random


def batch_shapes(size: int) -> list[tuple[int, ...]]:
    """Return the shapes of the waveforms and of the three targets of a batch of `size` examples."""
    return [(size, *TRACE_SHAPE), *[(size, N_SAMPLES, 1)] * len(TARGETS)]


def _variants(config: BatchConfig) -> list[AugmentConfig | None]:
    """Return the augmentations of each trace, which occurs once in a batch for each of them."""
    if config.paired and config.augment is not None:
        return [light_augmentation(config.augment), config.augment]
    return [config.augment]


@contextmanager
def raise_input_errors(*sources: BatchLoader) -> Iterator[None]:
    """Raise the original `InputError` of a loader instead of TensorFlow's error with its text."""
    try:
        yield
    except Exception:
        for batches in sources:
            if batches.error is not None:
                raise batches.error from None
        raise
