"""Metrics of picks and detections, by two protocols: the study's, and one with a time tolerance.

===========  ====================================================================
`scores`     confusion counts of a sum and of traces, their scores, residuals
`study`      the study's 25 columns, exactly as published
`matching`   labelled earthquakes, and matching of picks and detections with them
`curves`     precision-recall, ROC, calibration of probabilities and uncertainties
`bootstrap`  stratified cluster bootstrap over earthquakes
===========  ====================================================================
"""

from eqt.metrics.bootstrap import (
    LEVEL,
    RESAMPLES,
    BootstrapConfig,
    cluster_bootstrap,
    draw_weights,
    interval,
    score_intervals,
)
from eqt.metrics.curves import (
    Curve,
    average_precision,
    calibration_error,
    precision_recall,
    rank_correlation,
    reliability,
    roc_auc,
    scores_at,
    uncertainty_figures,
)
from eqt.metrics.matching import (
    IOU,
    PHASES,
    TOLERANCE,
    Matches,
    PickScores,
    Truth,
    is_within,
    list_earthquakes,
    match_detections,
    match_picks,
    scorable_picks,
    score_picks,
)
from eqt.metrics.scores import (
    ConfusionCounts,
    Score,
    count_outcomes,
    f1,
    precision,
    ratio,
    recall,
    residual_figures,
)
from eqt.metrics.study import (
    OUTPUTS,
    STUDY_COLUMNS,
    study_errors,
    study_row,
)

__all__ = [
    "IOU",
    "LEVEL",
    "OUTPUTS",
    "PHASES",
    "RESAMPLES",
    "STUDY_COLUMNS",
    "TOLERANCE",
    "BootstrapConfig",
    "ConfusionCounts",
    "Curve",
    "Matches",
    "PickScores",
    "Score",
    "Truth",
    "average_precision",
    "calibration_error",
    "cluster_bootstrap",
    "count_outcomes",
    "draw_weights",
    "f1",
    "interval",
    "is_within",
    "list_earthquakes",
    "match_detections",
    "match_picks",
    "precision",
    "precision_recall",
    "rank_correlation",
    "ratio",
    "recall",
    "reliability",
    "residual_figures",
    "roc_auc",
    "scorable_picks",
    "score_intervals",
    "score_picks",
    "scores_at",
    "study_errors",
    "study_row",
    "uncertainty_figures",
]
