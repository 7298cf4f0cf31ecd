"""The report of an experiment: one page, the same as Markdown, and the tables as CSV."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from eqt.compare import (
    IN_TIME,
    METHOD,
    SOURCES,
    describe_method,
    draw_differences,
    format_interval,
    markdown_table,
    number,
    sentences,
)
from eqt.experiments.claims import claims_of, inconsistencies
from eqt.experiments.figures import draw_claims, draw_losses, draw_scores
from eqt.experiments.results import ExperimentResult, columns_table, scores
from eqt.experiments.suites import REFERENCE
from eqt.metrics import STUDY_COLUMNS, TOLERANCE
from eqt.plots import html
from steadkit.plots.style import styled, write_figure

FIGURES: dict[str, tuple[Callable[[ExperimentResult], Figure], str]] = {
    "scores.png": (draw_scores, f"F1 within {TOLERANCE} s, with 95 % intervals"),
    "claims.png": (draw_claims, "The study's claims, and what is found here"),
    "differences.png": (
        lambda outcome: draw_differences(outcome.comparison),
        f"Differences from {REFERENCE}, with 95 % intervals",
    ),
    "losses.png": (draw_losses, "Validation loss of every run"),
}

TABLES: dict[str, Callable[[ExperimentResult], pd.DataFrame]] = {
    "networks.csv": lambda outcome: outcome.networks,
    "columns.csv": lambda outcome: columns_table(outcome).reset_index(),
    "comparison.csv": lambda outcome: outcome.comparison.differences,
    "seeds.csv": lambda outcome: outcome.by_seed,
    "claims.csv": lambda outcome: outcome.claims,
}

FILES = (*TABLES, *FIGURES, "report.md", "report.html")
"""What a report consists of; the page is written last."""


@dataclass(frozen=True)
class Section:
    """A part of the report, whatever it is written as: words, points, tables and a figure."""

    title: str
    words: Sequence[str] = ()
    points: Sequence[str] = ()
    tables: Sequence[pd.DataFrame] = ()
    figure: str = ""


def write_report(outcome: ExperimentResult, paths: Sequence[Path], draws: int) -> None:
    """Write all files of a report.

    Parameters
    ----------
    outcome
        What came out.
    paths
        Where to write each of ``FILES``.
    draws
        Of the bootstrap.
    """
    files = dict(zip(FILES, paths, strict=True))
    for name, table in TABLES.items():
        table(outcome).to_csv(files[name], index=False)
    for name, (draw, _) in FIGURES.items():
        styled(write_figure)(draw(outcome), files[name], "png")
    title = f"The {outcome.settings.suite} suite: networks against {REFERENCE}"
    parts = sections_of(outcome, draws)
    files["report.md"].write_text(_as_markdown(title, parts), encoding="utf-8")
    page = html.page(title, *(_as_section(part, files) for part in parts))
    files["report.html"].write_text(page, encoding="utf-8")


def sections_of(outcome: ExperimentResult, draws: int) -> list[Section]:
    """List the parts of a report in their order."""
    seed = outcome.settings.training.seed
    parts = [
        Section("In short", _caveats(outcome), summary_lines(outcome)),
        Section(
            "Networks",
            [METHOD, "Times are those of the epochs, on the machine that trained."],
            tables=[networks_table(outcome)],
            figure="losses.png",
        ),
        Section(
            f"Picks right within {TOLERANCE} s",
            [describe_method(outcome.comparison, draws, seed)],
            tables=[scores_table(outcome)],
            figure="scores.png",
        ),
        Section(
            f"The study's {len(STUDY_COLUMNS)} columns",
            [
                SOURCES,
                "Any pick in an event counts as found, wherever it lies. mae, rmse: samples.",
            ],
            tables=[_columns(outcome)],
            figure="differences.png",
        ),
        Section(
            "The study's claims",
            [
                "A column that the study lists is claimed to be better, any other not to be. We "
                "agree or disagree only where the bootstrap tells better from worse; all columns "
                "are in claims.csv."
            ],
            tables=[_tally(outcome), _claims(outcome)],
            figure="claims.png",
        ),
        Section("What the study's own lists cannot be", points=_inconsistencies(outcome)),
        Section("How it was made", points=_settings(outcome)),
    ]
    if outcome.seeds > 1:
        parts.insert(3, Section("Seeds", [_about_seeds(outcome)], tables=[_seed_ranges(outcome)]))
    return [part for part in parts if part.words or part.points or part.tables]


def _caveats(outcome: ExperimentResult) -> list[str]:
    """Say what the figures cannot tell."""
    found = [f"{line}." for line in outcome.comparison.seen]
    if outcome.settings.data is None:
        found.append(
            "The data are simulated: these figures say how the networks fare on simulated "
            "earthquakes, and nothing of real ones."
        )
    if outcome.settings.traces is not None:
        found.append(
            f"This was a quick run, {outcome.settings.training.epochs} epochs on "
            f"{len(outcome.split.traces):,} traces. The study trained longer and on more, and a "
            "network that learns slowly looks worse here than it is."
        )
    if outcome.seeds == 1:
        found.append(
            "Every network was trained once. How much a figure changes from one training to the "
            "next is not known then, and a difference called decided may be luck of the seed: "
            "use --seeds."
        )
    return found


def summary_lines(outcome: ExperimentResult) -> list[str]:
    """Say of each network what it is better in, here and in the study, a line each."""
    lines = []
    for line, network in zip(sentences(outcome.comparison), outcome.comparison.models, strict=True):
        claim = claims_of(outcome.settings.suite)[network]
        of = f" of {claim.of}" if claim.of else ""
        counts = outcome.claims[outcome.claims["network"] == network]["agreement"].value_counts()
        lines.append(
            f"{line}. The study says better in {claim.number}{of}; on its word on "
            f"{counts.sum()} columns we agree in {counts.get('agree', 0)}, disagree in "
            f"{counts.get('disagree', 0)}, {counts.get('undecided', 0)} are undecided."
        )
    return lines


def networks_table(outcome: ExperimentResult) -> pd.DataFrame:
    """List the networks, what they cost, and what became of their columns, as text."""
    claims = claims_of(outcome.settings.suite)
    rows = []
    for row in outcome.networks.to_dict("records"):
        claim = claims.get(row["network"])
        rows.append(
            {
                "network": row["network"],
                "parameters": f"{row['parameters']:,}",
                "epochs": f"{row['epochs']:g}",
                "minutes": f"{row['minutes']:.1f}",
                "validation loss": f"{row['val_loss']:.4f}",
                **{name: _count(row[name]) for name in ("better", "equal", "worse")},
                "decided better": _count(row["lasting_better"]),
                "decided worse": _count(row["lasting_worse"]),
                "better in the study": _claim_count(claim.number, claim.of) if claim else "-",
            }
        )
    return pd.DataFrame(rows)


def _count(value: float) -> str:
    return "-" if value != value else f"{value:.0f}"


def _claim_count(count: int, of: int | None) -> str:
    return f"{count} of {of}" if of else str(count)


def _columns(outcome: ExperimentResult) -> pd.DataFrame:
    """Write the study's table: a row a column of its 25, a column a network."""
    wide = columns_table(outcome)
    counts = {"#events": outcome.comparison.events, "#noise": outcome.comparison.noise}
    return pd.DataFrame(
        [
            {
                "model_name": column,
                **{
                    name: f"{counts[column]:,}" if column in counts
                    else number(column, wide.loc[column, name])
                    for name in wide
                },
            }
            for column in STUDY_COLUMNS[1:]
        ]
    )  # fmt: skip


def scores_table(outcome: ExperimentResult) -> pd.DataFrame:
    """List the F1 of detection, P and S of all networks with their intervals, as text."""
    rows = scores(outcome)
    return pd.DataFrame(
        [
            {
                "network": name,
                **{
                    row["figure"]: f"{number('', row['value'])} "
                    f"({format_interval('', row['low'], row['high'])})"
                    for row in rows[rows["model"] == name].to_dict("records")
                },
            }
            for name in outcome.networks["network"]
        ]
    )


def _tally(outcome: ExperimentResult) -> pd.DataFrame:
    counted = outcome.claims.groupby(["network", "study", "agreement"]).size()
    kinds = ("agree", "disagree", "undecided")
    return pd.DataFrame(
        [
            {
                "network": name,
                "the study says": said,
                "columns": str(sum(counted.get((name, said, kind), 0) for kind in kinds)),
                **{kind: str(counted.get((name, said, kind), 0)) for kind in kinds},
            }
            for name in outcome.comparison.models
            for said in ("better", "not better")
        ]
    )


def _claims(outcome: ExperimentResult) -> pd.DataFrame:
    """Write out what the study claims to be better."""
    claimed = outcome.claims[outcome.claims["study"] == "better"]
    return pd.DataFrame(
        [
            {
                "network": row["network"],
                "column": row["column"],
                REFERENCE: number(row["column"], row[REFERENCE]),
                "network's": number(row["column"], row["value"]),
                "difference": number(row["column"], row["difference"], "+"),
                "95 % interval": format_interval(row["column"], row["low"], row["high"], "+"),
                "by value": row["verdict"],
                "bootstrap": row["bootstrap"],
                "claim": row["agreement"],
            }
            for row in claimed.to_dict("records")
        ]
    )


def _inconsistencies(outcome: ExperimentResult) -> list[str]:
    return [
        f"{claim.network}: {slip}."
        for claim in claims_of(outcome.settings.suite).values()
        for slip in inconsistencies(claim)
    ]


def _about_seeds(outcome: ExperimentResult) -> str:
    return (
        f"Every network was trained with {outcome.seeds} seeds; all tables and figures hold "
        "means over them, and intervals allow for their spread. Least and greatest of each:"
    )


def _seed_ranges(outcome: ExperimentResult) -> pd.DataFrame:
    """Write between what the figures of a network's seeds lie."""
    kinds = [
        *scores(outcome)["figure"].drop_duplicates(),
        *("P MAE", "S MAE"),
    ]
    rows = outcome.by_seed[outcome.by_seed["protocol"] == IN_TIME]
    table = rows.groupby(["network", "figure"])["value"].agg(["min", "max"])
    return pd.DataFrame(
        [
            {
                "network": name,
                **{
                    kind: format_interval(kind, *table.loc[(name, kind)].tolist()) for kind in kinds
                },
            }
            for name in outcome.networks["network"]
        ]
    )


def _settings(outcome: ExperimentResult) -> list[str]:
    """Say what somebody needs to do it again."""
    settings, split = outcome.settings, outcome.split
    parts = pd.Series(list(split.parts)).value_counts()
    counted = ", ".join(
        f"{parts.get(part, 0):,} {part}" for part in ("train", "validation", "test")
    )
    training = settings.training.to_dict()
    return [
        f"Data: {settings.data or 'simulated, in the folder of the experiment'}.",
        f"Traces: {counted}, the same for all networks; split.manifest, digest {split.digest}.",
        f"Seeds: {settings.training.seed} to {settings.training.seed + outcome.seeds - 1}.",
        *(f"{name}: {value}" for name, value in training.items() if name != "seed"),
    ]


def _as_markdown(title: str, parts: Sequence[Section]) -> str:
    lines = [f"# {title}"]
    for part in parts:
        lines += [f"## {part.title}", *part.words]
        lines += ["\n".join(f"- {point}" for point in part.points)] if part.points else []
        lines += map(markdown_table, part.tables)
        lines += [f"![{FIGURES[part.figure][1]}]({part.figure})"] if part.figure else []
    return "\n\n".join(lines) + "\n"


def _as_section(part: Section, files: dict[str, Path]) -> str:
    pieces = [html.paragraph(words) for words in part.words]
    pieces += [html.bullets(part.points)] if part.points else []
    pieces += map(html.table, part.tables)
    if part.figure:
        pieces.append(html.png(files[part.figure].read_bytes(), FIGURES[part.figure][1]))
    return html.section(part.title, *pieces)
