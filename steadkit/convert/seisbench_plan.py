"""Plan of an import from SeisBench's format: name, category and split of each trace.

The type of a source is in ``trace_category``, in ``source_type``, or in neither. STEAD has local
earthquakes and noise only, so a trace of another source, an explosion for example, is left out
unless its type is requested; then it is an event like an earthquake, since it has arrivals.

Sources: for the types of PNW (explosion, sonic boom, thunder, surface event) Ni et al. (2023),
Seismica 2(1), doi:10.26443/seismica.v2i1.368; ``lp``, a long-period earthquake, is of VCSEIS, Zhong
and Tan (2024), GRL 51, doi:10.1029/2024GL108438; the other names are QuakeML's event types.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pandas as pd

from steadkit.catalog import check_name
from steadkit.convert.seisbench_columns import ARRIVALS, NAMES, list_source_ids
from steadkit.convert.seisbench_files import Chunk, Layout
from steadkit.errors import InputError, printable
from steadkit.records.text import (
    SUFFIX,
    is_known,
    iter_text_chunks,
    make_unique,
    read_csv_header,
    stead_name,
)
from steadkit.schema import EVENT, NOISE
from steadkit.types import parse_cell, parse_times

MAX_TYPES: Final = 12
"""Largest number of source types in an error message."""

EARTHQUAKES: Final = (
    "earthquake",
    "earthquake local",
    "eq",
    "induced or triggered event",
    "lp",
    "vt",
)
"""Types of earthquakes, as `normalise_type` writes them."""

UNKNOWN_TYPES: Final = ("not reported", "unknown")
"""Types without information on the source."""

REASONS: Final[Mapping[str, str]] = {
    "source_type": "a source that is no earthquake",
    "trace_category": "a category that STEAD has not",
}
"""Columns with the type of a source, and the reason by which other types are left out."""

EVIDENCE: Final = (
    *(name for column in ARRIVALS for name in NAMES[column]),
    "source_origin_time",
    "source_latitude_deg",
    *NAMES["source_magnitude"],
)
"""Columns with values for events only: any of them marks an event where there is no type."""


def plan_import(
    chunks: Sequence[Chunk], layouts: Sequence[Layout], source_types: Sequence[str] = ()
) -> pd.DataFrame:
    """Read name, category and split of each trace: a row per trace, in the order of the files.

    Parameters
    ----------
    chunks, layouts
        Files of the data set, and the layout of samples in each.
    source_types
        Source types that count as events, besides earthquakes.

    Returns
    -------
    pandas.DataFrame
        ``name`` in the new data set, ``original_name``, ``category`` or ``""`` with a ``reason``,
        ``source_type`` of a source that is no earthquake, ``sources`` where there are several
        earthquakes, ``split``, sampling ``rate`` in Hz or 0, and ``is_repeated``, whether an
        earlier row has the same samples.

    Raises
    ------
    InputError
        There is no trace, or none of a type in `source_types`.
    """
    accepted_types = {normalise_type(text) for text in source_types}
    tables = [
        _plan_rows(rows, chunk.name, layout, accepted_types)
        for chunk, layout in zip(chunks, layouts, strict=True)
        for rows in iter_text_chunks(chunk.metadata, _plan_columns(chunk.metadata))
    ]
    plan = pd.concat(tables, ignore_index=True)
    if plan.empty:
        raise InputError(f"{str(chunks[0].metadata.parent)!r} lists no trace: name another folder")
    _refuse_missing_types(source_types, plan["source_type"])
    # Skipped traces get their identity as a name, so that they do not make names repeated.
    is_used = plan["category"] != ""
    plan["name"] = make_unique(plan["name"].where(is_used, plan["identity"]), plan["identity"])
    plan["is_repeated"] = plan["identity"].duplicated()
    return plan.drop(columns="identity")


def _refuse_missing_types(source_types: Sequence[str], present: pd.Series) -> None:
    counts = present[present != ""].value_counts()
    for text in source_types:
        if normalise_type(text) not in (*counts.index, *EARTHQUAKES):
            listed = ", ".join(printable(name, 40) for name in counts.index[:MAX_TYPES])
            remedy = f"name one of {listed}" if listed else "there are only earthquakes and noise"
            raise InputError(f"no trace is of source type {printable(text, 40)!r}: {remedy}")


def _plan_columns(metadata: Path) -> list[str]:
    """List the columns of a chunk that the plan needs."""
    needed = {
        *("trace_name", "trace_name_original", "split", "trace_sampling_rate_hz", "trace_dt_s"),
        *(*REASONS, *EVIDENCE, *NAMES["source_id"]),
        *(name for column in ("network_code", "receiver_code") for name in NAMES[column]),
        *NAMES["trace_start_time"],
    }
    columns = read_csv_header(metadata)
    if "trace_name" not in columns:
        raise InputError(f"{str(metadata)!r} has no column 'trace_name': SeisBench needs it")
    return [column for column in columns if column in needed]


def _plan_rows(
    table: pd.DataFrame, chunk: str, layout: Layout, accepted_types: Collection[str]
) -> pd.DataFrame:
    def column(name: str) -> pd.Series:
        return table[name] if name in table else pd.Series("", index=table.index, dtype=str)

    rows = table.to_dict("records")
    classes = [classify_source(row, accepted_types) for row in rows]
    original = column("trace_name_original")
    original = original.where(original.map(is_known), table["trace_name"])
    # Some data sets write dates with slashes; an unreadable time leaves the name without one.
    starts, _ = parse_times(column("trace_start_time").str.replace("/", "-"))
    stations = zip(column("station_code"), column("station_network_code"), starts, strict=True)
    names = [
        name if _is_stead_name(name, category) else stead_name(*station, category or NOISE)
        for name, (category, *_), station in zip(original, classes, stations, strict=True)
    ]
    return pd.DataFrame(
        {
            "name": names,
            "original_name": original.to_numpy(),
            "identity": chunk + "/" + table["trace_name"].to_numpy(),
            **{
                field: [getattr(classification, field) for classification in classes]
                for field in Classification._fields
            },
            "sources": [_source_list(row) for row in rows],
            "split": column("split").where(column("split").map(is_known), "").to_numpy(),
            "rate": [sampling_rate_of(row, layout) for row in rows],
        }
    )


def _source_list(row: Mapping[str, str]) -> str:
    """Write the earthquakes of a row as a list; ``""`` for one or none."""
    sources = list_source_ids(row)
    return f"[{' '.join(map(repr, sources))}]" if len(sources) > 1 else ""


def _is_stead_name(name: str, category: str) -> bool:
    try:
        check_name(name, Path("metadata.csv"))
    except InputError:
        return False
    # The $ separates block and slice in a name of SeisBench.
    return "$" not in name and name.endswith(f"_{SUFFIX.get(category, '?')}")


def sampling_rate_of(row: Mapping[str, str], layout: Layout) -> float:
    """Return a row's sampling rate in Hz, else that of the file; 0 if unknown."""
    try:
        if is_known(row.get("trace_sampling_rate_hz", "")):
            return parse_cell(row["trace_sampling_rate_hz"])
        if is_known(row.get("trace_dt_s", "")):
            return 1 / parse_cell(row["trace_dt_s"])
    except (ValueError, ZeroDivisionError):
        return 0.0
    return layout.sampling_rate or 0.0


class Classification(NamedTuple):
    """Category of a trace and type of its source; category ``""`` with the reason to skip it."""

    category: str
    source_type: str = ""
    reason: str = ""


def classify_source(row: Mapping[str, str], accepted_types: Iterable[str] = ()) -> Classification:
    """Classify a trace as event, noise or neither: by type, else by its source and arrivals.

    Parameters
    ----------
    row
        A row of SeisBench's metadata, as text.
    accepted_types
        Source types that count as events too, as `normalise_type` writes them.

    >>> classify_source({"source_type": "earthquake"}).category
    'earthquake_local'
    >>> classify_source({"trace_snr_db": "3"}).category
    'noise'
    >>> classify_source({"source_type": "sonic_boom"}).reason
    "a source that is no earthquake: 'sonic boom'"
    >>> classify_source({"source_type": "sonic_boom"}, ["sonic boom"]).category
    'earthquake_local'
    """
    types = {column: normalise_type(row.get(column, "")) for column in REASONS}
    types = {column: text for column, text in types.items() if text}
    for column, text in types.items():
        if text not in (*EARTHQUAKES, NOISE):
            if text in accepted_types:
                return Classification(EVENT, text)
            return Classification("", text, f"{REASONS[column]}: {printable(text, 40)!r}")
    if types:
        # Where both are there, the category decides.
        category = types.get("trace_category", types.get("source_type"))
        return Classification(NOISE if category == NOISE else EVENT)
    is_event = any(is_known(row.get(column, "")) for column in EVIDENCE)
    # INSTANCE numbers its noise like its events: an id counts where the table describes sources.
    is_event |= bool(list_source_ids(row)) and any(column in row for column in EVIDENCE)
    return Classification(EVENT if is_event else NOISE)


def normalise_type(text: str) -> str:
    """Normalise the type of a source: lower case, spaces; ``""`` if unknown.

    >>> normalise_type(" Surface_Event"), normalise_type("not reported")
    ('surface event', '')
    """
    source_type = " ".join(text.lower().replace("_", " ").split())
    return source_type if is_known(text) and source_type not in UNKNOWN_TYPES else ""
