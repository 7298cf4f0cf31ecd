"""Picks as QuakeML 1.2 and as SeisComP's XML, written unit by unit.

QuakeML has picks only within events: each detection with a pick is an event without an origin, and
so is each pick outside all detections. SeisComP's XML has picks by themselves: it has no events, as
those without an origin are of no use to SeisComP. ObsPy reads from SeisComP's XML only picks that
an origin refers to, so none of these; ``picks.xml`` is the file to read with ObsPy.

The identifier of a pick is made of the digest of the weights, its codes, phase and time: it is the
same whenever the same weights pick the same arrival, and no other pick has it.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

import pandas as pd

from eqt.prediction.neighbourhood import Neighbourhood, neighbourhoods
from eqt.prediction.table_text import format_table
from eqt.prediction.tables import TableContext
from eqt.prediction.units import UnitTables
from steadkit.errors import printable

AUTHORITY: Final = "smi:local/eqt"

DIGEST_CHARACTERS: Final = 16
"""Characters of the digest in the identifiers of picks; the method has all of them."""

SCML_VERSION: Final = "0.12"
"""Version that ObsPy writes by default; SeisComP 5 and later read it."""

COMMENT_COLUMNS: Final = ("probability", "uncertainty", "snr_db", "amplitude", "detection_id")
"""Columns of ``picks.csv`` in the comment of a pick, as ``name=value`` where the value is known."""

_XML: Final = "<?xml version='1.0' encoding='utf-8'?>\n"


def write_quakeml(units: Iterable[UnitTables], path: Path, context: TableContext) -> None:
    """Write all picks as QuakeML, an event for each detection, in memory of three units.

    Parameters
    ----------
    units
        In the order of `eqt.prediction.units.plan_units`.
    path
        The file to write.
    context
        Digest of the weights, thresholds, unit of amplitudes and errors of times.
    """
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(
            f'{_XML}<q:quakeml xmlns="http://quakeml.org/xmlns/bed/1.2" '
            'xmlns:q="http://quakeml.org/xmlns/quakeml/1.2">\n'
            f"  <eventParameters publicID={_identifier(context)}>\n"
            f"    <description>{_text(_describe(context))}</description>\n"
        )
        for unit in neighbourhoods(units):
            file.writelines(_events(unit, context))
        file.write("  </eventParameters>\n</q:quakeml>\n")


def write_scml(units: Iterable[UnitTables], path: Path, context: TableContext) -> None:
    """Write all picks as SeisComP's XML, as ``Catalog.write(format="SCML", event_removal=True)``.

    Parameters
    ----------
    units, path, context
        As for `write_quakeml`.
    """
    namespace = f"http://geofon.gfz-potsdam.de/ns/seiscomp3-schema/{SCML_VERSION}"
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(
            f'{_XML}<seiscomp xmlns="{namespace}" version="{SCML_VERSION}">\n  <EventParameters>\n'
        )
        for tables in units:
            picks = tables.arrivals[tables.arrivals["is_pick"]]
            file.writelines(_pick(pick, context) for pick in _pick_rows(picks))
        file.write("  </EventParameters>\n</seiscomp>\n")


def _describe(context: TableContext) -> str:
    thresholds = vars(context.thresholds) if context.thresholds else {}
    levels = ", ".join(f"{name} {value:g}" for name, value in thresholds.items())
    return f"eqt predict{f', thresholds: {levels}' if levels else ''}"


def _events(unit: Neighbourhood, context: TableContext) -> Iterator[str]:
    """Yield the events of a unit: detections that start in it, and its picks outside of all."""
    picks_of: dict[str, list[Any]] = {}
    for pick in _pick_rows(unit.nearby):
        picks_of.setdefault(pick.detection_id, []).append(pick)
    for detection in format_table(unit.tables.detections).itertuples():
        comment = " ".join(
            f"{name}={getattr(detection, name)}"
            for name in ("detection_id", "start", "end", "probability")
        )
        if detection.detection_id in picks_of:
            yield _event(detection.detection_id, picks_of[detection.detection_id], context, comment)
    for pick in _pick_rows(unit.picks):
        # A detection that no unit has starts outside the limits, or at another instrument.
        if pick.detection_id not in unit.detection_ids:
            yield _event(pick.name, [pick], context)


def _event(name: str, picks: list[Any], context: TableContext, comment: str = "") -> str:
    text = f"      <comment>\n        <text>{_text(comment)}</text>\n      </comment>\n"
    return (
        f"    <event publicID={_identifier(context, 'event', name)}>\n"
        f"{text if comment else ''}{''.join(_pick(pick, context) for pick in picks)}"
        "    </event>\n"
    )


def _pick_rows(picks: pd.DataFrame) -> list[Any]:
    """Return picks as named tuples of text, with a name that no other pick has.

    Refinement may move two peaks to one onset: the second has a number in its name.
    """
    texts = format_table(picks)
    key = ["network", "station", "location", "channel", "phase", "time"]
    number = texts.groupby(key, sort=False).cumcount()
    codes = texts["network"].str.cat(texts[["station", "location", "channel"]], ".")
    stamps = [re.sub(r"[-:.Z]", "", time) for time in texts["time"]]
    names = [
        f"{code}/{phase}/{stamp}{f'/{repeat + 1}' if repeat else ''}"
        for code, phase, stamp, repeat in zip(codes, texts["phase"], stamps, number, strict=True)
    ]
    return list(texts.assign(name=names).itertuples(index=False))


def _pick(pick: Any, context: TableContext) -> str:
    """Return a pick's element, equal in both formats; SeisComP requires this order."""
    codes = " ".join(
        f"{name}Code={quoteattr(printable(getattr(pick, name), None))}"
        for name in ("network", "station", "location", "channel")
    )
    values = {name: getattr(pick, name) for name in COMMENT_COLUMNS}
    if values["amplitude"]:
        values["amplitude_unit"] = context.amplitude_unit
    comment = " ".join(f"{name}={value}" for name, value in values.items() if value)
    return f"""      <pick publicID={_identifier(context, "pick", pick.name)}>
        <time>
          <value>{pick.time}</value>
          <uncertainty>{context.time_uncertainty_s[pick.phase]:g}</uncertainty>
        </time>
        <waveformID {codes}/>
        <methodID>{AUTHORITY}/{_resource_name(context.digest)}</methodID>
        <phaseHint>{pick.phase}</phaseHint>
        <evaluationMode>automatic</evaluationMode>
        <comment>
          <text>{_text(comment)}</text>
        </comment>
      </pick>
"""


def _identifier(context: TableContext, *names: str) -> str:
    """Return the identifier of a resource, in quotes."""
    path = "/".join(map(_resource_name, (context.digest[:DIGEST_CHARACTERS], *names)))
    return quoteattr(f"{AUTHORITY}/{path}")


def _resource_name(text: str) -> str:
    """Replace characters that QuakeML does not allow in identifiers; different names stay so."""
    return re.sub(r"[^A-Za-z0-9._/-]", lambda match: f"~{ord(match[0]):x}", text)


def _text(text: str) -> str:
    return escape(printable(text, None))
