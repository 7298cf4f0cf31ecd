"""Findings: a table with a row per issue of a trace, in an order that no row order changes."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from steadkit.atomic.kinds import table as table_kind
from steadkit.check.issues import ERROR, ISSUES, SEVERITIES
from steadkit.errors import printable

COLUMNS: Final = ("trace_name", "fault", "severity", "value", "expected")
FINDINGS: Final = table_kind(COLUMNS)
"""The kind of the CSV of findings."""

MAX_CHARACTERS: Final = 120
"""Of a value: a hostile file may have megabytes in a cell."""


def findings_table(
    code: str,
    names: Iterable[str],
    values: Iterable[str],
    expected: Iterable[str] | None = None,
) -> pd.DataFrame:
    """Make findings of one kind, a trace each; `expected` is by default what the issue says.

    >>> findings_table("s-before-p", ["A_EV"], ["P 700, S 600"]).iloc[0].tolist()
    ['A_EV', 's-before-p', 'error', 'P 700, S 600', 'P before S']
    """
    names = list(map(_printable, names))
    columns = {
        "trace_name": names,
        "fault": [code] * len(names),
        "severity": [ISSUES[code].severity] * len(names),
        "value": list(map(_printable, values)),
        "expected": [ISSUES[code].expected] * len(names)
        if expected is None
        else list(map(_printable, expected)),
    }
    return pd.DataFrame(columns, columns=list(COLUMNS), dtype=str)


def _printable(text: str) -> str:
    return printable(text, MAX_CHARACTERS)


def concatenate(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put findings below one another, sorted by trace, then issue, then value."""
    filled = [part for part in parts if len(part)]
    if not filled:
        return findings_table("malformed-value", [], [])
    return pd.concat(filled).sort_values(list(COLUMNS), ignore_index=True)


def of_severity(findings: pd.DataFrame, severity: str = ERROR) -> pd.DataFrame:
    """Keep the findings of one severity."""
    return findings[findings["severity"] == severity]


def of_issues(findings: pd.DataFrame, codes: Collection[str]) -> pd.DataFrame:
    """Keep the findings of some issues."""
    return findings[findings["fault"].isin(list(codes))].reset_index(drop=True)


def count_by_issue(findings: pd.DataFrame) -> list[tuple[str, str, int, str, str]]:
    """Count the traces of each issue, with an example and the remedy: errors first.

    >>> count_by_issue(findings_table("clipped", ["B_NO", "A_NO", "A_NO"], ["E", "N", "Z"]))[0][:4]
    ('clipped', 'warning', 2, 'A_NO: N')
    """
    rows = []
    for code, own in findings.groupby("fault"):
        first = own.sort_values(list(COLUMNS)).iloc[0]
        example = f"{first['trace_name']}: {first['value']}"
        traces = int(own["trace_name"].nunique())
        rows.append((code, ISSUES[code].severity, traces, example, ISSUES[code].remedy))
    order = {code: number for number, code in enumerate(ISSUES)}
    return sorted(rows, key=lambda row: (SEVERITIES.index(row[1]), order[row[0]]))


def write_findings(path: Path, findings: pd.DataFrame) -> None:
    """Write findings as CSV."""
    findings.to_csv(path, index=False, lineterminator="\n")
