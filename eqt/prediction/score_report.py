"""Folder of a score: JSON, tables, figures and a self-contained page."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eqt.metrics import LEVEL, PHASES, residual_figures
from eqt.plots.figures import draw_residuals
from eqt.plots.html import bullets, page, picture, section, table
from eqt.plots.style import LABEL_COLOURS
from eqt.prediction.score_inputs import NO_RECORD
from eqt.prediction.score_tables import (
    hour_table,
    judged,
    match_table,
    missed_table,
    outcome_columns,
    receiver_table,
    threshold_curve,
)
from eqt.prediction.scoring import MIN_HOURS, PredictionScore
from steadkit.plots.style import GREY, THOUSANDS, styled, write_figure

FORMAT: Final = "eqt score 1"
DOCUMENT: Final = "score.json"

FILES: Final = (
    *(DOCUMENT, "matches.csv", "threshold_curve.csv", "hours.csv", "stations.csv"),
    *("threshold_curve.png", "residuals.png", "score.html"),
)

MAX_ROWS: Final = 200
"""Rows of a table of the page; the CSVs have all."""

MAX_NAMES: Final = 10
"""Stations that a line names; ``score.json`` has all."""

RESIDUALS: Final = {"mean": "mean", "median": "median", "mad": "MAD", "sigma": "std"}
"""Figures of `eqt.metrics.residual_figures` that are shown, and their titles."""


def score_files(folder: Path) -> tuple[str, ...] | None:
    """Return the files of a score; None if the folder is none, whatever it has of these names."""
    try:
        document = json.loads((folder / DOCUMENT).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return FILES if isinstance(document, dict) and document.get("format") == FORMAT else None


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
        # Of true negatives, and so of this score, nothing is known in a continuous record.
        parts.append(rows.drop(columns=rows.filter(regex="^mcc_").columns))
    rows = judged(pd.concat(parts, ignore_index=True), score)
    if score.config.recall_only:
        rows = rows.drop(columns=rows.filter(regex="^(precision|f1)_").columns)
    return rows


def shown_scores(score: PredictionScore) -> pd.DataFrame:
    """Return `score_table` to be read: an interval in brackets after its score."""
    rows = score_table(score)
    for name in ("recall", "precision", "f1"):
        if f"{name}_low" in rows:
            columns = (rows.pop(column) for column in (f"{name}_low", f"{name}_high"))
            rows[name] = [*map(_with_interval, rows[name], *columns)]
    titles = {"f1": "F1", "tolerance_s": "within (s)", "extra_per_station_hour": "extra an hour"}
    return rows.rename(columns=titles)


def _with_interval(value: float, low: float, high: float) -> str | None:
    """Format a score with its interval.

    >>> _with_interval(0.98, 0.955, 1.0)
    '0.980 (.955-1.000)'
    """
    if value != value:
        return None
    bounds = "-".join(f"{bound:.3f}".removeprefix("0") for bound in (low, high))
    return f"{value:.3f}" if low != low else f"{value:.3f} ({bounds})"


def residual_table(score: PredictionScore) -> pd.DataFrame:
    """Return mean, median, MAD and standard deviation of the residuals, by phase and tolerance."""
    rows = []
    for (phase, tolerance), found in score.scores.items():
        figures = residual_figures(found.matches.residuals)
        labels = {"phase": phase, "within (s)": tolerance, "picks": len(found.matches.residuals)}
        rows.append(labels | {title: figures[name] for name, title in RESIDUALS.items()})
    return pd.DataFrame(rows)


def score_notes(score: PredictionScore) -> list[str]:
    """Return a line for each thing that a reader of the figures has to know."""
    inputs, config = score.inputs, score.config
    lines = [
        f"{len(inputs.truth):,} picks of the analyst are inside {score.station_hours:,.2f} "
        f"station-hours of record, {len(inputs.left_out):,} are not and do not count"
    ]
    if missing := stations_without_record(score):
        lines.append(
            f"no record of {_some(list(missing))}: {sum(missing.values()):,} picks of the analyst"
        )
    lines += [f"the analyst's table: {n:,} {what}" for what, n in inputs.notes.items() if n]
    if inputs.unscored:
        lines.append(
            f"not scored, as the table does not name them: {_some(list(inputs.unscored))} "
            f"({sum(inputs.unscored.values()):,} picks); --all-stations counts them"
        )
    if config.recall_only:
        lines.append("the table lists only some earthquakes: other picks are not judged")
    else:
        lines.append(
            "extra: picks without one of the analyst. They count as wrong, also where the analyst "
            "has missed an arrival; --recall-only leaves them out"
        )
    if any(found.intervals for found in score.scores.values()):
        lines.append(
            f"in brackets: {LEVEL:.0%} of {config.resamples:,} draws of the {len(score.hours):,} "
            "hours of record lie between"
        )
    elif config.resamples:
        lines.append(f"no intervals: fewer than {MIN_HOURS} hours of record")
    return lines


def stations_without_record(score: PredictionScore) -> dict[str, int]:
    """Return the number of the analyst's picks of each station without any record."""
    left_out = score.inputs.left_out
    stations = left_out.loc[left_out["reason"] == NO_RECORD, "station"]
    return {name: int(count) for name, count in stations.value_counts().sort_index().items()}


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_NAMES:,} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more


def write_score(folder: Path, score: PredictionScore, about: Mapping[str, Any]) -> None:
    """Write all files of a score into an empty folder."""
    curve, hours, stations = threshold_curve(score), hour_table(score), receiver_table(score)
    tables = {
        "matches.csv": match_table(score),
        "threshold_curve.csv": curve,
        "hours.csv": hours,
        "stations.csv": stations,
    }
    for name, rows in tables.items():
        rows.to_csv(folder / name, index=False)
    figures = {
        "threshold_curve.png": draw_threshold_curve(curve, score),
        "residuals.png": draw_score_residuals(score),
    }
    for name, figure in figures.items():
        write_figure(figure, folder / name, "png")
    first = curve[curve["tolerance_s"] == score.tolerance]
    blocks = [
        bullets([f"{line}." for line in score_notes(score)]),
        section("Scores", table(shown_scores(score))),
        section(
            "Errors of right picks (s)",
            picture(figures["residuals.png"]),
            table(residual_table(score)),
        ),
        section("Thresholds", picture(figures["threshold_curve.png"]), _first_rows(first)),
        section("Missed picks of the analyst", _first_rows(missed_table(score))),
        section("Stations", _first_rows(stations)),
        section("Hours of record", _first_rows(hours)),
    ]
    content = page("Picks against an analyst's", *blocks)
    (folder / "score.html").write_text(content, encoding="utf-8")
    text = json.dumps(score_document(score, about), indent=2, allow_nan=False)
    (folder / DOCUMENT).write_text(text + "\n", encoding="utf-8")


def _first_rows(rows: pd.DataFrame) -> str:
    is_cut = len(rows) > MAX_ROWS
    caption = f"The first {MAX_ROWS} of {len(rows):,} rows; the CSV has all." if is_cut else ""
    return table(rows.head(MAX_ROWS).rename(columns=lambda name: name.replace("_", " ")), caption)


def score_document(score: PredictionScore, about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of ``score.json``, None for what is undefined."""
    return {
        "format": FORMAT,
        **about,
        "recall_only": score.config.recall_only,
        "station_hours": score.station_hours,
        "thresholds": score.inputs.thresholds,
        "intervals": {
            "level": LEVEL,
            "resamples": score.config.resamples,
            "hours": len(score.hours),
        },
        "not_used": {name: count for name, count in score.inputs.notes.items() if count},
        "outside_the_record": len(score.inputs.left_out),
        "stations_without_record": stations_without_record(score),
        "picks_of_other_stations": score.inputs.unscored,
        "scores": _records(score_table(score)),
        "residuals_s": _records(residual_table(score)),
        "missed": _records(missed_table(score)),
    }


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


@styled
def draw_threshold_curve(curve: pd.DataFrame, score: PredictionScore) -> Figure:
    """Draw recall, precision and extra picks over the threshold, at the first tolerance."""
    names = [("recall", "-"), ("precision", "--")]
    n_rows = 1 if score.config.recall_only else 2
    figure = Figure(figsize=(9, 1.2 + 2.3 * n_rows), layout="constrained")
    grid = figure.subplots(n_rows, len(PHASES), sharex=True, sharey="row", squeeze=False)
    rows = curve[curve["tolerance_s"] == score.tolerance]
    for column, phase in enumerate(PHASES):
        of_phase = rows[rows["phase"] == phase]
        shares = grid[0, column]
        for name, line in names[:n_rows]:
            _draw_line(shares, of_phase, name, line)
        shares.set(xlim=(0, 1), ylim=(-0.02, 1.02), title=phase)
        shares.legend(loc="lower left")
        if n_rows > 1:
            _draw_line(grid[1, column], of_phase, "extra_per_station_hour", "-")
        for ax in grid[:, column]:
            ax.axvline(score.inputs.thresholds[phase], color=GREY, linewidth=0.8)
        grid[-1, column].set_xlabel(f"threshold; grey: in use; within {score.tolerance:g} s")
    grid[0, 0].set_ylabel("share")
    for ax in grid[1:, 0]:  # shared by both phases
        # Hundreds at the floor and none at the end; linear below one in ten hours.
        ax.set_yscale("symlog", linthresh=0.1)
        ax.yaxis.set_major_formatter(THOUSANDS)
        ax.set_ylim(bottom=0)
        ax.set_ylabel("extra picks a station-hour")
    return figure


def _draw_line(ax: Axes, rows: pd.DataFrame, name: str, line: str) -> None:
    colour = LABEL_COLOURS[rows["phase"].iloc[0]]
    ax.plot(rows["threshold"], rows[name], line, color=colour, label=name, linewidth=1.2)


def draw_score_residuals(score: PredictionScore) -> Figure:
    """Draw histograms of the residuals of right picks."""
    residuals = {p: score.scores[p, score.tolerance].matches.residuals for p in PHASES}
    counts = {p: f"{len(residuals[p]):,} right picks" for p in PHASES}
    return draw_residuals(residuals, counts, score.tolerance)
