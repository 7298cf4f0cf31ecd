"""HTML report of an evaluation: one self-contained page, a list of sections, each a function."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from eqt import plots
from eqt.evaluation.breakdown import TITLES
from eqt.evaluation.results import EvaluationResult, tester_default, unknown_summary
from eqt.evaluation.tolerance import nearest_picks, right_by_probability
from eqt.metrics import PHASES, precision_recall
from eqt.plots import html

Section = Callable[[EvaluationResult], str]
"""Turns an evaluation result into HTML, empty where there is nothing to show."""

SCORE_NAMES = ("detection", "presence", "P", "S")

TOLERANCE_COLUMNS = {
    "MCC": "mcc",
    "right": "tp",
    "wrong": "fp",
    "missed": "fn",
    "wrong in noise": "fp_in_noise",
    "AUC": "auc",
    "AP": "average_precision",
}
"""Columns of the table of scores, after those with intervals, and their keys."""


def report_page(result: EvaluationResult, sections: Collection[Section] | None = None) -> str:
    """Return the page with the given sections in order, by default all."""
    blocks = (section(result) for section in (SECTIONS if sections is None else sections))
    return html.page(f"Evaluation of {result.task.name}", *filter(None, blocks))


def data_section(result: EvaluationResult) -> str:
    """List data, model, thresholds and options."""
    figures, thresholds = result.figures, result.figures["thresholds"]
    lines = [
        *filter(None, [result.task.seen.summary(figures["traces"])]),
        f"data: {figures['data']}, {figures['traces']:,} traces: {figures['events']:,} of "
        f"{figures['earthquakes']:,} earthquakes, {figures['noise']:,} of noise",
        *unknown_summary(figures),
        f"model: {figures['model']}",
        f"thresholds: detection {thresholds['detection']:g}, P {thresholds['p']:g}, "
        f"S {thresholds['s']:g} ({thresholds['from']})",
    ]
    if thresholds.get("validation"):
        lines.append(f"validation: {thresholds['validation']}")
    if figures["mc_samples"]:
        lines.append(f"Monte Carlo dropout: the mean of {figures['mc_samples']} runs")
    lines += tester_default(figures)
    if figures["refined"]:
        lines.append("picks: moved to where the signal begins near them, by Akaike's criterion")
    return html.bullets(lines)


def tolerance_section(result: EvaluationResult) -> str:
    """Tabulate the scores at each tolerance."""
    detection = result.figures["honest"][f"{result.tolerance:g}"]["detection"]
    caption = (
        "In brackets: 95 % of draws of earthquakes lie between. MCC: Matthews' correlation. AUC: "
        "below the ROC, by the highest probability of each trace. AP: average precision"
    )
    return html.section(
        "What is found where it belongs",
        html.paragraph(
            f"Detection: {detection['rule']}. Presence: a trace of an earthquake has a detection, "
            "anywhere. P and S: a pick is right within the tolerance, one for an arrival; all else "
            "that was found is wrong, unless it may be an arrival that is not known."
        ),
        html.table(pd.DataFrame(tolerance_rows(result.figures)), caption),
        html.table(pd.DataFrame(residual_rows(result.figures)), "Right picks, in seconds"),
    )


def tolerance_rows(figures: Mapping[str, Any]) -> list[dict[str, object]]:
    """List detection and presence once, P and S at each tolerance: scores with their intervals."""
    rows: list[dict[str, object]] = []
    for number, (tolerance, scores_by_name) in enumerate(figures["honest"].items()):
        for score_name in SCORE_NAMES if number == 0 else PHASES:
            score = scores_by_name[score_name]
            name = f"{score_name}, {tolerance} s" if score_name in PHASES else score_name
            row: dict[str, object] = {"": name}
            for column, key in (("precision", "precision"), ("recall", "recall"), ("F1", "f1")):
                row[column] = _with_interval(score, key)
            rows.append(row | {column: score.get(key) for column, key in TOLERANCE_COLUMNS.items()})
    return rows


def _with_interval(score: Mapping[str, Any], key: str) -> str | None:
    """Format a score with its interval.

    >>> _with_interval({"f1": 0.98, "intervals": {"f1": [0.955, 1.0]}}, "f1")
    '0.980 (.955-1.000)'
    """
    if score[key] is None:
        return None
    low, high = score["intervals"].get(key, (None, None))
    if low is None:
        return f"{score[key]:.3f}"
    low, high = (f"{bound:.3f}".removeprefix("0") for bound in (low, high))
    return f"{score[key]:.3f} ({low}-{high})"


def residual_rows(figures: Mapping[str, Any]) -> list[dict[str, object]]:
    """List the residuals of right picks, P and S at each tolerance."""
    rows = []
    for tolerance, scores_by_name in figures["honest"].items():
        for phase in PHASES:
            score = scores_by_name[phase]
            row = {"": f"{phase}, {tolerance} s"} | score["residual_s"]
            del row["intervals"]
            rows.append(row | {"further off": score["outliers"]})
    return rows


def study_section(result: EvaluationResult) -> str:
    """Tabulate the study's 25 columns."""
    row = result.figures["study"]
    frame = pd.DataFrame({"column": list(row), "value": [row[key] for key in row]}, dtype=object)
    return html.section(
        "The study's columns",
        html.paragraph(
            "These are counted from X_test_results.csv, the rows that EQTransformer's tester "
            "writes by its published rules, all other figures from the picks by the corrected "
            "rules. Here any pick in a trace of an earthquake counts as right, wherever it lies, "
            "and errors, in samples, are those of earthquakes with both picks: compare these with "
            "the study's tables alone."
        ),
        html.table(frame),
    )


def threshold_section(result: EvaluationResult) -> str:
    """Tabulate F1 of each threshold tried on the validation split."""
    tried = result.figures["thresholds"].get("tried")
    if not tried:
        return ""
    frame = pd.DataFrame(tried).rename_axis("threshold").reset_index()
    return html.section("F1 on the validation split", html.table(frame))


def residuals_figure(result: EvaluationResult) -> Figure:
    """Draw the residuals of the right picks at the first tolerance."""
    pick_scores = result.tolerance_scores.picks[result.tolerance]
    titles = {}
    for phase in PHASES:
        score = pick_scores[phase].counts.score()
        titles[phase] = (
            f"{score.tp} right within {result.tolerance:g} s, {score.fp} wrong, "
            f"{score.fn} missed (F1 {score.f1:.3f})"
        )
    values = {phase: pick_scores[phase].matches.residuals for phase in PHASES}
    return plots.draw_residuals(values, titles, result.tolerance)


def residual_section(result: EvaluationResult) -> str:
    """Embed the histograms of residuals."""
    return html.section("How far picks are off", html.png(result.pictures["residuals"]))


def curve_section(result: EvaluationResult) -> str:
    """Draw precision against recall."""
    truth, is_event = result.tolerance_scores.truth, result.tolerance_scores.truth.is_event
    highest = result.candidates.highest[:, 0]
    score = result.tolerance_scores.presence.score()
    curves = {
        "detection": (
            precision_recall(highest, is_event, int(is_event.sum())),
            (score.recall, score.precision),
        )
    }
    for phase, picks in result.sweeps.items():
        is_right, n_arrivals = right_by_probability(truth, picks, phase, result.tolerance)
        score = result.tolerance_scores.picks[result.tolerance][phase].counts.score()
        curve = precision_recall(picks.probability, is_right, n_arrivals)
        curves[phase] = (curve, (score.recall, score.precision))
    caption = (
        "Detection by the highest probability of each trace; P and S by the probabilities of the "
        f"picks in detections, right within {result.tolerance:g} s"
    )
    return html.section("Precision and recall", html.picture(plots.draw_curves(curves), caption))


def breakdown_section(result: EvaluationResult) -> str:
    """Draw the scores by category of trace."""
    pictures = [
        html.picture(plots.draw_breakdown(TITLES[name], rows))
        for name, rows in result.figures["breakdown"].items()
        if {row["bin"] for row in rows} - {"unknown"}
    ]
    caption = html.paragraph("Lines are 95 % intervals; noise has no bin but its station's.")
    return html.section("By kind of trace", caption, *pictures)


def calibration_section(result: EvaluationResult) -> str:
    """Draw the reliability diagrams."""
    caption = (
        "Detection: the highest probability of a trace. P and S: picks, right within "
        f"{result.tolerance:g} s"
    )
    figure = plots.draw_reliability(result.figures["calibration"])
    return html.section("Do the probabilities mean what they say?", html.picture(figure, caption))


def uncertainty_section(result: EvaluationResult) -> str:
    """Tabulate and draw how well Monte Carlo uncertainty ranks errors; empty without it."""
    uncertainty_figures = result.figures.get("uncertainty")
    if uncertainty_figures is None:
        return ""
    pairs = {}
    for phase in PHASES:
        picks = result.columns.picks[phase]
        matches = nearest_picks(result.tolerance_scores.truth, picks, phase)
        pairs[phase] = (picks.uncertainty[matches.picks], np.abs(matches.residuals))
    figures = {
        phase: {
            key: uncertainty_figures[phase][key] for key in ("picks", "rank_correlation", "auc")
        }
        for phase in PHASES
    }
    frame = pd.DataFrame(figures, dtype=object).T.rename_axis("").reset_index()
    text = (
        "Rank correlation of uncertainty with the distance from the arrival; AUC: how often a "
        "wrong pick is more uncertain than a right one."
    )
    return html.section(
        "Is what is uncertain wrong?",
        html.paragraph(text),
        html.table(frame),
        html.picture(plots.draw_uncertainty(pairs)),
    )


def gallery_section(result: EvaluationResult) -> str:
    """Embed the worst traces and the evenly spaced ones."""
    titles = {"worst": "The worst", "examples": "Some as they come"}
    return "\n".join(
        html.section(title, html.png(result.pictures[name]))
        for name, title in titles.items()
        if name in result.pictures
    )


SECTIONS: Final[tuple[Section, ...]] = (
    data_section,
    tolerance_section,
    study_section,
    threshold_section,
    residual_section,
    curve_section,
    breakdown_section,
    calibration_section,
    uncertainty_section,
    gallery_section,
)
"""Sections of the report in order; a new section is a new entry."""
