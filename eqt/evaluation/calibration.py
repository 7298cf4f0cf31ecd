"""Calibration of a network's probabilities and of its Monte Carlo uncertainties."""

from typing import Any

import numpy as np
import pandas as pd

from eqt.evaluation.detections import DetectionColumns
from eqt.evaluation.tolerance import ToleranceFigures, nearest_picks
from eqt.metrics import PHASES, calibration_error, reliability, uncertainty_figures
from eqt.picking.candidates import PickCandidates


def calibration(
    tolerance_scores: ToleranceFigures,
    detections: DetectionColumns,
    candidates: PickCandidates,
    tolerance: float,
) -> dict[str, dict[str, Any]]:
    """Compute reliability tables: predicted probabilities against observed frequencies.

    For detection these are the highest probability of a trace, and whether it has an earthquake;
    for P and S the probability of each pick, and whether it is right within the tolerance.

    Returns
    -------
    dict
        For ``detection``, ``P`` and ``S``: ``ece``, the expected calibration error, and ``bins``,
        rows as of `eqt.metrics.reliability`.
    """
    tables = {"detection": reliability(candidates.highest[:, 0], tolerance_scores.truth.is_event)}
    for phase in PHASES:
        picks = detections.picks[phase]
        is_right = np.zeros(len(picks.trace), bool)
        is_right[tolerance_scores.picks[tolerance][phase].matches.picks] = True
        tables[phase] = reliability(picks.probability, is_right)
    return {
        name: {"ece": calibration_error(table), "bins": _rows(table)}
        for name, table in tables.items()
    }


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.to_dict("records")
    return rows


def uncertainty(
    tolerance_scores: ToleranceFigures, detections: DetectionColumns, tolerance: float
) -> dict[str, dict[str, object]]:
    """Measure for P and S how well Monte Carlo uncertainty ranks the errors of picks.

    The nearest pick of each arrival counts, at any distance; see
    `eqt.metrics.uncertainty_figures`.
    """
    figures = {}
    for phase in PHASES:
        pairs = nearest_picks(tolerance_scores.truth, detections.picks[phase], phase)
        std = detections.picks[phase].uncertainty[pairs.picks]
        figures[phase] = uncertainty_figures(std, pairs.residuals, tolerance)
    return figures
