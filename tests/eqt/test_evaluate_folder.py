"""The folder of an evaluation: whole or not at all, and nobody else's file is lost."""

import os

import pytest

from eqt.evaluate.folder import refuse_existing, staged_folder
from steadkit.errors import InputError


def make(folder, text, overwrite=False):
    with staged_folder(folder, overwrite) as staging:
        (staging / "picks.csv").write_text(text)
        (staging / "metrics.json").write_text(text)


def content(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_folder_appears_whole_with_its_parents(tmp_path):
    make(tmp_path / "a" / "b", "new")
    assert content(tmp_path / "a" / "b") == {"picks.csv": "new", "metrics.json": "new"}
    assert os.listdir(tmp_path / "a") == ["b"]


def test_what_fails_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), staged_folder(tmp_path / "out") as staging:
        (staging / "picks.csv").write_text("half")
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


def test_what_fails_leaves_the_old_one(tmp_path):
    make(tmp_path / "out", "old")
    with pytest.raises(OSError, match="full"), staged_folder(tmp_path / "out", True) as staging:
        (staging / "metrics.json").write_text("half")
        raise OSError("disk full")
    assert content(tmp_path / "out")["metrics.json"] == "old"
    assert os.listdir(tmp_path) == ["out"]


def test_only_an_evaluation_is_replaced_and_only_when_asked(tmp_path):
    make(tmp_path / "out", "old")
    with pytest.raises(InputError, match="--overwrite"):
        make(tmp_path / "out", "new")
    make(tmp_path / "out", "new", overwrite=True)
    assert content(tmp_path / "out")["picks.csv"] == "new"


@pytest.mark.parametrize("overwrite", [False, True])
def test_half_a_folder_or_a_file_stays_as_it_is(tmp_path, overwrite):
    half, file = tmp_path / "half", tmp_path / "file"
    half.mkdir()
    (half / "picks.csv").write_text("mine")
    file.write_text("mine")
    for target in (half, file, file / "below"):
        with pytest.raises(InputError):
            make(target, "new", overwrite)
    assert (content(half), file.read_text()) == ({"picks.csv": "mine"}, "mine")


def test_files_that_no_evaluation_writes_stay(tmp_path):
    make(tmp_path / "out", "old")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    (tmp_path / "out" / "worst.png").write_text("of the old one")
    make(tmp_path / "out", "new", overwrite=True)
    assert content(tmp_path / "out") == {
        "picks.csv": "new",
        "metrics.json": "new",
        "notes.txt": "mine",
    }
    assert os.listdir(tmp_path) == ["out"]


def test_a_kill_between_the_two_renames_is_undone(tmp_path):
    make(tmp_path / "out", "old")
    os.rename(tmp_path / "out", tmp_path / ".out.replaced")
    (tmp_path / ".out.partial").mkdir()
    (tmp_path / ".out.partial" / "picks.csv").write_text("half")
    with pytest.raises(InputError, match="--overwrite"):
        make(tmp_path / "out", "new")
    assert content(tmp_path / "out")["picks.csv"] == "old"
    make(tmp_path / "out", "new", overwrite=True)
    assert content(tmp_path / "out") == {"picks.csv": "new", "metrics.json": "new"}
    assert os.listdir(tmp_path) == ["out"]


def test_a_kill_after_the_renames_loses_no_file(tmp_path):
    make(tmp_path / "out", "old")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    os.rename(tmp_path / "out", tmp_path / ".out.replaced")
    make_whole = tmp_path / "out"
    make_whole.mkdir()
    (make_whole / "metrics.json").write_text("new")
    make(make_whole, "newer", overwrite=True)
    assert content(make_whole) == {
        "picks.csv": "newer",
        "metrics.json": "newer",
        "notes.txt": "mine",
    }
    assert os.listdir(tmp_path) == ["out"]


def test_two_that_write_the_same_do_not_mix(tmp_path):
    with (
        staged_folder(tmp_path / "out") as staging,
        pytest.raises(InputError, match="another process"),
    ):
        (staging / "metrics.json").write_text("first")
        make(tmp_path / "out", "second")
    refuse_existing(tmp_path / "other", overwrite=False)
