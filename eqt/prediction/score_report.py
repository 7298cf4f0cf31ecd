"""Folder of a score: JSON, tables, figures and a self-contained page."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from eqt.metrics import PHASES, residual_figures
from eqt.plots.figures import draw_residuals
from eqt.plots.html import page, paragraph, picture, section, table
from eqt.plots.style import LABEL_COLOURS
from eqt.prediction.score_tables import (
    hour_table,
    judged,
    match_table,
    outcome_columns,
    receiver_table,
    threshold_curve,
)
from eqt.prediction.scoring import PredictionScore
from steadkit.plots.style import GREY, styled, write_figure

FILES: Final = (
    *("score.json", "matches.csv", "threshold_curve.csv", "hours.csv", "stations.csv"),
    *("threshold_curve.png", "residuals.png", "score.html"),
)

FORMAT: Final = "eqt score 1"

MAX_ROWS: Final = 200
"""Rows of a table of the page; the CSVs have all."""


def score_table(score: PredictionScore) -> pd.DataFrame:
    """Return the scores by phase and tolerance, with 95 % intervals where there are any."""
    parts = []
    for (phase, tolerance), found in score.scores.items():
        total = found.total
        tp, fp, fn = (np.array([count]) for count in (total.tp, total.fp, total.fn))
        columns = outcome_columns(tp, fp, fn, score.station_hours)
        rows = pd.DataFrame({"phase": phase, "tolerance_s": tolerance, **columns})
        for name, (low, high) in found.intervals.items():
            rows[f"{name}_low"], rows[f"{name}_high"] = low, high
        parts.append(rows)
    rows = judged(pd.concat(parts, ignore_index=True), score)
    if score.config.recall_only:
        rows = rows.drop(columns=rows.filter(regex="^(precision|f1)_").columns)
    return rows


def residual_table(score: PredictionScore) -> pd.DataFrame:
    """Return mean, standard deviation and other figures of the residuals in s, by phase."""
    rows = []
    for phase in PHASES:
        residuals = score.scores[phase, score.tolerance].matches.residuals
        rows.append({"phase": phase, "picks": len(residuals), **residual_figures(residuals)})
    return pd.DataFrame(rows)


def write_score(folder: Path, score: PredictionScore, about: Mapping[str, Any]) -> None:
    """Write all files of a score into an empty folder."""
    scores, residuals, curve = score_table(score), residual_table(score), threshold_curve(score)
    stations = receiver_table(score)
    document = {
        "format": FORMAT,
        **about,
        "recall_only": score.config.recall_only,
        "station_hours": score.station_hours,
        "thresholds": score.inputs.thresholds,
        "not_used": {name: count for name, count in score.inputs.notes.items() if count},
        "outside_the_record": len(score.inputs.left_out),
        "picks_of_other_stations": score.inputs.unscored,
        "scores": _records(scores),
        "residuals_s": _records(residuals),
    }
    text = json.dumps(document, indent=2, allow_nan=False)
    (folder / "score.json").write_text(text + "\n", encoding="utf-8")
    match_table(score).to_csv(folder / "matches.csv", index=False)
    curve.to_csv(folder / "threshold_curve.csv", index=False)
    hour_table(score).to_csv(folder / "hours.csv", index=False)
    stations.to_csv(folder / "stations.csv", index=False)
    figures = {
        "threshold_curve.png": draw_threshold_curve(curve, score),
        "residuals.png": draw_score_residuals(score),
    }
    for name, figure in figures.items():
        write_figure(figure, folder / name, "png")
    blocks = [
        section("Scores", paragraph(describe(score)), table(scores)),
        section("Errors of right picks (s)", picture(figures["residuals.png"]), table(residuals)),
        section("Thresholds", picture(figures["threshold_curve.png"])),
        section("Stations", table(stations.head(MAX_ROWS))),
    ]
    content = page("Picks against an analyst's", *blocks)
    (folder / "score.html").write_text(content, encoding="utf-8")


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as JSON's types, None for what is undefined."""
    records = rows.astype(object).where(rows.notna(), None).to_dict("records")
    return [
        {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in r.items()
        }
        for r in records
    ]


def describe(score: PredictionScore) -> str:
    """Return what a reader has to know about the figures."""
    n_outside = len(score.inputs.left_out)
    text = (
        f"{len(score.inputs.truth):,} picks of the analyst are inside {score.station_hours:,.2f} "
        f"station-hours of record, {n_outside:,} are not and do not count."
    )
    if score.config.recall_only:
        return f"{text} The table lists only some earthquakes: other picks are not judged."
    return f"{text} A pick without one of the analyst counts as wrong, also where he has missed it."


@styled
def draw_threshold_curve(curve: pd.DataFrame, score: PredictionScore) -> Figure:
    """Draw recall and precision, or recall alone, over the threshold, at the first tolerance."""
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    rows = curve[curve["tolerance_s"] == score.tolerance]
    for ax, phase in zip(axes, PHASES, strict=True):
        of_phase = rows[rows["phase"] == phase]
        for name, line in (("recall", "-"), ("precision", "--")):
            if name in of_phase:
                ax.plot(
                    of_phase["threshold"],
                    of_phase[name],
                    line,
                    color=LABEL_COLOURS[phase],
                    label=name,
                    linewidth=1.2,
                )
        ax.axvline(score.inputs.thresholds[phase], color=GREY, linewidth=0.8)
        ax.set(xlim=(0, 1), ylim=(-0.02, 1.02), title=phase)
        ax.set_xlabel(f"threshold; grey: in use; within {score.tolerance:g} s")
        ax.legend(loc="lower left")
    return figure


def draw_score_residuals(score: PredictionScore) -> Figure:
    """Draw histograms of the residuals of right picks."""
    residuals = {p: score.scores[p, score.tolerance].matches.residuals for p in PHASES}
    counts = {p: f"{p}: {len(residuals[p]):,} right picks" for p in PHASES}
    return draw_residuals(residuals, counts, score.tolerance)
