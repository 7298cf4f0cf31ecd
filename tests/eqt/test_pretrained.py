"""Published weights come from a server, here one of our own, and are checked by digest."""

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import TINY, refused

import eqt
from eqt import pretrained
from eqt.formats import weights_h5
from eqt.model import build_model
from eqt.pretrained import PUBLISHED, Published

pytest.importorskip("pooch", reason="pooch downloads")


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_):
        """Keep silent."""


@pytest.fixture
def server(tmp_path_factory, monkeypatch):
    """Serve a network in place of the published one; returns where it is and its row."""
    folder = tmp_path_factory.mktemp("server")
    path = folder / "net.h5"
    weights_h5.save(build_model(TINY, seed=3), path)
    served = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    row = Published(
        f"http://127.0.0.1:{served.server_port}/net.h5",
        hashlib.sha256(path.read_bytes()).hexdigest(),
    )
    monkeypatch.setattr(pretrained, "PUBLISHED", {"original": row})
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    yield path, row
    served.shutdown()
    thread.join()
    served.server_close()


def test_weights_are_downloaded_once_and_imported(server, tmp_path, run, monkeypatch):
    path, _ = server
    monkeypatch.setenv("EQT_CACHE", str(tmp_path / "cache"))
    result = run("eqt", "pretrained", "original", "-o", "original.keras")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "cache" / "eqt_original.h5").read_bytes() == path.read_bytes()
    assert eqt.load_model(tmp_path / "original.keras").count_params() > 0
    path.unlink()
    assert run("eqt", "pretrained", "original").exit_code == 0
    refused(run("eqt", "pretrained", "original", "-o", "original.keras"), "exists")


def test_another_content_is_refused(server, tmp_path, run):
    path, row = server
    path.write_bytes(path.read_bytes() + b"x")
    refused(run("eqt", "pretrained", "original", "--cache", "c"), "not the published", row.url)
    assert not (tmp_path / "c" / "eqt_original.h5").exists()


def test_another_file_of_the_name_is_replaced_only_when_told(server, tmp_path, run):
    path, _ = server
    (tmp_path / "c").mkdir()
    damaged = tmp_path / "c" / "eqt_original.h5"
    damaged.write_bytes(path.read_bytes()[:2000])
    refused(run("eqt", "pretrained", "original", "--cache", "c"), "exists", "--overwrite")
    assert run("eqt", "pretrained", "original", "--cache", "c", "--overwrite").exit_code == 0
    assert damaged.read_bytes() == path.read_bytes()
    assert [file.name for file in (tmp_path / "c").iterdir()] == ["eqt_original.h5"]


def test_no_server_and_no_file_are_one_line(server, monkeypatch, run, tmp_path):
    path, row = server
    path.unlink()
    refused(run("eqt", "pretrained", "original", "--cache", "c"), "cannot download", "404")
    nowhere = Published("http://127.0.0.1:9/net.h5", row.sha256)
    monkeypatch.setattr(pretrained, "PUBLISHED", {"original": nowhere})
    refused(run("eqt", "pretrained", "original", "--cache", "n/m"), "cannot download", "eqt import")
    assert not (tmp_path / "n").exists()


def test_unknown_names_and_endings_are_refused_before_anything_is_fetched(run, tmp_path):
    refused(run("eqt", "pretrained", "best"), "unknown weights 'best'", "original, conservative")
    refused(run("eqt", "pretrained", "original", "-o", "m.h5", "--cache", "c"), "ends in neither")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_digests_are_those_of_the_published_files(shared_data, name):
    content = (shared_data / f"eqt_{name}.h5").read_bytes()
    assert hashlib.sha256(content).hexdigest() == PUBLISHED[name].sha256
