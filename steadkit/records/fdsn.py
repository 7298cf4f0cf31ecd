"""FDSN web services: channels of the station service as headers, and records of the data service.

A request that is too large for a service is halved; one that fails, or whose answer is cut short,
is repeated. An answer is data alone: XML with a document type is refused, and redirections lead to
other web addresses, never to files.
"""

import io
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from obspy import Stream, UTCDateTime, read, read_inventory
from obspy.clients.fdsn import Client
from obspy.clients.fdsn import header as fdsn

from steadkit.errors import InputError, printable
from steadkit.records.gapless import NANO, Piece
from steadkit.records.instruments import Instrument, clean_location, reject_channel, split_channel
from steadkit.records.miniseed import is_truncated
from steadkit.records.waveform_files import MARGIN_NS, RecordHeader, add_pieces
from steadkit.records.web_service import (
    DOWNLOAD,
    FINAL_ERRORS,
    LISTING,
    BrokenAnswerError,
    RetryPolicy,
    open_client,
    repeat,
    service_error,
)

FDSN: Final = "FDSN"
"""`RecordHeader.source_format` of a service's channels."""

MIN_REQUEST_NS: Final = 600 * NANO
"""Length of the shortest half of a request that is too large."""

NO_DATA: Final = "no data at the data centre"
RESTRICTED: Final = "data that the data centre gives to its users only"


class ServiceRequest(NamedTuple):
    """A web service, by address or by its name in ObsPy, and the channels to ask it for.

    Each is a code, a pattern with ``*`` and ``?``, or several with commas; a blank location is
    ``--``.
    """

    service: str
    networks: str = "*"
    stations: str = "*"
    locations: str = "*"
    channels: str = "*"


def list_channels(
    url_or_name: str,
    networks: str,
    stations: str,
    locations: str,
    channels: str,
    start: int | None,
    end: int | None,
    skipped: Counter[str] | None = None,
    policy: RetryPolicy = LISTING,
) -> list[RecordHeader]:
    """Ask a station service for channels; return a header for each epoch of each.

    Parameters
    ----------
    url_or_name
        Address such as ``https://geofon.gfz.de``, or a service's name in ObsPy.
    networks, stations, locations, channels
        See `ServiceRequest`.
    start, end
        Limits in ns since 1970, to which the epochs are cut; both are needed.
    skipped
        Counts channels that are passed over by rule, by reason.
    policy
        Repetitions of a failed request.

    Raises
    ------
    InputError
        A limit is missing, there is no such service, or it does not answer as it should.
    """
    service = url_or_name.strip()
    if start is None or end is None:
        raise InputError(
            f"web service {printable(service)!r} needs limits of time: give the first time and "
            "the last one"
        )
    client = open_client(service, policy)
    codes = {"network": networks, "station": stations, "location": locations, "channel": channels}
    limits = {"starttime": UTCDateTime(ns=start), "endtime": UTCDateTime(ns=end)}

    def ask() -> Any:
        content = io.BytesIO()
        client.get_stations(**codes, **limits, level="channel", filename=content)
        return _parse_inventory(content.getvalue(), service)

    try:
        inventory = repeat(ask, service, policy)
    except fdsn.FDSNNoDataException:
        return []
    except FINAL_ERRORS as error:
        raise service_error(service, error, "ask for fewer stations") from error
    skipped = Counter() if skipped is None else skipped
    headers = {*_iter_headers(inventory, service, (start, end), skipped)}
    return sorted(headers, key=lambda header: (header.instrument, header.channel, header.start))


def _parse_inventory(content: bytes, service: str) -> Any:
    # In UTF-16 every second byte of these letters is zero.
    if b"<!DOCTYPE" in content.replace(b"\0", b"").upper():
        raise InputError(
            f"web service {printable(service)!r} answers with XML that has a document type, "
            "which is not read: name another service"
        )
    try:
        return read_inventory(io.BytesIO(content), format="STATIONXML")
    except Exception as error:  # ObsPy raises whatever its parser meets
        raise BrokenAnswerError("an answer that is not StationXML, or cut short") from error


def _iter_headers(
    inventory: Any, service: str, limits: tuple[int, int], skipped: Counter[str]
) -> Iterator[RecordHeader]:
    for network in inventory:
        for station in network:
            for epoch in station:
                rate = float(epoch.sample_rate or 0)
                reason = reject_channel(epoch.code, rate if math.isfinite(rate) else 0)
                if reason is None and epoch.restricted_status == "closed":
                    reason = RESTRICTED
                if reason is not None:
                    skipped[reason] += 1
                    continue
                receiver_type, component = split_channel(epoch.code)
                codes = (network.code, station.code, clean_location(epoch.location_code))
                start = max(limits[0], epoch.start_date.ns if epoch.start_date else limits[0])
                end = min(limits[1], epoch.end_date.ns if epoch.end_date else limits[1])
                if start < end:
                    instrument = Instrument(*codes, receiver_type)
                    yield RecordHeader(
                        service, FDSN, instrument, component, epoch.code, start, end, rate
                    )


def download_pieces(
    headers: Sequence[RecordHeader], start: int, end: int, policy: RetryPolicy = DOWNLOAD
) -> tuple[dict[str, list[Piece]], Counter[str]]:
    """Download the samples of one instrument in a span of time.

    Parameters
    ----------
    headers
        From `list_channels`, of one instrument.
    start, end
        Limits in ns since 1970.
    policy
        Repetitions of a failed request.

    Returns
    -------
    pieces
        By component letter.
    failed
        Number of requests by the reason why there are no data.

    Raises
    ------
    InputError
        The service fails.
    """
    pieces: dict[str, list[Piece]] = {}
    failed: Counter[str] = Counter()
    inside = [header for header in headers if header.start <= end and header.end >= start]
    for service, instrument in dict.fromkeys((h.source, h.instrument) for h in inside):
        of_instrument = [h for h in inside if (h.source, h.instrument) == (service, instrument)]
        codes = {
            "network": instrument.network,
            "station": instrument.station,
            "location": instrument.location or "--",
            "channel": ",".join(sorted({header.channel for header in of_instrument})),
        }
        data_service = _DataService(service, open_client(service, policy), codes, policy)
        try:
            streams = data_service.download(start - MARGIN_NS, end + MARGIN_NS)
        except (fdsn.FDSNUnauthorizedException, fdsn.FDSNForbiddenException):
            failed[RESTRICTED] += 1
            continue
        n_before = sum(map(len, pieces.values()))
        for stream in streams:
            add_pieces(pieces, stream, of_instrument)
        if sum(map(len, pieces.values())) == n_before:
            failed[NO_DATA] += 1
    return pieces, failed


class _DataService(NamedTuple):
    """The data service that has the channels of one instrument."""

    service: str
    client: Client
    codes: dict[str, str]
    policy: RetryPolicy

    def download(self, start: int, end: int) -> list[Stream]:
        """Download a span of time, in halves where the service refuses it as too large."""
        limits = (UTCDateTime(ns=start), UTCDateTime(ns=end))

        def ask() -> Stream:
            content = io.BytesIO()
            self.client.get_waveforms(
                **self.codes, starttime=limits[0], endtime=limits[1], filename=content
            )
            return _parse_records(content.getvalue(), *limits)

        try:
            return [repeat(ask, self.service, self.policy)]
        except fdsn.FDSNNoDataException:
            return []
        except fdsn.FDSNRequestTooLargeException as error:
            if end - start < 2 * MIN_REQUEST_NS:
                raise service_error(
                    self.service, error, "it gives less than 20 minutes at once, name another"
                ) from error
        middle = (start + end) // 2
        return [*self.download(start, middle), *self.download(middle, end)]


def _parse_records(content: bytes, start: UTCDateTime, end: UTCDateTime) -> Stream:
    if not content:
        return Stream()
    if is_truncated(content):
        raise BrokenAnswerError("miniSEED that is cut short")
    try:
        return read(
            io.BytesIO(content),
            format="MSEED",
            check_compression=False,
            starttime=start,
            endtime=end,
        )
    except Exception as error:  # ObsPy raises whatever its reader meets
        raise BrokenAnswerError("an answer that is not miniSEED") from error
