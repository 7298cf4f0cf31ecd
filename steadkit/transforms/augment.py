"""All augmentations in a row: what is done to a trace before it is normalised."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np

from steadkit.errors import InputError
from steadkit.example import Example
from steadkit.transforms.channels import drop_channels, flip, gap, rotate, scale
from steadkit.transforms.config import RATES, AugmentConfig
from steadkit.transforms.filtering import band_pass, pre_emphasis, taper
from steadkit.transforms.mixing import gaussian_noise, real_noise, second_event, superpose
from steadkit.transforms.windows import shift


@dataclass(frozen=True)
class AuxiliaryTraces:
    """Where augmentations that need other traces get them.

    Parameters
    ----------
    noise
        Gives the waveform of a noise trace, shape (6000, 3), float32; for ``real_noise``.
    event
        Gives an example with another event; for ``superpose``.
    """

    noise: Callable[[np.random.Generator], np.ndarray] | None = None
    event: Callable[[np.random.Generator], Example] | None = None


NEEDS = {"real_noise": "noise", "superpose": "event"}
"""Which augmentation needs which donor."""

Other = TypeVar("Other")
Condition = Callable[[Example, AugmentConfig], bool]
Change = Callable[[Example, np.random.Generator, AugmentConfig, AuxiliaryTraces], Example]


def _always(_: Example, __: AugmentConfig) -> bool:
    return True


def _is_event(example: Example, _: AugmentConfig) -> bool:
    return example.is_event


def _is_noise(example: Example, _: AugmentConfig) -> bool:
    return not example.is_event


def _is_strong(example: Example, config: AugmentConfig) -> bool:
    # An unknown SNR is not strong: a comparison with NaN is false.
    return example.is_event and all(snr >= config.strong_db for snr in example.snr_db.tolist())


def _is_strong_or_noise(example: Example, config: AugmentConfig) -> bool:
    return not example.is_event or _is_strong(example, config)


def _require(donor: Callable[[np.random.Generator], Other] | None) -> Callable[..., Other]:
    if donor is None:
        raise InputError(
            "an augmentation needs other traces and their source is None: give one, see check_auxiliary"
        )
    return donor


# Which traces each is for, and what it does. The published ones stand in the published order;
# between them, what happens on the way comes before what the sensor does, and that before
# processing.
CHAIN: dict[str, tuple[Condition, Change]] = {
    "shift": (_always, lambda e, r, c, _: shift(e, r, earlier=c.shift_earlier)),
    "second_event": (_is_strong, lambda e, r, c, _: second_event(e, r, c.second_event_divisors)),
    "superpose": (
        _is_event,
        lambda e, r, c, d: superpose(e, r, _require(d.event), c.superpose_ratios),
    ),
    "rotate": (_always, lambda e, r, c, _: rotate(e, r, c.rotate_degrees)),
    "flip": (_always, lambda e, r, c, _: flip(e)),
    "gaussian_noise": (
        _is_strong,
        lambda e, r, c, _: gaussian_noise(e, r, c.gaussian_noise_sigmas),
    ),
    "real_noise": (
        _is_event,
        lambda e, r, c, d: real_noise(e, r, _require(d.noise), c.real_noise_snr_db),
    ),
    "band_pass": (_always, lambda e, r, c, _: band_pass(e, r, c.band_pass_low, c.band_pass_high)),
    "drop_channels": (_is_strong_or_noise, lambda e, r, c, _: drop_channels(e, r)),
    "gap": (_is_noise, lambda e, r, c, _: gap(e, r, c.gap_latest_start, c.gap_latest_end)),
    "scale": (_always, lambda e, r, c, _: scale(e, r, c.scale_factors)),
    "pre_emphasis": (_always, lambda e, r, c, _: pre_emphasis(e, c.pre_emphasis_coefficient)),
    "taper": (_always, lambda e, r, c, _: taper(e, r, c.taper_lengths)),
}


def augment(
    example: Example,
    config: AugmentConfig,
    random: np.random.Generator,
    auxiliary: AuxiliaryTraces = AuxiliaryTraces(),
) -> Example:
    """Augment a trace: each augmentation, in the order of `RATES`, at its rate.

    Whether one applies, to events, to strong ones or to noise, is judged by the trace as it came:
    noise added to a strong event does not make it a weak one for what follows, as published.

    Parameters
    ----------
    example
        A trace; it is not changed.
    config
        Rates and bounds. At rate 0 nothing is drawn, so the draws of the others stay the same.
    random
        Makes every draw. The result depends on nothing else.
    auxiliary
        Other traces, see `check_auxiliary`.

    Returns
    -------
    Example
        Arrivals, coda end and SNR are those of the new waveform. Where nothing was done it is
        `example` itself.
    """
    augmented = example
    for rate, applies, change in _steps(config):
        if applies(example, config) and random.random() < rate:
            augmented = change(augmented, random, config, auxiliary)
    return augmented


@lru_cache(maxsize=64)
def _steps(config: AugmentConfig) -> tuple[tuple[float, Condition, Change], ...]:
    return tuple((getattr(config, name), *CHAIN[name]) for name in RATES if getattr(config, name))


def needs_auxiliary(config: AugmentConfig) -> bool:
    """Tell whether there is an augmentation that needs other traces.

    >>> needs_auxiliary(AugmentConfig(shift=1.0)), needs_auxiliary(AugmentConfig(superpose=0.1))
    (False, True)
    """
    return any(getattr(config, name) for name in NEEDS)


def check_auxiliary(config: AugmentConfig, auxiliary: AuxiliaryTraces) -> None:
    """Make sure that there are other traces for the augmentations that need them.

    Raises
    ------
    InputError
        One has a rate but nothing to draw from.

    >>> check_auxiliary(AugmentConfig(real_noise=0.3), AuxiliaryTraces())
    Traceback (most recent call last):
    steadkit.errors.InputError: augmentation real_noise at rate 0.3 needs noise traces and there \
are none: select some, or set its rate to 0
    """
    for name, donor in NEEDS.items():
        if (rate := getattr(config, name)) and getattr(auxiliary, donor) is None:
            raise InputError(
                f"augmentation {name} at rate {rate:g} needs {donor} traces and there are none: "
                "select some, or set its rate to 0"
            )
