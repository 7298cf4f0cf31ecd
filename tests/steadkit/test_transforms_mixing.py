"""Additions: amplitudes as drawn, and labels at the added arrivals."""

from math import nan

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from spikes import (
    COUNT,
    HEIGHT,
    assert_spikes_are_the_arrivals,
    assert_well_formed,
    events,
    generators,
    rough,
    spiky,
)

from steadkit.example import Example
from steadkit.transforms import gaussian_noise, real_noise, second_event, superpose
from steadkit.transforms.mixing import normal_deviates


@settings(max_examples=60)
@given(example=events(), random=generators)
def test_a_second_event_is_labelled_where_it_comes(example, random):
    doubled = second_event(example, random)
    assert_well_formed(doubled)
    assert_spikes_are_the_arrivals(doubled)
    assert (doubled.p[0], doubled.coda_end) == (
        example.p[0],
        pytest.approx(example.coda_end, nan_ok=True),
    )
    assert doubled.snr_db is example.snr_db
    if len(doubled.p) == 2:
        assert doubled.p[1] >= example.signal_end - 1
        assert doubled.s[1] - doubled.p[1] == example.s[0] - example.p[0]
        assert doubled.s[1] <= COUNT - 21


def test_second_events_begin_anywhere_after_the_coda_at_a_ninth_to_the_whole():
    event, random = spiky((1000.0, 1100.0), coda_end=5800.0), np.random.default_rng(3)
    doubled = [second_event(event, random) for _ in range(3000)]
    places = np.array([example.p[1] for example in doubled], int)
    assert (places.min(), places.max()) == (5800, 5878)
    divisors = [HEIGHT / example.waveform[round(example.p[1]), 0] for example in doubled]
    counts = np.bincount(np.round(divisors).astype(int), minlength=10)
    # Nine divisors, alike; three hundred and thirty-three of each, give or take eighteen.
    assert np.abs(counts[1:] - 3000 / 9).max() < 4 * 18
    assert np.allclose(divisors, np.round(divisors), rtol=1e-3)


@pytest.mark.parametrize(
    "event",
    [
        spiky((600.0, nan), coda_end=1500.0),
        spiky((600.0, 900.0), coda_end=5680.0),
        spiky((5999.0, nan), coda_end=5999.0),
        spiky((600.0, 900.0), (3000.0, 3300.0), coda_end=1500.0),
        Example(spiky((100.0, nan)).waveform, (-50.0,), (100.0,), 300.0),
    ],
)
def test_without_room_or_s_there_is_no_second_event(event):
    assert second_event(event, np.random.default_rng(0)) is event


def test_an_offset_makes_no_step_at_a_second_event():
    event = spiky((600.0, 900.0), coda_end=1500.0)
    lifted = event.with_waveform(event.waveform + np.float32(5000))
    doubled = second_event(lifted, np.random.default_rng(0))
    quiet = np.delete(doubled.waveform[:, 0], [round(time) for time in doubled.p + doubled.s])
    np.testing.assert_allclose(quiet, 5000, atol=1)


@settings(max_examples=60)
@given(example=events(), second=events(), random=generators)
def test_another_event_is_labelled_over_the_first_one_too(example, second, random):
    combined = superpose(example, random, lambda _: second, (0.5, 2.0))
    assert_well_formed(combined)
    assert combined.p[: len(example.p)] == example.p
    assert len(combined.p) == 2
    times = [round(time) for time in combined.p + combined.s if not np.isnan(time)]
    assume(len(set(times)) == len(times))
    # The mean of the other, of which its spikes are most, is removed before it is added.
    assert_spikes_are_the_arrivals(combined)
    first = round(combined.p[1])
    ratio = (combined.waveform[first] - example.waveform[first]).max() / HEIGHT
    assert 0.49 < ratio < 2.01


def test_superposed_events_overlap_and_lie_everywhere():
    event, second = spiky((3000.0, 3300.0), coda_end=3900.0), spiky((600.0, 650.0), coda_end=800.0)
    random = np.random.default_rng(0)
    places = [superpose(event, random, lambda _: second).p[1] for _ in range(2000)]
    assert min(places) < 30
    assert max(places) > COUNT - 200 - 30
    overlapping = np.mean([2800 < place < 3900 for place in places])
    assert abs(overlapping - 1100 / 5800) < 0.04


def test_a_silent_other_adds_nothing():
    event = spiky((600.0, 900.0))
    silent = Example(np.ones((COUNT, 3), np.float32), (700.0,), (900.0,))
    assert superpose(event, np.random.default_rng(0), lambda _: silent) is event


@settings(max_examples=40)
@given(random=generators, sigma=st.floats(0.0, 0.5), offset=st.sampled_from([0.0, 1e5]))
def test_gaussian_noise_is_as_loud_as_drawn(random, sigma, offset):
    event = rough(0, (600.0, 900.0))
    event = event.with_waveform(event.waveform + np.float32(offset))
    noisy = gaussian_noise(event, random, (sigma, sigma))
    assert_well_formed(noisy)
    assert (noisy.p, noisy.s) == (event.p, event.s)
    added = noisy.waveform.astype(float) - event.waveform
    peak = np.abs(event.waveform - event.waveform.mean(axis=0, dtype=float)).max(axis=0)
    # Of 6000 samples the standard deviation is off by 0.9 %, and one of 10^9 by six times as much.
    np.testing.assert_allclose(added.std(axis=0), sigma * peak, rtol=0.06, atol=1e-2)
    np.testing.assert_allclose(added.mean(axis=0), 0, atol=5 * (sigma + 1e-6) * HEIGHT / 77)


def test_sigmas_are_uniform_and_drawn_for_each_component():
    event, random = spiky((600.0, 900.0)), np.random.default_rng(0)
    sigmas = np.array(
        [gaussian_noise(event, random).waveform[1000:].std(axis=0) for _ in range(400)]
    )
    sigmas /= HEIGHT
    # Measured on 5000 samples, a sigma is a hundredth off.
    assert 0.0095 < sigmas.min() < 0.012
    assert 0.148 < sigmas.max() < 0.1575
    np.testing.assert_allclose(sigmas.mean(axis=0), 0.08, atol=4 * 0.0404 / 20)
    assert np.abs(np.corrcoef(sigmas.T)[np.triu_indices(3, 1)]).max() < 0.2


def test_gaussian_noise_lowers_the_snr_by_what_it_adds():
    event = rough(0, (600.0, 900.0))
    noisy = gaussian_noise(event, np.random.default_rng(5), (0.01, 0.01))
    # Noise of 10 over noise of 1; the spike, 1000 in 500 samples, has a power of 2000.
    expected = 10 * np.log10((2000 + 101) / 101) - 10 * np.log10(2001)
    # The power of 500 samples of noise is known to a quarter of a dB.
    np.testing.assert_allclose(noisy.snr_db - event.snr_db, expected, atol=1)


def test_without_noise_before_p_the_snr_becomes_unknown():
    event = rough(0, (0.0, 900.0))
    assert np.isnan(gaussian_noise(event, np.random.default_rng(0)).snr_db).all()


@settings(max_examples=40)
@given(random=generators, snr=st.floats(-10, 60), is_known=st.booleans())
def test_real_noise_comes_at_the_drawn_ratio(random, snr, is_known):
    event = rough(0, (600.0, 900.0), coda_end=1500.0 if is_known else nan)
    donated = np.random.default_rng(9).standard_normal((COUNT, 3), np.float32) * [1, 10, 1e4] + 77
    noisy = real_noise(event, random, lambda _: donated.astype(np.float32), (snr, snr))
    assert_well_formed(noisy)
    assert (noisy.p, noisy.s, noisy.waveform is event.waveform) == (event.p, event.s, False)
    added = noisy.waveform.astype(float) - event.waveform
    span = event.waveform[600 : 1501 if is_known else 2101].astype(float)
    ratio = 10 * np.log10((span**2).mean(axis=0) / (added**2).mean(axis=0))
    np.testing.assert_allclose(ratio, snr, atol=0.3)


def test_ratios_of_real_noise_are_uniform():
    event, random = rough(0, (600.0, 900.0), coda_end=1500.0), np.random.default_rng(0)
    donated = np.random.default_rng(9).standard_normal((COUNT, 3), np.float32)
    loud = [
        real_noise(event, random, lambda _: donated).waveform - event.waveform for _ in range(200)
    ]
    power = (event.waveform[600:1501].astype(float) ** 2).mean(axis=0)
    ratios = 10 * np.log10(power / (np.array(loud) ** 2).mean(axis=1))[:, 0]
    assert 5 - 0.1 < ratios.min() < 6
    assert 24 < ratios.max() < 25 + 0.1
    assert abs(ratios.mean() - 15) < 4 * 5.8 / np.sqrt(200)


@pytest.mark.parametrize("dead", [0.0, 42.0])
def test_dead_components_stay_dead_whatever_is_added(dead):
    event = rough(0, (600.0, 900.0), coda_end=1500.0)
    waveform = event.waveform.copy()
    waveform[:, 1] = dead
    event, random = event.with_waveform(waveform), np.random.default_rng(0)
    second, donated = rough(2, (700.0, 800.0)), rough(1).waveform
    for changed in (
        second_event(event, random),
        superpose(event, random, lambda _: second),
        gaussian_noise(event, random),
        real_noise(event, random, lambda _: donated),
    ):
        assert (changed.waveform[:, 1] == dead).all()
        assert (changed.waveform[:, 0] != waveform[:, 0]).any()


def test_a_dead_component_of_the_noise_adds_nothing():
    donated = rough(1).waveform.copy()
    donated[:, 2] = 5
    event = rough(0, (600.0, 900.0))
    noisy = real_noise(event, np.random.default_rng(0), lambda _: donated)
    np.testing.assert_array_equal(noisy.waveform[:, 2], event.waveform[:, 2])


GENERATORS = [np.random.SFC64, np.random.PCG64, np.random.MT19937, np.random.Philox]
GOLDEN = [-0.2858688, 0.5956076, 0.3019232, 0.1730335]


@pytest.mark.parametrize("bits", GENERATORS)
def test_the_distribution_is_normal(bits):
    deviates = normal_deviates(np.random.Generator(bits(0)), (200_000, 3))
    assert (deviates.dtype, deviates.shape) == (np.float32, (200_000, 3))
    assert stats.kstest(deviates.ravel(), "norm").pvalue > 0.01
    assert abs(deviates.mean(axis=0)).max() < 0.01
    assert abs(deviates.var(axis=0) - 1).max() < 0.02
    assert abs(stats.kurtosis(deviates)).max() < 0.05
    assert 4.2 < deviates.max() < 4.33


def test_neighbours_are_independent():
    deviates = normal_deviates(np.random.default_rng(1), (100_000, 3)).astype(float)
    for lag in (1, 2, 3, 4):
        assert abs(np.corrcoef(deviates.ravel()[lag:], deviates.ravel()[:-lag])[0, 1]) < 0.01
    assert abs(np.corrcoef(deviates.T) - np.eye(3)).max() < 0.02


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 18_000])
def test_any_number_can_be_drawn(count):
    deviates = normal_deviates(np.random.default_rng(0), (count,))
    assert deviates.shape == (count,)
    np.testing.assert_array_equal(
        deviates[:3], normal_deviates(np.random.default_rng(0), (18_000,))[:count][:3]
    )


def test_golden_deviates():
    deviates = normal_deviates(np.random.Generator(np.random.SFC64(0)), (4,))
    np.testing.assert_allclose(deviates, GOLDEN, rtol=1e-6)
