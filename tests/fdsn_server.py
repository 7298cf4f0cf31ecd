"""A web server on this machine that answers as FDSN services do."""

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from obspy.core.inventory import Channel, Inventory, Network, Station

RATE = 20.0


class Reply(NamedTuple):
    """An answer: its status and body; `length` is what its header promises."""

    status: int = 200
    body: bytes = b""
    length: int | None = None
    location: str = ""


class Server(NamedTuple):
    """The address of a server and the queries that it got, with their path as ``path``."""

    url: str
    queries: list[dict[str, str]]

    def asked(self, service: str) -> list[dict[str, str]]:
        return [query for query in self.queries if f"/{service}/1/query" in query["path"]]


@contextmanager
def serve(answer: Callable[[dict[str, str]], Reply]) -> Iterator[Server]:
    """Serve answers to queries on this machine."""
    queries: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            address = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(address.query).items()}
            query["path"] = address.path
            query["agent"] = self.headers["User-Agent"]
            queries.append(query)
            reply = answer(query)
            self.send_response(reply.status)
            if reply.location:
                self.send_header("Location", reply.location)
            if reply.status != 204:
                n_bytes = len(reply.body) if reply.length is None else reply.length
                self.send_header("Content-Length", str(n_bytes))
            with suppress(ConnectionError):  # a client that has not waited
                self.end_headers()
                self.wfile.write(reply.body)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield Server(f"http://127.0.0.1:{server.server_port}", queries)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def make_channel(code, rate=RATE, location="", start=None, end=None, status=None):
    return Channel(
        code,
        location,
        latitude=50.0,
        longitude=8.0,
        elevation=100.0,
        depth=0.0,
        sample_rate=rate,
        start_date=start,
        end_date=end,
        restricted_status=status,
    )


def station_xml(*channels) -> bytes:
    station = Station("ABC", 50.0, 8.0, 100.0, channels=[*channels])
    content = io.BytesIO()
    Inventory([Network("XX", [station])], source="test").write(content, format="STATIONXML")
    return content.getvalue()
