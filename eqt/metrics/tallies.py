"""Confusion counts per trace, their sums, and bootstrap intervals of the scores."""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
from scipy.sparse import csr_array, hstack

from eqt.metrics import bootstrap
from eqt.metrics.scores import Score, f1, mcc, precision, recall


@dataclass(frozen=True)
class ConfusionCounts:
    """True and false positives and negatives of each trace, each of shape (traces,).

    A trace without anything to be found in which nothing was found is one true negative.
    """

    tp: np.ndarray
    fp: np.ndarray
    fn: np.ndarray
    tn: np.ndarray

    def score(self, selection: np.ndarray | slice = slice(None)) -> Score:
        """Return the sum over the selected traces, by default all."""
        return Score(
            **{
                field.name: int(getattr(self, field.name)[selection].sum())
                for field in fields(self)
            }
        )

    @property
    def columns(self) -> np.ndarray:
        """The counts as columns of an array, shape (traces, 4)."""
        return np.stack([getattr(self, field.name) for field in fields(self)], axis=1)


def count_outcomes(
    traces: int,
    truth: np.ndarray,
    found_traces: np.ndarray,
    matched: np.ndarray,
    unknown: np.ndarray | None = None,
) -> ConfusionCounts:
    """Count true and false positives and negatives per trace.

    Parameters
    ----------
    traces
        Number of traces.
    truth, found_traces
        The number of the trace of each arrival, and of each pick.
    matched
        The number of the trace of each matched pick.
    unknown
        Which traces may have unlabelled arrivals, shape (traces,), and are no true negatives.

    >>> counted = count_outcomes(3, np.array([0, 0]), np.array([0, 1]), np.array([0]))
    >>> counted.score()
    Score(tp=1, fp=1, fn=1, tn=1)
    """
    n_actual, n_found, tp = (
        np.bincount(numbers, minlength=traces) for numbers in (truth, found_traces, matched)
    )
    is_empty = (n_actual == 0) & (n_found == 0)
    if unknown is not None:
        is_empty &= ~unknown
    return ConfusionCounts(tp, n_found - tp, n_actual - tp, is_empty.astype(int))


def intervals(
    tallies: Iterable[tuple[str, ConfusionCounts]],
    groups: np.ndarray,
    times: int = bootstrap.RESAMPLES,
    seed: int = 0,
) -> dict[str, dict[str, tuple[float, float]]]:
    """Bound precision, recall, F1 and MCC of each tally: 95 % of the draws lie between.

    Parameters
    ----------
    tallies
        Pairs of a name and a tally; none is kept, so there may be many.
    groups
        The number of the earthquake of each trace; see `bootstrap.resampled`.
    times, seed
        How often to draw, and what selects the draws.

    Returns
    -------
    dict
        For each name ``precision``, ``recall``, ``f1`` and ``mcc``, low and high. Empty where
        there is one earthquake alone, or nothing is drawn.
    """
    names, blocks = [], []
    for name, counts in tallies:
        names.append(name)
        blocks.append(csr_array(counts.columns))
    if not names or not times or groups.max(initial=0) == 0:
        return {name: {} for name in names}
    sums = bootstrap.resampled(groups, hstack(blocks, format="csr"), times, seed)
    bounds = {}
    for number, name in enumerate(names):
        tp, fp, fn, tn = sums[:, 4 * number : 4 * number + 4].T
        draws = {
            "precision": precision(tp, fp),
            "recall": recall(tp, fn),
            "f1": f1(tp, fp, fn),
            "mcc": mcc(tp, fp, fn, tn),
        }
        bounds[name] = {key: bootstrap.interval(values) for key, values in draws.items()}
    return bounds
