"""Paired cluster bootstrap over earthquakes.

Traces of one earthquake are not independent, so complete earthquakes are drawn, with replacement,
and all models are counted on the same draw (Efron and Tibshirani 1993, chapters 6 and 13). A draw
is one multinomial count for each earthquake; the sums of all models on many draws are one matrix
product.
"""

from collections.abc import Iterator

import numpy as np

DRAWS_AT_ONCE = 64
"""Draws in memory together: the weights of a million earthquakes then take half a gigabyte."""


def draws(is_noise: np.ndarray, count: int, seed: int) -> Iterator[np.ndarray]:
    """Draw bootstrap samples stratified into earthquakes and noise traces.

    Parameters
    ----------
    is_noise
        Which groups are noise traces, bool; a stratum of its own, so that every draw has the same
        number of noise traces.
    count
        Number of draws.
    seed
        The same seed gives the same draws.

    Yields
    ------
    numpy.ndarray
        Shape (draws, groups), float64: how often each group was drawn, up to ``DRAWS_AT_ONCE``
        draws at a time.

    >>> next(draws(np.array([False, False, True]), 3, seed=0))
    array([[0., 2., 1.],
           [1., 1., 1.],
           [2., 0., 1.]])
    """
    random = np.random.default_rng(seed)
    strata = [np.flatnonzero(is_noise == stratum) for stratum in (False, True)]
    for start in range(0, count, DRAWS_AT_ONCE):
        weights = np.zeros((min(DRAWS_AT_ONCE, count - start), len(is_noise)))
        for row in weights:
            for members in strata:
                size = len(members)
                drawn = random.integers(0, max(size, 1), size)
                row[members] = np.bincount(drawn, minlength=size)
        yield weights


def resample(sums: np.ndarray, is_noise: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return the sums over the groups of every draw.

    Parameters
    ----------
    sums
        Shape (groups, columns): the columns of all models, concatenated.
    is_noise, count, seed
        See `draws`.

    Returns
    -------
    numpy.ndarray
        Shape (draws, columns).
    """
    return np.concatenate([weights @ sums for weights in draws(is_noise, count, seed)])


def mean_of_seeds(values: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Average over the seeds of a network, drawn with replacement in each draw.

    The spread of a figure then includes that between trainings. With one seed there is nothing to
    draw.

    Parameters
    ----------
    values
        Shape (seeds, draws).

    Returns
    -------
    numpy.ndarray
        Shape (draws,).
    """
    seeds, count = values.shape
    drawn_seeds = random.integers(0, seeds, (seeds, count))
    averaged: np.ndarray = np.take_along_axis(values, drawn_seeds, axis=0).mean(axis=0)
    return averaged


def interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Return the percentile interval; NaN where the figure is undefined in too many draws.

    >>> [round(end, 9) for end in interval(np.arange(201.0))]
    [5.0, 195.0]
    """
    tail = (1 - level) / 2
    known = values[~np.isnan(values)]
    if len(known) < level * len(values):
        return (float("nan"), float("nan"))
    low, high = np.quantile(known, [tail, 1 - tail])
    return float(low), float(high)


def classify_interval(low: float, high: float, direction: int) -> str:
    """Classify an interval of differences as better, worse or undecided.

    >>> classify_interval(0.01, 0.02, 1), classify_interval(0.01, 0.02, -1)
    ('better', 'worse')
    >>> classify_interval(-0.01, 0.02, 1)
    'undecided'
    """
    if low > 0 or high < 0:
        return "better" if (low > 0) == (direction > 0) else "worse"
    return "undecided"
