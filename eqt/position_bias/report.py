"""Report of the position test: a section of a page, and files."""

from pathlib import Path

import numpy as np
import pandas as pd

from eqt.metrics import PHASES
from eqt.plots import html
from eqt.position_bias.figures import figures
from eqt.position_bias.tables import by_position, by_second, snapped, summary
from eqt.position_bias.windows import PositionResult
from steadkit.atomic import write_text
from steadkit.plots import save

CAPTIONS = {
    "window": "Errors and hits by where in the window P lies.",
    "second": "Errors by P's place in the second: even without bias.",
}

CHANCE_SNAPPED = 0.03
"""Fraction of picks within a sample of a whole second if picks are independent of it."""

TITLE = "Wherever P lies"


def section(result: PositionResult) -> str:
    """Return a section of a page: verdicts, the summary table and both figures."""
    blocks = [html.paragraph(_method(result)), html.bullets(verdicts(result))]
    blocks.append(html.table(_readable(summary(result)), "Errors in samples of 10 ms."))
    for name, figure in figures(result).items():
        blocks.append(html.picture(figure, CAPTIONS[name]))
    return html.section(TITLE, *blocks)


def _method(result: PositionResult) -> str:
    events, windows = result.rows_of("P")["trace_name"].nunique(), len(result.rows_of("P"))
    count = result.left_out
    left_out_text = f" {count} event{'s' if count > 1 else ''} could not be moved." if count else ""
    return (
        f"{events} events were cut anew, so that P comes at other samples: {windows} windows. A "
        "pick is the most probable sample of a window; a hit lies within 0.5 s and above the "
        f"threshold (P {result.thresholds.p:g}, S {result.thresholds.s:g}).{left_out_text}"
    )


def verdicts(result: PositionResult) -> list[str]:
    """Return sentences on whether the position matters, for each phase."""
    lines = []
    for phase in PHASES:
        hits = result.hits(phase)
        # Three standard deviations of a binomial count above its expectation.
        max_by_chance = CHANCE_SNAPPED + 3 * np.sqrt(
            CHANCE_SNAPPED * (1 - CHANCE_SNAPPED) / max(len(hits), 1)
        )
        if (share := snapped(hits)) > max_by_chance:
            lines.append(
                f"{phase}: {share:.0%} of the hits are picked on a whole second where the arrival "
                f"is on none; without bias it were {CHANCE_SNAPPED:.0%} at most."
            )
        for name, bias in result.bias[phase].items():
            if bias.share != bias.share:  # NaN: there is nothing to compare
                continue
            verdict = "matters" if bias.is_real else "cannot be told to matter"
            lines.append(
                f"{phase}: P's place in the {name} {verdict}: it explains {bias.share:.0%} of the "
                f"errors' variance within traces; by chance as much {bias.chance:.1%} of the time."
            )
    return lines or ["Too few picks are right to judge."]


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    return table.rename(columns=lambda name: name.replace("_", " "))


def write(result: PositionResult, folder: Path, overwrite: bool = False) -> list[Path]:
    """Write the tables and figures into a folder.

    ``position_windows.csv`` has a row per window and phase, ``position.csv`` and
    ``position_second.csv`` are the tables of `by_position` and `by_second`,
    ``position_summary.csv`` that of `summary`; the figures are ``position_window.png`` and
    ``position_second.png``.

    Raises
    ------
    InputError
        A file exists (and `overwrite` is false), or the folder cannot be written.
    """
    tables = {
        "position_windows": result.windows,
        "position": by_position(result),
        "position_second": by_second(result),
        "position_summary": summary(result),
    }
    written = []
    for name, table in tables.items():
        written.append(folder / f"{name}.csv")
        write_text(written[-1], table.to_csv(index=False), overwrite)
    for name, figure in figures(result).items():
        written.append(folder / f"position_{name}.png")
        save([figure], written[-1], overwrite)
    return written
