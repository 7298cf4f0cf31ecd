"""Disk and memory: what there is no room for is refused in one line, before the first byte."""

import shutil
from collections import namedtuple

import pytest
from conftest import names_of, refused

from eqt.quickstart import Size, quickstart
from steadkit import capacity, demo
from steadkit.capacity import require_disk, require_memory
from steadkit.errors import InputError

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def room(monkeypatch):
    """Let the disk have so much room."""

    def set_room(free, total=10**12):
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(total, total - free, free))

    return set_room


COMMANDS = [
    "demo out --events 4 --noise 4",
    "subset chunk.hdf5 --fraction 1 -o out",
    "merge chunk.hdf5 -o out",
    "build list.manifest --source chunk.hdf5 -o out",
    "convert to-seisbench chunk.hdf5 -o out",
    "convert to-miniseed chunk.hdf5 -o out",
    "convert from-seisbench seisbench -o out",
]

PREPARED = {
    "build": "subset chunk.csv --fraction 1 -o list --manifest-only",
    "convert from-seisbench": "convert to-seisbench chunk.hdf5 -o seisbench",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_room_is_told_before_the_first_byte(stead, run, room, tmp_path, command):
    stead(names=names_of(4, 4))
    for start, arguments in PREPARED.items():
        if command.startswith(start):
            assert run("steadkit", *arguments.split()).exit_code == 0
    entries = sorted(tmp_path.rglob("*"))
    room(500_000)
    refused(run("steadkit", *command.split()), "8 traces takes about", "has room for 500.0 kB")
    assert sorted(tmp_path.rglob("*")) == entries
    room(700_000)
    run("steadkit", *command.split())
    assert sorted(tmp_path.rglob("*")) != entries


def test_what_a_killed_copy_has_staged_counts_and_stays(stead, run, room, tmp_path, monkeypatch):
    stead(names=names_of(8))
    arguments = ("steadkit", "merge", "chunk.hdf5", "-o", "out")

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("steadkit.dataset_files.manifest_of", interrupt)
        run(*arguments)
    staged = {path: path.stat().st_size for path in tmp_path.glob(".out*/out.hdf5")}
    assert len(staged) == 1
    room(-100_000)
    refused(run(*arguments), "has room for")
    assert {path: path.stat().st_size for path in staged} == staged
    room(0)
    assert run(*arguments).exit_code == 0


@pytest.mark.parametrize("events", [10**21, 10**400], ids=["21 digits", "400 digits"])
def test_a_miniature_beyond_any_disk(run, tmp_path, events):
    refused(run("steadkit", "demo", "d", "--events", events), "whole number of at most 19 digits")
    refused(run("steadkit", "demo", "d", "--events", 10**18), "takes about", "has room for")
    with pytest.raises(InputError, match="has room for"):
        quickstart(tmp_path / "q", Size(events=events), 0, {})
    assert not list(tmp_path.iterdir())


def test_chunks_that_are_there_need_no_room(run, room, tmp_path):
    assert run("steadkit", "demo", "d", "--events", 4, "--noise", 0).exit_code == 0
    room(0)
    assert run("steadkit", "demo", "d", "--events", 4, "--noise", 0).exit_code == 0
    refused(run("steadkit", "demo", "d", "--events", 4, "--noise", 0, "--overwrite"), "room")


def test_how_long_a_simulation_takes_is_told(run, monkeypatch):
    monkeypatch.setattr(demo, "TIMED_TRACES", 2)
    arguments = ("steadkit", "demo", "--events", 4, "--noise", 4)
    assert "about" not in run(*arguments, "one").output
    monkeypatch.setattr(demo, "MIN_REPORTED_S", 0)
    output = run(*arguments, "two").output
    assert output.count("simulating 4 traces takes about 0 min") == 2


def test_a_file_system_that_does_not_know_its_size(room, tmp_path):
    room(0, total=0)
    require_disk(tmp_path, 10**12, "a copy")


def test_memory(monkeypatch, tmp_path):
    assert 10**7 < capacity.available_memory() < 10**15
    require_memory(10**6, "a batch", "use a smaller one")
    group = tmp_path / "slice" / "job"
    group.mkdir(parents=True)
    for folder, limit, used in ((group, "max", 0), (group.parent, 3_000_000, 1_000_000)):
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text(f"{used}\n")
    monkeypatch.setattr(capacity, "_CGROUPS", tmp_path)
    monkeypatch.setattr(capacity, "_cgroup_path", lambda: "slice/job")
    assert capacity.available_memory() == 2_000_000
    with pytest.raises(InputError, match=r"at least 3\.0 MB of memory, 2\.0 MB are free: use"):
        require_memory(3_000_000, "a batch", "use a smaller one")
