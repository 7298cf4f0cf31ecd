"""Augmentation: correct labels after any combination, published rates, reproducible draws."""

from dataclasses import replace
from math import nan

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from spikes import (
    COUNT,
    STRONG,
    arrivals,
    assert_spikes_are_the_arrivals,
    assert_well_formed,
    constant,
    events,
    generators,
    loudness,
    rough,
    spiky,
)

from steadkit.errors import InputError
from steadkit.example import Example
from steadkit.transforms import (
    PRESETS,
    RATES,
    AugmentConfig,
    AuxiliaryTraces,
    augment,
    check_auxiliary,
    light_augmentation,
    normalize,
)

AUXILIARY = AuxiliaryTraces(
    noise=lambda random: random.standard_normal((COUNT, 3), dtype=np.float32),
    event=lambda random: spiky((float(random.integers(400, 1000)), nan), coda_end=1500.0),
)

rates = st.sampled_from([0.0, 0.5, 1.0])

# Noise so quiet that spikes a ninth of the largest still stand out of it.
chains = st.builds(
    AugmentConfig,
    **{name: rates for name in RATES if name != "band_pass"},
    shift_earlier=st.booleans(),
    gaussian_noise_sigmas=st.sampled_from([(0, 0), (0.0, 0.002)]),
    real_noise_snr_db=st.just((50.0, 80.0)),
    rotate_degrees=st.sampled_from([(0, 360), (45, 45), (-90, 90)]),
    taper_lengths=st.sampled_from([(100,), (1, 3000)]),
    strong_db=st.sampled_from([-100.0, 10.0, 20.5]),
)


@settings(max_examples=150)
@given(example=events(), config=chains, random=generators)
def test_after_any_chain_arrivals_are_where_the_labels_say(example, config, random):
    augmented = augment(example, config, random, AUXILIARY)
    assert_well_formed(augmented)
    times = [round(time) for time in arrivals(augmented)]
    # Two spikes on the same or the next sample may cancel, and cannot be told apart.
    assume(len(times) == 1 or np.diff(times).min() > 1)
    # Pre-emphasis leaves 0.97 of a spike on the sample behind it, which is none of its own.
    waveform = augmented.waveform.copy()
    waveform[[time + 1 for time in times if time + 1 < COUNT]] = 0
    assert_spikes_are_the_arrivals(augmented.with_waveform(waveform))


@settings(max_examples=50)
@given(config=chains, random=generators, seed=st.integers(0, 9))
def test_after_any_chain_noise_is_noise(config, random, seed):
    augmented = augment(rough(seed), config, random, AUXILIARY)
    assert_well_formed(augmented)
    assert not augmented.is_event


@settings(max_examples=40)
@given(
    random=generators,
    gain=st.sampled_from([0.0, 1e-30, 1.0, 1e9, 1e15]),
    seed=st.integers(0, 9),
    p=st.sampled_from([0.0, 600.0, 5999.0]),
)
def test_no_chain_and_no_gain_makes_a_nan(random, gain, seed, p):
    event = rough(seed, (p, nan), coda_end=p)
    event = event.with_waveform(event.waveform * np.float32(gain))
    everything = AugmentConfig(**dict.fromkeys(RATES, 1.0), strong_db=-100)
    augmented = augment(event, everything, random, AUXILIARY)
    for mode in ("std", "max", "max_over_components"):
        assert np.isfinite(normalize(augmented.waveform, mode)).all()
    if gain == 0:
        assert not augmented.waveform.any()


@given(example=events(), random=generators)
def test_at_rate_0_it_is_the_same_example_and_nothing_is_drawn(example, random):
    before = random.bit_generator.state
    assert augment(example, AugmentConfig(), random, AUXILIARY) is example
    assert random.bit_generator.state == before


@pytest.mark.parametrize("preset", ["eqt", "robust"])
def test_the_same_seed_gives_the_same_example(preset):
    event = rough(0, (600.0, 900.0), coda_end=1500.0)
    for seed in range(10):
        first, second = (
            augment(event, PRESETS[preset], np.random.default_rng(seed), AUXILIARY)
            for _ in range(2)
        )
        np.testing.assert_array_equal(first.waveform, second.waveform)
        np.testing.assert_equal(
            (first.p, first.s, first.snr_db), (second.p, second.s, second.snr_db)
        )


def near(count: int, total: int, rate: float) -> bool:
    """Tell whether a count of so many is within four deviations of its rate."""
    return bool(abs(count - total * rate) <= 4 * np.sqrt(total * rate * (1 - rate)))


def test_events_are_augmented_at_the_published_rates():
    event, random = spiky((600.0, 900.0), coda_end=1400.0), np.random.default_rng(20)
    total, seen = 2000, dict.fromkeys(["shift", "second", "room", "noise", "drop", "gap"], 0)
    for _ in range(total):
        after = augment(event, PRESETS["eqt"], random)
        seen["shift"] += after.p != event.p and after.p[0] != 600
        seen["room"] += after.coda_end < COUNT - 21 - 300
        seen["second"] += len(after.p) == 2
        live = after.waveform.any(axis=0)
        seen["drop"] += live.sum() < 3
        # A second event brings along the mean, of less than 2.
        seen["noise"] += (np.abs(after.waveform[:, live]) > 2).mean() > 0.5
        seen["gap"] += not live.any()
    assert near(seen["shift"], total, 0.99)
    assert near(seen["second"], seen["room"], 0.6)
    assert near(seen["noise"], total, 0.3)
    assert near(seen["drop"], total, 0.5)
    assert seen["gap"] == 0


def test_noise_is_augmented_at_the_published_rates():
    noise, random = rough(0), np.random.default_rng(20)
    total, shifted, dropped, holed = 1000, 0, 0, 0
    for _ in range(total):
        waveform = augment(noise, PRESETS["eqt"], random).waveform
        live = waveform.any(axis=0)
        hole = constant(waveform)
        dropped += live.sum() < 3
        holed += hole.any()
        expected = noise.waveform[5999, live] * np.float32(3 / live.sum())
        shifted += not hole[5999] and (waveform[5999, live] != expected).any()
    assert near(shifted, total, 0.99)
    assert near(dropped, total, 0.5)
    assert near(holed, total, 0.2)


def test_weak_events_are_only_shifted():
    random = np.random.default_rng(0)
    for snr_db in (np.array([9.9, 20, 20]), np.array([20, nan, 20]), np.full(3, nan)):
        event = spiky((600.0, 900.0), coda_end=1400.0, snr_db=snr_db)
        for _ in range(30):
            after = augment(event, PRESETS["eqt"], random)
            by = int(after.p[0] - 600)
            np.testing.assert_array_equal(after.waveform, np.roll(event.waveform, by, axis=0))


def test_the_light_half_is_shifted_at_half_the_rate_and_left_alone_else():
    event, random = spiky((600.0, 900.0), coda_end=1400.0), np.random.default_rng(20)
    config, shifted = light_augmentation(PRESETS["eqt"]), 0
    for _ in range(1000):
        after = augment(event, config, random)
        shifted += after is not event
        by = int(after.p[0] - 600)
        np.testing.assert_array_equal(after.waveform, np.roll(event.waveform, by, axis=0))
    assert near(shifted, 1000, 0.495)


def test_strength_is_judged_before_noise_is_added():
    # Noise brings the SNR far below 10 dB, and all the same a component is dropped.
    config = AugmentConfig(gaussian_noise=1, gaussian_noise_sigmas=(0.5, 0.5), drop_channels=1)
    after = augment(rough(0, (600.0, 900.0)), config, np.random.default_rng(0))
    assert np.nanmax(after.snr_db) < 10
    assert after.waveform.any(axis=0).sum() < 3


def outcome(seed: int) -> tuple[object, ...]:
    """Tell what became of one event in numbers that are the same on every machine."""
    event = spiky((600.0, 900.0), coda_end=1400.0)
    after = augment(event, PRESETS["eqt"], np.random.default_rng(seed))
    heights = [round(float(loudness(after.waveform)[round(p)])) for p in after.p]
    return after.p, after.s, after.coda_end, after.waveform.any(axis=0).tolist(), heights


GOLDEN = {
    0: ((2951.0, 4271.0), (3251.0, 4571.0), 3751.0, [True, True, True], [1732, 1731]),
    1: ((4074.0, 5639.0), (4374.0, 5939.0), 4874.0, [True, True, False], [2121, 265]),
    2: ((1103.0,), (1403.0,), 1903.0, [True, True, True], [1735]),
    15: ((3845.0, 5488.0), (4145.0, 5788.0), 4645.0, [False, False, True], [3000, 1500]),
}


@pytest.mark.parametrize("seed", GOLDEN)
def test_golden_events(seed):
    assert outcome(seed) == GOLDEN[seed]


def test_a_golden_noise_trace():
    after = augment(rough(0), replace(PRESETS["eqt"], gap=1.0), np.random.default_rng(5)).waveform
    hole = np.flatnonzero(constant(after))
    assert (int(hole[0]), int(hole[-1]), after.any(axis=0).tolist()) == (
        3231,
        5452,
        [True, True, True],
    )


@pytest.mark.parametrize(("name", "category"), [("real_noise", "noise"), ("superpose", "event")])
def test_augmentations_that_need_other_traces_say_so(name, category):
    config = AugmentConfig(**{name: 0.3})
    incomplete = replace(AUXILIARY, **{category: None})
    with pytest.raises(InputError, match=f"{name} at rate 0.3 needs {category} traces"):
        check_auxiliary(config, incomplete)
    check_auxiliary(config, AUXILIARY)
    check_auxiliary(PRESETS["eqt"], AuxiliaryTraces())
    with pytest.raises(InputError, match="check_auxiliary"):
        augment(rough(0, (600.0, 900.0)), replace(config, **{name: 1.0}), np.random.default_rng(0))


def test_augmentation_of_a_real_event(shared_data):
    import h5py

    with h5py.File(shared_data / "ncedc_a.hdf5") as file:
        name, dataset = next((n, d) for n, d in file["data"].items() if n.endswith("_EV"))
        waveform, values = dataset[()], dict(dataset.attrs)
    waveform.flags.writeable = False
    p, s = float(values["p_arrival_sample"]), float(values["s_arrival_sample"])
    event = Example(waveform, (p,), (s,), float(np.ravel(values["coda_end_sample"])[0]), STRONG)
    random = np.random.default_rng(0)
    for _ in range(20):
        after = augment(event, PRESETS["robust"], random, AUXILIARY)
        assert_well_formed(after)
        assert np.isfinite(normalize(after.waveform)).all(), name
