"""Cluster bootstrap: confidence intervals from earthquakes drawn with replacement."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, hstack

from eqt.metrics.scores import ConfusionCounts, f1, mcc, precision, recall
from steadkit.capacity import require_memory
from steadkit.schema import NOISE

RESAMPLES = 2000
"""Default number of draws, of evaluations, comparisons and experiments alike."""

LEVEL = 0.95

DRAWS_AT_ONCE = 64
"""Draws in one matrix product: the weights of a million earthquakes then take half a gigabyte."""


class BootstrapConfig(NamedTuple):
    """Clusters of traces, number of draws, and seed."""

    clusters: np.ndarray
    """The number of the cluster of each trace, from 0; shape (traces,)."""
    is_noise: np.ndarray
    """Which of the clusters are noise, bool, shape (clusters,)."""
    resamples: int = RESAMPLES
    seed: int = 0

    @classmethod
    def of_traces(
        cls, traces: pd.DataFrame, resamples: int = RESAMPLES, seed: int = 0
    ) -> "BootstrapConfig":
        """Make a cluster of each earthquake, and one of each noise trace.

        Clusters are numbered in the order of their names, so that the same traces in another order
        have the same draws.

        Parameters
        ----------
        traces
            ``trace_category`` and ``earthquake`` of each trace, as in ``traces.csv``.
        resamples, seed
            Number of draws, and their seed.
        """
        keys = [traces[name].to_numpy(object) for name in ("trace_category", "earthquake")]
        clusters = traces.groupby(keys, sort=True).ngroup().to_numpy()
        is_noise = np.zeros(clusters.max(initial=-1) + 1, bool)
        is_noise[clusters] = keys[0] == NOISE
        return cls(clusters, is_noise, resamples, seed)

    @property
    def has_intervals(self) -> bool:
        """Whether anything is drawn, from more than one cluster."""
        return self.resamples > 0 and len(self.is_noise) > 1


def cluster_bootstrap(counts: Any, config: BootstrapConfig) -> np.ndarray:
    """Sum counts over earthquakes drawn with replacement.

    Traces of one earthquake are correlated, so they are drawn together: drawn one by one they would
    make intervals too narrow. Earthquakes and noise are strata: each draw has as many of both as
    the data. Source: Efron and Tibshirani (1993), An introduction to the bootstrap, for the draws;
    Davison and Hinkley (1997), section 3.8, for clusters, and section 3.2 for strata.

    Parameters
    ----------
    counts
        Counts per trace, shape (traces, columns), dense or sparse; zeros cost nothing.
    config
        The clusters; the seed selects the draws, which are the same for any columns.

    Returns
    -------
    numpy.ndarray
        Shape (draws, columns): the sums of each draw.

    Raises
    ------
    InputError
        The draws do not fit into memory.
    """
    n_traces, n_clusters = len(config.clusters), len(config.is_noise)
    # Summed by cluster first: a draw then costs a product per earthquake, not per trace.
    membership = csr_array(
        (np.ones(n_traces), (config.clusters, np.arange(n_traces))), shape=(n_clusters, n_traces)
    )
    cluster_sums = (membership @ csr_array(counts, dtype=float)).T.tocsr()
    n_values = config.resamples * cluster_sums.shape[0] + DRAWS_AT_ONCE * n_clusters
    require_memory(
        np.dtype(float).itemsize * n_values,
        f"a bootstrap of {config.resamples:,} draws",
        "ask for fewer",
    )
    sums = np.empty((config.resamples, cluster_sums.shape[0]))
    blocks = range(0, config.resamples, DRAWS_AT_ONCE)
    for start, weights in zip(blocks, draw_weights(config), strict=True):
        sums[start : start + len(weights)] = (cluster_sums @ weights.T).T
    return sums


def draw_weights(config: BootstrapConfig) -> Iterator[np.ndarray]:
    """Draw clusters with replacement, earthquakes from earthquakes and noise from noise.

    Yields
    ------
    numpy.ndarray
        Shape (draws, clusters), float64: how often each cluster was drawn, up to ``DRAWS_AT_ONCE``
        draws at a time.

    >>> next(draw_weights(BootstrapConfig(np.arange(3), np.array([False, False, True]), 3)))
    array([[0., 2., 1.],
           [1., 1., 1.],
           [2., 0., 1.]])
    """
    random = np.random.default_rng(config.seed)
    strata = [np.flatnonzero(config.is_noise == stratum) for stratum in (False, True)]
    for start in range(0, config.resamples, DRAWS_AT_ONCE):
        n_draws = min(DRAWS_AT_ONCE, config.resamples - start)
        weights = np.zeros((n_draws, len(config.is_noise)))
        # Draw by draw, so that the numbers do not depend on how many are in memory together.
        for row in weights:
            for members in strata:
                size = len(members)
                drawn = random.integers(0, max(size, 1), size)
                row[members] = np.bincount(drawn, minlength=size)
        yield weights


def interval(values: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """Return the percentile interval; NaN where the figure is undefined in too many draws.

    A figure that has no value in more draws than the interval leaves out, for example the precision
    of a network that detects almost nothing, has no interval either.

    >>> [round(end, 9) for end in interval(np.arange(201.0))]
    [5.0, 195.0]
    """
    known = values[~np.isnan(values)]
    if not len(known) or len(known) < level * len(values):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def score_intervals(
    counts_by_name: Iterable[tuple[Any, ConfusionCounts]], config: BootstrapConfig
) -> dict[Any, dict[str, tuple[float, float]]]:
    """Compute intervals of precision, recall, F1 and MCC.

    Parameters
    ----------
    counts_by_name
        Pairs of a name, any key of a dictionary, and counts by trace; none is kept, so there may
        be many.
    config
        Clusters, number of draws and seed.

    Returns
    -------
    dict
        For each name ``precision``, ``recall``, ``f1`` and ``mcc``, low and high. Empty where
        there is one earthquake alone, or nothing is drawn.
    """
    names, blocks = [], []
    for name, counts in counts_by_name:
        names.append(name)
        blocks.append(csr_array(counts.columns))
    if not names or not config.has_intervals:
        return {name: {} for name in names}
    sums = cluster_bootstrap(hstack(blocks, format="csr"), config)
    bounds = {}
    for number, name in enumerate(names):
        tp, fp, fn, tn = sums[:, 4 * number : 4 * number + 4].T
        draws = {
            "precision": precision(tp, fp),
            "recall": recall(tp, fn),
            "f1": f1(tp, fp, fn),
            "mcc": mcc(tp, fp, fn, tn),
        }
        bounds[name] = {key: interval(values) for key, values in draws.items()}
    return bounds
