"""Confusion counts and their scores, of a sum and of each trace; statistics of residuals."""

from dataclasses import dataclass

import numpy as np


def precision(tp: np.ndarray, fp: np.ndarray) -> np.ndarray:
    """Compute precision, tp / (tp + fp); NaN without any positive.

    >>> precision(np.array([3, 0]), np.array([1, 0]))
    array([0.75,  nan])
    """
    return ratio(tp, tp + fp)


def recall(tp: np.ndarray, fn: np.ndarray) -> np.ndarray:
    """Compute recall, tp / (tp + fn); NaN without any actual positive."""
    return ratio(tp, tp + fn)


def f1(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray) -> np.ndarray:
    """Compute the harmonic mean of precision and recall."""
    return ratio(2 * tp, 2 * tp + fp + fn)


def mcc(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray, tn: np.ndarray) -> np.ndarray:
    """Compute Matthews' correlation coefficient; NaN where a row or column of the table is empty.

    Source: Matthews (1975), doi:10.1016/0005-2795(75)90109-9.

    >>> float(mcc(np.array(4), np.array(0), np.array(0), np.array(1)))
    1.0
    """
    tp, fp, fn, tn = (np.asarray(count, float) for count in (tp, fp, fn, tn))
    # One root per factor: the product of four counts of a million exceeds the precision of a float.
    root = np.sqrt(tp + fp) * np.sqrt(tp + fn) * np.sqrt(tn + fp) * np.sqrt(tn + fn)
    return ratio(tp * tn - fp * fn, root)


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Divide; NaN where the denominator is 0.

    >>> ratio(np.array([1, 0]), np.array([4, 0]))
    array([0.25,  nan])
    """
    numerator, denominator = np.asarray(numerator, float), np.asarray(denominator, float)
    return np.divide(
        numerator, denominator, out=np.full(denominator.shape, np.nan), where=denominator != 0
    )


@dataclass(frozen=True)
class Score:
    """True and false positives and negatives with their scores; NaN where undefined.

    >>> Score(tp=8, fp=2, fn=0).f1
    0.8888888888888888
    """

    tp: int
    fp: int
    fn: int
    tn: int = 0

    @property
    def precision(self) -> float:
        """Fraction of predicted positives that are true."""
        return float(precision(np.array(self.tp), np.array(self.fp)))

    @property
    def recall(self) -> float:
        """Fraction of actual positives that were found."""
        return float(recall(np.array(self.tp), np.array(self.fn)))

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return float(f1(np.array(self.tp), np.array(self.fp), np.array(self.fn)))

    @property
    def mcc(self) -> float:
        """Matthews' correlation coefficient."""
        return float(mcc(*map(np.array, (self.tp, self.fp, self.fn, self.tn))))

    def as_dict(self) -> dict[str, float]:
        """Return the scores and the counts, by name."""
        scores = {name: getattr(self, name) for name in ("precision", "recall", "f1", "mcc")}
        return scores | vars(self)


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
        return Score(*(int(column[selection].sum()) for column in vars(self).values()))

    @classmethod
    def of_traces(cls, is_actual: np.ndarray, is_predicted: np.ndarray) -> "ConfusionCounts":
        """Count each trace once, by what it is and what it was predicted to be, both bool.

        >>> is_event, is_detected = np.array([True, True, False]), np.array([True, False, True])
        >>> ConfusionCounts.of_traces(is_event, is_detected).score()
        Score(tp=1, fp=1, fn=1, tn=0)
        """
        return cls(
            is_actual & is_predicted,
            ~is_actual & is_predicted,
            is_actual & ~is_predicted,
            ~is_actual & ~is_predicted,
        )

    def of_selection(self, selection: np.ndarray) -> "ConfusionCounts":
        """Return the counts of the selected traces, and zeros for all other traces."""
        return ConfusionCounts(*(np.where(selection, column, 0) for column in vars(self).values()))

    @property
    def columns(self) -> np.ndarray:
        """The counts as columns of an array, shape (traces, 4)."""
        return np.stack(list(vars(self).values()), axis=1)


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
    # Of each trace: what was found and not matched is wrong, what is there and not matched missed.
    n_actual, n_found, tp = (
        np.bincount(numbers, minlength=traces) for numbers in (truth, found_traces, matched)
    )
    is_empty = (n_actual == 0) & (n_found == 0)
    if unknown is not None:
        is_empty &= ~unknown
    return ConfusionCounts(tp, n_found - tp, n_actual - tp, is_empty.astype(int))


def residual_figures(residuals: np.ndarray) -> dict[str, float]:
    """Summarise residuals, seconds; NaN where there are none.

    Returns
    -------
    dict
        ``mean``, ``median``, ``sigma`` (the standard deviation), ``mae`` (mean of the absolute
        values), ``rmse`` (root mean square) and ``mad``, the median distance from the median,
        which a few large ones do not change.

    >>> residual_figures(np.array([-0.25, 0.0, 1.0]))["mad"]
    0.25
    """
    if not len(residuals):
        return dict.fromkeys(("mean", "median", "sigma", "mae", "rmse", "mad"), float("nan"))
    median = float(np.median(residuals))
    return {
        "mean": float(residuals.mean()),
        "median": median,
        "sigma": float(residuals.std()),
        "mae": float(np.abs(residuals).mean()),
        "rmse": float(np.sqrt((residuals**2).mean())),
        "mad": float(np.median(np.abs(residuals - median))),
    }
