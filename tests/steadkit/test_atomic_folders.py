"""Folders appear whole or not at all, and only those of ours are replaced."""

import os
from pathlib import Path

import pytest

from steadkit.atomic import atomic_folder, check_folder, forbid
from steadkit.atomic.stage import MARK
from steadkit.errors import InputError


def owned_files(folder: Path) -> list[str] | None:
    """Know a folder by its mark; its files are `a.txt` and `in/b.txt`."""
    return ["mark", "a.txt", "in/b.txt"] if (folder / "mark").exists() else None


def write(folder: Path, text: str) -> None:
    (folder / "in").mkdir()
    for name in ("mark", "a.txt", "in/b.txt"):
        (folder / name).write_text(text)


def make(target: Path, text: str = "new", overwrite: bool = False) -> None:
    with atomic_folder(target, overwrite, owned_files) as new:
        write(new, text)


def all_files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_folder_appears_with_all_that_is_in_it_and_nothing_beside(tmp_path):
    make(tmp_path / "above" / "out")
    assert all_files(tmp_path / "above") == ["out", *sorted(f"out/{n}" for n in listed_names())]


def listed_names() -> list[str]:
    return ["a.txt", "in", "in/b.txt", "mark"]


def test_nothing_is_left_of_one_that_failed(tmp_path):
    with pytest.raises(ZeroDivisionError), atomic_folder(tmp_path / "out") as new:
        write(new, "half")
        raise ZeroDivisionError
    assert all_files(tmp_path) == []


def test_one_that_exists_is_replaced_only_when_told_so(tmp_path):
    make(tmp_path / "out", "old")
    with pytest.raises(InputError, match="--overwrite"):
        make(tmp_path / "out")
    assert (tmp_path / "out" / "a.txt").read_text() == "old"
    make(tmp_path / "out", overwrite=True)
    assert (tmp_path / "out" / "in" / "b.txt").read_text() == "new"
    assert all_files(tmp_path / "out") == listed_names()


def test_what_is_not_of_ours_is_never_replaced(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years")
    with pytest.raises(InputError, match="something else"):
        make(tmp_path / "out", overwrite=True)
    (tmp_path / "file").write_text("a file")
    (tmp_path / "link").symlink_to(tmp_path / "out")
    for name in ("file", "link"):
        with pytest.raises(InputError, match="no folder"):
            check_folder(tmp_path / name, True, owned_files)
    assert (tmp_path / "out" / "thesis.tex").read_text() == "years"


def test_files_of_others_move_into_the_new_folder(tmp_path):
    make(tmp_path / "out", "old")
    (tmp_path / "out" / "in" / "notes.txt").write_text("mine")
    make(tmp_path / "out", overwrite=True)
    assert (tmp_path / "out" / "in" / "notes.txt").read_text() == "mine"
    assert (tmp_path / "out" / "a.txt").read_text() == "new"
    assert all_files(tmp_path) == [
        "out",
        *(f"out/{n}" for n in sorted([*listed_names(), "in/notes.txt"])),
    ]


def test_a_file_of_others_with_a_name_that_is_needed_now_is_kept_beside(tmp_path):
    make(tmp_path / "out", "old")
    (tmp_path / "out" / "c.txt").write_text("mine")
    with atomic_folder(tmp_path / "out", True, owned_files) as new:
        write(new, "new")
        (new / "c.txt").write_text("new")
    assert (tmp_path / "out" / "c.txt").read_text() == "new"
    assert (tmp_path / "out" / "c.txt.old").read_text() == "mine"


def set_aside(folder: Path) -> Path:
    """Leave what a kill between the two renames leaves."""
    stage = folder / ".out.partial"
    stage.mkdir()
    (stage / MARK).touch()
    os.replace(folder / "out", stage / "out.replaced")
    return stage


def test_a_folder_made_between_the_renames_is_kept(tmp_path):
    make(tmp_path / "out", "old")
    stage = set_aside(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years")
    for overwrite in (False, True):
        with pytest.raises(InputError, match="was made while it was being replaced"):
            make(tmp_path / "out", overwrite=overwrite)
    assert all_files(tmp_path / "out") == ["thesis.tex"]
    assert (stage / "out.replaced" / "a.txt").read_text() == "old"
    os.rename(tmp_path / "out", tmp_path / "moved")
    make(tmp_path / "out", overwrite=True)
    assert all_files(tmp_path / "out") == listed_names()


def test_the_old_one_comes_back_after_a_kill_between_the_renames(tmp_path):
    make(tmp_path / "out", "old")
    stage = set_aside(tmp_path)
    (stage / "out").mkdir()
    (stage / "out" / "rest").write_text("half")
    with pytest.raises(InputError, match="--overwrite"):
        make(tmp_path / "out")
    assert (tmp_path / "out" / "a.txt").read_text() == "old"
    make(tmp_path / "out", overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_an_old_one_is_cleared_away_after_a_kill_before_that(tmp_path):
    make(tmp_path / "out", "old")
    set_aside(tmp_path)
    make(tmp_path / "elsewhere", "new")
    os.replace(tmp_path / "elsewhere", tmp_path / "out")
    make(tmp_path / "out", "newest", overwrite=True)
    assert (tmp_path / "out" / "a.txt").read_text() == "newest"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_two_cannot_write_the_same(tmp_path):
    with (
        atomic_folder(tmp_path / "out"),
        pytest.raises(InputError, match="another process"),
        atomic_folder(tmp_path / "out"),
    ):
        raise AssertionError("two at once")


def test_a_place_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("a file")
    with pytest.raises(InputError, match="cannot make"), atomic_folder(tmp_path / "file" / "out"):
        raise AssertionError("made below a file")
    assert forbid(tmp_path) is None
