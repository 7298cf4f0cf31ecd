"""Evaluation of a trained network by two protocols: the study's, and one within a tolerance.

==============  ====================================================================
`inputs`        traces, weights and output folder of an evaluation
`tables`        a row per trace, a row per detection
`detections`    detections and picks as columns, and their scores
`thresholds`    the choice of thresholds on the validation split
`tolerance`     scores of picks within a tolerance, with bootstrap intervals
`breakdown`     the same scores by SNR, distance, magnitude, depth and station
`calibration`   reliability of probabilities and of Monte Carlo uncertainties
`examples`      traces to draw: evenly spaced ones and the worst
`results`       all results of an evaluation, and its figures
`report`        the HTML report
`folder`        the files of an evaluation folder
`run`           the complete evaluation
==============  ====================================================================

The network is run by `eqt.picking.candidates.collect_candidates`, which takes any batches.
"""

from eqt.evaluation.inputs import Task, TraceSubset, plan
from eqt.evaluation.report import SECTIONS, Section, residual_rows, tolerance_rows
from eqt.evaluation.results import (
    TOLERANCES,
    Evaluation,
    EvaluationResult,
    Protocol,
    tester_default,
    unknown_summary,
)
from eqt.evaluation.run import evaluate
from eqt.evaluation.tables import (
    PICKS_COLUMNS,
    RESULTS_COLUMNS,
    detections_table,
    picks_table,
    results_table,
    traces_table,
)
from eqt.evaluation.thresholds import NAMES, choose, to_choose

__all__ = [
    "NAMES",
    "PICKS_COLUMNS",
    "RESULTS_COLUMNS",
    "SECTIONS",
    "TOLERANCES",
    "Evaluation",
    "EvaluationResult",
    "Protocol",
    "Section",
    "Task",
    "TraceSubset",
    "choose",
    "detections_table",
    "evaluate",
    "picks_table",
    "plan",
    "residual_rows",
    "results_table",
    "tester_default",
    "to_choose",
    "tolerance_rows",
    "traces_table",
    "unknown_summary",
]
