"""Checks of STEAD files: chunks of CSV rows with their samples and attributes."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from steadkit.catalog import KEY_COLUMNS, iter_rows_at, read_tables
from steadkit.check.findings import concatenate, of_issues
from steadkit.check.issues import TABLE
from steadkit.check.metadata import check_rows, find_duplicates, window_keys
from steadkit.check.selection import needs_hdf5, selected_issues, shows_in
from steadkit.check.waveforms import ARRIVALS, WaveformChecks, check_waveforms, unchecked_waveforms
from steadkit.console import progress
from steadkit.sources import Source
from steadkit.types import parse_numbers


@dataclass(frozen=True)
class Report:
    """Result of a check.

    Parameters
    ----------
    findings
        ``trace_name``, ``fault`` (code of the issue), ``severity``, ``value`` and ``expected``, a
        row per issue of a trace, sorted.
    traces
        ``trace_name`` and ``trace_category`` of every row of the CSV files.
    digests
        Digest of each of their waveforms, 32 characters of ASCII, empty where it was not read.
    attributes
        Digests of their attributes, 16 characters likewise.
    issues
        Codes of the issues that were looked for.
    """

    findings: pd.DataFrame
    traces: pd.DataFrame
    digests: np.ndarray
    attributes: np.ndarray
    issues: frozenset[str]


def check(sources: Sequence[Source], issues: Collection[str] | None = None) -> Report:
    """Look for issues in STEAD files, which are only read.

    Parameters
    ----------
    sources
        The files. HDF5 is opened only if an issue of `issues` shows there.
    issues
        Codes of the issues to look for; by default the usual ones, see
        `steadkit.check.selected_issues`.

    Raises
    ------
    InputError
        A file cannot be read, or a trace is in two of them.
    """
    codes = selected_issues(only=list(issues or ()))
    counts = _count_rows(sources)
    findings: list[pd.DataFrame] = []
    columns: list[pd.DataFrame] = []
    checked: list[WaveformChecks] = []
    for source, count in zip(sources, counts, strict=True):
        chunks = _check_chunks(source, count, codes, findings, columns)
        if needs_hdf5(codes):
            checked.append(check_waveforms(source.hdf5, chunks, codes))
        else:
            checked.append(unchecked_waveforms(sum(len(rows) for _, rows in chunks)))
        findings.append(checked[-1].findings)
    traces = pd.concat(columns, ignore_index=True)
    digests, attributes, alive = (
        np.concatenate([getattr(result, field) for result in checked])
        for field in ("digests", "attributes", "alive")
    )
    names = traces["trace_name"]
    findings.append(find_duplicates("duplicate-window", names, traces.pop("window").to_numpy()))
    findings.append(find_duplicates("duplicate-waveform", names, np.where(alive, digests, b"")))
    return Report(of_issues(concatenate(findings), codes), traces, digests, attributes, codes)


def _check_chunks(
    source: Source,
    count: int,
    codes: frozenset[str],
    findings: list[pd.DataFrame],
    columns: list[pd.DataFrame],
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Read and check the rows of one CSV; append to both lists and yield text and typed rows."""
    for table in progress(iter_rows_at(source.csv, np.arange(count)), f"checking {source}"):
        if shows_in(codes, TABLE):
            findings.append(check_rows(table, codes))
        rows = _columns_to_keep(table)
        columns.append(rows[["trace_name", "trace_category", "window"]])
        yield table, rows


def _count_rows(sources: Sequence[Source]) -> list[int]:
    """Return the number of rows of each file; refuse a trace name that two files have."""
    keys = read_tables([source.csv for source in sources], [KEY_COLUMNS] * len(sources))
    counts: list[int] = np.bincount(keys["source"], minlength=len(sources)).tolist()
    return counts


def _columns_to_keep(table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that waveform checks and the search for duplicates need."""
    unknown = pd.Series("", index=table.index, dtype=str)
    arrivals = {c: parse_numbers(table.get(c, unknown))[0] for c in ARRIVALS}
    return table[list(KEY_COLUMNS)].assign(window=window_keys(table), **arrivals)
