"""Rows and waveforms of the traces that a figure shows."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pandas as pd

from steadkit.catalog import check_name, iter_rows_named
from steadkit.errors import InputError
from steadkit.info.reading import iter_numbers
from steadkit.paths import is_file, require_file
from steadkit.plots.trace import Row
from steadkit.schema import COLUMNS, EVENT, MISSING
from steadkit.sources import Source
from steadkit.store import open_data, read_waveform
from steadkit.types import SNR_COLUMNS, typed_table

MAX_SUGGESTIONS = 3
"""Names proposed for one that does not exist."""

NEIGHBOURS = 40
"""Names on either side, in alphabetical order, that are compared with a wrong one."""


def read_trace_rows(csv: Path, names: Sequence[str]) -> pd.DataFrame:
    """Read the rows of some traces, typed, in the order of their names.

    Raises
    ------
    InputError
        A trace is not in the table; names like it are proposed.
    """
    for name in names:
        check_name(name, csv)  # a figure may be named after it
    table = pd.concat(list(iter_rows_named(csv, names)))
    present = set(table["trace_name"])
    for name in names:
        if name not in present:
            raise InputError(_no_such_trace(name, csv))
    first = table.drop_duplicates("trace_name").set_index("trace_name", drop=False)
    return typed_rows(first.loc[list(names)])


def read_event_rows(csv: Path, event: str | None = None) -> pd.DataFrame:
    """Read the rows of one earthquake, typed; by default of the one with most traces.

    Raises
    ------
    InputError
        No event has this source id, or none has any.
    """
    source_id = most_recorded(csv) if event is None else event
    if source_id in MISSING:
        raise InputError(
            f"source_id {source_id!r} stands for one that is not known: choose another"
        )
    chunks = [
        chunk[(chunk["source_id"] == source_id) & (chunk["trace_category"] == EVENT)]
        for chunk in iter_numbers(csv)
        if "source_id" in chunk
    ]
    table = typed_rows(pd.concat(chunks)) if chunks else pd.DataFrame()
    if table.empty:
        raise InputError(f"{str(csv)!r} has no event of source_id {source_id[:60]!r}: check the id")
    return table.sort_values("trace_name", ignore_index=True)


def most_recorded(csv: Path) -> str:
    """Return the source id with most events; among equals, the first by name."""
    counts: Counter[str] = Counter()
    for chunk in iter_numbers(csv, ("source_id", "trace_category")):
        if "source_id" in chunk:
            events = chunk["source_id"][chunk["trace_category"] == EVENT]
            counts.update(events[~events.isin(MISSING)].value_counts().to_dict())
    if not counts:
        raise InputError(f"{str(csv)!r} has no event with a source_id: a section needs one")
    return min(counts, key=lambda source: (-counts[source], source))


def read_trace_names(csv: Path) -> list[str]:
    """Read the names of all traces, in the order of the table."""
    return [name for chunk in iter_numbers(csv, ("trace_name",)) for name in chunk["trace_name"]]


def typed_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Type a text table with all of STEAD's columns; lacking and unreadable values are missing."""
    full = table.reindex(columns=list(dict.fromkeys([*COLUMNS, *table.columns])), fill_value="")
    return typed_table(full, on_error="missing")


def read_trace_waveforms(source: Source, names: Sequence[str]) -> np.ndarray:
    """Read the waveforms of some traces, shape (traces, 6000, 3), counts.

    Raises
    ------
    InputError
        There is no HDF5 file next to the CSV, or it does not hold one of them.
    """
    require_file(
        source.hdf5,
        f"no {source.hdf5.name!r} beside {str(source.csv)!r}: a trace's picture needs its "
        "waveform; map and distributions do with the CSV",
    )
    with open_data(source.hdf5) as group:
        return np.stack([read_waveform(group, name) for name in names])


def read_clear_event(source: Source, numbers: pd.DataFrame) -> tuple[np.ndarray, Row] | None:
    """Read the waveform and the typed row of an event with a high SNR; None without any event.

    Parameters
    ----------
    source
        The data set.
    numbers
        Result of `steadkit.info.read_numbers`.
    """
    if not is_file(source.hdf5):
        return None
    name = clear_event(numbers, read_trace_names(source.csv))
    if name is None:
        return None
    return read_trace_waveforms(source, [name])[0], read_trace_rows(source.csv, [name]).iloc[
        0
    ].to_dict()


def clear_event(numbers: pd.DataFrame, names: Sequence[str]) -> str | None:
    """Return the name of the event nearest to the upper quartile of the SNR.

    The SNR of an event is that of its worst component.

    Parameters
    ----------
    numbers
        ``is_event`` and ``snr_db_E``, ``_N``, ``_Z``, a row a trace.
    names
        The trace name of each row; the first by name of equally near ones is returned.
    """
    of_events = numbers["is_event"].to_numpy()
    ratios = numbers[list(SNR_COLUMNS)].min(axis=1, skipna=False).where(of_events)
    deviation = (ratios - ratios.quantile(0.75)).abs().to_numpy()
    # If no SNR is known, any event will do.
    candidates = deviation == np.nanmin(deviation) if ratios.notna().any() else of_events
    return min((names[i] for i in np.flatnonzero(candidates).tolist()), default=None)


def _no_such_trace(name: str, csv: Path) -> str:
    names = read_trace_names(csv)
    suggestions = close_names(name, names)
    if suggestions:
        remedy = f"did you mean {', '.join(map(repr, suggestions))}?"
    else:
        remedy = f"use one of its {len(names):,}: {', '.join(map(repr, names[:3]))}, ..."
    return f"{str(csv)!r} has no trace {name[:60]!r}: {remedy}"


def close_names(name: str, names: Sequence[str]) -> list[str]:
    """Return similar names, among those that begin or end like it.

    >>> close_names("ACR.BG_2012", ["BUC.BG_2011", "ACR.BG_2012_EV", "ACR.BG_2013_EV"])
    ['ACR.BG_2012_EV', 'ACR.BG_2013_EV', 'BUC.BG_2011']
    """
    # Comparing a million names by difflib takes a minute: only neighbours in sorted order.
    candidates = set(_neighbours(name, sorted(names)))
    candidates |= {n[::-1] for n in _neighbours(name[::-1], sorted(n[::-1] for n in names))}
    return get_close_matches(name[:200], sorted(candidates), MAX_SUGGESTIONS)


def _neighbours(name: str, in_order: Sequence[str]) -> Sequence[str]:
    place = bisect_left(in_order, name)
    return in_order[max(place - NEIGHBOURS, 0) : place + NEIGHBOURS]
