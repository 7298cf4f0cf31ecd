"""A newer file is tried in a child; what crashes or hangs HDF5 is refused in one line."""

import os
import signal
import subprocess
import sys

import h5py
import pytest

from steadkit.errors import InputError
from steadkit.store import open as store_open


@pytest.fixture
def newer(tmp_path):
    path = tmp_path / "newer.hdf5"
    with h5py.File(path, "w", libver="latest") as file:
        file.create_dataset("data/A", data=[1.0]).attrs["p_status"] = "manual"
    store_open._probed_files.clear()
    return path


@pytest.mark.parametrize("block", [0, 512, 4096])
def test_the_newer_kind_is_known_behind_a_user_block_too(tmp_path, block):
    for libver, new in (("latest", True), ("earliest", False)):
        path = tmp_path / f"{libver}.hdf5"
        h5py.File(path, "w", libver=libver, userblock_size=block).close()
        assert store_open.is_newer_version(path) == new


def test_what_is_no_hdf5_is_not_new(tmp_path):
    (tmp_path / "x").write_bytes(b"")
    (tmp_path / "y").write_bytes(bytes(5000))
    assert not store_open.is_newer_version(tmp_path / "x") and not store_open.is_newer_version(
        tmp_path / "y"
    )


def test_a_sound_file_is_tried_once(newer, monkeypatch):
    store_open.probe_file(newer)
    monkeypatch.setattr(store_open.subprocess, "Popen", None)
    store_open.probe_file(newer)


def test_a_crash_is_told_in_one_line(newer, monkeypatch):
    code = f"import os; os.kill(os.getpid(), {int(signal.SIGABRT)})"
    _instead(monkeypatch, code)
    with pytest.raises(InputError, match="HDF5 crashes on it"):
        store_open.probe_file(newer)


def test_a_hang_is_ended_and_told(newer, monkeypatch):
    monkeypatch.setattr(store_open, "TIMEOUT_S", 0.2)
    _instead(monkeypatch, "import time; time.sleep(60)")
    with pytest.raises(InputError, match="HDF5 hangs on it"):
        store_open.probe_file(newer)


@pytest.mark.parametrize("after", [0, 1])
def test_a_child_that_hangs_ends_though_its_parent_was_killed(newer, after):
    """At once, or behind a trace."""
    hang = f"""
import signal, sys, h5py
from steadkit.store import open as store_open
store_open.TIMEOUT_S = 0.2
signal.signal(signal.SIGALRM, signal.SIG_IGN)  # as some parents leave it
class Hanging(h5py.File):
    def __getitem__(self, name):
        yield from ["A"] * {after}
        while True:
            pass
h5py.File = Hanging
store_open.read_all()
"""
    child = subprocess.run([sys.executable, "-c", hang, str(newer)], timeout=60, check=False)
    assert child.returncode == -signal.SIGALRM


def test_an_error_is_no_crash(newer):
    os.truncate(newer, newer.stat().st_size - 20)
    store_open.probe_file(newer)  # h5py refuses it, in its own words, when it is opened


def _instead(monkeypatch, code):
    start = store_open.subprocess.Popen

    def replaced(call, **options):
        return start([*call[:-2], code], **options)

    monkeypatch.setattr(store_open.subprocess, "Popen", replaced)
