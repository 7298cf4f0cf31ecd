"""Augmentation of a trace: each configured change in order, at its rate."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np

from steadkit.errors import InputError
from steadkit.example import Example
from steadkit.transforms.channels import (
    band_pass,
    drop_channels,
    flip,
    gap,
    pre_emphasis,
    rotate,
    scale,
    taper,
)
from steadkit.transforms.config import RATES, AugmentConfig
from steadkit.transforms.mixing import gaussian_noise, real_noise, second_event, superpose
from steadkit.transforms.windows import shift


@dataclass(frozen=True)
class AuxiliaryTraces:
    """Sources of the other traces that some augmentations draw.

    Parameters
    ----------
    noise
        Returns the waveform of a noise trace, shape (6000, 3), float32; for ``real_noise``.
    event
        Returns an example with another event; for ``superpose``.
    """

    noise: Callable[[np.random.Generator], np.ndarray] | None = None
    event: Callable[[np.random.Generator], Example] | None = None


NEEDS = {"real_noise": "noise", "superpose": "event"}
"""Auxiliary traces that an augmentation needs: a field of `AuxiliaryTraces`."""

Drawn = TypeVar("Drawn")
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


def _require(draw: Callable[[np.random.Generator], Drawn] | None) -> Callable[..., Drawn]:
    if draw is None:
        raise InputError(
            "an augmentation needs other traces and their source is None: give one, "
            "see check_auxiliary"
        )
    return draw


# Condition and change of each augmentation. The published ones are in the published order; between
# them, effects of the path come before those of the sensor, and those before processing.
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
    """Apply each augmentation, in the order of `RATES`, at its rate.

    Conditions (event, strong event, noise) are evaluated on the original trace: as published, noise
    added to a strong event does not make it weak for the augmentations that follow.

    Parameters
    ----------
    example
        A trace; it is not changed.
    config
        Rates and bounds. Rate 0 consumes no random number.
    random
        Random generator, the only source of randomness.
    auxiliary
        Other traces, see `check_auxiliary`.

    Returns
    -------
    Example
        Arrivals, coda end and SNR are those of the new waveform. If nothing applied, `example`
        itself.
    """
    augmented = example
    for rate, applies, change in _steps(config):
        if applies(example, config) and random.random() < rate:
            augmented = change(augmented, random, config, auxiliary)
    return augmented


# Cached, as it is the same for every trace of a stream.
@lru_cache(maxsize=64)
def _steps(config: AugmentConfig) -> tuple[tuple[float, Condition, Change], ...]:
    return tuple((getattr(config, name), *CHAIN[name]) for name in RATES if getattr(config, name))


def needs_auxiliary(config: AugmentConfig) -> bool:
    """Return whether a configuration needs auxiliary traces.

    >>> needs_auxiliary(AugmentConfig(shift=1.0)), needs_auxiliary(AugmentConfig(superpose=0.1))
    (False, True)
    """
    return any(getattr(config, name) for name in NEEDS)


def check_auxiliary(config: AugmentConfig, auxiliary: AuxiliaryTraces) -> None:
    """Check that there are traces to draw for the augmentations that need them.

    Raises
    ------
    InputError
        An augmentation has a rate but no traces to draw from.

    >>> check_auxiliary(AugmentConfig(real_noise=0.3), AuxiliaryTraces())
    Traceback (most recent call last):
    steadkit.errors.InputError: augmentation real_noise at rate 0.3 needs noise traces and there \
are none: select some, or set its rate to 0
    """
    for name, category in NEEDS.items():
        if (rate := getattr(config, name)) and getattr(auxiliary, category) is None:
            raise InputError(
                f"augmentation {name} at rate {rate:g} needs {category} traces and there are none: "
                "select some, or set its rate to 0"
            )
