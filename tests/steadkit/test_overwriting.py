"""What no command writes over, even with --overwrite: a table of commands, and what they may."""

import os
import shutil
from pathlib import Path

import h5py
import matplotlib.image
import numpy as np
import pytest
from conftest import names_of, refused, write_stead

from steadkit.atomic import (
    atomic_write,
    check_targets,
    input_scope,
    note_input,
    release_input,
    write_text,
)
from steadkit.atomic.kinds import BY_SUFFIX, DATA, HDF5, file_kind, may_replace
from steadkit.atomic.targets import OWNERS
from steadkit.convert import to_seisbench
from steadkit.dataset_files import dataset_files
from steadkit.errors import InputError
from steadkit.selection import Selection
from steadkit.sources import source_from_path
from steadkit.subset import subset

NOTES = "station,comment\nABC,do not lose this\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Make a folder with two data sets, a run, an export, figures, lists and notes."""
    folder = tmp_path_factory.mktemp("home")
    for name, prefix in (("all", "S"), ("other", "T")):
        write_stead(folder / f"{name}.hdf5", names_of(8, 4, prefix))
    subset([source_from_path(folder / "all.hdf5")], dataset_files(folder / "m"), Selection(count=6))
    to_seisbench([source_from_path(folder / "other.hdf5")], folder / "sb")
    for name in ("notes.csv", "list.manifest", "notes.png", "thesis.hdf5", "dir/picks.csv"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(NOTES)
    (folder / "list.csv").write_text(f"trace_name\n{names_of(1)[0]}\n")
    for sub, name in (("run", "curves"), ("pictures", "filters")):
        (folder / sub).mkdir()
        matplotlib.image.imsave(folder / sub / f"{name}.png", np.zeros((2, 2)))
    for name in ("run/config.json", "pictures/visualize.json"):
        (folder / name).write_text("{}")
    (folder / "run/split.manifest").write_bytes((folder / "m.manifest").read_bytes())
    with h5py.File(folder / "weights.h5", "w") as file:
        file.attrs["format"] = "eqt weights 1"
        file["weights/a"] = np.zeros(3)
    (folder / "soft.csv").symlink_to("m.csv")
    (folder / "demo").mkdir()
    (folder / "demo" / "chunk1.csv").write_text(NOTES)
    return folder


@pytest.fixture
def home(tmp_path, made) -> Path:
    """Copy that folder, the links with it."""
    shutil.copytree(made, tmp_path, symlinks=True, dirs_exist_ok=True)
    os.link(tmp_path / "m.csv", tmp_path / "hard.csv")
    return tmp_path


VERIFY, CHECK, SUBSET = (
    ("verify", "m.hdf5", "--report"),
    ("check", "m.hdf5"),
    ("subset", "all.hdf5"),
)
COUNT = ("--count", "3", "-o")
SOURCE, OTHER_KIND, BELONGS = "is a source", "would be written", "belongs to the"

REFUSED = [
    ((*VERIFY, "m.csv"), SOURCE),
    ((*VERIFY, "m.hdf5"), SOURCE),
    ((*VERIFY, "m.manifest"), SOURCE),
    ((*VERIFY, "hard.csv"), SOURCE),
    ((*VERIFY, "soft.csv"), SOURCE),
    ((*VERIFY, "notes.csv"), OTHER_KIND),
    ((*VERIFY, "other.csv"), BELONGS),
    ((*VERIFY, "run/curves.png"), BELONGS),
    ((*CHECK, "-o", "m.manifest"), BELONGS),
    ((*CHECK, "-o", "m.csv"), SOURCE),
    ((*CHECK, "-o", "hard.csv"), SOURCE),
    ((*CHECK, "-o", "notes.csv"), OTHER_KIND),
    ((*CHECK, "--drop", "m.manifest"), BELONGS),
    ((*CHECK, "--drop", "list.manifest"), OTHER_KIND),
    ((*CHECK, "--fix", "m.hdf5"), SOURCE),
    ((*CHECK, "--fix", "thesis.hdf5"), OTHER_KIND),
    ((*SUBSET, "--exclude", "list.csv", "-o", "list.hdf5"), SOURCE),
    ((*SUBSET, *COUNT, "all.hdf5"), SOURCE),
    ((*SUBSET, *COUNT, "other.h5"), BELONGS),
    ((*SUBSET, *COUNT, "thesis.hdf5"), OTHER_KIND),
    ((*SUBSET, *COUNT, "weights.h5"), OTHER_KIND),
    ((*SUBSET, *COUNT, "sb/waveforms.hdf5"), BELONGS),
    ((*SUBSET, "--manifest-only", *COUNT, "thesis.hdf5"), "exists"),
    (("merge", "all.hdf5", "other.hdf5", "-o", "other.hdf5"), SOURCE),
    (("build", "m.manifest", "--source", "all.hdf5", "-o", "all.hdf5"), SOURCE),
    (("build", "m.manifest", "--source", "all.hdf5", "-o", "thesis.hdf5"), OTHER_KIND),
    (("split", "m.hdf5", "-o", "m.manifest"), BELONGS),
    (("split", "m.manifest", "-o", "run/split.manifest"), BELONGS),
    (("split", "all.hdf5", "-o", "list.manifest"), OTHER_KIND),
    (("plot", "distributions", "m.hdf5", "-o", "notes.png"), OTHER_KIND),
    (("plot", "distributions", "m.hdf5", "-o", "run/curves.png"), BELONGS),
    (("plot", "distributions", "m.hdf5", "-o", "pictures/filters.png"), BELONGS),
    (("preview", "m.hdf5", "-o", "notes.png"), OTHER_KIND),
    (("demo", "demo", "--events", "1", "--noise", "1"), OTHER_KIND),
    (("convert", "to-miniseed", "m.hdf5", "-o", "dir"), OTHER_KIND),
    (("convert", "to-seisbench", "all.hdf5", "-o", "sb"), ""),
    (("convert", "from-seisbench", "sb", "-o", "sb/waveforms.hdf5"), BELONGS),
    (("convert", "from-records", "dir", "--picks", "dir/picks.csv", "-o", "dir/picks"), SOURCE),
]


def snapshot(folder: Path) -> dict[str, object]:
    """Tell all that is in a folder, hidden files too."""
    return {
        path.relative_to(folder).as_posix(): (path.lstat().st_ino, path.read_bytes())
        for path in folder.rglob("*")
        if not path.is_dir()
    }


@pytest.mark.parametrize(
    ("command", "words"), REFUSED, ids=lambda x: x if isinstance(x, str) else " ".join(x)
)
def test_no_command_writes_over_what_it_must_not(home, run, command, words):
    before = snapshot(home)
    result = run("steadkit", *command, "--overwrite")
    if command == REFUSED[-3][0]:  # an export that is made again is its own to replace
        assert result.exit_code == 0
        return
    refused(result, words)
    assert snapshot(home) == before


ALLOWED = [
    (*VERIFY, "report.csv"),
    (*CHECK, "-o", "findings.csv"),
    (*CHECK, "--drop", "sound"),
    (*SUBSET, *COUNT, "subset.hdf5"),
    (*SUBSET, *COUNT, "subset.h5"),
    (*SUBSET, "--manifest-only", *COUNT, "list-only.hdf5"),
    ("merge", "all.hdf5", "other.hdf5", "-o", "merged"),
    ("build", "m.manifest", "--source", "all.hdf5"),
    ("split", "all.hdf5"),
    ("plot", "distributions", "m.hdf5", "-o", "map.svg"),
    ("plot", "distributions", "m.hdf5", "-o", "run/map.png"),
    ("preview", "m.hdf5", "-o", "preview.pdf"),
    ("demo", "miniature", "--events", "1", "--noise", "1"),
    ("convert", "to-miniseed", "m.hdf5", "-o", "records", "--quakeml"),
    ("convert", "to-seisbench", "all.hdf5", "-o", "seisbench"),
    ("convert", "from-seisbench", "sb", "-o", "converted"),
]


@pytest.mark.parametrize("command", ALLOWED, ids=lambda x: x if isinstance(x, str) else " ".join(x))
def test_what_a_command_has_made_it_may_make_again(home, run, command):
    for _ in range(2):
        result = run("steadkit", *command, "--overwrite")
        assert result.exit_code == 0 or command[0] == "check", result.output
        refused_lines = [line for line in result.stderr.splitlines() if line.startswith("Error")]
        assert not refused_lines


def test_every_kind_that_is_written_knows_itself(home):
    kinds = {"m.csv": "CSV of traces", "m.manifest": "manifest", "m.hdf5": DATA}
    kinds |= {"run/curves.png": "PNG figure", "run/config.json": "JSON file"}
    for name, kind in kinds.items():
        assert file_kind(home / name) == kind
        assert may_replace(BY_SUFFIX[Path(name).suffix], kind)
    assert file_kind(home / "weights.h5").startswith(HDF5)
    assert not may_replace(DATA, file_kind(home / "weights.h5"))
    os.mkfifo(home / "pipe")
    assert file_kind(home / "pipe") == "folder, pipe or device"


def test_a_text_cut_within_a_character_is_a_text(tmp_path):
    for cut in range(4):
        (tmp_path / "a").write_text("x" * cut + "\N{GREEK SMALL LETTER ALPHA}" * 4000)
        assert file_kind(tmp_path / "a") == "text file"


def test_what_is_read_later_is_not_written_over_either(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with (
        input_scope(),
        pytest.raises(InputError, match="is a source"),
        atomic_write([tmp_path / "a.txt"], overwrite=True) as (new,),
    ):
        new.write_text("new")
        note_input(tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_scope_ends_with_its_command_and_inner_ones_join_it(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with input_scope():
        with input_scope():
            note_input(path, tmp_path / "nowhere")
        with pytest.raises(InputError, match="is a source"):
            check_targets([path], overwrite=True)
        with input_scope(is_separate=True):
            check_targets([path], overwrite=True)
        release_input(path)
        check_targets([path], overwrite=True)
    note_input(path)
    write_text(path, "new", overwrite=True)
    assert path.read_text() == "new"


def test_names_that_staging_needs_are_refused(tmp_path):
    for name in (".steadkit", ".complete"):
        with pytest.raises(InputError, match="a name of steadkit's own"):
            write_text(tmp_path / name, "x")


def test_owners_are_told_by_what_is_written_today():
    from eqt.evaluation.inputs import FILES as EVALUATION
    from eqt.evaluation.inputs import PROOF
    from eqt.runs import RunFolder
    from eqt.visualize.write import RECORD

    owners = {owner.name: owner for owner in OWNERS}
    assert {path.name for path in RunFolder(Path("run")).files} == set(owners["run"].members)
    assert set(EVALUATION) == set(owners["evaluation"].members) and PROOF in EVALUATION
    assert owners["set of pictures"].proof == (RECORD,)
