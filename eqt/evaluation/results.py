"""Results of an evaluation, and its figures by the keys of ``metrics.json``."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from eqt.evaluation.breakdown import breakdown, calibration, uncertainty
from eqt.evaluation.inputs import Task
from eqt.evaluation.tables import detections_table, picks_table, results_table, traces_table
from eqt.evaluation.tolerance import (
    DetectionColumns,
    PickColumns,
    ToleranceScores,
    detection_columns,
    drop_unknown,
    picks_at_floor,
    score_detections,
    tolerance_figures,
)
from eqt.metrics import (
    LEVEL,
    PHASES,
    RESAMPLES,
    TOLERANCE,
    BootstrapConfig,
    Score,
    Truth,
    list_earthquakes,
    study_row,
)
from eqt.picking.candidates import PickCandidates
from eqt.picking.picks import Thresholds
from eqt.picking.rules import CORRECTED, PUBLISHED, Rules
from steadkit.errors import InputError
from steadkit.pipeline import BatchLoader

TOLERANCES = (TOLERANCE, 0.1, 0.2)
MAX_RESAMPLES = 100_000


@dataclass(frozen=True)
class Protocol:
    """Tolerances and bootstrap settings by which picks are scored.

    Attributes
    ----------
    tolerances
        Seconds within which a pick is right. Breakdown, calibration and the choice of thresholds
        use the first.
    resamples
        Draws of earthquakes for the intervals; 0 for none.
    seed
        Selects the draws.
    """

    tolerances: Sequence[float] = TOLERANCES
    resamples: int = RESAMPLES
    seed: int = 0

    def __post_init__(self) -> None:
        for tolerance in self.tolerances:
            if not 0 <= tolerance <= 60:
                raise InputError(f"tolerance {tolerance:g} must lie between 0 and 60 seconds")
        if not self.tolerances:
            raise InputError("no tolerance to judge picks by: give one or more, in seconds")
        if not 0 <= self.resamples <= MAX_RESAMPLES:
            raise InputError(f"{self.resamples} resamples: use 0 to {MAX_RESAMPLES:,}")


@dataclass(frozen=True)
class EvaluationResult:
    """All results of an evaluation, from which the sections of the report are made."""

    task: Task
    protocol: Protocol
    candidates: PickCandidates
    columns: DetectionColumns
    tolerance_scores: ToleranceScores
    sweeps: Mapping[str, PickColumns]
    results: pd.DataFrame
    """The rows of the published tester, from which the study's columns are counted."""
    picks: pd.DataFrame
    detections: pd.DataFrame
    traces: pd.DataFrame
    figures: Mapping[str, Any]
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    """PNG files by name: ``residuals``, ``examples``, and ``worst`` if there are any."""

    @property
    def tolerance(self) -> float:
        """The first tolerance, seconds."""
        return self.protocol.tolerances[0]


@dataclass(frozen=True)
class Evaluation:
    """Summary of an evaluation: the study's row, the scores, and the folder of the files.

    `detection` counts traces of earthquakes that have a detection; `picks` and `residuals` are
    those of the first tolerance. `figures` is the content of ``metrics.json``. `seen` is a line on
    the traces that are no independent test, empty where all are.
    """

    study: Mapping[str, object]
    detection: Score
    picks: Mapping[str, Score]
    residuals: Mapping[str, np.ndarray]
    folder: Path
    figures: Mapping[str, Any] = field(default_factory=dict)
    seen: str = ""


def evaluation_result(
    task: Task,
    batches: BatchLoader,
    table: pd.DataFrame,
    candidates: Mapping[Rules, PickCandidates],
    thresholds: Thresholds,
    protocol: Protocol,
    extra_figures: Mapping[str, Any],
) -> EvaluationResult:
    """Compute all tables and figures from the candidates of a network.

    Parameters
    ----------
    task
        The evaluation.
    batches, table
        Its traces, and their rows of the CSV as text.
    candidates
        Candidates of these traces by both rule sets.
    thresholds
        Thresholds of detection, P and S.
    protocol
        Tolerances and bootstrap settings.
    extra_figures
        Entries to add to the figures: the origin of the thresholds, for example.
    """
    # The two protocols never share detections: the study's have the published rules.
    results = results_table(table, candidates[PUBLISHED].detections(thresholds))
    corrected = candidates[CORRECTED]
    detections = corrected.detections(thresholds)
    truth, max_tolerance = list_earthquakes(batches.p, batches.s), max(protocol.tolerances)
    columns = detection_columns(detections)
    # The same picks count at every tolerance: all that are right at the widest one are kept.
    sweeps = {phase: picks_at_floor(corrected, thresholds, phase) for phase in PHASES}
    picks, sweeps = (
        {phase: drop_unknown(truth, table, phase, max_tolerance) for phase, table in tables.items()}
        for tables in (columns.picks, sweeps)
    )
    columns = columns._replace(picks=picks)
    tolerance_scores = score_detections(truth, columns, protocol.tolerances)
    traces = traces_table(table, batches.p, batches.s)
    bootstrap = BootstrapConfig.of_traces(traces, protocol.resamples, protocol.seed)
    first = protocol.tolerances[0]
    figures = {
        **_data_figures(task, truth, bootstrap.clusters),
        **extra_figures,
        "tolerance_s": first,
        "intervals": {"level": LEVEL, "resamples": protocol.resamples, "seed": protocol.seed},
        "study": study_row(results, task.name),
        "honest": tolerance_figures(tolerance_scores, columns, corrected, sweeps, bootstrap),
        "breakdown": breakdown(tolerance_scores, traces, first, bootstrap),
        "calibration": calibration(tolerance_scores, columns, corrected, first),
    }
    if extra_figures.get("mc_samples"):
        figures["uncertainty"] = uncertainty(tolerance_scores, columns, first)
    return EvaluationResult(
        task,
        protocol,
        corrected,
        columns,
        tolerance_scores,
        sweeps,
        results,
        picks_table(table, detections),
        detections_table(batches.names, detections),
        traces,
        without_nan(figures),
    )


def _data_figures(task: Task, truth: Truth, clusters: np.ndarray) -> dict[str, Any]:
    is_event = truth.is_event
    return {
        "data": str(task.data),
        "model": str(task.weights),
        "name": task.name,
        "traces": len(is_event),
        "events": int(is_event.sum()),
        "noise": int((~is_event).sum()),
        "earthquakes": len(np.unique(clusters[is_event])),
        "unknown": {phase: len(truth.unknown(phase)) for phase in PHASES},
        "seen": task.seen._asdict(),
    }


def unknown_summary(figures: Mapping[str, Any]) -> list[str]:
    """Return a line for each phase with unlabelled arrivals.

    >>> unknown_summary({"events": 90, "unknown": {"P": 0, "S": 40}})
    ['S is not known for 40 of the 90 earthquake traces: a pick that may be it does not count']
    """
    return [
        f"{phase} is not known for {count:,} of the {figures['events']:,} earthquake traces: "
        "a pick that may be it does not count"
        for phase, count in figures["unknown"].items()
        if count
    ]


TESTER_SAMPLES: Final = 5
"""Passes with dropout that EQTransformer's tester averages by default."""


def tester_default(figures: Mapping[str, Any]) -> list[str]:
    """Return a line where an evaluation repeats the default of EQTransformer's tester.

    >>> thresholds = vars(Thresholds()) | {"from": "published"}
    >>> tester_default({"mc_samples": 5, "refined": False, "thresholds": thresholds})[0][:50]
    "as EQTransformer's tester does by default: the mea"
    >>> tester_default({"mc_samples": 0, "refined": False, "thresholds": thresholds})
    []
    """
    thresholds = figures["thresholds"]
    is_published = all(thresholds[name] == value for name, value in vars(Thresholds()).items())
    if not is_published or figures["mc_samples"] != TESTER_SAMPLES or figures["refined"]:
        return []
    values = ", ".join(f"{value:g}" for value in vars(Thresholds()).values())
    return [
        f"as EQTransformer's tester does by default: the mean of {TESTER_SAMPLES} passes with "
        f"dropout, thresholds {values}"
    ]


def without_nan(value: Any) -> Any:
    """Replace undefined values by None: JSON has no NaN.

    >>> without_nan({"f1": float("nan"), "bounds": (0.25, float("nan"))})
    {'f1': None, 'bounds': [0.25, None]}
    """
    if isinstance(value, dict):
        return {key: without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
