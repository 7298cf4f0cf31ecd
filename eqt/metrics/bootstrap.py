"""Cluster bootstrap: confidence intervals from earthquakes drawn with replacement."""

from typing import Any

import numpy as np
from scipy.sparse import csr_array

from steadkit.capacity import require_memory

RESAMPLES = 1000
LEVEL = 0.95
AT_ONCE = 32
"""Draws computed in one matrix product."""


def resampled(groups: np.ndarray, counts: Any, times: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """Sum counts over earthquakes drawn with replacement: a cluster bootstrap.

    Traces of one earthquake are correlated, so they are drawn together: drawn one by one they would
    make intervals too narrow. Source: Efron and Tibshirani (1993), An introduction to the
    bootstrap, for the draws; Davison and Hinkley (1997), section 3.8, for clusters.

    Parameters
    ----------
    groups
        The number of the earthquake of each trace, from 0; each noise trace has its own number.
    counts
        Counts per trace, shape (traces, columns), dense or sparse; zeros cost nothing.
    times
        Number of draws.
    seed
        Selects the draws: those of the same groups are the same for any columns.

    Returns
    -------
    numpy.ndarray
        Shape (times, columns): the sums of each draw.

    Raises
    ------
    InputError
        The draws do not fit into memory.
    """
    n_groups = int(groups.max(initial=-1)) + 1
    weights = np.ones(len(groups))
    membership = csr_array(
        (weights, (groups, np.arange(len(groups)))), shape=(n_groups, len(groups))
    )
    group_sums = (membership @ csr_array(counts, dtype=float)).T.tocsr()
    n_bytes = np.dtype(float).itemsize * times * group_sums.shape[0]
    require_memory(n_bytes, f"a bootstrap of {times:,} draws", "ask for fewer")
    random = np.random.default_rng(seed)
    sums = np.empty((times, group_sums.shape[0]))
    for first in range(0, times, AT_ONCE):
        draws = min(AT_ONCE, times - first)
        earthquakes = random.integers(n_groups, size=(draws, n_groups), dtype=np.int32)
        earthquakes += n_groups * np.arange(draws, dtype=np.int32)[:, None]
        multiplicity = np.bincount(earthquakes.ravel(), minlength=draws * n_groups).reshape(
            draws, n_groups
        )
        sums[first : first + draws] = (group_sums @ multiplicity.T.astype(float)).T
    return sums


def interval(values: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """Return the central interval of the values; NaN values are skipped.

    >>> interval(np.arange(41.0), 0.5)
    (10.0, 30.0)
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
