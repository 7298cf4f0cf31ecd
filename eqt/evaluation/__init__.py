"""Evaluation of a trained network by two protocols: the study's, and one within a tolerance.

============  ====================================================================
`inputs`      traces, weights and output folder of an evaluation
`tables`      a row per trace, a row per detection
`tolerance`   detections and picks as columns, their scores and bootstrap intervals
`thresholds`  the choice of thresholds on the validation split
`breakdown`   the same scores by category of trace; calibration
`examples`    traces to draw: evenly spaced ones and the worst
`results`     all results of an evaluation, and its figures
`report`      the HTML report
`run`         the complete evaluation
============  ====================================================================

The network is run by `eqt.picking.candidates.collect_by_rules`, which takes any batches.
"""

from eqt.evaluation.inputs import Task, TraceSubset, plan
from eqt.evaluation.report import SECTIONS, residual_rows, tolerance_rows
from eqt.evaluation.results import (
    Evaluation,
    Protocol,
    tester_default,
    unknown_summary,
)
from eqt.evaluation.run import evaluate
from eqt.evaluation.tables import (
    RESULTS_COLUMNS,
    detections_table,
    picks_table,
    results_table,
    traces_table,
)
from eqt.evaluation.thresholds import choose, to_choose

__all__ = [
    "RESULTS_COLUMNS",
    "SECTIONS",
    "Evaluation",
    "Protocol",
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
