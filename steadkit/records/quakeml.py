"""QuakeML: picks with the origin and magnitude of their event, read as rows, written from rows."""

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

from obspy import read_events
from obspy.core import event as quake

from steadkit.errors import InputError, printable
from steadkit.paths import require_file
from steadkit.types import parse_cell, parse_nanoseconds

KM: Final = 1000.0
"""Metres in a kilometre: QuakeML has depths and their uncertainties in metres."""

USED: Final = "yes"
"""Marks a pick that the preferred origin of its event was located with."""


def refuse_entities(path: Path) -> None:
    """Refuse XML with a document type: entities could pull in other files, or fill the memory.

    Raises
    ------
    InputError
        There is one, or no such file.
    """
    require_file(path)
    with path.open("rb") as file:
        tail = b""
        while block := file.read(1 << 20):
            # In UTF-16 every second byte of these letters is zero. The tail of the last block
            # finds a declaration that two blocks share.
            if b"<!DOCTYPE" in (tail + block).replace(b"\0", b"").upper():
                raise InputError(f"{str(path)!r} has a document type: remove its <!DOCTYPE ...>")
            tail = block[-32:]


def check_values(path: Path) -> None:
    """Refuse numbers and times of QuakeML or StationXML that ObsPy reads by laxer rules.

    ObsPy reads 1_000 and inf as numbers, and silently omits values that it cannot read.

    Raises
    ------
    InputError
        A number is malformed or too large (`steadkit.types`), or a time is not one of XML.
    """
    refuse_entities(path)
    try:
        for _, element in ElementTree.iterparse(path):
            name = _local_name(element)
            if name in NUMBER_ELEMENTS:
                _check_value(name, element.text, path)
            elif name in QUANTITY_ELEMENTS:
                for child in element:
                    if _local_name(child) in ("value", "uncertainty"):
                        is_time = name == "time" and _local_name(child) == "value"
                        _check_value(name, child.text, path, is_time)
    except ElementTree.ParseError:
        return  # ObsPy's reader, which comes next, fails on it and is reported


NUMBER_ELEMENTS: Final = (
    *("standardError", "azimuthalGap", "horizontalUncertainty", "timeWeight"),
    *("Latitude", "Longitude", "Elevation"),
)
"""Elements with a number as their text."""

QUANTITY_ELEMENTS: Final = ("time", "latitude", "longitude", "depth", "mag")
"""Elements with a value and its uncertainty as child elements."""


def _local_name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _check_value(name: str, text: str | None, path: Path, is_time: bool = False) -> None:
    bare = (text or "").strip()
    try:
        if not is_time:
            parse_cell(bare)
        elif parse_nanoseconds(bare) is not None and "T" not in bare:
            raise ValueError(f"{bare[:60]!r} has no clock: use 2010-01-31T23:59:59.5Z")
    except ValueError as error:
        raise InputError(f"{str(path)!r} has a {name} that cannot be: {error}") from error


def read_quakeml(path: Path) -> list[dict[str, str]]:
    """Read all picks of a QuakeML file, with the preferred origin and magnitude of their event.

    Returns
    -------
    list of dict
        One row per pick, in the columns of `steadkit.records.picks`.

    Raises
    ------
    InputError
        It is not QuakeML.
    """
    check_values(path)
    try:
        catalogue = read_events(io.BytesIO(path.read_bytes()), format="QUAKEML")
    except Exception as error:  # ObsPy raises whatever its parser meets
        raise InputError(f"{str(path)!r} is not QuakeML: {type(error).__name__}") from error
    identifiers = [str(event.resource_id) for event in catalogue]
    last_parts = [identifier.rpartition("/")[2] or identifier for identifier in identifiers]
    names = last_parts if len(set(last_parts)) == len(last_parts) else identifiers
    rows = []
    for event, name in zip(catalogue, names, strict=True):
        source = {"source_id": name} | _read_source(event)
        rows += [_read_pick(pick, event) | source for pick in event.picks]
    return rows


def _read_source(event: Any) -> dict[str, str]:
    origin = event.preferred_origin() or next(iter(event.origins), None)
    magnitude = event.preferred_magnitude() or next(iter(event.magnitudes), None)
    row = _read_origin(origin) if origin is not None else {}
    if magnitude is not None:
        info = magnitude.creation_info
        author = (info.author or info.agency_id) if info else None
        row |= _texts(
            source_magnitude=magnitude.mag,
            source_magnitude_type=(magnitude.magnitude_type or "").lower(),
            source_magnitude_author=author,
        )
    return row


def _read_origin(origin: Any) -> dict[str, str]:
    quality = origin.quality or quake.OriginQuality()
    uncertainty = origin.origin_uncertainty or quake.OriginUncertainty()
    return _texts(
        source_origin_time=origin.time,
        source_origin_uncertainty_sec=_uncertainty(origin.time_errors),
        source_latitude=origin.latitude,
        source_longitude=origin.longitude,
        source_error_sec=quality.standard_error,
        source_gap_deg=quality.azimuthal_gap,
        source_horizontal_uncertainty_km=_km(uncertainty.horizontal_uncertainty),
        source_depth_km=_km(origin.depth),
        source_depth_uncertainty_km=_km(_uncertainty(origin.depth_errors)),
    )


def _uncertainty(errors: Any) -> float | None:
    # ObsPy has None for the errors of a quantity that the file leaves out.
    return None if errors is None else errors.uncertainty


def _km(metres: float | None) -> float | None:
    return None if metres is None else round(metres / KM, 6)


def _texts(**values: object) -> dict[str, str]:
    return {key: "" if value is None else str(value) for key, value in values.items()}


def _read_pick(pick: Any, event: Any) -> dict[str, str]:
    codes = pick.waveform_id or quake.WaveformStreamID()
    origin = event.preferred_origin() or next(iter(event.origins), None)
    arrivals = origin.arrivals if origin is not None else []
    arrival = next((a for a in arrivals if a.pick_id == pick.resource_id), None)
    return _texts(
        network=codes.network_code,
        station=codes.station_code,
        location=codes.location_code,
        channel=codes.channel_code,
        phase=pick.phase_hint or (arrival.phase if arrival else None),
        time=pick.time,
        status=pick.evaluation_mode,
        evaluation_status=pick.evaluation_status,
        # A weight of zero: the arrival is listed, but the location did not use it.
        used=USED if arrival is not None and arrival.time_weight != 0 else None,
        weight=arrival.time_weight if arrival else None,
    )


def write_quakeml(path: Path, events: Iterable[Sequence[Mapping[str, Any]]]) -> None:
    """Write earthquakes with their picks one by one, in memory of one event.

    Parameters
    ----------
    path
        A file that does not exist yet.
    events
        Picks of each earthquake: dicts of network, station, channel, phase, time
        (`obspy.UTCDateTime`), status, weight (or NaN), name, and ``source``, a dict of source_id,
        time and the numbers of STEAD's source columns that are known; perhaps location, residual_s
        and distance_deg too.
    """
    head, _, foot = _split_xml(_make_event([]))
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(head)
        file.writelines(_split_xml(_make_event(picks))[1] for picks in events)
        file.write(foot)


def _split_xml(event: Any) -> tuple[str, str, str]:
    """Write a catalogue of one event; return the XML before, of and after the event."""
    buffer = io.BytesIO()
    catalogue = quake.Catalog([event], resource_id="smi:local/steadkit")
    catalogue.write(buffer, format="QUAKEML")
    text = buffer.getvalue().decode()
    # An event without picks is an empty element, <event .../>.
    tag = "/>" if "</event>" not in text else "</event>"
    start = text.index("<event ")
    end = (text.index(tag, start) if tag == "/>" else text.rindex(tag)) + len(tag)
    return text[:start], text[start:end], text[end:]


def _make_event(picks: Sequence[Mapping[str, Any]]) -> Any:
    source = picks[0]["source"] if picks else {}
    identifier = f"smi:local/event/{_resource_name(source.get('source_id', 'none'))}"
    event = quake.Event(resource_id=quake.ResourceIdentifier(identifier))
    pairs = [(pick, _make_pick(pick)) for pick in picks]
    event.picks = [quake_pick for _, quake_pick in pairs]
    if all(key in source for key in ("time", "source_latitude", "source_longitude")):
        event.origins = [_make_origin(source, identifier, pairs)]
        event.preferred_origin_id = event.origins[0].resource_id
    if "source_magnitude" in source:
        event.magnitudes = [_make_magnitude(source, identifier)]
    return event


def _make_magnitude(source: Mapping[str, Any], identifier: str) -> Any:
    author = source.get("source_magnitude_author")
    return quake.Magnitude(
        resource_id=quake.ResourceIdentifier(f"{identifier}/magnitude"),
        mag=source["source_magnitude"],
        magnitude_type=_xml_text(source.get("source_magnitude_type")),
        creation_info=quake.CreationInfo(author=_xml_text(author)) if author else None,
    )


def _xml_text(text: str | None) -> str | None:
    """Escape characters that XML cannot hold, control characters and U+FFFE for example."""
    return None if text is None else printable(text, None)


def _resource_name(text: str) -> str:
    """Replace characters that QuakeML does not allow in the name of a resource."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-.") else "_" for c in text)


def _make_pick(pick: Mapping[str, Any]) -> Any:
    mode = {"manual": "manual", "automatic": "automatic", "autopicker": "automatic"}
    return quake.Pick(
        resource_id=quake.ResourceIdentifier(
            f"smi:local/pick/{_resource_name(pick['name'])}/{pick['phase']}"
        ),
        time=pick["time"],
        phase_hint=pick["phase"],
        evaluation_mode=mode.get(pick["status"]),
        waveform_id=quake.WaveformStreamID(
            network_code=_xml_text(pick["network"]),
            station_code=_xml_text(pick["station"]),
            location_code=_xml_text(pick.get("location")),
            channel_code=_xml_text(pick["channel"]),
        ),
    )


def _make_origin(source: Mapping[str, Any], identifier: str, pairs: Sequence[Any]) -> Any:
    def number(column: str, scale: float = 1.0) -> float | None:
        return source[column] * scale if column in source else None

    origin = quake.Origin(
        resource_id=quake.ResourceIdentifier(f"{identifier}/origin"),
        time=source["time"],
        latitude=source["source_latitude"],
        longitude=source["source_longitude"],
        depth=number("source_depth_km", KM),
        time_errors=quake.QuantityError(uncertainty=number("source_origin_uncertainty_sec")),
        depth_errors=quake.QuantityError(uncertainty=number("source_depth_uncertainty_km", KM)),
        quality=quake.OriginQuality(
            standard_error=number("source_error_sec"), azimuthal_gap=number("source_gap_deg")
        ),
        origin_uncertainty=quake.OriginUncertainty(
            horizontal_uncertainty=number("source_horizontal_uncertainty_km", KM)
        ),
    )
    origin.arrivals = [
        quake.Arrival(
            resource_id=quake.ResourceIdentifier(f"{quake_pick.resource_id}/arrival"),
            pick_id=quake_pick.resource_id,
            phase=pick["phase"],
            time_weight=pick["weight"] if pick["weight"] == pick["weight"] else None,
            time_residual=pick.get("residual_s"),
            distance=pick.get("distance_deg"),
        )
        for pick, quake_pick in pairs
    ]
    return origin
