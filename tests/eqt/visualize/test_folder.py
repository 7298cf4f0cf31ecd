"""Folders of pictures: whole or not at all, and nobody else's files are ever replaced."""

import json

import pytest

from eqt.visualize.folder import MARK, default_folder, new_folder
from steadkit.errors import InputError


def fill(target, text="a", overwrite=False):
    with new_folder(target, {"network": "n"}, overwrite) as new:
        (new / "maps").mkdir()
        (new / "maps" / "a.png").write_text(text)


def test_a_folder_says_what_belongs_to_it(tmp_path):
    fill(tmp_path / "deep" / "out")
    content = json.loads((tmp_path / "deep" / "out" / MARK).read_text())
    assert content["files"] == ["maps/a.png"] and content["network"] == "n"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]


def test_a_failure_leaves_nothing_and_keeps_what_was_there(tmp_path):
    fill(tmp_path / "out")
    for overwrite, target in ((True, tmp_path / "out"), (False, tmp_path / "other")):
        with pytest.raises(OSError, match="disk"), new_folder(target, {}, overwrite) as new:
            (new / "b.png").write_text("b")
            raise OSError("disk full")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / "maps" / "a.png").read_text() == "a"


def test_an_old_folder_is_replaced_only_when_asked(tmp_path):
    fill(tmp_path / "out")
    with pytest.raises(InputError, match=r"exists: choose another folder with --out"):
        fill(tmp_path / "out", "b")
    fill(tmp_path / "out", "b", overwrite=True)
    assert (tmp_path / "out" / "maps" / "a.png").read_text() == "b"


@pytest.mark.parametrize("where", ["notes.txt", "maps/thesis.tex"])
def test_other_peoples_files_are_never_replaced(tmp_path, where):
    fill(tmp_path / "out")
    (tmp_path / "out" / where).write_text("mine")
    with pytest.raises(InputError, match=r"which eqt visualize did not write"):
        fill(tmp_path / "out", "b", overwrite=True)
    assert (tmp_path / "out" / where).read_text() == "mine"


def test_a_home_folder_is_not_replaced_and_a_file_not_either(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / MARK).write_text("[1]")
    (tmp_path / "home" / "mail").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "home")
    for name in ("home", "file", "link"):
        with pytest.raises(InputError):
            fill(tmp_path / name, overwrite=True)
    assert (tmp_path / "home" / "mail").exists() and (tmp_path / "file").exists()


def test_a_folder_that_cannot_be_made_is_refused_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot write into .*see --out"):
        fill(tmp_path / "file" / "out")


def test_pictures_go_into_the_run_or_beside_the_file(tmp_path):
    assert default_folder(tmp_path, "maps") == tmp_path / "visualize" / "maps"
    file = tmp_path / "a.weights.h5"
    assert default_folder(file, "maps") == tmp_path / "visualize" / "a" / "maps"
