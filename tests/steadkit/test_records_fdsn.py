"""FDSN services, against a server on this machine that answers as data centres do."""

import io
import threading
from collections import Counter

import numpy as np
import pytest
from fdsn_server import RATE, Reply, make_channel, serve, station_xml
from obspy import Stream, Trace, UTCDateTime

from steadkit.errors import InputError
from steadkit.records.fdsn import (
    FDSN,
    MIN_REQUEST_NS,
    NO_DATA,
    RESTRICTED,
    ServiceRequest,
    download_pieces,
    list_channels,
)
from steadkit.records.instruments import Instrument
from steadkit.records.web_service import RetryPolicy

START = UTCDateTime("2024-02-03T05:00:00")
END = UTCDateTime("2024-02-03T07:00:00")
LIMITS = (START.ns, END.ns)
AT_ONCE = RetryPolicy(n_retries=3, wait_s=0.0, timeout_s=5.0)


@pytest.fixture(autouse=True)
def without_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


HHZ_HHN = station_xml(make_channel("HHZ"), make_channel("HHN"))


def samples(code: str, first: int, after: int) -> np.ndarray:
    """Return samples that depend on their number since `START`, and on the channel."""
    numbers = np.arange(first, after)
    return (1000 * np.sin(numbers / 7) + numbers % 13 + ord(code[-1])).astype(np.int32)


def miniseed(query: dict[str, str]) -> bytes:
    """Make the records that a query asks for, of the two hours that there are."""
    begin, stop = (UTCDateTime(query[key]) for key in ("starttime", "endtime"))
    first = max(int(np.ceil((begin - START) * RATE)), 0)
    after = min(int(np.floor((stop - START) * RATE)) + 1, round((END - START) * RATE))
    stats = {"network": "XX", "station": "ABC", "sampling_rate": RATE}
    stats |= {"starttime": START + first / RATE}
    stream = Stream(
        Trace(samples(code, first, after), stats | {"channel": code})
        for code in query["channel"].split(",")
    )
    content = io.BytesIO()
    stream.write(content, format="MSEED", reclen=512)
    return content.getvalue()


def answer_all(query):
    return Reply(body=HHZ_HHN if "/station/" in query["path"] else miniseed(query))


def list_all(url, start=LIMITS[0], end=LIMITS[1], skipped=None):
    return list_channels(*ServiceRequest(url), start, end, skipped, policy=AT_ONCE)


def refuse_list(answer, words: str) -> None:
    """Check that a list of channels is refused in one line, after one query."""
    with serve(answer) as server, pytest.raises(InputError) as error:
        list_all(server.url)
    assert str(error.value).startswith(f"web service '{server.url}'")
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert len(server.queries) == 1


def download(answer):
    """List channels and download them; return the pieces, what failed, and the queries for data."""
    with serve(answer) as server:
        headers = list_all(server.url)
        pieces, failed = download_pieces(headers, *LIMITS, policy=AT_ONCE)
    return pieces, failed, server.asked("dataselect")


def assert_complete(pieces) -> None:
    """Check that all samples are there, at their times."""
    assert {*pieces} == {"Z", "N"}
    for component, of_component in pieces.items():
        covered = np.zeros(round((END - START) * RATE), bool)
        for piece in of_component:
            first = round((piece.start - START.ns) / 1e9 * RATE)
            after = first + len(piece.samples)
            np.testing.assert_array_equal(piece.samples, samples(f"HH{component}", first, after))
            covered[first:after] = True
        assert covered.all()


def test_channels_are_headers_and_epochs_are_cut_to_the_limits():
    content = station_xml(
        make_channel("HHZ", end=UTCDateTime("2024-02-03T06:00:00")),
        make_channel("HHZ", 100.0, start=UTCDateTime("2024-02-03T06:00:00")),
        make_channel(
            "HH1", location="00", start=UTCDateTime(1990, 1, 1), end=UTCDateTime(2599, 1, 1)
        ),
        make_channel("HHZ", end=UTCDateTime("2020-01-01")),
        make_channel("LHZ", 1.0),
        make_channel("LOG", 0.0),
        make_channel("HHE", status="closed"),
        make_channel("HNE", status="open"),
    )
    skipped = Counter()
    with serve(lambda query: Reply(body=content)) as server:
        request = ServiceRequest(server.url, "XX", "A*,DEF", "--", "HH?,HN?")
        headers = list_channels(*request, *LIMITS, skipped, policy=AT_ONCE)
    middle = UTCDateTime("2024-02-03T06:00:00").ns
    source = (server.url, FDSN)
    hh, hh00 = Instrument("XX", "ABC", "", "HH"), Instrument("XX", "ABC", "00", "HH")
    assert headers == [
        (*source, hh, "Z", "HHZ", START.ns, middle, RATE, ""),
        (*source, hh, "Z", "HHZ", middle, END.ns, 100.0, ""),
        (*source, Instrument("XX", "ABC", "", "HN"), "E", "HNE", *LIMITS, RATE, ""),
        (*source, hh00, "1", "HH1", *LIMITS, RATE, ""),
    ]
    assert skipped == {
        "channels of long periods, LH": 1,
        "channels without a sampling rate, LOG": 1,
        RESTRICTED: 1,
    }
    # One query, and none to discover what the service can do.
    (query,) = server.queries
    assert query["path"] == "/fdsnws/station/1/query"
    assert query["level"] == "channel"
    codes = (query["network"], query["station"], query["location"], query["channel"])
    assert codes == ("XX", "A*,DEF", "--", "HH?,HN?")
    assert (UTCDateTime(query["starttime"]), UTCDateTime(query["endtime"])) == (START, END)
    assert query["agent"].startswith("steadkit/")


def test_an_address_may_be_that_of_one_of_the_services():
    with serve(answer_all) as server:
        headers = list_all(f"{server.url}/fdsnws/dataselect/1/")
        pieces, failed = download_pieces(headers, *LIMITS, policy=AT_ONCE)
    assert not failed
    assert_complete(pieces)
    assert {query["path"] for query in server.queries} == {
        "/fdsnws/station/1/query",
        "/fdsnws/dataselect/1/query",
    }


def test_a_service_without_such_channels_has_none():
    with serve(lambda query: Reply(204)) as server:
        assert list_all(server.url) == []
    assert len(server.queries) == 1


@pytest.mark.parametrize("limits", [(None, 0), (0, None)])
def test_limits_are_needed(limits):
    with pytest.raises(InputError, match="needs limits of time"):
        list_all("http://127.0.0.1:9", *limits)


@pytest.mark.parametrize("name", ["NOSUCHNAME", "ftp://example.org", "file:///etc/passwd", "a b"])
def test_what_is_no_service_is_refused(name):
    with pytest.raises(InputError, match=r"no address of a web service.*GEOFON"):
        list_all(name)


@pytest.mark.parametrize("name", ["IRIS", "geofon", "RESIF"])
def test_names_are_those_of_obspy_and_need_no_request(name, monkeypatch):
    addresses = []

    def refuse(url, **options):
        addresses.append(url)
        raise OSError("no network")

    monkeypatch.setattr("obspy.clients.fdsn.client.download_url", refuse)
    with pytest.raises(InputError, match=f"web service '{name}': OSError: no network: try again"):
        list_all(name)
    hosts = {"IRIS": "service.earthscope.org", "geofon": "geofon.gfz", "RESIF": "ws.resif.fr"}
    assert all(address.startswith(f"https://{hosts[name]}") for address in addresses)
    assert len(addresses) == 4


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_xml_with_a_document_type_is_refused(encoding):
    text = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'
    refuse_list(lambda query: Reply(body=text.encode(encoding)), "document type")


def test_redirections_lead_to_web_addresses_only(tmp_path):
    (tmp_path / "secret.xml").write_bytes(HHZ_HHN)
    refuse_list(lambda query: Reply(302, location=f"file://{tmp_path}/secret.xml"), "302")
    with serve(answer_all) as target:
        moved = f"{target.url}/fdsnws/station/1/query"
        with serve(lambda query: Reply(302, location=moved)) as server:
            assert len(list_all(server.url)) == 2


def test_records_are_downloaded_for_one_instrument_at_once():
    pieces, failed, queries = download(answer_all)
    assert not failed
    assert_complete(pieces)
    (query,) = queries
    codes = {key: query[key] for key in ("network", "station", "location", "channel")}
    assert codes == {"network": "XX", "station": "ABC", "location": "--", "channel": "HHN,HHZ"}


def test_only_the_listed_channels_are_used():
    with serve(answer_all) as server:
        headers = [header for header in list_all(server.url) if header.component == "Z"]
        pieces, _ = download_pieces(headers, *LIMITS, policy=AT_ONCE)
        assert [*pieces] == ["Z"]
        query = server.asked("dataselect")[0]
    assert query["channel"] == "HHZ"


def test_headers_outside_of_the_span_are_not_asked_for():
    with serve(answer_all) as server:
        headers = list_all(server.url)
        later = END.ns + 10**12
        assert download_pieces(headers, later, later + 10**12, policy=AT_ONCE) == ({}, Counter())
    assert not server.asked("dataselect")


@pytest.mark.parametrize("body", [None, b""])
def test_no_data_is_counted_and_no_error(body):
    def answer(query):
        if "/station/" in query["path"]:
            return answer_all(query)
        return Reply(204) if body is None else Reply(body=body)

    pieces, failed, queries = download(answer)
    assert not pieces
    assert failed == {NO_DATA: 1}
    assert len(queries) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_restricted_data_are_counted(status):
    pieces, failed, queries = download(
        lambda query: answer_all(query) if "/station/" in query["path"] else Reply(status)
    )
    assert not pieces
    assert failed == {RESTRICTED: 1}
    assert len(queries) == 1


def span_s(query) -> float:
    return UTCDateTime(query["endtime"]) - UTCDateTime(query["starttime"])


def test_a_request_that_is_too_large_is_halved_until_it_fits():
    def answer(query):
        is_large = "/dataselect/" in query["path"] and span_s(query) > 2000
        return Reply(413) if is_large else answer_all(query)

    pieces, failed, queries = download(answer)
    assert not failed
    assert_complete(pieces)
    fitting = [query for query in queries if span_s(query) <= 2000]
    assert len(fitting) == 4
    assert len(queries) == 1 + 2 + 4


def test_half_of_a_request_may_have_no_data():
    def answer(query):
        if "/station/" in query["path"]:
            return answer_all(query)
        if span_s(query) > 4000:
            return Reply(413)
        return Reply(204) if UTCDateTime(query["starttime"]) < START else answer_all(query)

    pieces, failed, _ = download(answer)
    assert not failed
    assert min(piece.start for piece in pieces["Z"]) == (START + 3600).ns


def test_a_service_that_gives_no_ten_minutes_is_named():
    with serve(
        lambda query: answer_all(query) if "/station/" in query["path"] else Reply(413)
    ) as server:
        headers = list_all(server.url)
        with pytest.raises(InputError, match=f"web service '{server.url}'.*20 minutes") as error:
            download_pieces(headers, *LIMITS, policy=AT_ONCE)
    assert "\n" not in str(error.value)
    spans = [span_s(query) for query in server.asked("dataselect")]
    assert min(spans) >= MIN_REQUEST_NS / 1e9
    assert min(spans) < 2 * MIN_REQUEST_NS / 1e9


def cut_in_transfer(content):
    return Reply(body=content[: len(content) // 2], length=len(content))


def cut_within_a_record(content):
    return Reply(body=content[: len(content) // 1024 * 512 + 100])


FAILURES = {
    "IncompleteRead": cut_in_transfer,
    "truncated": cut_within_a_record,
    "HTML": lambda content: Reply(body=b"<html>Please log in to the network</html>"),
    "500": lambda content: Reply(500, b"internal"),
    "502": lambda content: Reply(502),
    "503": lambda content: Reply(503),
    "429": lambda content: Reply(429),
}


@pytest.mark.parametrize("kind", FAILURES)
@pytest.mark.parametrize("n_failures", [1, 3])
def test_a_failing_answer_is_asked_for_again(kind, n_failures):
    n_data = 0

    def answer(query):
        nonlocal n_data
        reply = answer_all(query)
        if "/station/" in query["path"]:
            return reply
        n_data += 1
        return FAILURES[kind](reply.body) if n_data <= n_failures else reply

    pieces, failed, queries = download(answer)
    assert not failed
    assert_complete(pieces)
    assert len(queries) == n_failures + 1


@pytest.mark.parametrize("kind", FAILURES)
def test_a_service_that_keeps_failing_is_named_in_one_line(kind):
    with serve(
        lambda query: (
            answer_all(query)
            if "/station/" in query["path"]
            else FAILURES[kind](answer_all(query).body)
        )
    ) as server:
        headers = list_all(server.url)
        with pytest.raises(InputError, match=f"web service '{server.url}'.*try again") as error:
            download_pieces(headers, *LIMITS, policy=AT_ONCE)
    assert "4 requests have failed" in str(error.value)
    assert "\n" not in str(error.value)
    assert len(server.asked("dataselect")) == 4


@pytest.mark.parametrize("kind", ["IncompleteRead", "500", "HTML"])
def test_a_failing_list_of_channels_is_asked_for_again(kind):
    n_queries = 0

    def answer(query):
        nonlocal n_queries
        n_queries += 1
        return FAILURES[kind](HHZ_HHN) if n_queries < 3 else Reply(body=HHZ_HHN)

    with serve(answer) as server:
        assert len(list_all(server.url)) == 2
    assert n_queries == 3


@pytest.mark.parametrize("status", [400, 404, 414, 501])
def test_a_refused_request_is_not_repeated(status):
    refuse_list(lambda query: Reply(status, b"Bad\nparameter"), "codes")


@pytest.mark.parametrize("status", [401, 403, 413])
def test_a_list_of_channels_that_is_refused_is_one_line(status):
    refuse_list(lambda query: Reply(status), "ask for fewer stations")


def test_a_service_that_is_not_there_is_named():
    with serve(answer_all) as server:
        pass
    with pytest.raises(InputError, match=f"web service '{server.url}'.*check its address"):
        list_all(server.url)


def test_a_service_that_does_not_answer_in_time_is_named():
    is_over = threading.Event()

    def answer(query):
        is_over.wait(5)
        return Reply(204)

    policy = RetryPolicy(n_retries=1, wait_s=0.0, timeout_s=0.2)
    with serve(answer) as server:
        with pytest.raises(InputError, match=r"Timed Out.*try again later; 2 requests"):
            list_channels(*ServiceRequest(server.url), *LIMITS, policy=policy)
        is_over.set()


def test_the_waits_grow(monkeypatch):
    waits = []
    monkeypatch.setattr("steadkit.records.web_service.time.sleep", waits.append)
    with serve(lambda query: Reply(503)) as server, pytest.raises(InputError):
        list_channels(*ServiceRequest(server.url), *LIMITS, policy=RetryPolicy(wait_s=2.0))
    assert waits == [2.0, 6.0, 18.0]
