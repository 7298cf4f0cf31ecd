"""Batches: their contents, and that threads, processes, shards and start do not change them."""

import gc
import os
import signal
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from conftest import as_csv, names_of, row, waveform

from steadkit.errors import InputError
from steadkit.labels import TARGETS
from steadkit.pipeline import BatchConfig, BatchLoader, TraceSource, to_tf_dataset
from steadkit.pipeline.batches import batch_shapes
from steadkit.pipeline.workers import WorkerPool
from steadkit.store import Writer
from steadkit.transforms import PRESETS, AugmentConfig, normalize

NAMES = names_of(14, 6)
EQT = PRESETS["eqt"]
CONFIGS = {
    "plain": BatchConfig(6),
    "max": BatchConfig(6, normalization="max"),
    "augmented": BatchConfig(6, augment=EQT),
    "everything": BatchConfig(6, augment=PRESETS["robust"]),
    "paired": BatchConfig(6, augment=EQT, paired=True),
    "balanced": BatchConfig(6, augment=EQT, mix="balanced"),
    "blocks": BatchConfig(6, augment=EQT, paired=True, shuffle_block=4),
    "balanced blocks": BatchConfig(6, augment=EQT, mix="balanced", shuffle_block=4),
}


@pytest.fixture
def data_source(stead):
    return TraceSource([stead("all.hdf5", NAMES).hdf5], NAMES)


def collect(dataset):
    return [np.concatenate([w, *[t[name] for name in TARGETS]], axis=-1) for w, t in dataset]


def assert_same(arrays_a, arrays_b):
    assert len(arrays_a) == len(arrays_b)
    for a, b in zip(arrays_a, arrays_b, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(params=CONFIGS)
def batches(request, data_source):
    return BatchLoader(data_source, config=CONFIGS[request.param], seed=3)


def test_the_number_of_threads_and_processes_does_not_matter(batches):
    alone = collect(to_tf_dataset(batches, epochs=2, threads=1, workers=0))
    assert_same(collect(to_tf_dataset(batches, epochs=2, threads=8, workers=0)), alone)
    assert_same(collect(to_tf_dataset(batches, epochs=2, workers=2)), alone)
    fresh = BatchLoader(batches.data_source, config=batches.config, seed=3)
    assert_same(collect(to_tf_dataset(fresh, epochs=2, threads=1, workers=0)), alone)


def test_a_stream_goes_on_in_the_middle_of_an_epoch(batches):
    straight = collect(to_tf_dataset(batches, epochs=3, workers=0))
    middle = len(batches) + 1
    fresh = BatchLoader(batches.data_source, config=batches.config, seed=3)
    assert_same(collect(to_tf_dataset(fresh, start=middle, epochs=3, workers=0)), straight[middle:])


def test_shards_together_make_what_one_would(batches):
    for number in range(len(batches)):
        shards = [
            BatchLoader(batches.data_source, config=batches.config, seed=3, shard=(k, 3))
            for k in range(3)
        ]
        assert np.concatenate([s.trace_numbers(number) for s in shards]).tolist() == (
            batches.trace_numbers(number).tolist()
        )
        whole = batches.batch(number)[0]
        parts = [shard.batch(number)[0] for shard in shards]
        if not batches.config.paired:
            np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_another_seed_is_another_stream(data_source):
    config = BatchConfig(20, augment=EQT)
    first, second = (
        BatchLoader(data_source, config=config, seed=seed).batch(0)[0] for seed in (0, 1)
    )
    assert not np.array_equal(first, second)
    # The order alone does not tell: the same trace is augmented in another way.
    first, second = (
        sorted(np.abs(batch).sum(axis=(1, 2)).round(1).tolist()) for batch in (first, second)
    )
    assert first != second


def test_every_epoch_augments_anew(data_source):
    batches = BatchLoader(
        data_source, config=BatchConfig(20, augment=AugmentConfig(shift=1)), seed=0
    )
    shifts = []
    for epoch in range(2):
        examples = batches.examples(epoch)
        places = dict(zip(batches.trace_numbers(epoch).tolist(), examples, strict=True))
        shifts.append([places[number].p for number in range(14)])
    assert shifts[0] != shifts[1]


def test_what_an_example_says_is_what_the_batch_holds(batches):
    """A label is where the example's own arrival is, whatever was done to the trace."""
    for number in range(len(batches)):
        waveforms, targets = batches.batch(number)
        for row_, example in enumerate(batches.examples(number)):
            mode = batches.config.normalization
            np.testing.assert_allclose(
                waveforms[row_], normalize(example.waveform, mode), atol=1e-5
            )
            for arrivals, name in ((example.p, "picker_P"), (example.s, "picker_S")):
                peaks = np.flatnonzero(targets[name][row_, :, 0] == 1)
                inside = {int(a) for a in arrivals if 0 <= a < 6000}
                assert set(peaks) == inside


def test_paired_batches_hold_the_same_traces_twice(data_source):
    batches = BatchLoader(data_source, config=CONFIGS["paired"], seed=0)
    shifted = AugmentConfig(shift=EQT.shift / 2)
    light = BatchLoader(data_source, config=BatchConfig(3, augment=shifted), seed=0)
    assert len(batches) == 7  # three traces a batch
    for number in range(len(batches)):
        waveforms = batches.batch(number)[0]
        half = len(waveforms) // 2
        assert half == len(batches.trace_numbers(number))
        for row_, trace in enumerate(batches.trace_numbers(number).tolist()):
            plain = normalize(waveform(NAMES[trace]))
            # Lightly treated means shifted at most, so the samples are the same.
            np.testing.assert_allclose(
                np.sort(waveforms[row_], axis=0), np.sort(plain, axis=0), atol=1e-5
            )
    assert len(light) == len(batches)


def test_a_balanced_mix_is_exact(data_source):
    batches = BatchLoader(data_source, config=BatchConfig(7, mix="balanced"), seed=0)
    for epoch in range(3):
        order = batches.order(epoch)
        assert len(order) == 28
        assert data_source.is_event[order].tolist() == [True, False] * 14
        assert np.bincount(order)[:14].tolist() == [1] * 14
        noise = np.bincount(order)[14:]
        assert noise.sum() == 14
        assert set(noise.tolist()) == {2, 3}


def test_a_trace_that_comes_again_is_augmented_otherwise(data_source):
    config = BatchConfig(28, augment=AugmentConfig(shift=1), mix="balanced")
    batches = BatchLoader(data_source, config=config, seed=0)
    noise = batches.order(0)[1::2]
    waveforms = batches.batch(0)[0][1::2]
    repeated = [np.flatnonzero(noise == number)[:2] for number in np.unique(noise)]
    assert all(not np.array_equal(waveforms[a], waveforms[b]) for a, b in repeated)


def test_golden_batches(data_source):
    """The order and where P comes to lie, the same on any machine."""
    batches = BatchLoader(data_source, config=CONFIGS["paired"], seed=0)
    orders = [
        [4, 19, 6, 2, 13, 16, 3, 11, 10, 8, 0, 12, 7, 5, 18, 17, 14, 9, 1, 15],
        [10, 0, 15, 13, 9, 4, 1, 19, 7, 11, 3, 18, 17, 6, 16, 14, 8, 12, 2, 5],
    ]
    assert [batches.order(epoch).tolist() for epoch in range(2)] == orders
    arrivals = [
        [(604,), (), (3605,), (4170,), (), (1966, 3574)],
        [(2234,), (1639,), (), (3220,), (747,), ()],
    ]
    assert [[e.p for e in batches.examples(number)] for number in range(2)] == arrivals


def test_batches_from_several_files_are_those_of_one(stead, data_source):
    first, two = stead("one.hdf5", NAMES[:9]), stead("two.hdf5", NAMES[9:])
    # The rows depend on the place in a file, so they are made the same here.
    for source, names in ((first, NAMES[:9]), (two, NAMES[9:])):
        rows = [row(name, NAMES.index(name)) for name in names]
        as_csv(rows).to_csv(source.csv, index=False)
    apart = TraceSource([first.hdf5, two.hdf5], NAMES)
    config = CONFIGS["everything"]
    assert_same(
        collect(to_tf_dataset(BatchLoader(apart, config=config, seed=0))),
        collect(to_tf_dataset(BatchLoader(data_source, config=config, seed=0))),
    )


def test_a_trace_in_two_files_is_refused(stead):
    first, two = stead("one.hdf5", NAMES[:9]), stead("two.hdf5", NAMES[8:])
    with pytest.raises(InputError, match=f"{NAMES[8]}.*in both"):
        TraceSource([first.hdf5, two.hdf5], NAMES)


def test_memory_is_used_again_but_never_under_anybodys_hands(data_source):
    batches = BatchLoader(data_source, config=CONFIGS["augmented"], seed=0)
    held = [batches.batch(number) for number in range(4)]
    copies = [waveforms.copy() for waveforms, _ in held]
    addresses = {waveforms.ctypes.data for waveforms, _ in held}
    assert len(addresses) == 4
    for (waveforms, _), copy in zip(held, copies, strict=True):
        np.testing.assert_array_equal(waveforms, copy)
    view = held[0][1]["picker_P"][1]
    view_before = view.copy()
    del held, waveforms, _
    fresh = {batches.batch(number)[0].ctypes.data for number in range(3)}
    assert len(fresh) == 1 and fresh < addresses
    np.testing.assert_array_equal(view, view_before)


def test_records_kept_in_memory_are_the_same(data_source):
    config = CONFIGS["everything"]
    plain = collect(to_tf_dataset(BatchLoader(data_source, config=config, seed=0), workers=0))
    in_memory = TraceSource(data_source.data, data_source.names).load_into_memory()
    in_memory.data[0].unlink()  # nothing is read any more
    batches = BatchLoader(in_memory, config=config, seed=0)
    assert_same(collect(to_tf_dataset(batches, workers=0)), plain)
    assert_same(collect(to_tf_dataset(batches, workers=2)), plain)


def test_a_team_that_is_gone_or_busy_does_not_matter(data_source):
    batches = BatchLoader(data_source, config=CONFIGS["augmented"], seed=0)
    pool = WorkerPool(batches, 1)
    held = []
    while (arrays := pool.arrays(0)) is not None:
        held.append(arrays)
    assert len(held) > 1  # as many as there is memory for
    del held, arrays
    assert pool.arrays(1)[0].shape == batch_shapes(6)[0]
    pool.close()
    assert pool.arrays(1) is None
    assert pool.arrays(2) is None


def test_a_stream_that_nobody_has_any_more_leaves_nothing_behind(data_source):
    batches = BatchLoader(data_source, config=CONFIGS["augmented"], seed=0)
    dataset = to_tf_dataset(batches, workers=1)
    collect(dataset)
    (worker,) = dataset._input_dataset.producer.pool._workers
    gone = weakref.ref(batches)
    assert worker.process.poll() is None
    del batches, dataset
    gc.collect()
    assert gone() is None
    assert worker.process.poll() is not None


ENDING = """
import sys
from pathlib import Path
from steadkit.pipeline import BatchConfig, BatchLoader, to_tf_dataset
from steadkit.transforms import PRESETS

config = BatchConfig(200, augment=PRESETS["eqt"], mix="balanced")
names = sys.argv[2].split(",")
left = []
for workers in (0, 1):
    batches = BatchLoader(Path(sys.argv[1]), names, config, seed=0)
    left.append(iter(to_tf_dataset(batches, epochs=None, workers=workers)))
    next(left[-1])
raise KeyboardInterrupt
"""


def test_a_program_ends_while_batches_are_being_made(data_source):
    """TensorFlow would wait for ever for a call into an interpreter that is no more."""
    call = [sys.executable, "-c", ENDING, str(data_source.data[0]), ",".join(NAMES)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    ended = subprocess.run(call, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.stderr.rstrip().endswith("KeyboardInterrupt")
    assert ended.returncode in (130, -signal.SIGINT)


def test_what_is_made_of_a_stream_keeps_it(data_source):
    def iterator():
        first = to_tf_dataset(
            BatchLoader(data_source, config=CONFIGS["augmented"], seed=0), workers=1
        )
        second = to_tf_dataset(
            BatchLoader(data_source, config=CONFIGS["augmented"], seed=0), workers=0
        )
        paired = tf.data.Dataset.zip((first, second)).map(
            lambda first, second: (first[0], second[0])
        )
        return iter(paired.repeat(2).prefetch(1))

    iterators = iterator()
    gc.collect()
    count = 0
    for first, second in iterators:
        np.testing.assert_array_equal(first, second)
        count += 1
    assert count == 8


@pytest.mark.parametrize("workers", [0, 1])
def test_a_fault_in_the_data_is_told_by_whoever_finds_it(tmp_path, workers):
    path = tmp_path / "a.hdf5"
    with Writer(path) as writer:
        for number, name in enumerate(NAMES):
            bad = np.full((6000, 3), np.nan, np.float32) if number == 5 else waveform(name)
            writer.add(name, bad, row(name, number))
    as_csv([row(name, number) for number, name in enumerate(NAMES)]).to_csv(
        path.with_suffix(".csv"), index=False
    )
    batches = BatchLoader(path, NAMES, BatchConfig(6))
    with pytest.raises(Exception, match="NaN"):
        collect(to_tf_dataset(batches, workers=workers))
    assert NAMES[5] in str(batches.error)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"config": BatchConfig(4, augment=EQT)}, "give a seed"),
        ({"config": BatchConfig(4, mix="balanced")}, "give a seed"),
        ({"config": BatchConfig(4, shuffle_block=3)}, "blocks of 3 traces.* give a seed"),
        ({"shard": (2, 2)}, "shard 2 of 2"),
        ({"shard": (0, 0)}, "shard 0 of 0"),
    ],
)
def test_what_cannot_be_is_refused(data_source, options, message):
    with pytest.raises(InputError, match=message):
        BatchLoader(data_source, **options)


def test_what_has_nothing_to_draw_from_is_refused(stead):
    source = stead("events.hdf5", names_of(3))
    for config in (BatchConfig(augment=AugmentConfig(real_noise=0.5)), BatchConfig(mix="balanced")):
        with pytest.raises(InputError, match="noise"):
            BatchLoader(source.hdf5, names_of(3), config, seed=0)


@pytest.mark.parametrize(
    "options",
    [
        {"mix": "even"},
        {"paired": True},
        {"batch_size": 5, "augment": EQT, "paired": True},
    ],
)
def test_configs_that_cannot_be(options):
    with pytest.raises(InputError):
        BatchConfig(**options)


@pytest.mark.parametrize("block", [-1, 2.0, True, None, "5"])
def test_blocks_that_cannot_be(block):
    with pytest.raises(InputError, match=f"shuffle block {block!r} is no number"):
        BatchConfig(shuffle_block=block)


@pytest.mark.parametrize("options", [{"start": -1}, {"threads": 0}, {"workers": -1}])
def test_streams_that_cannot_be(data_source, options):
    with pytest.raises(InputError):
        to_tf_dataset(BatchLoader(data_source), **options)
