"""Check STEAD files: the rows of the CSV part by part, each with its samples and attributes."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from steadkit.catalog import KEY_COLUMNS, iter_rows_at, read_table
from steadkit.check.findings import concatenate, of_issues
from steadkit.check.issues import TABLE
from steadkit.check.metadata import check_rows, find_duplicates, window_keys
from steadkit.check.selection import needs_hdf5, selected_issues, shows_in
from steadkit.check.waveforms import ARRIVALS, WaveformChecks, check_waveforms, unchecked_waveforms
from steadkit.console import progress
from steadkit.errors import InputError
from steadkit.sources import Source
from steadkit.types import parse_numbers


@dataclass(frozen=True)
class Report:
    """What a check has found.

    Parameters
    ----------
    findings
        ``trace_name``, ``fault``, ``severity``, ``value`` (what is there) and ``expected``, a row
        per issue of a trace, sorted.
    traces
        ``trace_name`` and ``trace_category`` of every row of the CSV files.
    digests
        Of the waveform of each of these, 32 characters of ASCII, empty where it was not read.
    attributes
        Digests of its attributes, 16 characters likewise.
    wanted
        Codes of the issues that were looked for.
    """

    findings: pd.DataFrame
    traces: pd.DataFrame
    digests: np.ndarray
    attributes: np.ndarray
    wanted: frozenset[str]


def check(sources: Sequence[Source], wanted: Collection[str] | None = None) -> Report:
    """Look for issues in STEAD files; nothing is altered.

    Parameters
    ----------
    sources
        The files. HDF5 is opened only if an issue that shows there is wanted.
    wanted
        Codes of the issues to look for; by default the usual ones, see
        `steadkit.check.selected_issues`.

    Raises
    ------
    InputError
        A file as a whole cannot be read, or a trace is in two of them.
    """
    codes = selected_issues(only=list(wanted or ()))
    counts = _count_rows(sources)
    parts: list[pd.DataFrame] = []
    kept: list[pd.DataFrame] = []
    seen: list[WaveformChecks] = []
    for source, count in zip(sources, counts, strict=True):
        pieces = _check_chunks(source, count, codes, parts, kept)
        if needs_hdf5(codes):
            seen.append(check_waveforms(source.hdf5, pieces, codes))
        else:
            seen.append(unchecked_waveforms(sum(len(rows) for _, rows in pieces)))
        parts.append(seen[-1].findings)
    traces = pd.concat(kept, ignore_index=True)
    digests, attributes, alive = (
        np.concatenate([getattr(each, which) for each in seen])
        for which in ("digests", "attributes", "alive")
    )
    names = traces["trace_name"]
    parts.append(find_duplicates("duplicate-window", names, traces.pop("window").to_numpy()))
    parts.append(find_duplicates("duplicate-waveform", names, np.where(alive, digests, b"")))
    return Report(of_issues(concatenate(parts), codes), traces, digests, attributes, codes)


def _check_chunks(
    source: Source,
    count: int,
    codes: frozenset[str],
    parts: list[pd.DataFrame],
    kept: list[pd.DataFrame],
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Read the CSV of one file and check its rows; findings, and what is kept, go to the lists."""
    for table in progress(iter_rows_at(source.csv, np.arange(count)), f"checking {source}"):
        if shows_in(codes, TABLE):
            parts.append(check_rows(table, codes))
        rows = _columns_to_keep(table)
        kept.append(rows[["trace_name", "trace_category", "window"]])
        yield table, rows


def _count_rows(sources: Sequence[Source]) -> list[int]:
    """Count the rows of each file, their names checked, and no name in two files."""
    tables = [read_table(source.csv, KEY_COLUMNS) for source in sources]
    names = pd.concat([table["trace_name"] for table in tables], ignore_index=True)
    repeated_names = names[names.duplicated()]
    if len(repeated_names):
        name = repeated_names.min()
        one, other, *_ = (
            source.csv
            for source, table in zip(sources, tables, strict=True)
            if (table["trace_name"] == name).any()
        )
        raise InputError(
            f"trace {name!r} is in both {str(one)!r} and {str(other)!r}: check them one by one"
        )
    return [len(table) for table in tables]


def _columns_to_keep(table: pd.DataFrame) -> pd.DataFrame:
    """Keep of some rows what other checks need, which is little."""
    unknown = pd.Series("", index=table.index, dtype=str)
    arrivals = {c: parse_numbers(table.get(c, unknown))[0] for c in ARRIVALS}
    return table[list(KEY_COLUMNS)].assign(window=window_keys(table), **arrivals)
