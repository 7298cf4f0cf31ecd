"""The report: one page that holds what it shows, a list of sections, each a function."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from eqt import plots
from eqt.evaluation.breakdown import TITLES
from eqt.evaluation.detections import PHASES, right_by_probability
from eqt.evaluation.results import EvaluationResult, tester_default, unknown_summary
from eqt.evaluation.tolerance import nearest_picks
from eqt.metrics import precision_recall
from eqt.plots import html

Section = Callable[[EvaluationResult], str]
"""Turns findings into HTML, empty where there is nothing to show."""

SCORE_NAMES = ("detection", "presence", "P", "S")


def report(found: EvaluationResult, sections: Collection[Section] | None = None) -> str:
    """Write the page; `sections` are what it shows, in order, by default all."""
    parts = (section(found) for section in (SECTIONS if sections is None else sections))
    return html.page(f"Evaluation of {found.task.name}", *filter(None, parts))


def data_section(found: EvaluationResult) -> str:
    """Say what was evaluated with what."""
    figures, thresholds = found.figures, found.figures["thresholds"]
    lines = [
        *filter(None, [found.task.seen.summary(figures["traces"])]),
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


def tolerance_section(found: EvaluationResult) -> str:
    """Show what was found where it belongs, at each tolerance."""
    detection = found.figures["honest"][f"{found.tolerance:g}"]["detection"]
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
        html.table(pd.DataFrame(tolerance_rows(found.figures)), caption),
        html.table(pd.DataFrame(residual_rows(found.figures)), "Right picks, in seconds"),
    )


def tolerance_rows(figures: Mapping[str, Any]) -> list[dict[str, object]]:
    """List detection and presence once, P and S at each tolerance: scores with their intervals."""
    rows = []
    for number, (tolerance, kinds) in enumerate(figures["honest"].items()):
        for kind in SCORE_NAMES if number == 0 else PHASES:
            one = kinds[kind]
            name = f"{kind}, {tolerance} s" if kind in PHASES else kind
            scores = {
                "precision": _with_interval(one, "precision"),
                "recall": _with_interval(one, "recall"),
                "F1": _with_interval(one, "f1"),
                "MCC": one["mcc"],
            }
            counts = {"right": one["tp"], "wrong": one["fp"], "missed": one["fn"]}
            counts["wrong in noise"] = one["fp_in_noise"]
            areas = {"AUC": one.get("auc"), "AP": one.get("average_precision")}
            rows.append({"": name, **scores, **counts, **areas})
    return rows


def _with_interval(one: Mapping[str, Any], key: str) -> str | None:
    """Write a figure with its interval.

    >>> _with_interval({"f1": 0.98, "intervals": {"f1": [0.955, 1.0]}}, "f1")
    '0.980 (.955-1.000)'
    """
    if one[key] is None:
        return None
    low, high = one["intervals"].get(key, (None, None))
    if low is None:
        return f"{one[key]:.3f}"
    low, high = (f"{bound:.3f}".removeprefix("0") for bound in (low, high))
    return f"{one[key]:.3f} ({low}-{high})"


def residual_rows(figures: Mapping[str, Any]) -> list[dict[str, object]]:
    """List how far right picks are off, P and S at each tolerance."""
    return [
        {
            "": f"{phase}, {tolerance} s",
            **{
                key: value
                for key, value in kinds[phase]["residual_s"].items()
                if key != "intervals"
            },
            "further off": kinds[phase]["outliers"],
        }
        for tolerance, kinds in figures["honest"].items()
        for phase in PHASES
    ]


def study_section(found: EvaluationResult) -> str:
    """Show the study's 25 columns."""
    row = found.figures["study"]
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


def threshold_section(found: EvaluationResult) -> str:
    """Show what was tried on the validation part."""
    tried = found.figures["thresholds"].get("tried")
    if not tried:
        return ""
    frame = pd.DataFrame(tried).rename_axis("threshold").reset_index()
    return html.section("F1 on the validation part", html.table(frame))


def residuals_figure(found: EvaluationResult) -> Figure:
    """Draw the residuals of the right picks at the first tolerance."""
    judged = found.honest.picks[found.tolerance]
    words = {}
    for phase in PHASES:
        score = judged[phase].tally.score()
        words[phase] = (
            f"{score.tp} right within {found.tolerance:g} s, {score.fp} wrong, "
            f"{score.fn} missed (F1 {score.f1:.3f})"
        )
    values = {phase: judged[phase].matches.residuals for phase in PHASES}
    return plots.residuals(values, words, found.tolerance)


def residual_section(found: EvaluationResult) -> str:
    """Show the histograms of residuals."""
    return html.section("How far picks are off", html.png(found.pictures["residuals"]))


def curve_section(found: EvaluationResult) -> str:
    """Show precision against recall."""
    truth, event = found.honest.truth, found.honest.truth.is_event
    highest = found.candidates.highest[:, 0]
    score = found.honest.presence.score()
    shown = {
        "detection": (
            precision_recall(highest, event, int(event.sum())),
            (score.recall, score.precision),
        )
    }
    for phase, picked in found.sweeps.items():
        right, there = right_by_probability(truth, picked, phase, found.tolerance)
        score = found.honest.picks[found.tolerance][phase].tally.score()
        curve = precision_recall(picked.probability, right, there)
        shown[phase] = (curve, (score.recall, score.precision))
    caption = (
        "Detection by the highest probability of each trace; P and S by the probabilities of the "
        f"picks in detections, right within {found.tolerance:g} s"
    )
    return html.section("Precision and recall", html.picture(plots.curves(shown), caption))


def breakdown_section(found: EvaluationResult) -> str:
    """Show figures by kind of trace."""
    drawn = [
        html.picture(plots.breakdown(TITLES[name], rows))
        for name, rows in found.figures["breakdown"].items()
        if {row["bin"] for row in rows} - {"unknown"}
    ]
    words = html.paragraph("Lines are 95 % intervals; noise has no bin but its station's.")
    return html.section("By kind of trace", words, *drawn)


def calibration_section(found: EvaluationResult) -> str:
    """Show whether probabilities mean what they say."""
    caption = (
        "Detection: the highest probability of a trace. P and S: picks, right within "
        f"{found.tolerance:g} s"
    )
    drawn = plots.reliability(found.figures["calibration"])
    return html.section("Do the probabilities mean what they say?", html.picture(drawn, caption))


def uncertainty_section(found: EvaluationResult) -> str:
    """Show whether Monte Carlo uncertainty ranks errors."""
    told = found.figures.get("uncertainty")
    if told is None:
        return ""
    pairs = {}
    for phase in PHASES:
        picked = found.found.picks[phase]
        near = nearest_picks(found.honest.truth, picked, phase)
        pairs[phase] = (picked.uncertainty[near.picks], np.abs(near.residuals))
    figures = {
        phase: {key: told[phase][key] for key in ("picks", "rank_correlation", "auc")}
        for phase in PHASES
    }
    frame = pd.DataFrame(figures, dtype=object).T.rename_axis("").reset_index()
    words = (
        "Rank correlation of uncertainty with the distance from the arrival; AUC: how often a "
        "wrong pick is more uncertain than a right one."
    )
    return html.section(
        "Is what is uncertain wrong?",
        html.paragraph(words),
        html.table(frame),
        html.picture(plots.uncertainty(pairs)),
    )


def gallery_section(found: EvaluationResult) -> str:
    """Show the worst traces, and some as they come."""
    titles = {"worst": "The worst", "examples": "Some as they come"}
    return "\n".join(
        html.section(title, html.png(found.pictures[name]))
        for name, title in titles.items()
        if name in found.pictures
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
"""What the report shows; one more section is one more entry."""
