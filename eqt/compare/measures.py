"""Measures of a comparison: the study's columns and scores within a tolerance, as formulas of sums.

Every measure follows from a few sums over traces (true positives, seconds of error), so it can be
computed for any weighted sample of earthquakes without their rows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from eqt.metrics import STUDY_COLUMNS

Sums = Mapping[str, np.ndarray]
"""Sums by name, all of one shape: a value for each sample of earthquakes."""

STUDY, IN_TIME = "study", "in time"
"""The study's protocol, by published rules, and the one within a tolerance, by corrected ones."""

FRACTIONS, SAMPLES, SECONDS, TRACES = "shares", "samples", "seconds", "traces"
"""Units of the measures; fractions lie between 0 and 1."""


@dataclass(frozen=True)
class Measure:
    """One measure by which models are compared.

    Parameters
    ----------
    name
        The study's column, or the name of the figure.
    protocol
        ``STUDY`` or ``IN_TIME``.
    unit
        ``FRACTIONS``, ``SAMPLES``, ``SECONDS`` or ``TRACES``.
    direction
        1 where more is better, -1 where less is.
    formula
        From sums to the figure; NaN where it is undefined.
    """

    name: str
    protocol: str
    unit: str
    direction: int
    formula: Callable[[Sums], np.ndarray]


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Divide; NaN where the denominator is 0.

    >>> ratio(np.array([1.0, 0.0]), np.array([4.0, 0.0]))
    array([0.25,  nan])
    """
    return np.divide(
        numerator, denominator, out=np.full(np.shape(numerator), np.nan), where=denominator > 0
    )


def count(name: str) -> Callable[[Sums], np.ndarray]:
    """Return the formula that is a sum itself."""
    return lambda sums: sums[name]


def fraction(term: str, *other_terms: str) -> Callable[[Sums], np.ndarray]:
    """Return the formula of a sum divided by the total of itself and other sums."""
    return lambda sums: ratio(sums[term], sum((sums[name] for name in other_terms), sums[term]))


def mean(total: str, number: str) -> Callable[[Sums], np.ndarray]:
    """Return the formula of a mean."""
    return lambda sums: ratio(sums[total], sums[number])


def root_mean(total: str, number: str) -> Callable[[Sums], np.ndarray]:
    """Return the formula of a root mean square."""
    return lambda sums: np.sqrt(ratio(sums[total], sums[number]))


def f1(prefix: str) -> Callable[[Sums], np.ndarray]:
    """Return the formula of the harmonic mean of precision and recall."""

    def formula(sums: Sums) -> np.ndarray:
        twice = 2 * sums[f"{prefix}_tp"]
        return ratio(twice, twice + sums[f"{prefix}_fp"] + sums[f"{prefix}_fn"])

    return formula


Row = tuple[str, str, int, Callable[[Sums], np.ndarray]]


def _study_measures(long: str, short: str) -> list[Measure]:
    """List the study's measures of detection (``det``, ``d``), P or S; detections have no error."""
    names = {outcome: f"{short}_{outcome}" for outcome in ("tp", "fp", "tn", "fn", "mae", "rmse")}
    rows: list[Row] = [
        (f"{long}_recall", FRACTIONS, 1, fraction(names["tp"], names["fn"])),
        (f"{long}_precision", FRACTIONS, 1, fraction(names["tp"], names["fp"])),
    ]
    if short != "d":
        rows += [
            (names["mae"], SAMPLES, -1, mean(f"{short}_error", f"{short}_errors")),
            (names["rmse"], SAMPLES, -1, root_mean(f"{short}_square", f"{short}_errors")),
        ]
    for outcome, direction in (("tp", 1), ("fp", -1), ("tn", 1), ("fn", -1)):
        rows.append((names[outcome], TRACES, direction, count(names[outcome])))
    return [Measure(name, STUDY, unit, sign, formula) for name, unit, sign, formula in rows]


def _measures_in_time(name: str, prefix: str) -> list[Measure]:
    """List precision, recall and F1 of detection, P or S, and for picks the mean error."""
    tp, fp, fn = (f"{prefix}_{figure}" for figure in ("tp", "fp", "fn"))
    rows: list[Row] = [
        ("precision", FRACTIONS, 1, fraction(tp, fp)),
        ("recall", FRACTIONS, 1, fraction(tp, fn)),
        ("F1", FRACTIONS, 1, f1(prefix)),
    ]
    if prefix != "d_time":
        rows.append(("MAE", SECONDS, -1, mean(f"{prefix}_error", tp)))
    return [
        Measure(f"{name} {figure}", IN_TIME, unit, sign, rule) for figure, unit, sign, rule in rows
    ]


MEASURES: Final = (
    *_study_measures("det", "d"),
    *_study_measures("p", "p"),
    *_study_measures("s", "s"),
    *_measures_in_time("detection", "d_time"),
    *_measures_in_time("P", "p_time"),
    *_measures_in_time("S", "s_time"),
)
"""All measures: the study's in its order, with ``mae`` in samples, then those within a tolerance,
with ``MAE`` in seconds."""

NOT_COMPARED: Final = ("model_name", "#events", "#noise")
"""Columns of the study's 25 that do not measure the quality of a model."""

COMPARED: Final = tuple(column for column in STUDY_COLUMNS if column not in NOT_COMPARED)
"""The 22 columns that are compared."""
