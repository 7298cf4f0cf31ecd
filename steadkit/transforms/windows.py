"""Position of an event in its window: shifts, and windows cut from longer records.

In STEAD, P is always 400 to 1000 samples after the start, on a whole second, and a network learns
that. Shifting every trace in both directions, the preset ``uniform``, prevents it; `place` serves
to measure it.
"""

from math import ceil, floor, nan

import numpy as np

from steadkit.errors import InputError
from steadkit.example import Example
from steadkit.schema import N_SAMPLES

MIN_NOISE = 100
"""Samples of noise before P that are needed to extend it by reflection."""


def shift(example: Example, random: np.random.Generator, *, earlier: bool = False) -> Example:
    """Shift a trace circularly: samples that leave at its end enter at its start.

    Noise is shifted by any number of samples. Events are shifted later, by 1 to 6000 - coda end,
    as published for EQT, or by any number that keeps them complete: from before the first P to the
    last `Example.signal_end`, no event is cut by the edge, so labels are correct and never wrap.
    Only noise before P or after the coda wraps. An event without room, already cut, or of unknown
    end is unchanged. Arrivals and coda end shift along; SNR is unchanged.

    Parameters
    ----------
    example
        Any trace.
    random
        Random generator of the shift.
    earlier
        Shift events towards the start too, up to P at sample 0.
    """
    count = len(example.waveform)
    if not example.is_event:
        return _roll(example, int(random.integers(1, count)))
    first, signal_end = min(example.p), example.signal_end
    if not (first >= 0 and signal_end < count):
        return example
    min_shift, max_shift = -floor(first) if earlier else 1, count - ceil(signal_end)
    samples = int(random.integers(min_shift, max_shift)) if max_shift > min_shift else 0
    return _roll(example, samples) if samples else example


def places(example: Example) -> tuple[int, int]:
    """Return the first and the last sample at which `place` can put an event's first P.

    >>> places(Example(np.zeros((6000, 3), np.float32), p=(600.5,), s=(900.0,)))
    (0, 5699)
    """
    # Rounding down keeps an S on half a sample inside.
    return 0, len(example.waveform) - 1 - ceil(_last_arrival(example) - floor(min(example.p)))


def place(example: Example, position: int) -> Example:
    """Move an event so that its first P is at a given sample, as in another cut of the record.

    If the event stays inside up to `Example.signal_end`, the trace is shifted circularly, like
    `shift`. If its coda would wrap, or its end is not known, the window ends in the coda and begins
    with the noise before P, repeated by reflection: the seam is smooth, and nothing of the event
    comes before P. A fraction of a sample is kept.

    Parameters
    ----------
    example
        An event whose arrivals all lie inside.
    position
        Sample of its first P, within `places`.

    Returns
    -------
    Example
        Arrivals and coda end are shifted; a coda that the window cuts ends outside of it.

    Raises
    ------
    InputError
        There is no event, an arrival would lie outside, or there is too little noise before P.

    >>> place(Example(np.zeros((6000, 3), np.float32), p=(600.5,), s=(900.0,)), 5000).p
    (5000.5,)
    """
    if not example.is_event or not (0 <= min(example.p) <= _last_arrival(example)):
        raise InputError(f"P at {example.p} cannot be placed: give an event with P in its trace")
    first, last = places(example)
    if not first <= position <= last:
        raise InputError(f"P cannot be placed at {position} of this trace: use {first} to {last}")
    samples = position - floor(min(example.p))
    if samples <= 0 or example.signal_end + samples <= len(example.waveform) - 1:
        return _roll(example, samples) if samples else example
    return _shift_with_noise(example, samples)


def _last_arrival(example: Example) -> float:
    return float(np.nanmax([*example.p, *example.s]))


def _shift_with_noise(example: Example, samples: int) -> Example:
    """Shift a trace later and fill its start with reflected noise from before P."""
    first = floor(min(example.p))
    if first < MIN_NOISE:
        raise InputError(
            f"P at {first} leaves too little noise before it to fill a window with: {MIN_NOISE} "
            "samples are needed"
        )
    # Picks tend to be late: the last tenth before P may already contain the onset.
    noise = example.waveform[: first - first // 10]
    filling = np.pad(noise, ((samples, 0), (0, 0)), "reflect")[:samples]
    rest = example.waveform[: len(example.waveform) - samples]
    return example.shifted(samples, np.concatenate([filling, rest]))


def _roll(example: Example, samples: int) -> Example:
    old = example.waveform
    seam = samples % len(old)
    new = np.empty_like(old, order="C")
    new[seam:], new[:seam] = old[: len(old) - seam], old[len(old) - seam :]
    return example.shifted(samples, new)


def cut(record: Example, start: int) -> Example:
    """Cut a window out of a longer record.

    Arrivals keep their position in the waveform, also where it is now outside the window: an event
    that the window cuts is detected inside, but an arrival outside gets no label (see
    `steadkit.labels.shape_targets`). An event that begins after the window, or whose coda ends
    before it, is removed; a window without events is noise. An event of unknown end counts until
    its last arrival. Coda end and SNR are those of the main event, or NaN if that is removed.

    Parameters
    ----------
    record
        A trace of at least 6000 samples with all the events in it.
    start
        Sample of the record that becomes sample 0.

    Raises
    ------
    InputError
        The window is not inside the record.

    >>> record = Example(np.zeros((9000, 3), np.float32), p=(2900.0,), s=(3500.5,))
    >>> cut(record, 3000).p, cut(record, 3000).s
    ((-100.0,), (500.5,))
    """
    last = len(record.waveform) - N_SAMPLES
    if last < 0:
        raise InputError(
            f"a record of {len(record.waveform)} samples holds no window of {N_SAMPLES}: give a "
            "longer one"
        )
    if not 0 <= start <= last:
        raise InputError(
            f"a window of {N_SAMPLES} samples cannot start at {start} of a record of "
            f"{len(record.waveform)}: use 0 to {last}"
        )
    shifted = record.shifted(-start, record.waveform[start : start + N_SAMPLES].copy())
    kept_events = [n for n in range(len(shifted.p)) if _is_inside(shifted, n)]
    return Example(
        shifted.waveform,
        tuple([shifted.p[n] for n in kept_events]),
        tuple([shifted.s[n] for n in kept_events]),
        shifted.coda_end if 0 in kept_events else nan,
        shifted.snr_db if 0 in kept_events else np.full_like(shifted.snr_db, np.nan),
    )


def _is_inside(example: Example, event: int) -> bool:
    p, s = example.p[event], example.s[event]
    single = Example(example.waveform, (p,), (s,), example.coda_end if event == 0 else nan)
    end = np.nanmax([single.signal_end, p, s])
    # An arrival belongs to the nearest sample, so the window extends half a sample at both ends.
    return bool(end >= -0.5 and np.nanmin([p, s]) < N_SAMPLES - 0.5)
