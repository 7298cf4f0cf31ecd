"""Channel effects: energy and dead components as documented, arrivals unchanged."""

from math import nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spikes import (
    COUNT,
    STRONG,
    assert_spikes_are_the_arrivals,
    assert_well_formed,
    events,
    generators,
    loudness,
    rough,
    spiky,
)

from steadkit.example import Example
from steadkit.transforms import (
    band_pass,
    drop_channels,
    flip,
    gap,
    pre_emphasis,
    rotate,
    scale,
    taper,
)

CHANGES = {
    "drop": lambda example, random: drop_channels(example, random),
    "scale": lambda example, random: scale(example, random),
    "flip": lambda example, _: flip(example),
    "rotate": lambda example, random: rotate(example, random),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@settings(max_examples=30)
@given(example=events(), random=generators)
def test_arrivals_stay_where_they_are(change, example, random):
    changed = change(example, random)
    assert_well_formed(changed)
    assert_spikes_are_the_arrivals(changed)
    np.testing.assert_equal((changed.p, changed.s), (example.p, example.s))
    np.testing.assert_equal(changed.coda_end, example.coda_end)


@given(random=generators)
def test_dropped_components_are_zero_and_the_others_as_much_larger(random):
    event = rough(0, (600.0, 900.0))
    dropped = drop_channels(event, random)
    live = dropped.waveform.any(axis=0)
    assert live.sum() in (1, 2)
    expected = event.waveform[:, live] * np.float32(3 / live.sum())
    np.testing.assert_array_equal(dropped.waveform[:, live], expected)
    np.testing.assert_array_equal(dropped.snr_db, np.where(live, STRONG, np.nan))


def test_each_way_to_lose_components_is_equally_likely():
    noise, random = rough(0), np.random.default_rng(0)
    ways = [tuple(drop_channels(noise, random).waveform[0] != 0) for _ in range(1800)]
    counts = [ways.count(way) for way in sorted(set(ways))]
    assert len(counts) == 6
    assert np.abs(np.array(counts) - 300).max() < 4 * np.sqrt(300 * 5 / 6)


@pytest.mark.parametrize("dead", [0.0, 42.0])
def test_one_live_component_always_stays(dead):
    event = rough(0, (600.0, 900.0))
    waveform = event.waveform.copy()
    waveform[:, 0] = waveform[:, 2] = dead
    single, random = event.with_waveform(waveform), np.random.default_rng(0)
    outcomes = [drop_channels(single, random) for _ in range(50)]
    assert any(outcome is single for outcome in outcomes)
    for outcome in outcomes:
        if outcome is not single:
            np.testing.assert_array_equal(outcome.waveform[:, 1], waveform[:, 1] * np.float32(3))


@given(random=generators)
@pytest.mark.parametrize("level", [0, 10_000])
def test_a_gap_is_at_the_level_of_the_trace_and_all_else_as_it_was(random, level):
    noise = rough(0)
    noise = noise.with_waveform(noise.waveform + np.float32(level))
    holed = gap(noise, random)
    assert_well_formed(holed)
    changed = np.flatnonzero((holed.waveform != noise.waveform).any(axis=1))
    np.testing.assert_allclose(holed.waveform[changed], level, atol=0.05)
    np.testing.assert_array_equal(changed, np.arange(changed[0], changed[-1] + 1))
    assert changed[0] < 4000
    assert changed[-1] + 1 < 5500


def test_gaps_begin_and_end_anywhere_within_their_bounds():
    noise, random = rough(0), np.random.default_rng(0)
    spans = []
    for _ in range(1000):
        changed = np.flatnonzero(gap(noise, random).waveform[:, 0] != noise.waveform[:, 0])
        spans.append((changed[0], changed[-1] + 1))
    starts, ends = np.array(spans).T
    assert abs(starts.mean() - 2000) < 4 * 1155 / np.sqrt(1000)
    # Uniform from the start to 5500.
    assert abs(((ends - starts) / (5500 - starts)).mean() - 0.5) < 4 * 0.289 / np.sqrt(1000)
    assert ends.max() > 5450


@given(random=generators, largest=st.floats(1, 100))
def test_scaling_is_within_its_factor_both_ways(random, largest):
    event = rough(0, (600.0, 900.0))
    ratio = scale(event, random, (1.0, largest)).waveform / event.waveform
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-5)
    assert 1 / largest - 1e-6 <= ratio[0, 0] <= largest * (1 + 1e-6)


def test_scaling_multiplies_as_often_as_it_divides():
    event, random = spiky((600.0, 900.0)), np.random.default_rng(0)
    factors = np.array([scale(event, random).waveform[600, 0] / 1000 for _ in range(1000)])
    assert abs((factors > 1).mean() - 0.5) < 4 * 0.5 / np.sqrt(1000)
    assert abs(factors[factors > 1].mean() - 2) < 4 * 0.58 / np.sqrt(500)
    assert abs((1 / factors[factors < 1]).mean() - 2) < 4 * 0.58 / np.sqrt(500)


def test_flipping_twice_is_nothing():
    event = rough(0, (600.0, 900.0))
    assert (flip(event).waveform == -event.waveform).all()
    np.testing.assert_array_equal(flip(flip(event)).waveform, event.waveform)


@given(angle=st.floats(-360, 360), seed=st.integers(0, 9))
def test_turning_keeps_the_energy_and_z_and_turns_back(angle, seed):
    event, random = rough(seed, (600.0, 900.0)), np.random.default_rng(0)
    turned = rotate(event, random, (angle, angle))
    horizontal = (event.waveform[:, :2].astype(float) ** 2).sum(axis=1)
    np.testing.assert_allclose((turned.waveform[:, :2] ** 2).sum(axis=1), horizontal, rtol=1e-4)
    np.testing.assert_array_equal(turned.waveform[:, 2], event.waveform[:, 2])
    back = rotate(turned, random, (-angle, -angle))
    np.testing.assert_allclose(back.waveform, event.waveform, atol=1e-3)


def test_a_quarter_turn_takes_east_to_north():
    event = rough(0, (600.0, 900.0))
    turned = rotate(event, np.random.default_rng(0), (90.0, 90.0)).waveform
    np.testing.assert_allclose(turned[:, 1], event.waveform[:, 0], atol=1e-3)
    np.testing.assert_allclose(turned[:, 0], -event.waveform[:, 1], atol=1e-3)


def test_turning_takes_the_snr_along():
    waveform = rough(0).waveform.copy()
    waveform[900:, 0] *= 100
    event = spiky((600.0, 900.0), snr_db=np.array([40.0, 0.0, 0.0])).with_waveform(waveform)
    turned = rotate(event, np.random.default_rng(0), (90.0, 90.0))
    np.testing.assert_allclose(turned.snr_db, [0, 40, 0], atol=1)


@pytest.mark.parametrize("dead", [0.0, 42.0])
def test_turning_brings_no_dead_component_to_life(dead):
    event = rough(0, (600.0, 900.0))
    waveform = event.waveform.copy()
    waveform[:, 1] = dead
    single = event.with_waveform(waveform)
    assert rotate(single, np.random.default_rng(0)) is single


def test_angles_are_uniform():
    event, random = spiky((600.0, 900.0)), np.random.default_rng(0)
    east, north = np.array([rotate(event, random).waveform[600, :2] for _ in range(1000)]).T
    angles = np.degrees(np.arctan2(north, east)) % 360
    counts = np.histogram(angles, 8, (0, 360))[0]
    assert np.abs(counts - 125).max() < 4 * np.sqrt(125 * 7 / 8)
    assert len(event.waveform) == COUNT


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
