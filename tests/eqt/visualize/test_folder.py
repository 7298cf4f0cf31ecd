"""Folders of pictures: what belongs to them, and nobody else's files are lost."""

import json

import pytest

from eqt.visualize.write import RECORD, figures_folder, recorded_files, write_record
from steadkit.atomic import atomic_folder
from steadkit.errors import InputError


def fill(target, text="a", overwrite=False):
    with atomic_folder(target, overwrite, recorded_files) as new:
        (new / "maps").mkdir()
        (new / "maps" / "a.png").write_text(text)
        write_record(new, {"network": "n"})


def test_a_folder_says_what_belongs_to_it(tmp_path):
    fill(tmp_path / "deep" / "out")
    content = json.loads((tmp_path / "deep" / "out" / RECORD).read_text())
    assert list(content["files"]) == ["maps/a.png"] and content["network"] == "n"


@pytest.mark.parametrize("where", ["notes.txt", "maps/thesis.tex"])
def test_other_peoples_files_stay(tmp_path, where):
    fill(tmp_path / "out")
    (tmp_path / "out" / where).write_text("mine")
    fill(tmp_path / "out", "b", overwrite=True)
    assert (tmp_path / "out" / where).read_text() == "mine"
    assert (tmp_path / "out" / "maps" / "a.png").read_text() == "b"


def test_a_list_of_names_alone_makes_no_file_ours(tmp_path):
    fill(tmp_path / "out")
    file = tmp_path / "out" / RECORD
    planted = json.loads(file.read_text())
    (tmp_path / "out" / "thesis.tex").write_text("years")
    planted["files"]["thesis.tex"] = "0" * 64
    file.write_text(json.dumps(planted))
    (tmp_path / "out" / "maps" / "a.png").write_text("a, with arrows drawn by the user")
    fill(tmp_path / "out", "b", overwrite=True)
    assert (tmp_path / "out" / "thesis.tex").read_text() == "years"
    assert (tmp_path / "out" / "maps" / "a.png").read_text() == "b"
    assert "arrows" in (tmp_path / "out" / "maps" / "a.png.old").read_text()


def test_a_folder_without_a_list_is_not_replaced(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / RECORD).write_text("[1]")
    (tmp_path / "home" / "mail").write_text("mine")
    with pytest.raises(InputError):
        fill(tmp_path / "home", overwrite=True)
    assert (tmp_path / "home" / "mail").exists()


def test_pictures_go_into_the_run_or_beside_the_file(tmp_path):
    assert figures_folder(tmp_path, "maps") == tmp_path / "visualize" / "maps"
    file = tmp_path / "a.weights.h5"
    assert figures_folder(file, "maps") == tmp_path / "visualize" / "a" / "maps"
