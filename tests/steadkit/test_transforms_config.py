"""Rates and bounds: the published values, and invalid ones."""

from dataclasses import fields

import pytest

from steadkit.errors import InputError
from steadkit.transforms import PRESETS, RATES, AugmentConfig, light_augmentation
from steadkit.transforms.augment import CHAIN, NEEDS

PUBLISHED = {
    "shift": 0.99,
    "second_event": 0.6,
    "gaussian_noise": 0.3,
    "drop_channels": 0.5,
    "gap": 0.2,
}


def rates(config: AugmentConfig) -> dict[str, float]:
    return {name: getattr(config, name) for name in RATES if getattr(config, name)}


def test_the_published_rates_and_bounds():
    eqt = PRESETS["eqt"]
    assert rates(eqt) == PUBLISHED
    assert not eqt.shift_earlier
    assert eqt.second_event_divisors == (1, 9)
    assert eqt.gaussian_noise_sigmas == (0.01, 0.15)
    assert (eqt.gap_latest_start, eqt.gap_latest_end) == (4000, 5500)
    assert (eqt.scale_factors, eqt.pre_emphasis_coefficient) == ((1, 3), 0.97)
    assert eqt.strong_db == 10


def test_none_is_none_and_robust_has_what_the_published_one_lacks():
    assert rates(PRESETS["none"]) == rates(AugmentConfig()) == {}
    assert {"superpose", "real_noise", "rotate", "band_pass"} <= rates(PRESETS["robust"]).keys()


def test_uniform_moves_every_trace_both_ways_and_does_nothing_else():
    uniform = PRESETS["uniform"]
    assert rates(uniform) == rates(light_augmentation(uniform)) == {"shift": 1.0}
    assert uniform.shift_earlier and light_augmentation(uniform).shift_earlier


@pytest.mark.parametrize("name", PRESETS)
def test_light_is_a_shift_at_half_its_rate(name):
    config = PRESETS[name]
    half = light_augmentation(config)
    # But where every trace is shifted, every one is: none may be shown where it was cut.
    rate = config.shift if config.shift == 1 else config.shift / 2
    assert rates(half) == ({"shift": rate} if config.shift else {})
    assert half.shift_earlier == config.shift_earlier


def test_every_rate_has_its_link_of_the_chain():
    assert tuple(CHAIN) == RATES
    assert set(NEEDS) <= set(RATES)
    assert set(RATES) <= {field.name for field in fields(AugmentConfig)}


def test_published_augmentations_come_in_the_published_order():
    order = [name for name in RATES if name in {*PUBLISHED, "scale", "pre_emphasis"} - {"gap"}]
    assert order == [
        "shift", "second_event", "gaussian_noise", "drop_channels", "scale", "pre_emphasis"
    ]  # fmt: skip


def test_lists_are_as_good_as_tuples():
    config = AugmentConfig(rotate_degrees=[0, 90], taper_lengths=[50, 100])
    assert config == AugmentConfig(rotate_degrees=(0, 90), taper_lengths=(50, 100))
    assert hash(config) == hash(AugmentConfig(rotate_degrees=(0, 90), taper_lengths=(50, 100)))


@pytest.mark.parametrize("name", RATES)
@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan"), "often"])
def test_rates_that_cannot_be(name, rate):
    with pytest.raises(InputError, match=rf"{name} .* must be 0 to 1$"):
        AugmentConfig(**{name: rate})


@pytest.mark.parametrize(
    "wrong",
    [
        {"second_event_divisors": (0, 9)},
        {"second_event_divisors": (9, 1)},
        {"second_event_divisors": (1.5, 2)},
        {"superpose_ratios": (0, 1)},
        {"superpose_ratios": (1,)},
        {"rotate_degrees": (0, 361)},
        {"gaussian_noise_sigmas": (-0.01, 0.15)},
        {"gaussian_noise_sigmas": (0.15, 0.01)},
        {"gaussian_noise_sigmas": "loud"},
        {"real_noise_snr_db": (float("nan"), 20)},
        {"band_pass_low": (0, 1)},
        {"band_pass_high": (15, 50.1)},
        {"band_pass_low": (1, 15), "band_pass_high": (15, 45)},
        {"gap_latest_start": 0},
        {"gap_latest_end": 4000},
        {"gap_latest_end": 6001},
        {"gap_latest_end": 5500.5},
        {"scale_factors": (0, 3)},
        {"pre_emphasis_coefficient": 1.1},
        {"taper_lengths": ()},
        {"taper_lengths": (0,)},
        {"taper_lengths": (3001,)},
        {"strong_db": float("nan")},
    ],
    ids=str,
)
def test_bounds_that_cannot_be(wrong):
    with pytest.raises(InputError) as caught:
        AugmentConfig(**wrong)
    assert any(name in str(caught.value) for name in wrong)
    assert "\n" not in str(caught.value)
