"""QuakeML: picks and what is known of their earthquakes, read as rows, and written from rows."""

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
"""QuakeML counts depths and their uncertainties in metres."""


USED: Final = "yes"
"""Of a pick that the preferred origin of its event was located with."""


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
            # In UTF-16 the letters lie two bytes apart.
            if b"<!DOCTYPE" in (tail + block).replace(b"\0", b"").upper():
                raise InputError(f"{str(path)!r} has a document type: remove its <!DOCTYPE ...>")
            tail = block[-32:]


def check_values(path: Path) -> None:
    """Refuse numbers and times of QuakeML or StationXML that ObsPy takes otherwise than we do.

    It reads 1_000 and inf as numbers, and leaves out what it cannot read.

    Raises
    ------
    InputError
        A number is none or beyond any figure of a seismogram, or a time is not XML's.
    """
    refuse_entities(path)
    try:
        for _, element in ElementTree.iterparse(path):
            name = _local_name(element)
            if name in NUMBER_ELEMENTS:
                _check_value(name, element.text, path)
            elif name in QUANTITY_ELEMENTS:
                for part in element:
                    if _local_name(part) in ("value", "uncertainty"):
                        is_time = name == "time" and _local_name(part) == "value"
                        _check_value(name, part.text, path, is_time)
    except ElementTree.ParseError:
        return  # ObsPy says what it is not


NUMBER_ELEMENTS: Final = (
    *("standardError", "azimuthalGap", "horizontalUncertainty", "timeWeight"),
    *("Latitude", "Longitude", "Elevation"),
)
QUANTITY_ELEMENTS: Final = ("time", "latitude", "longitude", "depth", "mag")
"""Elements that hold a figure that we use: as their text, or as value and uncertainty."""


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
    """Read all picks of a QuakeML file, with their event's preferred origin and magnitude.

    Returns
    -------
    list of dict
        A row a pick, in the columns of `steadkit.records.picks`.

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
    short = [identifier.rpartition("/")[2] or identifier for identifier in identifiers]
    names = short if len(set(short)) == len(short) else identifiers
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
        made = magnitude.creation_info
        author = (made.author or made.agency_id) if made else None
        row |= _texts(
            source_magnitude=magnitude.mag,
            source_magnitude_type=(magnitude.magnitude_type or "").lower(),
            source_magnitude_author=author,
        )
    return row


def _read_origin(origin: Any) -> dict[str, str]:
    quality = origin.quality or quake.OriginQuality()
    doubt = origin.origin_uncertainty or quake.OriginUncertainty()
    return _texts(
        source_origin_time=origin.time,
        source_origin_uncertainty_sec=_uncertainty(origin.time_errors),
        source_latitude=origin.latitude,
        source_longitude=origin.longitude,
        source_error_sec=quality.standard_error,
        source_gap_deg=quality.azimuthal_gap,
        source_horizontal_uncertainty_km=_km(doubt.horizontal_uncertainty),
        source_depth_km=_km(origin.depth),
        source_depth_uncertainty_km=_km(_uncertainty(origin.depth_errors)),
    )


def _uncertainty(errors: Any) -> float | None:
    """Read an uncertainty; ObsPy has no errors at all of what a file leaves out."""
    return None if errors is None else errors.uncertainty


def _km(metres: float | None) -> float | None:
    return None if metres is None else round(metres / KM, 6)


def _texts(**values: object) -> dict[str, str]:
    return {key: "" if value is None else str(value) for key, value in values.items()}


def _read_pick(pick: Any, event: Any) -> dict[str, str]:
    where = pick.waveform_id or quake.WaveformStreamID()
    origin = event.preferred_origin() or next(iter(event.origins), None)
    arrivals = origin.arrivals if origin is not None else []
    arrival = next((a for a in arrivals if a.pick_id == pick.resource_id), None)
    return _texts(
        network=where.network_code,
        station=where.station_code,
        location=where.location_code,
        channel=where.channel_code,
        phase=pick.phase_hint or (arrival.phase if arrival else None),
        time=pick.time,
        status=pick.evaluation_mode,
        evaluation_status=pick.evaluation_status,
        used=USED if arrival is not None and arrival.time_weight != 0 else None,
        weight=arrival.time_weight if arrival else None,
    )


def write_quakeml(path: Path, events: Iterable[Sequence[Mapping[str, Any]]]) -> None:
    """Write earthquakes with their picks, one after the other, so that memory stays flat.

    Parameters
    ----------
    path
        A file that does not exist yet.
    events
        For each earthquake its picks: dicts of network, station, channel, phase, time
        (`obspy.UTCDateTime`), status, weight (or NaN), name, and ``source``, a dict of source_id,
        time and the numbers of STEAD's source columns, as far as they are known.
    """
    head, _, foot = _split_xml(_make_event([]))
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(head)
        file.writelines(_split_xml(_make_event(picks))[1] for picks in events)
        file.write(foot)


def _split_xml(event: Any) -> tuple[str, str, str]:
    """Let ObsPy write a catalogue of one event; returns what is before, of and behind it."""
    buffer = io.BytesIO()
    catalogue = quake.Catalog([event], resource_id="smi:local/steadkit")
    catalogue.write(buffer, format="QUAKEML")
    text = buffer.getvalue().decode()
    last = "/>" if "</event>" not in text else "</event>"
    start = text.index("<event ")
    end = text.index(last, start) if last == "/>" else text.rindex(last)
    return text[:start], text[start : end + len(last)], text[end + len(last) :]


def _make_event(picks: Sequence[Mapping[str, Any]]) -> Any:
    source = picks[0]["source"] if picks else {}
    identifier = f"smi:local/event/{_plain(source.get('source_id', 'none'))}"
    event = quake.Event(resource_id=quake.ResourceIdentifier(identifier))
    made = [(pick, _make_pick(pick)) for pick in picks]
    event.picks = [pick for _, pick in made]
    if all(key in source for key in ("time", "source_latitude", "source_longitude")):
        event.origins = [_make_origin(source, identifier, made)]
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
    """Write what XML cannot hold, control characters and U+FFFE for example, as escapes."""
    return None if text is None else printable(text, None)


def _plain(text: str) -> str:
    """Keep the characters that QuakeML allows in the name of a resource."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-.") else "_" for c in text)


def _make_pick(pick: Mapping[str, Any]) -> Any:
    mode = {"manual": "manual", "automatic": "automatic", "autopicker": "automatic"}
    return quake.Pick(
        resource_id=quake.ResourceIdentifier(
            f"smi:local/pick/{_plain(pick['name'])}/{pick['phase']}"
        ),
        time=pick["time"],
        phase_hint=pick["phase"],
        evaluation_mode=mode.get(pick["status"]),
        waveform_id=quake.WaveformStreamID(
            network_code=_xml_text(pick["network"]),
            station_code=_xml_text(pick["station"]),
            channel_code=_xml_text(pick["channel"]),
        ),
    )


def _make_origin(source: Mapping[str, Any], identifier: str, made: Sequence[Any]) -> Any:
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
            resource_id=quake.ResourceIdentifier(f"{one.resource_id}/arrival"),
            pick_id=one.resource_id,
            phase=pick["phase"],
            time_weight=pick["weight"] if pick["weight"] == pick["weight"] else None,
        )
        for pick, one in made
    ]
    return origin
