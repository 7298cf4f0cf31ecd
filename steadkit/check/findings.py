"""Table of findings: one row per issue of a trace, sorted independently of the input order."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from steadkit.atomic.kinds import csv_kind
from steadkit.check.issues import ERROR, ISSUES, SEVERITIES
from steadkit.errors import printable

COLUMNS: Final = ("trace_name", "fault", "severity", "value", "expected")
FINDINGS: Final = csv_kind(COLUMNS)
"""File kind of the CSV of findings."""

MAX_CHARACTERS: Final = 120
"""Of a value: a hostile file may have megabytes in a cell."""


def findings_table(
    code: str,
    names: Iterable[str],
    values: Iterable[str],
    expected: Iterable[str] | None = None,
) -> pd.DataFrame:
    """Return findings of one issue, one per trace; `expected` defaults to that of the issue.

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


def concatenate(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Concatenate findings, sorted by trace, issue and value."""
    nonempty = [table for table in tables if len(table)]
    if not nonempty:
        return findings_table("malformed-value", [], [])
    return pd.concat(nonempty).sort_values(list(COLUMNS), ignore_index=True)


def of_severity(findings: pd.DataFrame, severity: str = ERROR) -> pd.DataFrame:
    """Return the findings of one severity."""
    return findings[findings["severity"] == severity]


def of_issues(findings: pd.DataFrame, codes: Collection[str]) -> pd.DataFrame:
    """Return the findings of some issues."""
    return findings[findings["fault"].isin(list(codes))].reset_index(drop=True)


def count_by_issue(findings: pd.DataFrame) -> list[tuple[str, str, int, str, str]]:
    """Count the traces of each issue, with an example and the remedy: errors first.

    >>> count_by_issue(findings_table("clipped", ["B_NO", "A_NO", "A_NO"], ["E", "N", "Z"]))[0][:4]
    ('clipped', 'warning', 2, 'A_NO: N')
    """
    rows = []
    for code, group in findings.groupby("fault"):
        first = group.sort_values(list(COLUMNS)).iloc[0]
        example = f"{first['trace_name']}: {first['value']}"
        traces = int(group["trace_name"].nunique())
        rows.append((code, ISSUES[code].severity, traces, example, ISSUES[code].remedy))
    order = {code: number for number, code in enumerate(ISSUES)}
    return sorted(rows, key=lambda row: (SEVERITIES.index(row[1]), order[row[0]]))


def write_findings(path: Path, findings: pd.DataFrame) -> None:
    """Write findings as CSV."""
    findings.to_csv(path, index=False, lineterminator="\n")
