"""Report of an experiment: one HTML page, the same as Markdown, and the tables as CSV."""

from collections import Counter
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
from eqt.experiments.figures import draw_claims, draw_losses, draw_scores
from eqt.experiments.results import ExperimentResult, columns_table, scores
from eqt.experiments.suites import REFERENCE, StudyClaim, inconsistencies, suite_claims
from eqt.metrics import STUDY_COLUMNS, TOLERANCE
from eqt.plots import html
from steadkit.plots.style import styled, write_figure
from steadkit.sampling import SPLITS

FIGURES: dict[str, tuple[Callable[[ExperimentResult], Figure], str]] = {
    "scores.png": (draw_scores, f"F1 within {TOLERANCE} s, with 95 % intervals"),
    "claims.png": (draw_claims, "The study's claims, and what is found here"),
    "differences.png": (
        lambda result: draw_differences(result.comparison),
        f"Differences from {REFERENCE}, with 95 % intervals",
    ),
    "losses.png": (draw_losses, "Validation loss of every run"),
}

TABLES: dict[str, Callable[[ExperimentResult], pd.DataFrame]] = {
    "networks.csv": lambda result: result.networks,
    "columns.csv": lambda result: columns_table(result).reset_index(),
    "comparison.csv": lambda result: result.comparison.differences,
    "seeds.csv": lambda result: result.by_seed,
    "claims.csv": lambda result: result.claims,
}

FILES = (*TABLES, *FIGURES, "report.md", "report.html")
"""Files of a report; the page is written last."""


COLUMNS_RULE = "Any pick in an event counts as found, wherever it lies. mae, rmse: samples."

CLAIMS_RULE = (
    "A column that the study lists is claimed to be better, any other not to be. We agree or "
    "disagree only where the bootstrap tells better from worse; all columns are in claims.csv."
)


@dataclass(frozen=True)
class Section:
    """A section of the report in any format: paragraphs, bullets, tables and a figure."""

    title: str
    paragraphs: Sequence[str] = ()
    bullets: Sequence[str] = ()
    tables: Sequence[pd.DataFrame] = ()
    figure: str = ""


def write_report(result: ExperimentResult, paths: Sequence[Path], draws: int) -> None:
    """Write all files of a report.

    Parameters
    ----------
    result
        The experiment.
    paths
        A path for each of ``FILES``.
    draws
        Number of bootstrap draws.
    """
    files = dict(zip(FILES, paths, strict=True))
    for name, table in TABLES.items():
        table(result).to_csv(files[name], index=False)
    for name, (draw, _) in FIGURES.items():
        styled(write_figure)(draw(result), files[name], "png")
    title = f"The {result.settings.suite} suite: networks against {REFERENCE}"
    sections = report_sections(result, draws)
    files["report.md"].write_text(_as_markdown(title, sections), encoding="utf-8")
    page = html.page(title, *(_as_section(section, files) for section in sections))
    files["report.html"].write_text(page, encoding="utf-8")


def report_sections(result: ExperimentResult, draws: int) -> list[Section]:
    """Return the sections of a report in order."""
    seed = result.settings.training.seed
    sections = [
        Section("In short", _caveats(result), summary_lines(result)),
        Section(
            "Networks",
            [METHOD, "Times are those of the epochs, on the machine that trained."],
            tables=[networks_table(result)],
            figure="losses.png",
        ),
        Section(
            f"Picks right within {TOLERANCE} s",
            [describe_method(result.comparison, draws, seed)],
            tables=[scores_table(result)],
            figure="scores.png",
        ),
        Section(
            f"The study's {len(STUDY_COLUMNS)} columns",
            [SOURCES, COLUMNS_RULE],
            tables=[_columns(result)],
            figure="differences.png",
        ),
        Section(
            "The study's claims",
            [CLAIMS_RULE],
            tables=[_tally(result), _claims(result)],
            figure="claims.png",
        ),
        Section("What the study's own lists cannot be", bullets=_inconsistencies(result)),
        Section("How it was made", bullets=_settings(result)),
    ]
    if result.seeds > 1:
        sections.insert(3, Section("Seeds", [_about_seeds(result)], tables=[_seed_ranges(result)]))
    return [
        section for section in sections if section.paragraphs or section.bullets or section.tables
    ]


def _caveats(result: ExperimentResult) -> list[str]:
    """Return the limitations of the figures, a sentence or two each."""
    caveats = [f"{line}." for line in result.comparison.seen]
    if result.settings.data is None:
        caveats.append(
            "The data are simulated: these figures say how the networks fare on simulated "
            "earthquakes, and nothing of real ones."
        )
    if result.settings.traces is not None:
        caveats.append(
            f"This was a quick run, {result.settings.training.epochs} epochs on "
            f"{len(result.split.traces):,} traces. The study trained longer and on more, and a "
            "network that learns slowly looks worse here than it is."
        )
    if result.seeds == 1:
        caveats.append(
            "Every network was trained once. How much a figure changes from one training to the "
            "next is not known then, and a difference called decided may be luck of the seed: "
            "use --seeds."
        )
    return caveats


def summary_lines(result: ExperimentResult) -> list[str]:
    """Return a line per network: columns in which it is better, here and in the study."""
    lines = []
    for line, network in zip(sentences(result.comparison), result.comparison.models, strict=True):
        claim = suite_claims(result.settings.suite)[network]
        counts = result.claims[result.claims["network"] == network]["agreement"].value_counts()
        lines.append(
            f"{line}. The study says better in {_claim_count(claim)}; on its word on "
            f"{counts.sum()} columns we agree in {counts.get('agree', 0)}, disagree in "
            f"{counts.get('disagree', 0)}, {counts.get('undecided', 0)} are undecided."
        )
    return lines


def networks_table(result: ExperimentResult) -> pd.DataFrame:
    """Return a table of the networks, their cost and their counts of verdicts, as text."""
    claims = suite_claims(result.settings.suite)
    rows = []
    for row in result.networks.to_dict("records"):
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
                "better in the study": _claim_count(claim) if claim else "-",
            }
        )
    return pd.DataFrame(rows)


def _count(value: float) -> str:
    return "-" if value != value else f"{value:.0f}"


def _claim_count(claim: StudyClaim) -> str:
    return f"{claim.number} of {claim.of}" if claim.of else str(claim.number)


def _columns(result: ExperimentResult) -> pd.DataFrame:
    """Return the study's table: a row for each of its 25 columns, a column per network."""
    wide = columns_table(result)
    counts = {"#events": result.comparison.events, "#noise": result.comparison.noise}
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


def scores_table(result: ExperimentResult) -> pd.DataFrame:
    """Return F1 of detection, P and S of all networks with their intervals, as text."""
    rows = scores(result)
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
            for name in result.networks["network"]
        ]
    )


def _tally(result: ExperimentResult) -> pd.DataFrame:
    """Return how many columns we agree on, of those claimed to be better and of all other."""
    counts = result.claims.groupby(["network", "study", "agreement"]).size().unstack(fill_value=0)
    keys = pd.MultiIndex.from_product([result.comparison.models, ("better", "not better")])
    agreements = ["agree", "disagree", "undecided"]
    counts = counts.reindex(index=keys, columns=agreements, fill_value=0)
    counts.insert(0, "columns", counts.sum(axis=1))
    counts.index.names = ["network", "the study says"]
    return counts.astype(str).reset_index()


def _claims(result: ExperimentResult) -> pd.DataFrame:
    """Return the columns that the study claims to be better, with our figures."""
    claimed = result.claims[result.claims["study"] == "better"]
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


def _inconsistencies(result: ExperimentResult) -> list[str]:
    return [
        f"{claim.network}: {inconsistency}."
        for claim in suite_claims(result.settings.suite).values()
        for inconsistency in inconsistencies(claim)
    ]


def _about_seeds(result: ExperimentResult) -> str:
    return (
        f"Every network was trained with {result.seeds} seeds; all tables and figures hold "
        "means over them, and intervals allow for their spread. Least and greatest of each:"
    )


def _seed_ranges(result: ExperimentResult) -> pd.DataFrame:
    """Return the range of the figures over the seeds of each network."""
    figures = [*scores(result)["figure"].drop_duplicates(), "P MAE", "S MAE"]
    rows = result.by_seed[result.by_seed["protocol"] == IN_TIME]
    table = rows.groupby(["network", "figure"])["value"].agg(["min", "max"])
    return pd.DataFrame(
        [
            {
                "network": name,
                **{
                    figure: format_interval(figure, *table.loc[(name, figure)].tolist())
                    for figure in figures
                },
            }
            for name in result.networks["network"]
        ]
    )


def _settings(result: ExperimentResult) -> list[str]:
    """Return the settings that are needed to repeat the experiment."""
    settings, split = result.settings, result.split
    counts = Counter(split.splits)
    counts_text = ", ".join(f"{counts[name]:,} {name}" for name in SPLITS)
    training = settings.training.to_dict()
    return [
        f"Data: {settings.data or 'simulated, in the folder of the experiment'}.",
        f"Traces: {counts_text}, the same for all networks; split.manifest, digest {split.digest}.",
        f"Seeds: {settings.training.seed} to {settings.training.seed + result.seeds - 1}.",
        *(f"{name}: {value}" for name, value in training.items() if name != "seed"),
    ]


def _as_markdown(title: str, sections: Sequence[Section]) -> str:
    lines = [f"# {title}"]
    for section in sections:
        lines += [f"## {section.title}", *section.paragraphs]
        lines += ["\n".join(f"- {point}" for point in section.bullets)] if section.bullets else []
        lines += map(markdown_table, section.tables)
        lines += [f"![{FIGURES[section.figure][1]}]({section.figure})"] if section.figure else []
    return "\n\n".join(lines) + "\n"


def _as_section(section: Section, files: dict[str, Path]) -> str:
    blocks = [html.paragraph(text) for text in section.paragraphs]
    blocks += [html.bullets(section.bullets)] if section.bullets else []
    blocks += map(html.table, section.tables)
    if section.figure:
        blocks.append(html.png(files[section.figure].read_bytes(), FIGURES[section.figure][1]))
    return html.section(section.title, *blocks)
