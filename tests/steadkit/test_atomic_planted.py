"""Staging folders that somebody else has put there: refused in one line, nothing moved or lost."""

import os
from pathlib import Path

import pytest

from steadkit.atomic import atomic_folder, atomic_write
from steadkit.atomic.stage import COMMIT, MARK
from steadkit.errors import InputError

TARGETS = ("o.csv", "o.manifest", "o.hdf5")


def stage(folder: Path) -> Path:
    """Make a staging folder with our mark, as an archive could bring one."""
    staging = folder / ".o.csv.partial"
    staging.mkdir()
    (staging / MARK).touch()
    return staging


def with_record(text: str | bytes):
    """Plant staged files and a record of a commit."""

    def plant(folder: Path) -> None:
        staging = stage(folder)
        for name in ("o.hdf5", "thesis.txt"):
            (staging / name).write_text("planted")
        (staging / COMMIT).write_bytes(text if isinstance(text, bytes) else text.encode())

    return plant


def record(*names: str) -> str:
    """Write a record as ours is, of names of somebody's choice."""
    files = ", ".join(f'["{name}", [1, 7, 2], null]' for name in names)
    return f'{{"format": "steadkit commit 1", "files": [{files}]}}'


def of(make):
    """Plant one thing in a staging folder that has our mark."""
    return lambda folder: make(stage(folder))


def without_mark(folder: Path) -> None:
    (folder / ".o.csv.partial").mkdir()
    (folder / ".o.csv.partial" / "o.hdf5").write_text("the only copy")


PLANTED = {
    "a record that leads out": with_record(record("../victim")),
    "a record with an absolute path": with_record(record("/tmp/victim")),
    "a record of another name": with_record(record("thesis.txt")),
    "a record of our names and another": with_record(record(*TARGETS, "thesis.txt")),
    "a record of one name thrice": with_record(record("o.csv", "o.csv", "o.csv")),
    "the record of former versions": with_record("../victim\no.hdf5"),
    "a record that is not UTF-8": with_record(b"\xff\xfe"),
    "an empty record": with_record(""),
    "a record that is a list": with_record("[" * 100_000),
    "a record without an end": with_record("[1" + "0" * 10_000),
    "a record that is a link": of(lambda staging: (staging / COMMIT).symlink_to("../victim")),
    "a record that is a folder": of(lambda staging: (staging / COMMIT).mkdir()),
    "a record that is a pipe": of(lambda staging: os.mkfifo(staging / COMMIT)),
    "a folder": of(lambda staging: (staging / "o.hdf5").mkdir()),
    "a pipe": of(lambda staging: os.mkfifo(staging / "o.hdf5")),
    "a link": of(lambda staging: (staging / "o.hdf5").symlink_to("../victim")),
    "a journal that is a link": of(
        lambda staging: (staging / "o.hdf5.journal").symlink_to("../victim")
    ),
    "a journal with another name": of(
        lambda staging: os.link("victim", staging / "o.hdf5.journal")
    ),
    "a file of the user": of(lambda staging: (staging / "thesis.txt").write_text("years")),
    "a folder of the user": without_mark,
    "a link to a folder": lambda folder: (folder / ".o.csv.partial").symlink_to("."),
    "a file": lambda folder: (folder / ".o.csv.partial").write_text("mine"),
    "a pipe instead of the folder": lambda folder: os.mkfifo(folder / ".o.csv.partial"),
}


def snapshot(folder: Path) -> dict[str, object]:
    """Tell what is in a folder: the kind of everything, where links lead, and all bytes."""
    entries: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = (
            os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else ""
        )
        entries[path.relative_to(folder).as_posix()] = (status.st_mode, status.st_ino, content)
    return entries


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("plant", PLANTED.values(), ids=PLANTED)
def test_what_is_not_ours_is_refused_and_left(tmp_path, monkeypatch, plant, overwrite):
    monkeypatch.chdir(tmp_path)
    for name in ("victim", "thesis.txt"):
        (tmp_path / name).write_text("the user's")
    plant(tmp_path)
    before = snapshot(tmp_path)
    keep = ("o.hdf5", "o.hdf5.journal")
    targets = [tmp_path / name for name in TARGETS]
    with (
        pytest.raises(InputError, match=r"\.o\.csv\.partial.*(move|repeat)"),
        atomic_write(targets, overwrite, keep),
    ):
        raise AssertionError("it was taken for ours")
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("name", ["out", "out.replaced", "other"])
def test_what_is_planted_for_a_folder_is_refused_and_left(tmp_path, name):
    staging = tmp_path / ".out.partial"
    staging.mkdir()
    (staging / MARK).touch()
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("years")
    (staging / name).symlink_to(tmp_path / "home")
    before = snapshot(tmp_path)
    with pytest.raises(InputError, match="has not put there"), atomic_folder(tmp_path / "out"):
        raise AssertionError("it was taken for ours")
    assert snapshot(tmp_path) == before


def test_a_folder_of_the_user_is_not_staged_in(tmp_path):
    (tmp_path / ".out.partial" / "out").mkdir(parents=True)
    (tmp_path / ".out.partial" / "out" / "thesis.txt").write_text("years")
    before = snapshot(tmp_path)
    with pytest.raises(InputError, match="move that folder away"), atomic_folder(tmp_path / "out"):
        raise AssertionError("it was taken for ours")
    assert snapshot(tmp_path) == before
