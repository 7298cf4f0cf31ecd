"""The folder of an evaluation: only one is replaced, and nobody else's file is lost."""

import pytest

from eqt.evaluation.inputs import evaluation_files
from steadkit.atomic import atomic_folder
from steadkit.errors import InputError


def make(folder, text, overwrite=False):
    with atomic_folder(folder, overwrite, evaluation_files) as staging:
        (staging / "picks.csv").write_text(text)
        (staging / "metrics.json").write_text(f'{{"study": "{text}"}}')


def content(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.mark.parametrize("overwrite", [False, True])
def test_half_a_folder_stays_as_it_is(tmp_path, overwrite):
    half = tmp_path / "half"
    half.mkdir()
    (half / "picks.csv").write_text("mine")
    with pytest.raises(InputError, match="something else"):
        make(half, "new", overwrite)
    (half / "metrics.json").write_text('{"loss": 0.5}')  # many programs write a file of this name
    with pytest.raises(InputError, match="something else"):
        make(half, "new", overwrite)
    assert content(half) == {"picks.csv": "mine", "metrics.json": '{"loss": 0.5}'}


def test_files_that_no_evaluation_writes_stay(tmp_path):
    make(tmp_path / "out", "old")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    (tmp_path / "out" / "worst.png").write_text("of the old one")
    make(tmp_path / "out", "new", overwrite=True)
    assert content(tmp_path / "out") == {
        "picks.csv": "new",
        "metrics.json": '{"study": "new"}',
        "notes.txt": "mine",
    }
