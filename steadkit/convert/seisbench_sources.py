"""Source of a trace in SeisBench's format: an earthquake, noise, or another type.

The type is in ``trace_category``, in ``source_type``, or in neither. STEAD has local earthquakes
and noise only, so a trace of another source, an explosion for example, is left out unless its type
is requested; then it is an event like an earthquake, since it has arrivals.

Sources: for the types of PNW (explosion, sonic boom, thunder, surface event) Ni et al. (2023),
Seismica 2(1), doi:10.26443/seismica.v2i1.368; ``lp``, a long-period earthquake, is of VCSEIS, Zhong
and Tan (2024), GRL 51, doi:10.1029/2024GL108438; the other names are QuakeML's event types.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from steadkit.catalog import SOURCE_LIST, list_sources
from steadkit.convert.seisbench_names import ARRIVALS, NAMES
from steadkit.errors import printable
from steadkit.records.stead_text import is_known
from steadkit.schema import EVENT, NOISE

EARTHQUAKES: Final = (
    "earthquake",
    "earthquake local",
    "eq",
    "induced or triggered event",
    "lp",
    "vt",
)
"""Types of earthquakes, as `source_type_of` writes them."""

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
        Source types that count as events too, as `source_type_of` writes them.

    >>> classify_source({"source_type": "earthquake"}).category
    'earthquake_local'
    >>> classify_source({"trace_snr_db": "3"}).category
    'noise'
    >>> classify_source({"source_type": "sonic_boom"}).reason
    "a source that is no earthquake: 'sonic boom'"
    >>> classify_source({"source_type": "sonic_boom"}, ["sonic boom"]).category
    'earthquake_local'
    """
    types = {column: source_type_of(row.get(column, "")) for column in REASONS}
    types = {column: text for column, text in types.items() if text}
    for column, text in types.items():
        if text not in (*EARTHQUAKES, NOISE):
            if text in accepted_types:
                return Classification(EVENT, text)
            return Classification("", text, f"{REASONS[column]}: {printable(text, 40)!r}")
    if types:
        category = types.get("trace_category", types.get("source_type"))
        return Classification(NOISE if category == NOISE else EVENT)
    is_event = any(is_known(row.get(column, "")) for column in EVIDENCE)
    # INSTANCE numbers its noise like its events: an id counts where the table describes sources.
    is_event |= bool(sources_of(row)) and any(column in row for column in EVIDENCE)
    return Classification(EVENT if is_event else NOISE)


def source_type_of(text: str) -> str:
    """Normalise the type of a source: lower case, spaces; ``""`` if unknown.

    >>> source_type_of(" Surface_Event"), source_type_of("not reported")
    ('surface event', '')
    """
    source_type = " ".join(text.lower().replace("_", " ").split())
    return source_type if is_known(text) and source_type not in UNKNOWN_TYPES else ""


def sources_of(row: Mapping[str, str]) -> list[str]:
    """List the earthquakes of a trace, first the one that it was cut for.

    CEED lists an earthquake for each pick of a trace; the name of the trace begins with the one
    that it was cut for.

    >>> sources_of({"source_id_list": "['nc7' 'nc1' 'nc7']", "trace_name": "nc1/NC.GAS..EH"})
    ['nc1', 'nc7']
    >>> sources_of({"event_id": "uw61896586"}), sources_of({"source_id": "None"})
    (['uw61896586'], [])
    """
    names = [name for name in NAMES["source_id"] if is_known(row.get(name, ""))]
    if not names:
        return []
    text = row[names[0]].strip()
    sources = list_sources(text) if names[0] == SOURCE_LIST or text[0] in "[(" else [text]
    first = row.get("trace_name", "").partition("/")[0]
    return sorted(sources, key=lambda source: source != first)
