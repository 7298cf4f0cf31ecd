"""Metrics of picks and detections, by two protocols: the study's, and one with a time tolerance.

=============  =====================================================================
`scores`       confusion counts, precision, recall, F1, MCC
`truth`        the labelled earthquakes of many traces
`study`        the study's 25 columns, exactly as published
`matching`     matching of picks with arrivals, and of detections with earthquakes
`residuals`    statistics of pick residuals
`curves`       precision-recall curve and ROC
`bootstrap`    cluster bootstrap over earthquakes
`tallies`      confusion counts per trace, and bootstrap intervals of the scores
`calibration`  calibration of probabilities and of uncertainties
=============  =====================================================================
"""

from eqt.metrics.bootstrap import LEVEL, RESAMPLES, interval, resampled
from eqt.metrics.calibration import (
    calibration_error,
    rank_correlation,
    reliability,
    uncertainty_figures,
)
from eqt.metrics.curves import (
    Curve,
    average_precision,
    precision_recall,
    roc_auc,
    scores_at,
)
from eqt.metrics.matching import IOU, TOLERANCE, Matches, match_detections, match_picks
from eqt.metrics.residuals import residual_figures
from eqt.metrics.scores import Score, f1, mcc, precision, presence, recall
from eqt.metrics.study import OUTPUTS, STUDY_COLUMNS, study_errors, study_row
from eqt.metrics.tallies import ConfusionCounts, count_outcomes, intervals
from eqt.metrics.truth import Truth, truth_of

__all__ = [
    "IOU",
    "LEVEL",
    "OUTPUTS",
    "RESAMPLES",
    "STUDY_COLUMNS",
    "TOLERANCE",
    "ConfusionCounts",
    "Curve",
    "Matches",
    "Score",
    "Truth",
    "average_precision",
    "calibration_error",
    "count_outcomes",
    "f1",
    "interval",
    "intervals",
    "match_detections",
    "match_picks",
    "mcc",
    "precision",
    "precision_recall",
    "presence",
    "rank_correlation",
    "recall",
    "reliability",
    "resampled",
    "residual_figures",
    "roc_auc",
    "scores_at",
    "study_errors",
    "study_row",
    "truth_of",
    "uncertainty_figures",
]
