"""Order of an epoch in blocks: front to back of the file, shuffled within blocks."""

import os
from itertools import pairwise

import numpy as np
import pytest
from conftest import names_of
from hypothesis import given
from hypothesis import strategies as st

from steadkit.pipeline import BatchConfig, BatchLoader, TraceSource
from steadkit.pipeline.sampler import balanced_order, shuffle_in_blocks
from steadkit.store import TRACE_BYTES

EVENTS, NOISE = 40, 9
NAMES = names_of(EVENTS, NOISE)
SHUFFLED = np.random.default_rng(1).permutation(NAMES).tolist()


@pytest.fixture
def records(stead):
    """List the traces in another order than the file has."""
    return TraceSource([stead("all.hdf5", NAMES).hdf5], SHUFFLED)


def in_file(records, order):
    """Return where the traces of an order lie in the file, by their number there."""
    return np.array([NAMES.index(records.names[number]) for number in order])


@given(st.integers(1, 300), st.integers(1, 400), st.integers(0, 5), st.integers(0, 5))
def test_blocks_keep_their_order_and_hold_every_trace_once(count, block, seed, epoch):
    order = shuffle_in_blocks(np.arange(count), block, seed, epoch)
    assert sorted(order.tolist()) == [*range(count)]
    assert np.abs(order - np.arange(count)).max() < block
    ends = [end for end in range(1, count) if order[:end].max() < end]
    if block < count:
        # A border every `block` traces, wherever the first one is.
        assert any({*range(first, count, block)} <= {*ends, count} for first in range(1, block + 1))
    np.testing.assert_array_equal(order, shuffle_in_blocks(np.arange(count), block, seed, epoch))


def test_borders_move_from_epoch_to_epoch_and_all_traces_of_a_block_can_meet():
    orders = [shuffle_in_blocks(np.arange(64), 8, 0, epoch) for epoch in range(400)]
    first = {tuple(sorted(order[:8].tolist())) for order in orders}
    assert len(first) > 8
    neighbours = {frozenset(pair) for order in orders for pair in pairwise(order)}
    assert {frozenset((n, n + 1)) for n in range(63)} <= neighbours
    assert {frozenset((n, n + 7)) for n in range(57)} <= neighbours
    # Within a block, no place is likelier for a trace than another.
    order = np.array([shuffle_in_blocks(np.arange(8), 8, 0, epoch) for epoch in range(4000)])
    counts = np.array([np.bincount(order[:, place], minlength=8) for place in range(8)])
    assert (np.abs(counts - 500) < 120).all()


def test_the_file_is_read_from_front_to_back_whatever_the_list(records):
    batches = BatchLoader(records, config=BatchConfig(7, shuffle_block=6), seed=3)
    for epoch in range(3):
        places = in_file(records, batches.order(epoch))
        assert sorted(places.tolist()) == [*range(len(NAMES))]
        assert np.abs(places - np.arange(len(NAMES))).max() < 6
    repetition = TraceSource(records.data, NAMES)
    reloaded = BatchLoader(repetition, config=batches.config, seed=3)
    np.testing.assert_array_equal(reloaded.order(1), in_file(records, batches.order(1)))


def test_golden_blocks(records):
    """Block, seed and epoch determine the order on any machine."""
    batches = BatchLoader(records, config=BatchConfig(7, shuffle_block=6), seed=0)
    expected = [
        [0, 2, 1, 5, 6, 3, 4, 10, 12, 7, 9, 11, 8, 14],
        [0, 1, 2, 6, 3, 4, 8, 7, 5, 9, 10, 14, 11, 12],
    ]
    event_orders = [in_file(records, batches.order(epoch))[:14].tolist() for epoch in range(2)]
    assert event_orders == expected


def test_several_files_are_read_one_after_the_other(stead):
    first, second = stead("one.hdf5", NAMES[:20]), stead("two.hdf5", NAMES[20:])
    records = TraceSource([second.hdf5, first.hdf5], SHUFFLED)
    batches = BatchLoader(records, config=BatchConfig(7, shuffle_block=4), seed=0)
    places = in_file(records, batches.order(0))
    expected = np.array([*range(20, len(NAMES)), *range(20)])
    position = np.argsort(expected)[places]
    assert np.abs(position - np.arange(len(NAMES))).max() < 4


def test_a_balanced_epoch_reads_each_kind_from_front_to_back():
    is_event = np.array([True, False] * 9 + [True] * 20)
    file_order = np.arange(len(is_event))[::-1]
    traces, repetitions, _ = balanced_order(is_event, 0, 0, file_order, 3)
    assert is_event[traces].tolist() == [True, False] * 29
    for is_event_class in (True, False):
        members = file_order[is_event[file_order] == is_event_class].tolist()
        for repetition in range(repetitions.max() + 1):
            members_read = traces[
                (is_event[traces] == is_event_class) & (repetitions == repetition)
            ]
            places = np.array([members.index(trace) for trace in members_read], int)
            assert np.abs(places - np.arange(len(members_read))).max(initial=0) < 3


@pytest.mark.parametrize("mix", ["natural", "balanced"])
def test_what_a_batch_needs_was_asked_for_before(records, mix, monkeypatch):
    asked, order = set(), []

    def advise(descriptor, offset, length, advice):
        if advice == os.POSIX_FADV_WILLNEED:
            assert length == TRACE_BYTES
            asked.add(offset)
            order.append(offset)

    monkeypatch.setattr(os, "posix_fadvise", advise)
    offsets = np.empty(len(records), np.int64)
    read = records.read

    def recorded(numbers, out):
        assert set(offsets[numbers].tolist()) <= asked
        read(numbers, out)

    batches = BatchLoader(records, config=BatchConfig(7, shuffle_block=6, mix=mix), seed=0)
    monkeypatch.setattr(records, "read", recorded)
    offsets[:] = records.offsets
    for number in range(len(batches)):
        batches.arrays(number)
    assert asked == set(offsets.tolist())
    if mix == "natural":
        assert order == sorted(order) and len(order) == len(records)


def test_all_traces_at_once_ask_for_nothing_ahead(records, monkeypatch):
    advices = set()
    monkeypatch.setattr(os, "posix_fadvise", lambda *arguments: advices.add(arguments[-1]))
    BatchLoader(records, config=BatchConfig(7), seed=0).arrays(0)
    assert os.POSIX_FADV_WILLNEED not in advices


def test_systems_that_take_no_advice_read_all_the_same(records, monkeypatch):
    config = BatchConfig(7, shuffle_block=6)
    usual = BatchLoader(records, config=config, seed=0).batch(0)[0]
    monkeypatch.delattr(os, "posix_fadvise")
    np.testing.assert_array_equal(BatchLoader(records, config=config, seed=0).batch(0)[0], usual)
