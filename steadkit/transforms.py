"""What is done to waveforms before the network sees them: normalisation."""

from collections.abc import Callable

import numpy as np

from steadkit.errors import InputError


def by_std(waveforms: np.ndarray) -> np.ndarray:
    """Remove each component's mean and divide by its standard deviation.

    As published for EQT. A dead component, whose deviation is zero, stays zero.
    """
    centred = _demean(waveforms)
    return centred / _or_one(centred.std(axis=-2, keepdims=True))


def by_max(waveforms: np.ndarray) -> np.ndarray:
    """Remove each component's mean and divide by its largest absolute amplitude."""
    centred = _demean(waveforms)
    return centred / _or_one(np.abs(centred).max(axis=-2, keepdims=True))


NORMALIZATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"std": by_std, "max": by_max}


def normalize(waveforms: np.ndarray, mode: str = "std") -> np.ndarray:
    """Bring waveforms of any gain to one scale, component by component.

    Parameters
    ----------
    waveforms
        Shape (..., samples, components), counts.
    mode
        ``std`` or ``max``.

    Returns
    -------
    numpy.ndarray
        The same shape, float32, never NaN for finite input.

    >>> normalize(np.array([[1.0, 5.0], [3.0, 5.0]]), "max")
    array([[-1.,  0.],
           [ 1.,  0.]], dtype=float32)
    """
    if mode not in NORMALIZATIONS:
        raise InputError(f"normalisation {mode!r} is unknown: use {', '.join(NORMALIZATIONS)}")
    return NORMALIZATIONS[mode](waveforms).astype(np.float32, copy=False)


def _demean(waveforms: np.ndarray) -> np.ndarray:
    # Rounding can leave a constant component a hair off zero, which a division would blow up:
    # what does not vary is zero.
    constant = np.ptp(waveforms, axis=-2, keepdims=True) == 0
    # Means of large float32 counts need double precision.
    mean = waveforms.mean(axis=-2, keepdims=True, dtype=np.float64).astype(np.float32)
    return np.where(constant, np.float32(0), waveforms - mean)


def _or_one(scale: np.ndarray) -> np.ndarray:
    return np.where(scale > 0, scale, 1)
