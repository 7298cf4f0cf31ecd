"""Confusion counts and their scores: precision, recall, F1, Matthews' correlation coefficient."""

from dataclasses import dataclass

import numpy as np


def precision(tp: np.ndarray, fp: np.ndarray) -> np.ndarray:
    """Compute precision, tp / (tp + fp); NaN without any positive.

    >>> precision(np.array([3, 0]), np.array([1, 0]))
    array([0.75,  nan])
    """
    return _ratio(tp, tp + fp)


def recall(tp: np.ndarray, fn: np.ndarray) -> np.ndarray:
    """Compute recall, tp / (tp + fn); NaN without any actual positive."""
    return _ratio(tp, tp + fn)


def f1(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray) -> np.ndarray:
    """Compute the harmonic mean of precision and recall."""
    return _ratio(2 * tp, 2 * tp + fp + fn)


def mcc(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray, tn: np.ndarray) -> np.ndarray:
    """Compute Matthews' correlation coefficient; NaN where a row or column of the table is empty.

    Source: Matthews (1975), doi:10.1016/0005-2795(75)90109-9.

    >>> float(mcc(np.array(4), np.array(0), np.array(0), np.array(1)))
    1.0
    """
    tp, fp, fn, tn = (np.asarray(count, float) for count in (tp, fp, fn, tn))
    # One root per factor: the product of four counts of a million exceeds the precision of a float.
    root = np.sqrt(tp + fp) * np.sqrt(tp + fn) * np.sqrt(tn + fp) * np.sqrt(tn + fn)
    return _ratio(tp * tn - fp * fn, root)


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
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


def presence(event: np.ndarray, detected: np.ndarray) -> Score:
    """Count traces by whether they are events and whether they have a detection."""
    return Score(
        tp=int((event & detected).sum()),
        fp=int((~event & detected).sum()),
        fn=int((event & ~detected).sum()),
        tn=int((~event & ~detected).sum()),
    )
