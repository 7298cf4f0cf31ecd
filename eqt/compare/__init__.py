"""Comparison of evaluations: the study's Better, Equal and Worse, and a paired cluster bootstrap.

Of the study's 25 columns 22 are compared; ``model_name``, ``#events`` and ``#noise`` are not, but
the study counts "of 25", so the sentences here do too. Recall, precision, true positives and true
negatives are better when they are more, errors, false positives and false negatives when less.
"""

from eqt.compare.comparison import (
    BETTER,
    EQUAL,
    WORSE,
    Comparison,
    ModelRuns,
    compare,
    group_runs,
    tally,
)
from eqt.compare.load import read_evaluation, require_results
from eqt.compare.measures import COMPARED, IN_TIME, MEASURES, STUDY
from eqt.compare.report import (
    METHOD,
    PROTOCOLS,
    SOURCES,
    comparison_folder,
    comparison_table,
    describe_method,
    draw_differences,
    format_interval,
    markdown_table,
    number,
    refuse_comparison,
    sentences,
    write_comparison,
)

__all__ = [
    "BETTER",
    "COMPARED",
    "EQUAL",
    "IN_TIME",
    "MEASURES",
    "METHOD",
    "PROTOCOLS",
    "SOURCES",
    "STUDY",
    "WORSE",
    "Comparison",
    "ModelRuns",
    "compare",
    "comparison_folder",
    "comparison_table",
    "describe_method",
    "draw_differences",
    "format_interval",
    "group_runs",
    "markdown_table",
    "number",
    "read_evaluation",
    "refuse_comparison",
    "require_results",
    "sentences",
    "tally",
    "write_comparison",
]
