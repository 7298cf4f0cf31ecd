"""What no command of eqt writes over, even with --overwrite."""

import json
import os
import shutil
from pathlib import Path

import pytest
from conftest import TINY, refused

import eqt
from eqt.formats import export, weights_h5
from eqt.model import build_model
from eqt.runs import RunFolder, locked_run
from steadkit.atomic import write_text
from steadkit.errors import InputError

SOURCE, BELONGS, OTHER_KIND = "is a source", "belongs to the", "would be written"

REFUSED = [
    (("export", "k.keras", "--to", "seisbench", "-o", "run/config.json"), ""),
    (("export", "k.keras", "-o", "k.keras"), "not written here"),
    (("export", "run", "-o", "run/best.weights.h5"), "not written here"),
    (("export", "k.keras", "--to", "saved_model", "-o", "k.keras"), "no folder"),
    (("export", "run", "--to", "saved_model", "-o", "run/best.weights.h5"), "no folder"),
    (("export", "run", "-o", "run"), "something else"),
    (("export", "k.keras", "-o", "served"), "something else"),
    (("import", "k.keras", "-o", "k.keras"), SOURCE),
    (("import", "w.weights.h5", "-o", "hard.weights.h5"), SOURCE),
    (("import", "run", "-o", "run/best.weights.h5"), BELONGS),
    (("import", "w.weights.h5", "-o", "run/best.weights.h5"), BELONGS),
    (("import", "w.weights.h5", "-o", "run/last.weights.h5"), BELONGS),
    (("import", "w.weights.h5", "-o", "notes.keras"), OTHER_KIND),
    (("models", "EQT", "--figure", "run/curves.png"), BELONGS),
    (("models", "EQT", "--figure", "notes.png"), OTHER_KIND),
    (("evaluate", "run", "--output", "served"), "something else"),
    (("visualize", "filters", "run", "--output", "served"), "something else"),
]


@pytest.fixture
def home(trained, tmp_path) -> Path:
    """Make a folder with a run, networks, notes, and one that only looks like a SavedModel."""
    shutil.copytree(trained, tmp_path / "run")
    network = build_model(TINY)
    eqt.save_model(network, tmp_path / "k.keras")
    weights_h5.save(network, tmp_path / "w.weights.h5")
    os.link(tmp_path / "w.weights.h5", tmp_path / "hard.weights.h5")
    for name in ("notes.keras", "notes.png", "served/notes.txt", "served/saved_model.pb"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("years of work")
    (tmp_path / "served" / "metrics.json").write_text('{"loss": 1}')
    return tmp_path


def snapshot(folder: Path) -> dict[str, object]:
    """Tell all that is in a folder, hidden files too."""
    files = (path for path in folder.rglob("*") if not path.is_dir())
    return {str(path): (path.stat().st_ino, path.read_bytes()) for path in files}


@pytest.mark.parametrize(("command", "words"), REFUSED, ids=lambda x: " ".join(x)[:60])
def test_no_command_writes_over_what_it_must_not(home, run, command, words):
    before = snapshot(home)
    refused(run("eqt", *command, "--overwrite"), words)
    assert snapshot(home) == before


@pytest.mark.parametrize(("name", "words"), [("k.keras", SOURCE), ("run/best.weights.h5", BELONGS)])
def test_onnx_goes_over_no_network(home, run, name, words):
    before = snapshot(home)
    command = ("export", Path(name).parts[0], "-o", name, "--to", "onnx", "--overwrite")
    refused(run("eqt", *command), words)
    assert snapshot(home) == before


def test_only_files_that_we_wrote_are_replaced_in_a_saved_model(home):
    model = build_model(TINY)
    for _ in range(2):
        export.to_saved_model(model, home / "out", overwrite=True)
        (home / "out" / "variables" / "notes.txt").write_text("mine")
    listed = json.loads((home / "out" / export.EXPORT_MARK).read_text())["files"]
    assert "saved_model.pb" in listed and "variables/notes.txt" not in listed
    export.to_saved_model(model, home / "out", overwrite=True)
    assert (home / "out" / "variables" / "notes.txt").read_text() == "mine"
    (home / "out" / export.EXPORT_MARK).write_text("[]")
    with pytest.raises(InputError, match="something else"):
        export.to_saved_model(model, home / "out", overwrite=True)


def test_only_who_holds_a_run_writes_into_it(home):
    run = RunFolder(home / "run")
    with pytest.raises(InputError, match="belongs to the run"):
        write_text(run.history, "epoch,loss\n", overwrite=True)
    with locked_run(run.folder):
        write_text(run.history, "epoch,loss\n", overwrite=True)
    assert run.history.read_text() == "epoch,loss\n"
