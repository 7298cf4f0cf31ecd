"""Where in the window a trace lies: shifts, and windows out of longer records.

STEAD's P all lie 400 to 1000 samples in, on whole seconds, and a network learns that. `shift` at
every trace and both ways, the preset ``uniform``, unlearns it; `place` shows whether it has.
"""

from collections.abc import Iterator
from math import ceil, floor, nan

import numpy as np

from steadkit.errors import InputError
from steadkit.example import Example
from steadkit.schema import N_SAMPLES

MIN_NOISE = 100
"""Samples of noise before P that it takes at least to make more of it."""


def shift(example: Example, random: np.random.Generator, *, earlier: bool = False) -> Example:
    """Shift a trace in a circle: what leaves at its end comes in at its start.

    Noise is shifted by any number of samples. Events are shifted later, by 1 to 6000 - coda end,
    as published for EQT, or by any number that keeps them whole: from before the first P to the
    last `Example.reach`, no event is ever cut by the edge, so labels never lie and never wrap.
    What wraps is noise before P or after the coda. An event that has no room, that is cut already
    or of whose end nothing is known stays where it is. Arrivals and coda end move along; SNR stays.

    Parameters
    ----------
    example
        Any trace.
    random
        Draws the shift.
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
    """Tell the first and the last sample at which `place` can put an event's first P.

    >>> places(Example(np.zeros((6000, 3), np.float32), p=(600.5,), s=(900.0,)))
    (0, 5699)
    """
    # Rounding down keeps an S on half a sample inside.
    return 0, len(example.waveform) - 1 - ceil(_last_arrival(example) - floor(min(example.p)))


def place(example: Example, position: int) -> Example:
    """Move an event so that its first P comes at a sample, as another cut of the record would.

    Where all of the event stays inside, up to `Example.reach`, the trace is shifted in a circle, as
    `shift` does it. Where its coda would wrap, or nobody knows how long it is, the window ends in
    the coda, and begins with the noise before P once more, mirrored back and forth: the seam is
    smooth, and nothing of the event comes before P. A fraction of a sample stays.

    Parameters
    ----------
    example
        An event whose arrivals all lie inside.
    position
        The sample to put its first P at, within `places`.

    Returns
    -------
    Example
        Arrivals and coda end have moved along; a coda that the window cuts ends outside of it.

    Raises
    ------
    InputError
        There is no event, an arrival would lie outside, or there is too little noise before P.

    >>> place(Example(np.zeros((6000, 3), np.float32), p=(600.5,), s=(900.0,)), 5000).p
    (5000.5,)
    """
    if not example.is_event or not (0 <= min(example.p) <= _last_arrival(example)):
        raise InputError(f"P at {example.p} cannot be placed: give an event with P in its trace")
    min_shift, max_shift = places(example)
    if not min_shift <= position <= max_shift:
        raise InputError(
            f"P cannot be placed at {position} of this trace: use {min_shift} to {max_shift}"
        )
    samples = position - floor(min(example.p))
    if samples <= 0 or example.signal_end + samples <= len(example.waveform) - 1:
        return _roll(example, samples) if samples else example
    return _shift_with_noise(example, samples)


def _last_arrival(example: Example) -> float:
    return float(np.nanmax([*example.p, *example.s]))


def _shift_with_noise(example: Example, samples: int) -> Example:
    """Move a trace later and put noise before it."""
    first = floor(min(example.p))
    if first < MIN_NOISE:
        raise InputError(
            f"P at {first} leaves too little noise before it to fill a window with: {MIN_NOISE} samples"
            " are needed"
        )
    # Onsets are picked late rather than early: the last tenth may be the event already.
    quiet = example.waveform[: first - first // 10]
    filling = np.pad(quiet, ((samples, 0), (0, 0)), "reflect")[:samples]
    kept_events = example.waveform[: len(example.waveform) - samples]
    return example.shifted(samples, np.concatenate([filling, kept_events]))


def _roll(example: Example, samples: int) -> Example:
    old = example.waveform
    seam = samples % len(old)
    new = np.empty_like(old, order="C")
    new[seam:], new[:seam] = old[: len(old) - seam], old[len(old) - seam :]
    return example.shifted(samples, new)


def cut(record: Example, start: int) -> Example:
    """Cut the window that begins at a sample out of a longer record.

    Arrivals keep their place in the waveform, also where that is now outside the window: an event
    the window cuts through keeps its detection inside but gets no label for an arrival outside
    (see `steadkit.labels.shape_targets`). An event that begins after the window, or whose coda
    has ended before it, is gone; a window without any is noise. An event whose end is not known
    counts until its last arrival. The coda end stays that of the main event, and is NaN once that
    is gone; so is the SNR.

    Parameters
    ----------
    record
        A trace of at least 6000 samples with all the events in it.
    start
        The record's sample that becomes sample 0.

    Raises
    ------
    InputError
        The window does not lie in the record.

    >>> record = Example(np.zeros((9000, 3), np.float32), p=(2900.0,), s=(3500.5,))
    >>> cut(record, 3000).p, cut(record, 3000).s
    ((-100.0,), (500.5,))
    """
    last = _last_start(record)
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
    alone = Example(example.waveform, (p,), (s,), example.coda_end if event == 0 else nan)
    end = np.nanmax([alone.signal_end, p, s])
    # An arrival belongs to the nearest sample, so the window reaches half a sample farther.
    return bool(end >= -0.5 and np.nanmin([p, s]) < N_SAMPLES - 0.5)


def _last_start(record: Example) -> int:
    count = len(record.waveform)
    if count < N_SAMPLES:
        raise InputError(
            f"a record of {count} samples holds no window of {N_SAMPLES}: give a longer one"
        )
    return count - N_SAMPLES


def random_window(record: Example, random: np.random.Generator) -> Example:
    """Cut a window that begins at any sample, all being equally likely.

    Not only on whole seconds: a network learns where picks can lie.
    """
    return cut(record, int(random.integers(_last_start(record) + 1)))


def stepped_windows(record: Example, step: int) -> Iterator[Example]:
    """Cut windows a fixed step apart, the last one at the very end of the record.

    >>> record = Example(np.zeros((9000, 3), np.float32), p=(2900.0,), s=(3500.0,))
    >>> [window.p for window in stepped_windows(record, 2000)]
    [(2900.0,), (900.0,), (-100.0,)]
    """
    if step < 1:
        raise InputError(f"a step of {step} samples leads nowhere: use 1 or more")
    last = _last_start(record)
    for start in range(0, last + step, step):
        yield cut(record, min(start, last))
