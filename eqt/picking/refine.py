"""Picks moved to where the signal begins: the network's probability times Akaike's likelihood.

A network knows what is a P; when it came, the samples themselves often tell better: where what is
before differs most from what comes after. Akaike's information criterion of both halves says how
well they are told apart at each sample (Maeda, 1985, A method for reading and checking phase times
in auto-processing system of seismic wave data, Zisin 38, 365-379, after Akaike, 1974,
doi:10.1109/TAC.1974.1100705). A pick is where

    log(probability) - TRUST / 2 * criterion

is greatest near a peak of the probability, as of a prior and a likelihood. The criterion takes the
samples of each half for independent, which those of a seismogram are not; `AIC_WEIGHT` makes up for
it.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from scipy.signal import butter, sosfilt

from eqt.picking.picks import peaks_in
from eqt.probabilities import Predict, Probabilities
from steadkit.schema import COMPONENTS, SAMPLING_RATE

BEFORE: Final = 60
AFTER: Final = 30
"""Samples of the window around a peak in which its arrival is looked for."""

BAND: Final = (1.0, 45.0)
"""Hz, filtered causally, so that nothing comes before its onset."""

AIC_WEIGHT: Final = 0.02
"""What the criterion counts for. From 0.02 to 0.1 it does P equally good, S less and less."""

MIN_PROBABILITY: Final = 0.05
"""Peaks below stay where they are."""

MIN_SEGMENT: Final = 5
"""Samples without which a half has no variance to speak of."""

DEAD_RUN: Final = 10
"""Equal samples, one behind the other, that are a gap: its end is no arrival."""

PHASE_COMPONENTS: Final = {1: ("Z",), 2: COMPONENTS}
"""Components on which P and S are looked for, by the column of their probabilities."""


def refine_detections(predict: Predict) -> Predict:
    """Make what moves the peaks of P and S that a network finds to where the signal begins.

    Parameters
    ----------
    predict
        What gives probabilities, see `eqt.probabilities.predictor`.
    """

    def predict_refined(waveforms: Any) -> Probabilities:
        return refine_picks(predict(waveforms), np.asarray(waveforms))

    return predict_refined


def refine_picks(probabilities: Probabilities, waveforms: np.ndarray) -> Probabilities:
    """Move the peaks of P and S, with what is around them, to where the signal begins.

    Heights stay, and so does a peak near the window's edge, beside a gap, or within 0.9 s of a
    higher one that was moved.

    Parameters
    ----------
    probabilities
        Shape (traces, samples, 3) each.
    waveforms
        Shape (traces, samples, components), in any unit.
    """
    mean = probabilities.mean.copy()
    std = None if probabilities.std is None else probabilities.std.copy()
    filtered = sosfilt(
        butter(2, BAND, "bandpass", fs=SAMPLING_RATE, output="sos"), waveforms, axis=1
    )
    for column in PHASE_COMPONENTS:
        for trace, sample in _separate_peaks(probabilities.mean[..., column]):
            window = slice(sample - BEFORE, sample + AFTER)
            criterion = _sum_criteria(waveforms[trace, window], filtered[trace, window], column)
            if criterion is None:
                continue
            prior = np.log(np.maximum(probabilities.mean[trace, window, column], 1e-30))
            onset = int(np.argmax(prior - AIC_WEIGHT / 2 * criterion))
            around = np.arange(BEFORE + AFTER)
            source = np.clip(around - (onset - BEFORE), 0, len(around) - 1)
            for new, old in ((mean, probabilities.mean), (std, probabilities.std)):
                if new is not None and old is not None:
                    new[trace, window, column] = old[trace, window, column][source]
    return Probabilities(mean, std)


def _separate_peaks(probability: np.ndarray) -> Iterator[tuple[int, int]]:
    """List trace and sample of the highest peaks whose windows are whole and do not overlap."""
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
    """Sum Akaike's criterion of an onset at each sample over the components that listen.

    Where those are dead, as at stations of a single component, the others do.
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
    """Give Akaike's information criterion of an onset at each sample, infinite near the edges.

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
    # The library's stands at the last sample before an onset.
    criterion[MIN_SEGMENT:-MIN_SEGMENT] = aic_simple(samples)[MIN_SEGMENT - 1 : -MIN_SEGMENT - 1]
    return criterion
