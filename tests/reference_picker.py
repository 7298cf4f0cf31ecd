"""Reference picker: detections and picks of a single window, one span and one peak after another.

`eqt.picking.candidates` computes the same for many windows at once; tests compare both.
"""

from collections.abc import Iterator

import numpy as np

from eqt.picking.picks import Detection, Pick, Span, Thresholds, associate, peaks_in, runs_in
from eqt.picking.rules import CORRECTED, Rules


def detect(
    probabilities: np.ndarray,
    thresholds: Thresholds,
    deviations: np.ndarray | None = None,
    rules: Rules = CORRECTED,
) -> list[Detection]:
    """Find the earthquakes of one window.

    Parameters
    ----------
    probabilities
        Shape (samples, 3): detection, P and S.
    thresholds
        What counts.
    deviations
        Standard deviations of the probabilities, where they are known, in the same shape.
    rules
        How detections and picks are chosen.

    Returns
    -------
    list of Detection
        In order of time. By the corrected rules no pick belongs to two of them.

    >>> window = np.zeros((6000, 3))
    >>> window[700:1500, 0], window[650, 1], window[[900, 950], 2] = 0.9, 0.8, (0.3, 0.7)
    >>> detect(window, Thresholds())[0].s.sample
    950
    """
    stds = [None] * 3 if deviations is None else deviations.T
    spans = []
    for start, end in runs(rules.above(probabilities[:, 0], thresholds.detection), rules):
        inside = slice(start, end + rules.includes_end)
        mean = float(rules.rounded(probabilities[inside, 0].mean(dtype=float)))
        std = None if stds[0] is None else stds[0][inside].mean(dtype=float)
        spans.append(Span(start, end, mean, None if std is None else float(rules.rounded(std))))
    p_peaks = peaks(probabilities[:, 1], thresholds.p, stds[1], rules)
    s_peaks = peaks(probabilities[:, 2], thresholds.s, stds[2], rules)
    return associate(spans, p_peaks, s_peaks, rules)


def peaks(
    probability: np.ndarray,
    threshold: float,
    deviation: np.ndarray | None = None,
    rules: Rules = CORRECTED,
) -> list[Pick]:
    """Find the local maxima that reach a threshold."""
    _, samples = peaks_in(np.asarray(probability)[None], threshold, rules)
    heights = rules.rounded(probability[samples]).tolist()
    stds: list[float | None] = [None] * len(samples)
    if deviation is not None:
        stds = rules.rounded(deviation[samples]).tolist()
    return [Pick(*row) for row in zip(samples.tolist(), heights, stds, strict=True)]


def runs(above: np.ndarray, rules: Rules = CORRECTED) -> Iterator[tuple[int, int]]:
    """Find the first and last sample of every run of true values that is long enough.

    >>> list(runs(np.arange(40) % 20 < 15))
    [(0, 14), (20, 34)]
    """
    _, first, last = runs_in(np.asarray(above, bool)[None], rules)
    yield from zip(first.tolist(), last.tolist(), strict=True)
