"""Channel effects: energy and dead components as documented, arrivals unchanged."""

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
    rough,
    spiky,
)

from steadkit.transforms import drop_channels, flip, gap, rotate, scale

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
