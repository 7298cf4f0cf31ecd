"""Report of a comparison: sentences, tables, a forest plot, and the files that contain them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eqt.compare.comparison import BETTER, EQUAL, UNDEFINED, WORSE, Comparison, tally
from eqt.compare.load import RESULTS, evaluation_folder
from eqt.compare.measures import (
    COMPARED,
    FRACTIONS,
    IN_TIME,
    MEASURES,
    NOT_COMPARED,
    SAMPLES,
    SECONDS,
    STUDY,
    TRACES,
)
from eqt.metrics import STUDY_COLUMNS, TOLERANCE
from eqt.plots import html
from steadkit.atomic import atomic_write
from steadkit.errors import InputError
from steadkit.plots.style import BLACK, BLUE, GREY, VERMILLION, styled, write_figure

METHOD = (
    "Better, Equal and Worse go by the values alone. Recall, precision, true positives and true "
    "negatives are better when they are more, errors, false positives and false negatives when "
    f"they are less; {', '.join(NOT_COMPARED[:-1])} and {NOT_COMPARED[-1]} are not compared, "
    f"{len(COMPARED)} of the {len(STUDY_COLUMNS)} columns are."
)
"""Description of how the study's columns are counted."""

PROTOCOLS = {
    STUDY: "The study's columns, where any pick in an event counts, errors in samples",
    IN_TIME: f"Picks right within {TOLERANCE} s",
}

SOURCES = (
    f"The study's columns are counted from {RESULTS}, the rows that EQTransformer's tester writes "
    "by its published rules; all other figures are those of the picks by the corrected rules."
)
"""Description of the tables from which the two protocols are counted."""

FILES = ("comparison.csv", "comparison.md", "comparison.png", "comparison.html")
"""Files of a comparison; the page is written last."""

_TRACES = {measure.name for measure in MEASURES if measure.unit == TRACES}


def describe_method(comparison: Comparison, resamples: int, seed: int) -> str:
    """Return a description of the intervals."""
    seeds = f", and of the {comparison.seeds} seeds" if comparison.seeds > 1 else ""
    return (
        f"Intervals hold 95 % of {resamples:,} draws, with replacement, of the "
        f"{comparison.earthquakes:,} earthquakes ({comparison.events:,} traces) and the "
        f"{comparison.noise:,} noise traces{seeds}, all models on the same draw (seed {seed}). "
        "A difference whose interval holds 0 is undecided."
    )


def sentences(comparison: Comparison) -> list[str]:
    """Return a line per model: the number of the study's columns in which it is better.

    The study counts "of 25", so do these lines; see ``METHOD``.
    """
    return [_sentence(comparison, model) for model in comparison.models]


def _sentence(comparison: Comparison, model: str) -> str:
    by_value = tally(comparison, model)
    lasting = tally(comparison, model, "bootstrap")
    counts = [f"{by_value.get(name, 0)} {name.lower()}" for name in (EQUAL, WORSE)]
    if UNDEFINED in by_value:
        counts.append(f"{by_value[UNDEFINED]} undefined")
    return (
        f"{model} is better than {comparison.baseline} in {by_value.get(BETTER, 0)} of "
        f"{len(STUDY_COLUMNS)} columns ({', '.join(counts)}, {len(NOT_COMPARED)} not compared); "
        f"other earthquakes would leave {lasting.get('better', 0)} better and "
        f"{lasting.get('worse', 0)} worse, {lasting.get('undecided', 0)} are undecided"
    )


def comparison_table(comparison: Comparison, model: str, protocol: str) -> pd.DataFrame:
    """Return a table of one model and the baseline: a row per figure, as text."""
    rows = comparison.differences
    model_rows = rows[(rows["model"] == model) & (rows["protocol"] == protocol)]
    return pd.DataFrame(
        [
            {
                "column": row["figure"],
                comparison.baseline: number(row["figure"], row["baseline"]),
                model: number(row["figure"], row["value"]),
                "difference": number(row["figure"], row["difference"], "+"),
                "95 % interval": format_interval(row["figure"], row["low"], row["high"], "+"),
                "by value": row["verdict"],
                "bootstrap": row["bootstrap"],
            }
            for row in model_rows.to_dict("records")
        ]
    )


def number(figure: str, value: float, sign: str = "") -> str:
    """Format a figure: traces as integers (means over seeds with a digit), others with 4 digits.

    >>> number("p_tp", 1234.0), number("p_mae", 0.12345), number("p_fn", -2.5, "+")
    ('1,234', '0.1235', '-2.5')
    """
    if value != value:
        return "-"
    if figure not in _TRACES:
        return f"{value:{sign}.4f}"
    return f"{value:{sign},.0f}" if value == round(value) else f"{value:{sign},.1f}"


def format_interval(figure: str, low: float, high: float, sign: str = "") -> str:
    """Format an interval.

    >>> format_interval("p_recall", 0.9, 0.95)
    '0.9000 to 0.9500'
    """
    return " to ".join(number(figure, value, sign) for value in (low, high))


def markdown_table(table: pd.DataFrame) -> str:
    r"""Format a table as Markdown; the first column is left-aligned, all others right-aligned.

    >>> print(markdown_table(pd.DataFrame({"a|b": ["x"], "n": [1]})))
    | a\|b | n |
    |:--|--:|
    | x | 1 |
    """
    rules = "|" + "|".join([":--", *["--:"] * (table.shape[1] - 1)]) + "|"
    rows = [list(table.columns), *table.astype(object).to_numpy().tolist()]
    head, *body = ("| " + " | ".join(map(_cell, row)) + " |" for row in rows)
    return "\n".join([head, rules, *body])


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")


def comparison_folder(first: Path) -> Path:
    """Return the default folder of a comparison: ``comparison`` next to the first run."""
    folder = evaluation_folder(first).resolve()
    run = folder.parent if folder.name == "evaluation" else folder
    return run.parent / "comparison"


def refuse_comparison(folder: Path, overwrite: bool) -> None:
    """Refuse a folder that has a comparison, before anything is computed.

    Raises
    ------
    InputError
        The folder has a comparison and `overwrite` is false, or it is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{str(folder)!r} is a file: name a folder with --output")
    existing_files = [name for name in FILES if (folder / name).exists()]
    if existing_files and not overwrite:
        raise InputError(
            f"{str(folder / existing_files[0])!r} exists: choose another folder with --output, "
            "or use --overwrite"
        )


def write_comparison(
    comparison: Comparison, folder: Path, resamples: int, seed: int, overwrite: bool = False
) -> list[Path]:
    """Write ``comparison.csv``, ``.md``, ``.png`` and ``.html`` into a folder, all or none.

    Returns
    -------
    list of Path
        The files; the page is the last.

    Raises
    ------
    InputError
        One of them exists (and `overwrite` is false), or the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    targets = [folder / name for name in FILES]
    intro = [SOURCES, METHOD, describe_method(comparison, resamples, seed)]
    figure = draw_differences(comparison)
    with atomic_write(targets, overwrite) as (csv, md, png, page):
        comparison.differences.to_csv(csv, index=False)
        md.write_text(as_markdown(comparison, intro), encoding="utf-8")
        styled(write_figure)(figure, png, "png")
        page.write_text(as_page(comparison, intro, png.read_bytes()), encoding="utf-8")
    return targets


def _title(comparison: Comparison) -> str:
    return f"Compared with {comparison.baseline}"


def as_markdown(comparison: Comparison, intro: Sequence[str]) -> str:
    """Return a comparison as Markdown."""
    lines = [f"# {_title(comparison)}", *(f"{line}." for line in comparison.seen), *intro]
    lines += ["\n".join(f"- {line}." for line in sentences(comparison))]
    for model in comparison.models:
        lines.append(f"## {model}")
        for protocol, caption in PROTOCOLS.items():
            lines += [f"{caption}:", markdown_table(comparison_table(comparison, model, protocol))]
    return "\n\n".join(lines) + "\n"


def as_page(comparison: Comparison, intro: Sequence[str], picture: bytes) -> str:
    """Return a comparison as a page of HTML with its figure embedded."""
    sections = [
        html.section(
            model,
            *(
                html.table(comparison_table(comparison, model, protocol), caption)
                for protocol, caption in PROTOCOLS.items()
            ),
        )
        for model in comparison.models
    ]
    return html.page(
        _title(comparison),
        html.bullets([f"{line}." for line in (*comparison.seen, *sentences(comparison))]),
        *map(html.paragraph, intro),
        html.png(picture, "Differences with their 95 % intervals"),
        *sections,
    )


MARKS = {"better": (BLUE, "o", BLUE), "worse": (VERMILLION, "s", VERMILLION)}
"""Colour, marker and its filling by bootstrap verdict; distinguishable without colours too."""

UNDECIDED = (GREY, "D", "white")

LEGEND = (
    "Differences, turned so that better is to the right,\n"
    "with their 95 % intervals. Blue circle: better,\n"
    "vermillion square: worse, grey diamond: undecided"
)

INCHES_A_ROW, INCHES_A_MODEL, INCHES_OF_NAMES = 0.17, 2.3, 1.2


@styled
def draw_differences(comparison: Comparison) -> Figure:
    """Draw the differences of every model from the baseline, a column per model.

    Fractions, samples, seconds and traces have separate axes, shared by all models. Where less is
    better the sign of the difference is reversed, so that better is to the right everywhere.
    """
    units = (FRACTIONS, SAMPLES, SECONDS, TRACES)
    heights = [sum(measure.unit == unit for measure in MEASURES) for unit in units]
    count = len(comparison.models)
    figure = Figure(
        figsize=(
            INCHES_OF_NAMES + count * INCHES_A_MODEL,
            INCHES_A_ROW * (sum(heights) + 15),
        )
    )
    axes = figure.subplots(
        len(units), count, sharex="row", sharey="row", squeeze=False, height_ratios=heights
    )
    for column, model in enumerate(comparison.models):
        model_rows = comparison.differences[comparison.differences["model"] == model]
        for row, unit in enumerate(units):
            _panel(axes[row, column], model_rows, unit)
        axes[0, column].set_title(f"{model}\nagainst {comparison.baseline}")
    figure.suptitle(LEGEND, x=0.01, ha="left")
    return figure


def _panel(ax: Axes, rows: pd.DataFrame, unit: str) -> None:
    measures = [measure for measure in MEASURES if measure.unit == unit]
    by_name = rows.set_index("figure")
    ax.axvline(0, color=BLACK, linewidth=0.6)
    for height, measure in enumerate(measures):
        row = by_name.loc[measure.name]
        ends = sorted(measure.direction * np.array([row["low"], row["high"]]))
        colour, marker, filling = MARKS.get(str(row["bootstrap"]), UNDECIDED)
        ax.plot(ends, [height, height], color=colour, linewidth=1.2)
        ax.plot(
            measure.direction * row["difference"],
            height,
            marker,
            color=colour,
            markerfacecolor=filling,
            markersize=4,
        )
    ax.set_yticks(range(len(measures)), [measure.name for measure in measures])
    ax.set_ylim(len(measures) - 0.5, -0.5)
    ax.grid(axis="y", color=GREY, alpha=0.2)
    ax.set_xlabel(f"worse \N{LEFTWARDS ARROW} {unit} \N{RIGHTWARDS ARROW} better")
