"""Augmentation and normalisation of waveforms.

===============  ==============================================================
`windows`        shifts, and windows of longer records
`mixing`         second event, superposed event, Gaussian noise, real noise
`channels`       dead components, gaps, gain, polarity, orientation, filters, taper
`config`         rates, bounds and presets
`augment`        all augmentations in order
`normalization`  waveforms of any gain to one scale
`statistics`     fast statistics of each component; SNR after a change
===============  ==============================================================

An augmentation takes an `Example` and, if it is random, a generator. It returns a changed copy with
the arrivals, coda end and SNR of the new waveform.
"""

from steadkit.transforms.augment import AuxiliaryTraces, augment, check_auxiliary, needs_auxiliary
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
from steadkit.transforms.config import PRESETS, RATES, AugmentConfig, light_augmentation
from steadkit.transforms.mixing import gaussian_noise, real_noise, second_event, superpose
from steadkit.transforms.normalization import (
    NORMALIZATIONS,
    normalize,
    normalize_batch_into,
    normalize_into,
)
from steadkit.transforms.windows import cut, place, places, shift

__all__ = [
    "NORMALIZATIONS",
    "PRESETS",
    "RATES",
    "AugmentConfig",
    "AuxiliaryTraces",
    "augment",
    "band_pass",
    "check_auxiliary",
    "cut",
    "drop_channels",
    "flip",
    "gap",
    "gaussian_noise",
    "light_augmentation",
    "needs_auxiliary",
    "normalize",
    "normalize_batch_into",
    "normalize_into",
    "place",
    "places",
    "pre_emphasis",
    "real_noise",
    "rotate",
    "scale",
    "second_event",
    "shift",
    "superpose",
    "taper",
]
