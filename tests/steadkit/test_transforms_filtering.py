"""Filters: an onset is neither shifted nor faded out."""

from math import nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spikes import (
    COUNT,
    assert_spikes_are_the_arrivals,
    assert_well_formed,
    events,
    generators,
    loudness,
    rough,
    spiky,
)

from steadkit.example import Example
from steadkit.transforms import band_pass, pre_emphasis, taper


@settings(max_examples=30)
@given(example=events(), coefficient=st.floats(0, 1))
def test_pre_emphasis_takes_off_the_sample_before(example, coefficient):
    emphasised = pre_emphasis(example, coefficient)
    assert_well_formed(emphasised)
    old = example.waveform.astype(float)
    expected = old - coefficient * np.concatenate([np.zeros((1, 3)), old[:-1]])
    np.testing.assert_allclose(emphasised.waveform, expected, rtol=1e-5, atol=1e-3)
    # The largest amplitude from the arrival on is at the arrival.
    assert loudness(emphasised.waveform)[round(example.p[0]) :].argmax() == 0


@settings(max_examples=30)
@given(
    place=st.integers(0, COUNT - 1),
    low=st.floats(0.1, 3),
    high=st.floats(5, 45),
    random=generators,
)
def test_a_band_pass_leaves_the_peak_of_an_arrival_at_its_sample(place, low, high, random):
    event = spiky((float(place), nan))
    filtered = band_pass(event, random, (low, low), (high, high))
    assert_well_formed(filtered)
    assert filtered.p == event.p
    assert loudness(filtered.waveform).argmax() == place


def test_a_band_pass_passes_its_band():
    time = np.arange(COUNT) / 100
    # A hertz tenth below the band, in it, and above.
    tones = np.sin(2 * np.pi * time[:, np.newaxis] * [0.1, 5.0, 40.0]).astype(np.float32)
    filtered = band_pass(Example(tones), np.random.default_rng(0), (1, 1), (15, 15)).waveform
    middle = np.abs(filtered[1000:5000]).max(axis=0)
    assert middle[0] < 0.01
    assert 0.9 < middle[1] < 1.01
    assert middle[2] < 0.03


@pytest.mark.parametrize("dead", [0.0, 42.0, 1e7])
def test_filtered_dead_components_are_exactly_zero(dead):
    waveform = rough(0).waveform.copy()
    waveform[:, 1] = dead
    filtered = band_pass(Example(waveform), np.random.default_rng(0)).waveform
    assert not filtered[:, 1].any()
    assert filtered[:, 0].any()


@settings(max_examples=40)
@given(
    example=st.one_of(events(), st.builds(rough, st.integers(0, 9))),
    random=generators,
    lengths=st.lists(st.integers(1, 3000), min_size=1, max_size=4).map(tuple),
)
def test_a_taper_fades_the_ends_and_no_arrival(example, random, lengths):
    tapered = taper(example, random, lengths)
    assert_well_formed(tapered)
    for time in example.p + example.s:
        if not np.isnan(time):
            sample = round(time)
            np.testing.assert_array_equal(tapered.waveform[sample], example.waveform[sample])
    before, after = (
        w - example.waveform.mean(axis=0) for w in (example.waveform, tapered.waveform)
    )
    assert (np.abs(after) <= np.abs(before) + 1e-5).all()
    middle = slice(max(lengths), COUNT - max(lengths))
    np.testing.assert_array_equal(tapered.waveform[middle], example.waveform[middle])
    if example.is_event:
        assert_spikes_are_the_arrivals(tapered)
    else:
        np.testing.assert_allclose(after[[0, -1]], 0, atol=1e-5)


@pytest.mark.parametrize("level", [0, 8192])
def test_a_fixed_taper_is_half_a_cosine_and_stepped_ones_are_drawn(level):
    # One but for its middle, so that its mean is zero and its ends are not.
    box, random = np.ones((COUNT, 3), np.float32), np.random.default_rng(0)
    box[500:-500] = -1000 / (COUNT - 1000)
    box = Example(box + np.float32(level))
    fixed = taper(box, random, (100,)).waveform[:, 0] - level
    rise = 0.5 - 0.5 * np.cos(np.pi * np.arange(100) / 100)
    np.testing.assert_allclose(fixed[:100], rise, atol=1e-6 * max(level, 1))
    np.testing.assert_allclose(fixed, fixed[::-1], atol=1e-6 * max(level, 1))
    lengths_drawn = [
        int((taper(box, random, (50, 100)).waveform[:400] != box.waveform[:400]).any(axis=1).sum())
        for _ in range(400)
    ]
    assert {round(count, -1) for count in lengths_drawn} == {
        50,
        100,
    }  # the last one may round to the same
    assert abs(lengths_drawn.count(50) - 200) < 4 * 10


@pytest.mark.parametrize(("p", "s", "cut"), [(-50.0, 100.0, 0), (5900.0, 6100.0, -1)])
def test_an_event_that_the_window_cuts_is_not_faded_at_the_cut(p, s, cut):
    event = Example(rough(0).waveform, (p,), (s,))
    changed = taper(event, np.random.default_rng(0)).waveform != event.waveform
    assert not changed[cut].any() and changed[-1 - cut].all()
