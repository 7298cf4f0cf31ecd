"""Evaluate a trained network by two protocols side by side: the study's, and an honest one.

==============  ====================================================================
`task`          which traces of which file, with which weights, and where to write
`tables`        a row a trace, a row a detection
`found`         detections and picks as columns, and how right they are
`thresholds`    chosen on the validation part
`honest`        figures of what is found where it belongs, with intervals
`breakdown`     the same by SNR, distance, magnitude, depth and station
`calibrated`    whether probabilities and uncertainties can be believed
`gallery`       traces to look at
`findings`      all of that
`report`        one page
`folder`        written whole or not at all
`evaluating`    the road through these
==============  ====================================================================

The pass of the network is `eqt.picking.candidates.collect_candidates`, for
these or any other batches.
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
