"""Configuration of augmentation: rates, bounds and presets."""

from dataclasses import asdict, dataclass, fields
from math import inf
from typing import Any

from steadkit.errors import InputError
from steadkit.schema import N_SAMPLES, SAMPLING_RATE

RATES = (
    "shift",
    "second_event",
    "superpose",
    "rotate",
    "flip",
    "gaussian_noise",
    "real_noise",
    "band_pass",
    "drop_channels",
    "gap",
    "scale",
    "pre_emphasis",
    "taper",
)
"""The augmentations, in the order in which `steadkit.transforms.augment` applies them."""

BOUNDS: dict[str, tuple[float, float]] = {
    "second_event_divisors": (1, inf),
    "superpose_ratios": (1e-6, 1e6),
    "rotate_degrees": (-360, 360),
    "gaussian_noise_sigmas": (0, inf),
    "real_noise_snr_db": (-100, 100),
    "band_pass_low": (0.001, SAMPLING_RATE / 2),
    "band_pass_high": (0.001, SAMPLING_RATE / 2),
    "scale_factors": (1e-6, 1e6),
}
"""Smallest and largest value allowed in each pair of bounds."""


@dataclass(frozen=True)
class AugmentConfig:
    """A rate for each augmentation, from 0 (never, the default) to 1, and its bounds.

    The defaults of the bounds are the published ones where EQT has the augmentation.

    Parameters
    ----------
    shift
        Rate of `steadkit.transforms.shift`.
    shift_earlier
        Shift events towards the start too.
    second_event
        Rate of `steadkit.transforms.second_event`, for strong events.
    second_event_divisors
        Whole numbers.
    superpose
        Rate of `steadkit.transforms.superpose`, for events.
    superpose_ratios
        Of amplitudes.
    rotate
        Rate of `steadkit.transforms.rotate`.
    rotate_degrees
        Of the angle.
    flip
        Rate of `steadkit.transforms.flip`.
    gaussian_noise
        Rate of `steadkit.transforms.gaussian_noise`, for strong events.
    gaussian_noise_sigmas
        Over the largest amplitude.
    real_noise
        Rate of `steadkit.transforms.real_noise`, for events.
    real_noise_snr_db
        In dB.
    band_pass
        Rate of `steadkit.transforms.band_pass`.
    band_pass_low, band_pass_high
        In Hz.
    drop_channels
        Rate of `steadkit.transforms.drop_channels`, for strong events and noise.
    gap
        Rate of `steadkit.transforms.gap`, for noise.
    gap_latest_start, gap_latest_end
        In samples, not included.
    scale
        Rate of `steadkit.transforms.scale`.
    scale_factors
        To multiply with or divide by.
    pre_emphasis
        Rate of `steadkit.transforms.pre_emphasis`.
    pre_emphasis_coefficient
        From 0 to 1.
    taper
        Rate of `steadkit.transforms.taper`.
    taper_lengths
        In samples; one for a fixed taper, several to draw from.
    strong_db
        An event is strong when each of its components has at least this SNR.
    """

    shift: float = 0.0
    shift_earlier: bool = False
    second_event: float = 0.0
    second_event_divisors: tuple[int, int] = (1, 9)
    superpose: float = 0.0
    superpose_ratios: tuple[float, float] = (1 / 9, 1.0)
    rotate: float = 0.0
    rotate_degrees: tuple[float, float] = (0.0, 360.0)
    flip: float = 0.0
    gaussian_noise: float = 0.0
    gaussian_noise_sigmas: tuple[float, float] = (0.01, 0.15)
    real_noise: float = 0.0
    real_noise_snr_db: tuple[float, float] = (5.0, 25.0)
    band_pass: float = 0.0
    band_pass_low: tuple[float, float] = (0.5, 2.0)
    band_pass_high: tuple[float, float] = (15.0, 45.0)
    drop_channels: float = 0.0
    gap: float = 0.0
    gap_latest_start: int = 4000
    gap_latest_end: int = 5500
    scale: float = 0.0
    scale_factors: tuple[float, float] = (1.0, 3.0)
    pre_emphasis: float = 0.0
    pre_emphasis_coefficient: float = 0.97
    taper: float = 0.0
    taper_lengths: tuple[int, ...] = (100,)
    strong_db: float = 10.0

    def __post_init__(self) -> None:
        for field in fields(self):
            # TOML and JSON have lists; only tuples can be hashed, as the cache of `augment` needs.
            if isinstance(value := getattr(self, field.name), list):
                object.__setattr__(self, field.name, tuple(value))
        for name in RATES:
            _check_value(name, getattr(self, name), 0, 1)
        for name, (low, high) in BOUNDS.items():
            _check_pair(name, getattr(self, name), low, high)
        _check_integers("second_event_divisors", self.second_event_divisors, 1)
        _check_integers("taper_lengths", self.taper_lengths, 1)
        _check_integers("gap_latest_start", (self.gap_latest_start,), 1)
        _check_integers("gap_latest_end", (self.gap_latest_end,), self.gap_latest_start + 1)
        _check_value("taper_lengths", max(self.taper_lengths), 1, N_SAMPLES // 2)
        _check_value("gap_latest_end", self.gap_latest_end, 1, N_SAMPLES)
        _check_value("pre_emphasis_coefficient", self.pre_emphasis_coefficient, 0, 1)
        _check_value("strong_db", self.strong_db, -inf, inf)
        if not self.band_pass_low[1] < self.band_pass_high[0]:
            raise InputError(
                f"augmentation bounds band_pass_low {self.band_pass_low} and band_pass_high "
                f"{self.band_pass_high} overlap: the lower corner must stay below the upper one"
            )


def _check_value(name: str, value: float, low: float, high: float) -> None:
    if not (isinstance(value, int | float) and low <= value <= high):
        raise InputError(f"augmentation {name} {value!r} must be {low:g} to {high:g}")


def _check_pair(name: str, values: tuple[float, ...], low: float, high: float) -> None:
    if not (
        isinstance(values, tuple)
        and len(values) == 2
        and all(isinstance(value, int | float) for value in values)
        and low <= values[0] <= values[1] <= high
    ):
        raise InputError(
            f"augmentation bounds {name} {values!r} must be two numbers, the smaller one first, "
            f"from {low:g} to {high:g}"
        )


def _check_integers(name: str, values: tuple[int, ...], low: int) -> None:
    if not values or any(not isinstance(value, int) or value < low for value in values):
        raise InputError(f"augmentation {name} {values!r} must be whole numbers from {low} on")


PRESETS: dict[str, AugmentConfig] = {
    "none": AugmentConfig(),
    # As published, Mousavi et al. (2020), doi:10.1038/s41467-020-17591-w.
    "eqt": AugmentConfig(
        shift=0.99, second_event=0.6, gaussian_noise=0.3, drop_channels=0.5, gap=0.2
    ),
    # P anywhere in the window, so that a network cannot learn its position.
    "uniform": AugmentConfig(shift=1.0, shift_earlier=True),
    # The same, with real noise instead of most of the Gaussian noise, and superposed events.
    "robust": AugmentConfig(
        shift=0.99,
        shift_earlier=True,
        second_event=0.3,
        superpose=0.3,
        rotate=0.5,
        flip=0.5,
        gaussian_noise=0.1,
        real_noise=0.4,
        band_pass=0.2,
        drop_channels=0.3,
        gap=0.2,
        taper=0.2,
        taper_lengths=(50, 100, 200, 400),
    ),
}


def light_augmentation(config: AugmentConfig) -> AugmentConfig:
    """Return the light counterpart of an augmentation: shift only, at half its rate.

    As published, one half of a batch is lightly augmented, the other half are the same traces fully
    augmented. A rate of 1 stays: it means that no trace may keep its P on a whole second.

    >>> light = light_augmentation(PRESETS["eqt"])
    >>> light.shift, light.gap, light_augmentation(PRESETS["uniform"]).shift
    (0.495, 0.0, 1.0)
    """
    values: dict[str, Any] = asdict(config) | dict.fromkeys(RATES, 0.0)
    rate = config.shift if config.shift == 1 else config.shift / 2
    return AugmentConfig(**values | {"shift": rate})
