"""Normalisation of waveforms of any gain to one scale; the result is always finite."""

from collections.abc import Callable

import numpy as np

from steadkit.errors import InputError
from steadkit.transforms.statistics import center, mean_squares, means, peaks, per_sample, spread

SAFE_SCALES = (1e-15, 1e15)
"""Range of scales whose squares are safely within float32."""

LARGE_OFFSET = 10
"""Ratio of mean to scale above which float32 does not remove the mean precisely enough."""


def _std(waves: np.ndarray) -> np.ndarray:
    return np.sqrt(mean_squares(waves))


SCALES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "std": _std,
    "max": peaks,
    "max_over_components": peaks,
}
"""Scale of each component after its mean is removed."""

NORMALIZATIONS = (*SCALES, "none")
"""The modes of `normalize`."""


def normalize(waveforms: np.ndarray, mode: str = "std") -> np.ndarray:
    """Normalise waveforms of any gain to one scale.

    Parameters
    ----------
    waveforms
        Shape (..., samples, components), counts.
    mode
        ``std``: remove each component's mean and divide by its standard deviation, as published
        for EQT. ``max``: divide by its largest absolute amplitude instead.
        ``max_over_components``: divide all components by the largest amplitude of any, which
        keeps their ratios. ``none``: leave the counts as they are.

    Returns
    -------
    numpy.ndarray
        The same shape, float32, always finite. A dead component, which does not vary, is zero
        (unless the mode is ``none``), and so is a component with a NaN or an infinity.

    >>> normalize(np.array([[1.0, 5.0], [3.0, 5.0]]), "max")
    array([[-1.,  0.],
           [ 1.,  0.]], dtype=float32)
    """
    waveforms = np.asarray(waveforms)
    if mode not in NORMALIZATIONS:
        raise InputError(f"normalisation {mode!r} is unknown: use {', '.join(NORMALIZATIONS)}")
    if waveforms.ndim < 2:
        raise InputError(
            f"waveforms of shape {waveforms.shape} cannot be normalised: "
            "give (..., samples, components)"
        )
    out = np.empty(waveforms.shape, np.float32)
    for place in np.ndindex(waveforms.shape[:-2] if out.size else (0,)):
        normalize_into(out[place], waveforms[place], mode)
    return out


def normalize_into(out: np.ndarray, waveform: np.ndarray, mode: str) -> None:
    """Normalise one trace into an existing array.

    Parameters
    ----------
    out
        Shape (samples, components), float32, contiguous; may be `waveform` itself.
    waveform
        Shape (samples, components).
    mode
        See `normalize`.
    """
    if mode == "none":
        _copy_finite(out, waveform)
    elif waveform.dtype != np.float32 or not _normalize_float32(out, waveform, mode):
        _normalize_float64(out, waveform, mode)


def normalize_batch_into(out: np.ndarray, waveforms: np.ndarray, mode: str) -> None:
    """Normalise several traces at once, unusual ones by `normalize_into`.

    For a few traces that fit into the cache of a core, this takes two thirds of the time.

    Parameters
    ----------
    out, waveforms
        Shape (traces, samples, components), float32, contiguous; may be the same.
    mode
        See `normalize`.
    """
    is_regular = np.zeros(len(out), bool)
    if mode == "std":
        rows, out_rows = (
            array.reshape(len(array), *per_sample(array[0]).shape) for array in (waveforms, out)
        )
        by_component = (len(out), -1, waveforms.shape[2])
        # Traces with NaN, infinity or extreme amplitudes fail the comparisons below and are
        # normalised one by one.
        with np.errstate(all="ignore"):
            sums = np.add.reduce(rows, axis=1).reshape(by_component)
            mean = np.add.reduce(sums, axis=1) / waveforms.shape[1]
            waves = rows - np.tile(mean, sums.shape[1])[:, np.newaxis]
            squares = np.einsum("kij,kij->kj", waves, waves).reshape(by_component)
            size = np.sqrt(np.add.reduce(squares, axis=1) / waveforms.shape[1])
            in_range = (
                (size > SAFE_SCALES[0])
                & (size < SAFE_SCALES[1])
                & (abs(mean) <= LARGE_OFFSET * size)
            )
            for row, component in np.argwhere(size == 0).tolist():
                # A dead component is zero at every sample and stays zero; the factor only has to be
                # finite. A scale of 0 alone could also mean squares that underflowed.
                if not waves[row].reshape(waveforms.shape[1:])[:, component].any():
                    size[row, component], in_range[row, component] = 1, True
            factors = np.tile(1 / size, sums.shape[1])[:, np.newaxis]
        is_regular = in_range.all(axis=1)
        if is_regular.all():
            np.multiply(waves, factors, out=out_rows)
            return
        for row in np.flatnonzero(is_regular).tolist():
            np.multiply(waves[row], factors[row], out=out_rows[row])
    for row in np.flatnonzero(~is_regular).tolist():
        normalize_into(out[row], waveforms[row], mode)


def _copy_finite(out: np.ndarray, waveform: np.ndarray) -> None:
    largest = np.finfo(np.float32).max
    if np.isfinite(waveform).all():
        np.clip(waveform, -largest, largest, out=out, casting="same_kind")
    else:
        np.clip(_zero_nonfinite(waveform), -largest, largest, out=out, casting="same_kind")


def _normalize_float32(out: np.ndarray, waveform: np.ndarray, mode: str) -> bool:
    """Normalise in float32; return False if the amplitudes are too extreme for it."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean = means(waveform, np.float32)
        waves = center(waveform, mean)
        sizes = SCALES[mode](waves).tolist()
        # Lists, as comparing three Python floats is faster than NumPy's overhead.
        if any(abs(m) > LARGE_OFFSET * size for m, size in zip(mean.tolist(), sizes, strict=True)):
            # Removing what float32 rounding left of a large mean.
            waves = center(waves)
            sizes = SCALES[mode](waves).tolist()
    for component, size in enumerate(sizes):
        # A scale of 0 may also come from amplitudes whose squares underflow.
        if not SAFE_SCALES[0] < size < SAFE_SCALES[1] and (size != 0 or waves[:, component].any()):
            return False
    if mode == "max_over_components":
        sizes = [max(sizes)] * len(sizes)
    np.multiply(
        per_sample(waves), spread([1 / (size or 1) for size in sizes], waves), out=per_sample(out)
    )
    return True


def _normalize_float64(out: np.ndarray, waveform: np.ndarray, mode: str) -> None:
    waves = _zero_nonfinite(waveform)
    # Scaled to a peak of one, no amplitude is too large or too small to be squared.
    peak = np.abs(waves).max(axis=0)
    waves /= _or_one(peak)
    waves -= waves.mean(axis=0)
    if mode == "max_over_components":
        waves *= peak / _or_one(peak.max())
        out[:] = waves / _or_one(peaks(waves).max())
    else:
        out[:] = waves / _or_one(SCALES[mode](waves))


def _zero_nonfinite(waveform: np.ndarray) -> np.ndarray:
    waves = waveform.astype(np.float64, order="C")
    waves[:, ~np.isfinite(waves).all(axis=0)] = 0
    return waves


def _or_one(scale: np.ndarray) -> np.ndarray:
    return np.where(scale > 0, scale, 1)
