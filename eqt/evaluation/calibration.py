"""Whether a network's probabilities and uncertainties can be believed."""

from typing import Any

import numpy as np
import pandas as pd

from eqt.evaluation.detections import PHASES, DetectionColumns
from eqt.evaluation.tolerance import ToleranceFigures, nearest_picks
from eqt.metrics import calibration_error, reliability, uncertainty_figures
from eqt.picking.candidates import PickCandidates


def calibration(
    honest: ToleranceFigures, found: DetectionColumns, candidates: PickCandidates, tolerance: float
) -> dict[str, dict[str, Any]]:
    """Compare stated probabilities with what came true.

    For detection that is the highest probability of a trace, and whether it has an earthquake; for
    P and S the probability of each pick, and whether it is right within the tolerance.

    Returns
    -------
    dict
        For ``detection``, ``P`` and ``S``: ``ece``, the expected calibration error, and ``bins``,
        rows as of `eqt.metrics.reliability`.
    """
    tables = {"detection": reliability(candidates.highest[:, 0], honest.truth.is_event)}
    for phase in PHASES:
        picked = found.picks[phase]
        right = np.zeros(len(picked.trace), bool)
        right[honest.picks[tolerance][phase].matches.picks] = True
        tables[phase] = reliability(picked.probability, right)
    return {
        name: {"ece": calibration_error(one), "bins": _rows(one)} for name, one in tables.items()
    }


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.to_dict("records")
    return rows


def uncertainty(
    honest: ToleranceFigures, found: DetectionColumns, tolerance: float
) -> dict[str, dict[str, object]]:
    """Tell for P and S whether the picks with much Monte Carlo uncertainty are those that are off.

    The nearest pick of each arrival counts, however far off; see
    `eqt.metrics.uncertainty_figures`.
    """
    told = {}
    for phase in PHASES:
        pairs = nearest_picks(honest.truth, found.picks[phase], phase)
        strays = found.picks[phase].uncertainty[pairs.picks]
        told[phase] = uncertainty_figures(strays, pairs.residuals, tolerance)
    return told
