"""Measures of a comparison: the study's columns and scores within a tolerance, as formulas of sums.

Every measure follows from a few sums over traces (true positives, seconds of error), so it can be
computed for any weighted sample of earthquakes without their rows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from eqt.compare.load import EvaluationTables
from eqt.metrics import (
    OUTPUTS,
    PHASES,
    STUDY_COLUMNS,
    TOLERANCE,
    ConfusionCounts,
    f1,
    list_earthquakes,
    precision,
    ratio,
    recall,
    scorable_picks,
    score_picks,
    study_errors,
)
from steadkit.schema import EVENT, SAMPLING_RATE

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


def count(name: str) -> Callable[[Sums], np.ndarray]:
    """Return the formula that is a sum itself."""
    return lambda sums: sums[name]


def score(formula: Callable[..., np.ndarray], *names: str) -> Callable[[Sums], np.ndarray]:
    """Return the formula of a score, for example precision, of the sums with these names."""
    return lambda sums: formula(*(sums[name] for name in names))


def root_mean(total: str, number: str) -> Callable[[Sums], np.ndarray]:
    """Return the formula of a root mean square."""
    return lambda sums: np.sqrt(ratio(sums[total], sums[number]))


Row = tuple[str, str, int, Callable[[Sums], np.ndarray]]


def _study_measures(long: str, short: str) -> list[Measure]:
    """List the study's measures of detection (``det``, ``d``), P or S; detections have no error."""
    names = {outcome: f"{short}_{outcome}" for outcome in ("tp", "fp", "tn", "fn", "mae", "rmse")}
    rows: list[Row] = [
        (f"{long}_recall", FRACTIONS, 1, score(recall, names["tp"], names["fn"])),
        (f"{long}_precision", FRACTIONS, 1, score(precision, names["tp"], names["fp"])),
    ]
    if short != "d":
        rows += [
            (names["mae"], SAMPLES, -1, score(ratio, f"{short}_error", f"{short}_errors")),
            (names["rmse"], SAMPLES, -1, root_mean(f"{short}_square", f"{short}_errors")),
        ]
    for outcome, direction in (("tp", 1), ("fp", -1), ("tn", 1), ("fn", -1)):
        rows.append((names[outcome], TRACES, direction, count(names[outcome])))
    return [Measure(name, STUDY, unit, sign, formula) for name, unit, sign, formula in rows]


def _measures_in_time(name: str, prefix: str) -> list[Measure]:
    """List precision, recall and F1 of detection, P or S, and for picks the mean error."""
    tp, fp, fn = (f"{prefix}_{figure}" for figure in ("tp", "fp", "fn"))
    rows: list[Row] = [
        ("precision", FRACTIONS, 1, score(precision, tp, fp)),
        ("recall", FRACTIONS, 1, score(recall, tp, fn)),
        ("F1", FRACTIONS, 1, score(f1, tp, fp, fn)),
    ]
    if prefix != "d_time":
        rows.append(("MAE", SECONDS, -1, score(ratio, f"{prefix}_error", tp)))
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


def count_outcomes_by_trace(
    evaluation: EvaluationTables, tolerance: float = TOLERANCE
) -> pd.DataFrame:
    """Count the outcomes of each trace from which the measures are computed.

    Parameters
    ----------
    evaluation
        The evaluation.
    tolerance
        Seconds between pick and arrival within which the pick is right.

    Returns
    -------
    pandas.DataFrame
        A row per trace. ``d_``, ``p_``, ``s_`` with ``tp``, ``fp``, ``tn``, ``fn``: by the study,
        where any pick counts, from the rows of the published tester, with ``error``, ``square``
        (samples, samples squared) and ``errors``, their number. ``d_time_`` with ``tp``,
        ``fp``, ``fn``: traces with a detection by the corrected rules. ``p_time_``, ``s_time_``
        with ``tp``, ``fp``, ``fn`` and ``error`` (seconds): all picks by these, within the
        tolerance.
    """
    is_event = (evaluation.traces["trace_category"] == EVENT).to_numpy()
    columns: dict[str, np.ndarray] = {}
    for short, (_, name) in OUTPUTS.items():
        is_detected = evaluation.results[f"{name}_probability"].notna().to_numpy()
        columns |= _named(short, ConfusionCounts.of_traces(is_event, is_detected))
    for short, errors in study_errors(evaluation.results).items():
        columns |= {
            f"{short}_errors": ~np.isnan(errors),
            f"{short}_error": np.nan_to_num(errors),
            f"{short}_square": np.nan_to_num(errors**2),
        }
    is_detected = (evaluation.picks["number_of_detections"] > 0).to_numpy()
    columns |= _named("d_time", ConfusionCounts.of_traces(is_event, is_detected))
    for phase in PHASES:
        columns |= _tolerance_counts(evaluation, phase, tolerance)
    return pd.DataFrame(columns).astype(float)


def _named(prefix: str, counts: ConfusionCounts) -> dict[str, np.ndarray]:
    return {f"{prefix}_{outcome}": column for outcome, column in vars(counts).items()}


def _tolerance_counts(
    evaluation: EvaluationTables, phase: str, tolerance: float
) -> dict[str, np.ndarray]:
    """Count picks within the tolerance, wrong picks and missed arrivals in each trace."""
    picks = evaluation.detections[evaluation.detections[f"{phase}_pick"].notna()]
    traces = pd.Index(evaluation.traces["trace_name"]).get_indexer(picks["trace_name"])
    seconds = picks[f"{phase}_pick"].to_numpy(float) / SAMPLING_RATE
    truth = list_earthquakes(*SAMPLING_RATE * evaluation.traces[["p_s", "s_s"]].to_numpy(float).T)
    is_scorable = scorable_picks(truth, phase, traces, seconds, tolerance)
    scores = score_picks(truth, phase, traces[is_scorable], seconds[is_scorable], tolerance)
    # Times are hundredths of seconds: rounded, so that equal errors have equal sums.
    sizes = np.round(np.abs(scores.matches.residuals), 6)
    prefix = f"{phase.lower()}_time"
    error = np.bincount(scores.traces, sizes, minlength=truth.traces)
    return _named(prefix, scores.counts) | {f"{prefix}_error": error}
