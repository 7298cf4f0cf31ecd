"""Onset refinement of picks by the Akaike information criterion (AIC).

A network recognises a P; its onset time is often better determined by the samples themselves. The
AIC of the two segments before and after a sample measures how well they differ (Maeda, 1985, A
method for reading and checking phase times in auto-processing system of seismic wave data, Zisin
38, 365-379, after Akaike, 1974, doi:10.1109/TAC.1974.1100705). A pick is moved to the maximum of

    log(probability) - AIC_WEIGHT / 2 * criterion

near a peak of the probability: prior times likelihood. The criterion assumes that the samples of
each segment are independent, which those of a seismogram are not; `AIC_WEIGHT` compensates for it.
"""

from bisect import bisect
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final

import numpy as np
from scipy.signal import butter, sosfilt

from eqt.picking.picks import peaks_in
from eqt.probabilities import Predict, Probabilities
from steadkit.schema import COMPONENTS, SAMPLING_RATE

BEFORE: Final = 60
AFTER: Final = 30
"""Samples of the search window before and after a peak."""

BAND: Final = (1.0, 45.0)
"""Corner frequencies in Hz of a causal filter, which leaves no energy before an onset."""

LEAD_IN: Final = 200
"""Samples before a search window in which the filter settles."""

AIC_WEIGHT: Final = 0.02
"""Weight of the criterion. From 0.02 to 0.1 P improves equally, S less and less."""

MIN_PROBABILITY: Final = 0.05
"""Minimum probability of a peak that is refined."""

MIN_SEGMENT: Final = 5
"""Minimum number of samples of a segment for its variance."""

DEAD_RUN: Final = 10
"""Number of equal consecutive samples that make a gap, the end of which is no arrival."""

PHASE_COMPONENTS: Final = {1: ("Z",), 2: COMPONENTS}
"""Components used for P and for S, by the column of their probabilities."""


def refine_detections(predict: Predict) -> Predict:
    """Return a function that predicts probabilities and refines their P and S peaks.

    Parameters
    ----------
    predict
        Returns probabilities, see `eqt.probabilities.predictor`.
    """

    def predict_refined(waveforms: Any) -> Probabilities:
        return refine_picks(predict(waveforms), np.asarray(waveforms))

    return predict_refined


def refine_picks(probabilities: Probabilities, waveforms: np.ndarray) -> Probabilities:
    """Shift the peaks of P and S, with their neighbourhood, to the onset of the signal.

    Heights are unchanged. A peak near the window's edge, next to a gap, or within 0.9 s of a higher
    one that was shifted is left in place.

    Parameters
    ----------
    probabilities
        Shape (traces, samples, 3) each.
    waveforms
        Shape (traces, samples, components), in any unit.
    """
    mean = probabilities.mean.copy()
    std = None if probabilities.std is None else probabilities.std.copy()
    filtered = sosfilt(_band_pass(), waveforms, axis=1)
    for column in PHASE_COMPONENTS:
        for trace, sample in _separate_peaks(probabilities.mean[..., column]):
            window = slice(sample - BEFORE, sample + AFTER)
            onset = _onset(
                probabilities.mean[trace, window, column],
                waveforms[trace, window],
                filtered[trace, window],
                column,
            )
            if onset is None:
                continue
            around = np.arange(BEFORE + AFTER)
            source = np.clip(around - (onset - BEFORE), 0, len(around) - 1)
            for new, old in ((mean, probabilities.mean), (std, probabilities.std)):
                if new is not None and old is not None:
                    new[trace, window, column] = old[trace, window, column][source]
    return Probabilities(mean, std)


def refine_peaks(
    samples: np.ndarray,
    heights: np.ndarray,
    probability: np.ndarray,
    cut_waveform: Callable[[int, int], np.ndarray],
    column: int,
) -> np.ndarray:
    """Return the samples of the peaks of a long record, each moved to the onset near it.

    Which are moved is decided as by `refine_picks`.

    Parameters
    ----------
    samples, heights
        Peaks of one phase and their probabilities, shape (peaks,).
    probability
        Probability of the phase, shape (samples,).
    cut_waveform
        Maps the first sample and a number of samples to a waveform (samples, components).
    column
        1 for P, 2 for S.
    """
    moved = samples.copy()
    done: list[int] = []
    for number in np.argsort(-heights, kind="stable").tolist():
        sample = int(samples[number])
        if heights[number] < MIN_PROBABILITY:
            break
        place = bisect(done, sample)
        is_near = any(
            abs(sample - near) < BEFORE + AFTER for near in done[max(place - 1, 0) : place + 1]
        )
        if is_near or not BEFORE <= sample <= len(probability) - AFTER:
            continue
        done.insert(place, sample)
        waveform = cut_waveform(sample - BEFORE - LEAD_IN, LEAD_IN + BEFORE + AFTER)
        filtered = sosfilt(_band_pass(), waveform, axis=0)[LEAD_IN:]
        window = probability[sample - BEFORE : sample + AFTER]
        onset = _onset(window, waveform[LEAD_IN:], filtered, column)
        if onset is not None:
            moved[number] = sample - BEFORE + onset
    return moved


def _onset(
    probability: np.ndarray, raw: np.ndarray, filtered: np.ndarray, column: int
) -> int | None:
    """Return the onset in a search window; None without a live component."""
    criterion = _sum_criteria(raw, filtered, column)
    if criterion is None:
        return None
    prior = np.log(np.maximum(probability, 1e-30))
    return int(np.argmax(prior - AIC_WEIGHT / 2 * criterion))


@lru_cache(maxsize=1)
def _band_pass() -> np.ndarray:
    sos: np.ndarray = butter(2, BAND, "bandpass", fs=SAMPLING_RATE, output="sos")
    return sos


def _separate_peaks(probability: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield trace and sample of the highest peaks whose windows are complete and disjoint."""
    traces, samples = peaks_in(probability, MIN_PROBABILITY)
    fits = (samples >= BEFORE) & (samples <= probability.shape[1] - AFTER)
    traces, samples = traces[fits], samples[fits]
    samples_by_trace: dict[int, list[int]] = {}
    for number in np.argsort(-probability[traces, samples], kind="stable").tolist():
        trace, sample = int(traces[number]), int(samples[number])
        chosen_samples = samples_by_trace.setdefault(trace, [])
        if all(abs(sample - chosen_sample) >= BEFORE + AFTER for chosen_sample in chosen_samples):
            chosen_samples.append(sample)
            yield trace, sample


def _sum_criteria(raw: np.ndarray, filtered: np.ndarray, column: int) -> np.ndarray | None:
    """Return the criterion summed over the live components of a phase.

    Where these are dead, as at stations of a single component, all live components are used.
    """
    live = [number for number in range(raw.shape[1]) if _is_alive(raw[:, number])]
    preferred = [number for number in live if COMPONENTS[number] in PHASE_COMPONENTS[column]]
    if not live:
        return None
    total = np.zeros(len(raw))
    for number in preferred or live:
        total += onset_criterion(filtered[:, number])
    return total


def _is_alive(samples: np.ndarray) -> bool:
    still = np.concatenate(([False], samples[1:] == samples[:-1], [False]))
    starts, ends = np.flatnonzero(still[1:] & ~still[:-1]), np.flatnonzero(still[:-1] & ~still[1:])
    return bool((ends - starts < DEAD_RUN - 1).all())


def onset_criterion(samples: np.ndarray) -> np.ndarray:
    """Return Akaike's information criterion of an onset at each sample, infinite near the edges.

    Parameters
    ----------
    samples
        Shape (samples,).

    >>> quiet_then_loud = np.random.default_rng(0).normal(size=90) * np.repeat([1, 9], [55, 35])
    >>> int(onset_criterion(quiet_then_loud).argmin())
    55
    """
    from obspy.signal.trigger import aic_simple

    criterion = np.full(len(samples), np.inf)
    # ObsPy assigns the criterion to the last sample before an onset, here it is the first after.
    criterion[MIN_SEGMENT:-MIN_SEGMENT] = aic_simple(samples)[MIN_SEGMENT - 1 : -MIN_SEGMENT - 1]
    return criterion
