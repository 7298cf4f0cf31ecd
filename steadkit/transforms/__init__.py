"""What is done to waveforms before the network sees them: augmentation and normalisation.

====================  ==========================================================
`placing`             shifts, and windows out of longer records
`adding`              a second event, another event, Gaussian noise, real noise
`sensing`             dead components, gaps, gain, polarity, orientation
`filtering`           pre-emphasis, band-pass, taper
`snr`                 what a change of the waveform does to the SNR
`config`              rates, bounds and presets
`chain`               all augmentations in a row
`normalization`       any gain to one scale
`components`          fast arithmetic along the components
`normals`             normal deviates, fast
====================  ==========================================================

An augmentation takes an `Example` and, where it draws, a random generator, and returns a changed
copy in which arrivals, coda end and SNR go with the waveform.
"""

from steadkit.transforms.augment import AuxiliaryTraces, augment, check_auxiliary, needs_auxiliary
from steadkit.transforms.channels import drop_channels, flip, gap, rotate, scale
from steadkit.transforms.config import PRESETS, RATES, AugmentConfig, light_augmentation
from steadkit.transforms.filtering import band_pass, pre_emphasis, taper
from steadkit.transforms.mixing import gaussian_noise, real_noise, second_event, superpose
from steadkit.transforms.normalization import (
    NORMALIZATIONS,
    normalize,
    normalize_batch_into,
    normalize_into,
)
from steadkit.transforms.windows import cut, place, places, random_window, shift, stepped_windows

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
    "random_window",
    "real_noise",
    "rotate",
    "scale",
    "second_event",
    "shift",
    "stepped_windows",
    "superpose",
    "taper",
]
