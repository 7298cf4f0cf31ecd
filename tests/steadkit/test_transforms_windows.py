"""Shifts and windows: arrivals move with the waveform, and no event is cut unnoticed."""

from math import nan

import numpy as np
import pytest
from conftest import as_csv, names_of, row
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from spikes import (
    COUNT,
    arrivals,
    assert_spikes_are_the_arrivals,
    assert_well_formed,
    events,
    generators,
    loudness,
    rough,
    spiky,
)

from steadkit.errors import InputError
from steadkit.example import Example
from steadkit.labels import TARGETS, LabelConfig, shape_targets
from steadkit.pipeline import BatchConfig, BatchLoader
from steadkit.transforms import (
    PRESETS,
    cut,
    place,
    places,
    shift,
)


@settings(max_examples=60)
@given(example=events(), random=generators, earlier=st.booleans())
def test_a_shift_moves_the_arrivals_with_the_waveform(example, random, earlier):
    shifted = shift(example, random, earlier=earlier)
    assert_well_formed(shifted)
    assert_spikes_are_the_arrivals(shifted)
    by = shifted.p[0] - example.p[0]
    np.testing.assert_array_equal(shifted.waveform, np.roll(example.waveform, int(by), axis=0))
    np.testing.assert_equal(shifted.s[0], example.s[0] + by)
    np.testing.assert_equal(shifted.coda_end, example.coda_end + by)
    # Nothing of the event has wrapped: it still begins before it ends.
    assert shifted.p[0] >= 0
    assert by == 0 or shifted.signal_end <= COUNT
    assert by >= 0 or earlier


@given(random=generators, seed=st.integers(0, 9))
def test_noise_is_shifted_by_anything_and_nothing_is_lost(random, seed):
    noise = rough(seed)
    shifted = shift(noise, random)
    by = int(np.flatnonzero((shifted.waveform == noise.waveform[0]).all(axis=1))[0])
    assert 1 <= by < COUNT
    np.testing.assert_array_equal(shifted.waveform, np.roll(noise.waveform, by, axis=0))


def test_published_shifts_are_1_to_6000_less_the_coda_end_and_all_alike():
    event, random = spiky((5500.0, 5600.0), coda_end=5900.0), np.random.default_rng(1)
    shifts = [shift(event, random).p[0] - 5500 for _ in range(3000)]
    counts = np.bincount(np.array(shifts, int), minlength=101)
    assert (min(shifts), max(shifts)) == (1, 99)
    # Chi square of 99 values: mean 98, deviation 14.
    expected = 3000 / 99
    assert ((counts[1:100] - expected) ** 2 / expected).sum() < 98 + 4 * 14


def test_earlier_shifts_bring_p_everywhere():
    event, random = spiky((50.0, 5800.0), coda_end=5950.0), np.random.default_rng(1)
    places = {shift(event, random, earlier=True).p[0] for _ in range(2000)}
    assert places == {float(place) for place in range(100)}


@pytest.mark.parametrize(
    "event",
    [
        spiky((5999.0, nan)),
        spiky((5999.0, nan), coda_end=5999.0),
        spiky((600.0, nan)),
        spiky((600.0, 5000.0), coda_end=6000.0),
        spiky((600.0, 900.0), (1000.0, nan), coda_end=1500.0),
        Example(spiky((100.0, nan)).waveform, (-50.0,), (100.0,), 300.0),
        Example(spiky((100.0, nan)).waveform, (nan,), (100.0,), 300.0),
    ],
)
def test_an_event_without_room_or_of_unknown_extent_stays(event):
    for seed in range(5):
        assert shift(event, np.random.default_rng(seed)) is event


def record(p: float, s: float, count: int = 20000, **options: float) -> Example:
    """Make a long record with a spike at each arrival and a ramp that tells every sample."""
    waveform = np.zeros((count, 3), np.float32)
    waveform[[round(time) for time in (p, s) if not np.isnan(time)]] = 1000
    waveform[:, 0] += np.arange(count) * 1e-3
    return Example(waveform, (p,), (s,), **options, snr_db=np.arange(3.0))


@settings(max_examples=100)
@given(
    p=st.floats(0, 19000),
    gap=st.one_of(st.just(nan), st.floats(1, 900)),
    offset=st.integers(-6500, 1500),
    is_known=st.booleans(),
)
def test_a_cut_window_has_the_labels_of_what_is_in_it(p, gap, offset, is_known):
    start = round(p) + offset
    assume(0 <= start <= 14000)
    p = start - offset + (p % 1 - 0.5) * 0.9
    long = record(p, p + gap, coda_end=p + 1500.0 if is_known else nan)
    window = cut(long, start)
    assert_well_formed(window)
    np.testing.assert_array_equal(window.waveform, long.waveform[start : start + COUNT])
    assert not np.shares_memory(window.waveform, long.waveform)
    spikes = np.flatnonzero(window.waveform[:, 2]).tolist()
    assert sorted({round(time) for time in arrivals(window)}) == spikes
    rows = np.zeros((3, COUNT), np.float32)
    shape_targets(*rows, window.p, window.s, LabelConfig(), window.coda_end)
    for number, time in ((1, p), (2, p + gap)):
        inside = not np.isnan(time) and -0.5 <= time - start < COUNT - 0.5
        assert rows[number].any() == inside
        assert not inside or rows[number].argmax() in (
            np.floor(time - start),
            np.ceil(time - start),
        )
    # Detection covers exactly the samples of the window between P and the tail of S; without S
    # those to the coda end, or of a stated length if P lies inside.
    samples = np.arange(COUNT) + start
    length = (1500 if is_known else LabelConfig().duration) if np.isnan(gap) else 1.4 * gap
    between = (samples >= p) & (samples <= p + length + 1e-6) & bool(window.p)
    np.testing.assert_array_equal(rows[0] > 0, between)


def test_only_s_inside_keeps_s_and_the_detection():
    window = cut(record(5900.0, 6500.0), 6000)
    assert (window.p, window.s) == ((-100.0,), (500.0,))
    rows = dict(zip(TARGETS, np.zeros((3, COUNT), np.float32), strict=True))
    shape_targets(*rows.values(), window.p, window.s, LabelConfig())
    assert rows["picker_P"].max() == 0
    assert rows["picker_S"].argmax() == 500
    assert np.flatnonzero(rows["detector"]).tolist() == list(range(741))


def test_only_p_inside_detects_to_the_end():
    window = cut(record(5900.0, 6500.0), 0)
    rows = np.zeros((3, COUNT), np.float32)
    shape_targets(*rows, window.p, window.s, LabelConfig())
    assert rows[1].argmax() == 5900
    assert rows[2].max() == 0
    assert np.flatnonzero(rows[0]).tolist() == list(range(5900, 6000))


def test_an_event_outside_is_gone_and_what_stays_is_told_apart():
    waveform = np.zeros((20000, 3), np.float32)
    long = Example(waveform, (1000.0, 9000.0), (1200.0, 9300.0), 2000.0, np.arange(3.0))
    first, second, none = cut(long, 500), cut(long, 8000), cut(long, 14000)
    assert first.p == (500.0,)
    assert first.coda_end == 1500
    assert first.snr_db.tolist() == [0, 1, 2]
    assert second.p == (1000.0,)
    assert np.isnan([second.coda_end, *second.snr_db]).all()
    assert not none.is_event


def test_a_record_of_one_window_has_one():
    event = rough(0, (600.0, 900.0))
    np.testing.assert_array_equal(loudness(cut(event, 0).waveform), loudness(event.waveform))


def test_windows_outside_the_record_are_refused():
    long = record(600.0, 900.0, count=7000)
    for start in (-1, 1001):
        with pytest.raises(InputError, match=f"{start} .* 0 to 1000"):
            cut(long, start)
    with pytest.raises(InputError, match="5999 samples holds no window"):
        cut(record(600.0, 900.0, count=5999), 0)


@settings(max_examples=60, deadline=None)
@given(example=events(), share=st.floats(0, 1), seed=st.integers(0, 9))
def test_an_event_is_placed_where_it_is_wanted(example, share, seed):
    assume(example.p[0] >= 100)
    loud = rough(seed, *zip(example.p, example.s, strict=True), coda_end=example.coda_end)
    first_place, last_place = places(loud)
    position = round(first_place + share * (last_place - first_place))
    placed = place(loud, position)
    assert_well_formed(placed)
    # No spike has wrapped or been mirrored, and none is lost.
    assert_spikes_are_the_arrivals(placed)
    assert np.floor(placed.p[0]) == position
    by = placed.p[0] - loud.p[0]
    np.testing.assert_equal([placed.s[0], placed.coda_end], [loud.s[0] + by, loud.coda_end + by])
    by = int(by)
    if by < 0:
        np.testing.assert_array_equal(placed.waveform, np.roll(loud.waveform, by, axis=0))
    else:
        np.testing.assert_array_equal(placed.waveform[by:], loud.waveform[: COUNT - by])


def test_a_coda_that_would_wrap_ends_outside_and_noise_comes_before_it():
    event = rough(0, (600.0, 900.0), coda_end=4000.0)
    placed = place(event, 5500)
    assert (placed.p, placed.s, placed.coda_end) == ((5500.0,), (5800.0,), 8900.0)
    np.testing.assert_array_equal(placed.waveform[4900:], event.waveform[:1100])
    # Mirrored back and forth: the sample before the seam is the one after it, and so on.
    np.testing.assert_array_equal(placed.waveform[4899:4361:-1], event.waveform[1:539])
    assert loudness(placed.waveform[:5500]).max() < 10
    # With room for all of it, it is the shift in a circle.
    np.testing.assert_array_equal(
        place(event, 2000).waveform, np.roll(event.waveform, 1400, axis=0)
    )


def test_what_cannot_be_placed_is_refused():
    event = rough(0, (50.0, 900.0), coda_end=4000.0)
    assert places(event) == (0, 5149)
    for example, position, message in (
        (event, 5150, "0 to 5149"),
        (event, -1, "0 to 5149"),
        (event, 4000, "P at 50 leaves too little noise"),
        (rough(0), 600, "cannot be placed"),
        (Example(event.waveform, (-5.0,), (100.0,)), 600, "cannot be placed"),
    ):
        with pytest.raises(InputError, match=message):
            place(example, position)


def test_uniform_batches_bring_p_on_every_sample_of_the_second(stead):
    """STEAD's P lie on whole seconds; a network can learn that, unless they are moved."""
    source = stead(names=names_of(8))
    rows = [row(name) | {"p_arrival_sample": 700.0} for name in names_of(8)]
    as_csv(rows).to_csv(source.csv, index=False)
    batches = BatchLoader(source.hdf5, names_of(8), BatchConfig(64, augment=PRESETS["uniform"]), 0)
    epochs = [example for number in range(1250) for example in batches.examples(number)]
    p = np.array([example.p[0] for example in epochs])
    assert len(p) == 10_000
    assert all(example.p[0] >= 0 and example.coda_end < COUNT for example in epochs)
    assert all(example.s[0] == example.p[0] + 200 for example in epochs)
    assert (p.min(), p.max()) <= (20, 4680) and p.max() > 4600
    counts = np.bincount(p.astype(int) % 100, minlength=100)
    # Chi square of 99 degrees of freedom: mean 99, deviation 14.
    assert ((counts - 100) ** 2 / 100).sum() < 99 + 4 * 14


def test_paired_uniform_batches_leave_no_trace_where_it_was_cut(stead):
    source = stead(names=names_of(8))
    config = BatchConfig(16, augment=PRESETS["uniform"], paired=True)
    batches = BatchLoader(source.hdf5, names_of(8), config, 0)
    onsets = [example.p[0] for number in range(20) for example in batches.examples(number)]
    assert len(onsets) == 320
    assert sum(p in batches.p for p in onsets) <= 5
